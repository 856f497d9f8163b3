//! Fragments: large messages go through Redis in pieces. A subscriber is cut off once it is 32 MB behind, and Redis
//! does nothing else while it takes in a message.

use crate::base::ids::NodeId;
use crate::base::random;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The size of a fragment, in bytes. A message of up to twice this size goes in one piece, as most do.
const FRAGMENT: usize = 256 * 1024;

/// The most bytes of all incomplete messages. A copy of a room whose boxes and log are full has fewer.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// The most incomplete messages: more than the hubs of a hundred nodes send at a time.
const MAX_BEGUN: usize = 1_000;

/// How long a message waits for its next fragment, which a node that is alive sends within seconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What the head of a fragment begins with. No message does: messages are JSON.
const HEAD: &str = "fragment ";

/// Whether a message goes in fragments.
pub(crate) fn is_large(message: &str) -> bool {
    message.len() > 2 * FRAGMENT
}

/// Splits a message of a node, if it is large. Fragments of several messages may alternate.
pub(crate) fn split(from: NodeId, message: String) -> Vec<String> {
    if !is_large(&message) {
        return vec![message];
    }
    let mut pieces = Vec::new();
    let mut rest = &*message;
    while !rest.is_empty() {
        let mut end = FRAGMENT.min(rest.len());
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    let (id, of) = (random::number(), pieces.len()); // no other message of the node has this id
    let fragment = |(n, piece): (usize, &&str)| format!("{HEAD}{} {id} {} {of}\n{piece}", from.0, n + 1);
    pieces.iter().enumerate().map(fragment).collect()
}

/// The incomplete messages.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    /// By channel, sender and number of the message.
    begun: HashMap<(String, NodeId, u64), Begun>,
}

/// An incomplete message.
#[derive(Debug)]
struct Begun {
    /// The number of its last fragment.
    last: u64,
    /// When that arrived.
    at: Instant,
    /// The content of its fragments.
    message: String,
}

impl Fragments {
    /// Takes what has arrived on a channel. Returns the message if it is whole or complete now. A fragment that does
    /// not follow the one before is dropped, and its message with it, which its receiver notices later.
    pub(crate) fn add(&mut self, channel: &str, payload: String) -> Option<String> {
        match payload.strip_prefix(HEAD) {
            Some(fragment) => self.add_fragment(channel, fragment, Instant::now()),
            None => Some(payload),
        }
    }

    fn add_fragment(&mut self, channel: &str, fragment: &str, now: Instant) -> Option<String> {
        let (head, piece) = fragment.split_once('\n')?;
        let [from, id, n, of] = parse(head)?;
        let key = (channel.to_owned(), NodeId(from), id);
        let (last, mut message) = match n {
            1 => (0, String::new()),
            _ => self.begun.remove(&key).map(|begun| (begun.last, begun.message))?,
        };
        if n != last + 1 {
            return None;
        }
        self.begun.retain(|_, begun| now.duration_since(begun.at) < TIMEOUT);
        let bytes: usize = self.begun.values().map(|begun| begun.message.len()).sum();
        if bytes + message.len() + piece.len() > MAX_BYTES || self.begun.len() >= MAX_BEGUN {
            self.begun.clear(); // most may be of nodes that are dead
            return None;
        }
        message.push_str(piece);
        if n == of {
            return Some(message);
        }
        self.begun.insert(key, Begun { last: n, at: now, message });
        None
    }

    /// Messages were lost, so no incomplete one will be completed.
    pub(crate) fn clear(&mut self) {
        self.begun.clear();
    }
}

/// The numbers of a head.
fn parse(head: &str) -> Option<[u64; 4]> {
    let numbers: Vec<u64> = head.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
    numbers.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn large(c: char) -> String {
        c.to_string().repeat(3 * FRAGMENT / c.len_utf8() + 5)
    }

    #[test]
    fn a_large_message_comes_in_fragments() {
        for message in [large('x'), large('é'), large('😀')] {
            let split = split(NodeId(7), message.clone());
            assert!(split.len() >= 4 && split.iter().all(|piece| piece.len() < FRAGMENT + 100));
            let mut fragments = Fragments::default();
            let whole: Vec<String> =
                split.into_iter().filter_map(|piece| fragments.add("in:1", piece)).collect();
            assert!(whole == [message]);
            assert!(fragments.begun.is_empty());
        }
    }

    #[test]
    fn a_small_message_comes_whole() {
        let message = "{}".to_owned();
        assert_eq!(split(NodeId(7), message.clone()), ["{}"]);
        assert_eq!(Fragments::default().add("in:1", message.clone()), Some(message));
    }

    #[test]
    fn fragments_of_several_nodes_and_channels_do_not_mix() {
        let (one, two) = (large('1'), large('2'));
        let mut fragments = Fragments::default();
        let mut whole = Vec::new();
        for (a, b) in split(NodeId(1), one.clone()).into_iter().zip(split(NodeId(2), two.clone())) {
            whole.extend(fragments.add("in:1", a.clone()));
            whole.extend(fragments.add("in:1", b));
            whole.extend(fragments.add("room:r", a));
        }
        assert!(whole == [one.clone(), two, one]);
    }

    #[test]
    fn a_message_with_a_missing_fragment_is_dropped_and_the_next_one_is_not() {
        let message = large('x');
        let pieces = split(NodeId(7), message.clone());
        let mut fragments = Fragments::default();
        for missing in 0..pieces.len() - 1 {
            let others = pieces.iter().enumerate().filter(|(n, _)| *n != missing);
            assert!(others.into_iter().all(|(_, piece)| fragments.add("in:1", piece.clone()).is_none()));
        }
        let whole: Vec<String> =
            pieces.into_iter().filter_map(|piece| fragments.add("in:1", piece)).collect();
        assert!(whole == [message]);
    }

    #[test]
    fn what_is_no_fragment_is_dropped() {
        let mut fragments = Fragments::default();
        for bad in [
            "fragment",
            "fragment \n",
            "fragment 1 1 2\nx",
            "fragment 1 1 2 2\nx",
            "fragment 1 1 0 2\nx",
            "fragment 1 1 18446744073709551615 2\nx",
            "fragment 1 1 x 2\nx",
            "fragment 1 -1 1 2\nx",
        ] {
            let taken = fragments.add("in:1", bad.to_owned());
            assert!(taken.is_none_or(|taken| taken == "fragment"), "{bad}");
        }
        assert!(fragments.begun.is_empty());
    }

    #[test]
    fn fragments_of_several_messages_of_a_node_may_come_by_turns() {
        let messages = [large('1'), large('2')];
        let mut fragments = Fragments::default();
        let mut whole = Vec::new();
        let [one, two] = messages.clone().map(|message| split(NodeId(1), message));
        for (a, b) in one.into_iter().zip(two) {
            whole.extend([a, b].into_iter().filter_map(|piece| fragments.add("in:1", piece)));
        }
        assert!(whole == messages);
    }

    #[test]
    fn messages_that_are_never_completed_are_forgotten() {
        let mut fragments = Fragments::default();
        let start = Instant::now();
        let mut begin = |id: usize, at: Instant| {
            fragments.add_fragment("in:1", &format!("1 {id} 1 2\nx"), at);
            fragments.begun.len()
        };
        assert!((1..=3 * MAX_BEGUN).all(|id| begin(id, start) <= MAX_BEGUN), "not many at a time");
        assert_eq!(begin(0, start + TIMEOUT), 1, "nor for long");
    }
}
