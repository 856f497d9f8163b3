//! What Redis gets again of a room that this node owns.

use super::OpenRoom;
use crate::base::ids::RoomId;
use crate::room::post::Post;
use crate::room::session::IdempotencyKey;
use crate::store::request::Restore;
use std::collections::{BTreeMap, BTreeSet};

/// Size of the texts after which no more posts are restored at once, in bytes. Redis does nothing else meanwhile, for
/// about a millisecond. The last post may exceed it.
const MAX_SIZE_AT_ONCE: usize = 256 * 1024;

/// Most posts that are restored at once, for the same reason.
const MAX_AT_ONCE: usize = 500;

impl OpenRoom {
    /// Whether this node has posts that the store lacks, if these are the last ones there, or knows that one was
    /// removed.
    pub(crate) fn has_more_than(&self, stored: &[Post]) -> bool {
        let last = stored.last().map_or(0, |post| post.n);
        let texts: BTreeMap<u64, bool> = stored.iter().map(|post| (post.n, !post.text.is_empty())).collect();
        let removed = self.view.posts().filter(|post| post.text.is_empty());
        last < self.view.last_n() || removed.into_iter().any(|post| texts.get(&post.n) == Some(&true))
    }

    /// The numbers of those of these posts that are removed, and that this room has with their texts.
    pub(crate) fn removed_among(&self, stored: &[Post]) -> Vec<u64> {
        let texts: BTreeSet<u64> =
            self.view.posts().filter(|post| !post.text.is_empty()).map(|post| post.n).collect();
        let removed = stored.iter().filter(|post| post.text.is_empty() && texts.contains(&post.n));
        removed.map(|post| post.n).collect()
    }

    /// What the store is to get next of the posts that it lacks. `None` if it lacks none any more.
    pub(crate) fn next_restore(&mut self, id: RoomId) -> Option<Restore> {
        let last_n = self.view.last_n();
        let linked = self.linked.as_mut()?;
        let restoring = &mut linked.owned.restoring;
        let (room, name, epoch) = (id, self.name.clone(), linked.link.position().epoch);
        let Some(stored) = restoring.stored else {
            return Some(Restore { room, name, epoch, after: 0, posts: Vec::new() });
        };
        let mut size = 0;
        let lacks = |post: &&Post| post.n > stored || post.text.is_empty();
        let fits = |post: &&Post| {
            let fits = size < MAX_SIZE_AT_ONCE;
            size += post.text.len();
            fits
        };
        let posts = self.view.posts_after(restoring.sent).map(|post| &**post).filter(lacks);
        let posts: Vec<&Post> = posts.take(MAX_AT_ONCE).take_while(fits).collect();
        let is_done = posts.is_empty() && (restoring.sent >= last_n || stored >= last_n);
        if is_done {
            return None;
        }
        let sent = posts.last().map_or(last_n, |post| post.n);
        restoring.sent = sent;
        let posts = posts.into_iter().map(|post| (post.clone(), linked.key_of(post.n))).collect();
        Some(Restore { room, name, epoch, after: sent, posts })
    }

    /// The posts with higher numbers than this, with the keys of their `ref`s as far as those are known.
    pub(crate) fn posts_with_keys(&self, after: u64) -> Vec<(Post, Option<IdempotencyKey>)> {
        let key = |n| self.linked.as_ref().and_then(|linked| linked.key_of(n));
        self.view.posts_after(after).map(|post| (Post::clone(post), key(post.n))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter::Counter;
    use crate::base::ids::{NodeId, UserId};
    use crate::base::limits::Limits;
    use crate::base::memory::MemoryLimit;
    use crate::hub::cause::Cause;
    use crate::hub::linked::{Linked, Restoring};
    use crate::room::fact::Fact;
    use crate::room::room_name::RoomName;
    use crate::room::rules::RoomOptions;
    use crate::room::state::HostMode;
    use std::time::Instant;

    /// A room with posts of these sizes, of which Redis has those up to this number.
    fn room(sizes: &[usize], stored: u64) -> OpenRoom {
        let limits = Limits { log_length: 10_000, ..Limits::DEFAULT };
        let options = RoomOptions { limits, hosts: HostMode::Key, is_stored: false };
        let (name, memory) = (RoomName::from_query("r").unwrap(), MemoryLimit::new(Counter::default(), 0, 1));
        let mut room = OpenRoom::new(name, options, UserId(0), memory, Instant::now());
        let mut linked = Linked::new(NodeId(1));
        linked.owned.restoring = Restoring { stored: Some(stored), ..Restoring::default() };
        room.linked = Some(Box::new(linked));
        for (n, size) in (1..).zip(sizes) {
            let post = Post { n, id: UserId(1), name: "Ada".into(), text: "x".repeat(*size), at: 0 };
            room.publish(Fact::Posted { post }, Cause::default());
        }
        room
    }

    /// The numbers of the posts in each piece, and the number up to which the store has all after it.
    fn pieces(room: &mut OpenRoom) -> Vec<(Vec<u64>, u64)> {
        let numbers =
            |restore: Restore| (restore.posts.iter().map(|(post, _)| post.n).collect(), restore.after);
        std::iter::from_fn(|| room.next_restore(RoomId(1))).map(numbers).collect()
    }

    #[test]
    fn only_posts_that_the_store_lacks_are_sent_and_removed_ones() {
        assert_eq!(pieces(&mut room(&[1, 1, 1], 3)), []);
        assert_eq!(pieces(&mut room(&[1, 1, 1], 1)), [(vec![2, 3], 3)]);
        assert_eq!(pieces(&mut room(&[1, 0, 1, 1], 3)), [(vec![2, 4], 4)]);
        assert_eq!(pieces(&mut room(&[1, 0, 1], 3)), [(vec![2], 2)]);
        let mut unknown = room(&[1, 1], 0);
        unknown.linked.as_mut().unwrap().owned.restoring.stored = None;
        let question = unknown.next_restore(RoomId(1)).unwrap();
        assert_eq!((question.posts.len(), question.after), (0, 0));
    }

    #[test]
    fn a_number_without_its_post_is_sent_too() {
        let mut room = room(&[1, 1, 1], 1);
        room.publish(Fact::HistoryTrimmed { before: 1 }, Cause::default());
        assert_eq!(pieces(&mut room), [(vec![], 3)]);
    }

    #[test]
    fn a_piece_has_a_bounded_size() {
        let half = MAX_SIZE_AT_ONCE / 2;
        let sent = pieces(&mut room(&[half, half, half, 1], 0));
        assert_eq!(sent, [(vec![1, 2], 2), (vec![3, 4], 4)]);
        let sent = pieces(&mut room(&[1; MAX_AT_ONCE + 1], 0));
        assert_eq!(sent.iter().map(|(posts, _)| posts.len()).collect::<Vec<_>>(), [MAX_AT_ONCE, 1]);
    }
}
