//! Fragments: large messages go through Redis in pieces. A subscriber is cut off once it is 32 MB behind, and Redis
//! does nothing else while it takes in a message.

use crate::base::ids::NodeId;
use std::collections::HashMap;
use std::str::FromStr;

/// Bytes of a fragment. A message of up to twice as many goes in one piece, so that few do not.
const FRAGMENT: usize = 256 * 1024;

/// The most bytes of all messages of which some fragments have come. A room with all boxes and its log full has fewer;
/// what is larger comes from no node.
const MAX_MESSAGE: usize = 256 * 1024 * 1024;

/// What the head of a fragment begins with. No message does: messages are JSON.
const HEAD: &str = "fragment ";

/// Splits a message of a node, if it is large.
pub(crate) fn split(from: NodeId, message: String) -> Vec<String> {
    if message.len() <= 2 * FRAGMENT {
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
    let of = pieces.len();
    let fragment = |(n, piece): (usize, &&str)| format!("{HEAD}{} {} {of}\n{piece}", from.0, n + 1);
    pieces.iter().enumerate().map(fragment).collect()
}

/// The messages of which some fragments have come.
#[derive(Debug, Default)]
pub(crate) struct Fragments {
    /// By channel and sender: how many fragments have come, and what is in them.
    begun: HashMap<(String, NodeId), (usize, String)>,
}

impl Fragments {
    /// Takes in what has come on a channel. Returns it if it is a whole message, or completes one. Fragments that do not
    /// follow each other are dropped: then the message is lost, which is noticed later.
    pub(crate) fn add(&mut self, channel: &str, payload: String) -> Option<String> {
        let Some(fragment) = payload.strip_prefix(HEAD) else { return Some(payload) };
        let (head, piece) = fragment.split_once('\n')?;
        let [from, n, of] = parse(head)?;
        let key = (channel.to_owned(), NodeId(from));
        let (last, mut message) = match n {
            1 => (0, String::new()),
            _ => self.begun.remove(&key)?,
        };
        let begun: usize = self.begun.values().map(|(_, begun)| begun.len()).sum();
        if n != last as u64 + 1 {
            return None;
        }
        if begun + message.len() + piece.len() > MAX_MESSAGE {
            self.begun.clear(); // most may be of nodes that are dead
            return None;
        }
        message.push_str(piece);
        if n == of {
            self.begun.remove(&key);
            return Some(message);
        }
        self.begun.insert(key, (last + 1, message));
        None
    }

    /// Messages were lost: what has begun is not completed.
    pub(crate) fn clear(&mut self) {
        self.begun.clear();
    }
}

/// Three numbers.
fn parse<T: FromStr>(head: &str) -> Option<[T; 3]> {
    let numbers: Vec<T> = head.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
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
        for bad in ["fragment", "fragment \n", "fragment 1 1\nx", "fragment 1 2 2\nx", "fragment 1 x 2\nx"] {
            let taken = fragments.add("in:1", bad.to_owned());
            assert!(taken.is_none_or(|taken| taken == "fragment"), "{bad}");
        }
        assert!(fragments.begun.is_empty());
    }
}
