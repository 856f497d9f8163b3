//! What the log says of nodes that appear and of nodes that are gone.

use crate::base::ids::NodeId;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The most nodes that one line of the log names. A few dozen share one Redis, but somebody may have written thousands
/// of ids there.
const MAX_NAMED: usize = 20;

/// The nodes that were alive at the last beat.
#[derive(Debug, Default)]
pub(crate) struct Membership(Arc<BTreeSet<NodeId>>);

impl Membership {
    /// Notes the nodes that are alive now. Returns what the log is to say, if others have appeared or are gone.
    pub(crate) fn update(&mut self, me: NodeId, alive: &Arc<BTreeSet<NodeId>>) -> Option<String> {
        let before = std::mem::replace(&mut self.0, Arc::clone(alive));
        let changes = [(alive, &before, "appeared"), (&before, alive, "gone")];
        let changes = changes.map(|(these, those, what)| {
            let ids: Vec<NodeId> = these.difference(those).copied().filter(|id| *id != me).collect();
            (!ids.is_empty()).then(|| format!("{what}: {}", named(&ids)))
        });
        let changes: Vec<String> = changes.into_iter().flatten().collect();
        let count = alive.iter().filter(|id| **id != me).count() + 1;
        (!changes.is_empty()).then(|| format!("nodes {}; alive, with this one: {count}", changes.join(", ")))
    }
}

fn named(ids: &[NodeId]) -> String {
    let names: Vec<String> = ids.iter().take(MAX_NAMED).map(|NodeId(id)| id.to_string()).collect();
    let rest = ids.len() - names.len();
    let names = names.join(" ");
    if rest == 0 { names } else { format!("{names} and {rest} more") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: NodeId = NodeId(1);

    fn update(membership: &mut Membership, ids: impl IntoIterator<Item = u64>) -> Option<String> {
        membership.update(ME, &Arc::new(ids.into_iter().map(NodeId).collect()))
    }

    #[test]
    fn a_change_of_the_others_is_said_once() {
        let mut membership = Membership::default();
        assert_eq!(update(&mut membership, [1]), None);
        let said = update(&mut membership, [1, 2, 3]);
        assert_eq!(said.as_deref(), Some("nodes appeared: 2 3; alive, with this one: 3"));
        assert_eq!(update(&mut membership, [1, 2, 3]), None);
        let said = update(&mut membership, [1, 3, 4]);
        assert_eq!(said.as_deref(), Some("nodes appeared: 4, gone: 2; alive, with this one: 3"));
        let said = update(&mut membership, [3]);
        assert_eq!(said.as_deref(), Some("nodes gone: 4; alive, with this one: 2"));
    }

    #[test]
    fn a_line_names_a_bounded_number_of_nodes() {
        let said = update(&mut Membership::default(), 1..=1_001).expect("a change");
        assert!(said.ends_with(" 20 21 and 980 more; alive, with this one: 1001"), "{said}");
    }
}
