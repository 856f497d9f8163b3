//! Large copies of rooms on their way to other nodes. They go in pieces, a few with each publication, so that they hold
//! up neither the signs of life of this node nor what rooms have to say.

use crate::base::ids::{NodeId, RoomId};
use crate::cluster::link::{Channel, Publication};
use std::collections::VecDeque;
use std::sync::Arc;

/// Pieces in one publication: 1 MiB, which takes a link of 100 Mbit/s less than a tenth of a second.
const PIECES_AT_ONCE: usize = 4;

/// Large copies on their way, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Copies(VecDeque<LargeCopy>);

/// A copy for one node.
#[derive(Debug)]
struct LargeCopy {
    room: RoomId,
    to: NodeId,
    /// All pieces. Copies for several nodes share them.
    pieces: Arc<[String]>,
    /// How many of them were published.
    published: usize,
}

impl Copies {
    /// Adds a copy of a room for a node. It takes the place of an earlier one.
    pub(crate) fn add(&mut self, room: RoomId, to: NodeId, pieces: Arc<[String]>) {
        self.0.retain(|copy| (copy.room, copy.to) != (room, to));
        self.0.push_back(LargeCopy { room, to, pieces, published: 0 });
    }

    /// Whether a copy of a room for a node is on its way.
    pub(crate) fn is_under_way(&self, room: RoomId, to: NodeId) -> bool {
        self.0.iter().any(|copy| (copy.room, copy.to) == (room, to))
    }

    /// How many copies of a room are on their way.
    pub(crate) fn count_of(&self, room: RoomId) -> usize {
        self.0.iter().filter(|copy| copy.room == room).count()
    }

    /// The next pieces to be published.
    pub(crate) fn take_some(&mut self) -> Vec<Publication> {
        let mut some = Vec::new();
        while some.len() < PIECES_AT_ONCE
            && let Some(copy) = self.0.front_mut()
        {
            match copy.pieces.get(copy.published) {
                Some(piece) => {
                    copy.published += 1;
                    let (channel, json) = (Channel::Node(copy.to), piece.clone());
                    some.push(Publication { channel, json, counted_for: None });
                }
                None => _ = self.0.pop_front(),
            }
        }
        some
    }

    /// Copies of a room are of no use any more.
    pub(crate) fn cancel(&mut self, room: RoomId) {
        self.0.retain(|copy| copy.room != room);
    }

    /// Some pieces were lost: whoever needs a copy asks for one again.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(count: usize) -> Arc<[String]> {
        (0..count).map(|n| n.to_string()).collect()
    }

    /// The receivers of what is published next, and what it is.
    fn next(copies: &mut Copies) -> Vec<(Channel, String)> {
        copies.take_some().into_iter().map(|publication| (publication.channel, publication.json)).collect()
    }

    #[test]
    fn a_large_copy_goes_a_few_pieces_at_a_time_and_all_of_it_arrives() {
        let mut copies = Copies::default();
        let (room, nodes) = (RoomId(1), [NodeId(1), NodeId(2)]);
        let all = pieces(2 * PIECES_AT_ONCE + 1);
        nodes.into_iter().for_each(|to| copies.add(room, to, Arc::clone(&all)));
        let mut published = Vec::new();
        loop {
            let some = next(&mut copies);
            assert!(some.len() <= PIECES_AT_ONCE);
            if some.is_empty() {
                break;
            }
            published.extend(some);
        }
        let expected =
            nodes.into_iter().flat_map(|to| all.iter().map(move |piece| (Channel::Node(to), piece.clone())));
        assert!(published.into_iter().eq(expected));
        assert!(!copies.is_under_way(room, NodeId(2)));
    }

    #[test]
    fn there_is_one_copy_of_a_room_for_a_node_at_a_time() {
        let mut copies = Copies::default();
        let (room, to) = (RoomId(1), NodeId(1));
        copies.add(room, to, pieces(9));
        next(&mut copies);
        assert!(copies.is_under_way(room, to) && !copies.is_under_way(RoomId(2), to));
        copies.add(room, to, ["new".to_owned()].into());
        assert_eq!(next(&mut copies), [(Channel::Node(to), "new".to_owned())]);
        copies.add(room, to, pieces(9));
        copies.add(RoomId(2), to, pieces(1));
        assert_eq!((copies.count_of(room), copies.count_of(RoomId(2))), (1, 1));
        copies.cancel(room);
        assert_eq!(next(&mut copies).len(), 1, "that of the other room");
    }
}
