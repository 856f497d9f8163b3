//! Which posts of a log have been printed, so that none is printed twice or left out after a reconnect.

use crate::room::post::Post;

/// From where on posts are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// The room's log, as a page shows it.
    Log,
    /// Posts with a higher number than this, also those that only the server's store has.
    Number(u64),
    /// Posts from now on.
    Now,
}

/// The last post that was printed, or did not have to be.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Its number; 0 for none.
    n: u64,
    /// When it was posted, in milliseconds since 1970. `None` if only its number is known.
    at: Option<u64>,
    /// Whether the posts of the first log count as printed.
    skips_first: bool,
    /// Whether all posts after it are to be printed, and not only those that a log still has.
    wants_all: bool,
}

impl Seen {
    pub(crate) fn new(since: Since) -> Self {
        let n = if let Since::Number(n) = since { n } else { 0 };
        let wants_all = matches!(since, Since::Number(_));
        Self { n, at: None, skips_first: since == Since::Now, wants_all }
    }

    /// The numbers of the first and the last post that are to be printed, but that a room's log does not have any more.
    pub(crate) fn gap(&mut self, log: &[Post]) -> Option<(u64, u64)> {
        if !self.is_same_log(log) {
            (self.n, self.at) = (0, None);
        }
        let first = log.first().filter(|_| self.wants_all)?.n;
        let next = self.n.saturating_add(1);
        (first > next).then(|| (next, first - 1))
    }

    /// The posts of a room's log that are new.
    pub(crate) fn new_in_log<'a>(&mut self, log: &'a [Post]) -> &'a [Post] {
        let known = if self.is_same_log(log) { self.n } else { 0 };
        (self.n, self.at) = log.last().map_or((0, None), |post| (post.n, Some(post.at)));
        self.wants_all = true;
        match std::mem::take(&mut self.skips_first) {
            true => &[],
            false => &log[log.partition_point(|post| post.n <= known)..],
        }
    }

    /// Whether a post that comes by itself is new. Events that follow a snapshot may repeat what it shows.
    pub(crate) fn is_new(&mut self, post: &Post) -> bool {
        let is_new = post.n > self.n;
        if is_new {
            (self.n, self.at) = (post.n, Some(post.at));
        }
        is_new
    }

    /// Posts up to this number cannot be printed.
    pub(crate) fn skip_to(&mut self, n: u64) {
        (self.n, self.at) = (n, None);
    }

    /// Whether a log may be the one whose posts were printed. A room that is forgotten numbers its posts from 1 again.
    fn is_same_log(&self, log: &[Post]) -> bool {
        let Some(last) = log.last() else { return false };
        let same = log.iter().find(|post| post.n == self.n);
        last.n >= self.n && same.is_none_or(|post| self.at.is_none_or(|at| at == post.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::UserId;

    fn post(n: u64, at: u64) -> Post {
        Post { n, id: UserId(1), name: "Ada".to_owned(), text: n.to_string(), at }
    }

    /// Posts with these numbers, of a run of the server.
    fn log(numbers: impl IntoIterator<Item = u64>, run: u64) -> Vec<Post> {
        numbers.into_iter().map(|n| post(n, 1_000 * run + n)).collect()
    }

    fn numbers(seen: &mut Seen, log: &[Post]) -> Vec<u64> {
        seen.new_in_log(log).iter().map(|post| post.n).collect()
    }

    #[test]
    fn after_a_reconnect_only_what_is_new_is_printed() {
        let mut seen = Seen::new(Since::Log);
        assert_eq!(numbers(&mut seen, &log(1..=3, 1)), [1, 2, 3]);
        assert!(!seen.is_new(&post(3, 1_003)), "an event repeats the snapshot");
        assert!(seen.is_new(&post(4, 1_004)));
        assert_eq!(numbers(&mut seen, &log(2..=6, 1)), [5, 6]);
        assert_eq!(numbers(&mut seen, &log(5..=6, 1)), [0; 0]);
    }

    #[test]
    fn posts_that_the_log_does_not_have_any_more_are_a_gap() {
        let mut seen = Seen::new(Since::Number(3));
        assert_eq!(seen.gap(&log(10..=12, 1)), Some((4, 9)));
        assert!(seen.is_new(&post(9, 1_009)), "it was downloaded");
        assert_eq!(seen.gap(&log(10..=12, 1)), None);
        assert_eq!(numbers(&mut seen, &log(10..=12, 1)), [10, 11, 12]);
        assert_eq!(seen.gap(&log(20..=21, 1)), Some((13, 19)));
        seen.skip_to(19);
        assert_eq!(seen.gap(&log(20..=21, 1)), None);
        assert_eq!(Seen::new(Since::Number(0)).gap(&log(2..=2, 1)), Some((1, 1)));
        for since in [Since::Log, Since::Now] {
            let mut seen = Seen::new(since);
            assert_eq!(seen.gap(&log(10..=12, 1)), None, "nobody asked for all");
            seen.new_in_log(&log(10..=12, 1));
            assert_eq!(seen.gap(&log(14..=15, 1)), Some((13, 13)));
        }
    }

    #[test]
    fn the_log_of_a_room_that_was_forgotten_is_printed_from_its_beginning() {
        let mut seen = Seen::new(Since::Log);
        numbers(&mut seen, &log(1..=5, 1));
        assert_eq!(numbers(&mut seen, &log(1..=2, 2)), [1, 2], "a shorter one");
        assert_eq!(numbers(&mut seen, &log(1..=4, 3)), [1, 2, 3, 4], "a longer one");
        assert_eq!(numbers(&mut seen, &[]), [0; 0]);
        assert!(seen.is_new(&post(1, 4_001)), "one that was empty");
        assert_eq!(numbers(&mut Seen::new(Since::Number(9)), &log(1..=2, 1)), [1, 2]);
        let mut seen = Seen::new(Since::Number(9));
        assert_eq!(seen.gap(&log(3..=4, 1)), Some((1, 2)), "and so is what it lost");
    }

    #[test]
    fn after_the_last_number_there_is_no_gap() {
        let last = [post(u64::MAX, 0)];
        let mut seen = Seen::new(Since::Log);
        seen.new_in_log(&last);
        assert_eq!(seen.gap(&last), None);
    }

    #[test]
    fn since_now_leaves_out_the_log_once() {
        let mut seen = Seen::new(Since::Now);
        assert_eq!(numbers(&mut seen, &log(1..=3, 1)), [0; 0]);
        assert_eq!(numbers(&mut seen, &log(1..=5, 1)), [4, 5]);
        let mut seen = Seen::new(Since::Now);
        assert_eq!(numbers(&mut seen, &[]), [0; 0]);
        assert!(seen.is_new(&post(1, 1_001)));
    }
}
