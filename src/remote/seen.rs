//! Which posts of a log have been printed, so that none is printed twice or left out after a reconnect.

use crate::room::post::Post;

/// From where on posts are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Posts with a higher number than this.
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
}

/// Posts that cannot be printed, because the room's log does not have them any more: the first and the last.
pub(crate) type Gap = Option<(u64, u64)>;

impl Seen {
    pub(crate) fn new(since: Since) -> Self {
        let n = if let Since::Number(n) = since { n } else { 0 };
        Self { n, at: None, skips_first: since == Since::Now }
    }

    /// The posts of a room's log that are new, and those that are missing before them.
    pub(crate) fn new_in_log<'a>(&mut self, log: &'a [Post]) -> (&'a [Post], Gap) {
        let known = if self.is_same_log(log) { self.n } else { 0 };
        let last = log.last().map_or((0, None), |post| (post.n, Some(post.at)));
        (self.n, self.at) = last;
        if std::mem::take(&mut self.skips_first) {
            return (&[], None);
        }
        let new = &log[log.partition_point(|post| post.n <= known)..];
        let first = new.first().map(|post| post.n);
        let gap = first.filter(|first| known > 0 && *first > known + 1).map(|first| (known + 1, first - 1));
        (new, gap)
    }

    /// Whether a post that comes by itself is new. Events that follow a snapshot may repeat what it shows.
    pub(crate) fn is_new(&mut self, post: &Post) -> bool {
        let is_new = post.n > self.n;
        if is_new {
            (self.n, self.at) = (post.n, Some(post.at));
        }
        is_new
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

    fn numbers(seen: &mut Seen, log: &[Post]) -> (Vec<u64>, Gap) {
        let (new, gap) = seen.new_in_log(log);
        (new.iter().map(|post| post.n).collect(), gap)
    }

    #[test]
    fn after_a_reconnect_only_what_is_new_is_printed() {
        let mut seen = Seen::new(Since::Number(0));
        assert_eq!(numbers(&mut seen, &log(1..=3, 1)), (vec![1, 2, 3], None));
        assert!(!seen.is_new(&post(3, 1_003)), "an event repeats the snapshot");
        assert!(seen.is_new(&post(4, 1_004)));
        assert_eq!(numbers(&mut seen, &log(2..=6, 1)), (vec![5, 6], None));
        assert_eq!(numbers(&mut seen, &log(5..=6, 1)), (vec![], None));
    }

    #[test]
    fn posts_that_the_log_has_lost_are_a_gap() {
        let mut seen = Seen::new(Since::Number(3));
        assert_eq!(numbers(&mut seen, &log(10..=12, 1)), (vec![10, 11, 12], Some((4, 9))));
        assert_eq!(numbers(&mut Seen::new(Since::Number(0)), &log(10..=10, 1)), (vec![10], None));
    }

    #[test]
    fn the_log_of_a_room_that_was_forgotten_is_printed_from_its_beginning() {
        let mut seen = Seen::new(Since::Number(0));
        numbers(&mut seen, &log(1..=5, 1));
        assert_eq!(numbers(&mut seen, &log(1..=2, 2)), (vec![1, 2], None), "a shorter one");
        assert_eq!(numbers(&mut seen, &log(1..=4, 3)), (vec![1, 2, 3, 4], None), "a longer one");
        assert_eq!(numbers(&mut seen, &[]), (vec![], None));
        assert!(seen.is_new(&post(1, 4_001)), "one that was empty");
        assert_eq!(numbers(&mut Seen::new(Since::Number(9)), &log(1..=2, 1)), (vec![1, 2], None));
    }

    #[test]
    fn since_now_leaves_out_the_log_once() {
        let mut seen = Seen::new(Since::Now);
        assert_eq!(numbers(&mut seen, &log(1..=3, 1)), (vec![], None));
        assert_eq!(numbers(&mut seen, &log(1..=5, 1)), (vec![4, 5], None));
        let mut seen = Seen::new(Since::Now);
        assert_eq!(numbers(&mut seen, &[]), (vec![], None));
        assert!(seen.is_new(&post(1, 1_001)));
    }
}
