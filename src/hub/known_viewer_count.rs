//! What the clients of a room know of the number of its viewers. `viewer_count.rs` decides when to tell them.

/// The number of viewers that the clients of a room know.
#[derive(Debug)]
pub(crate) struct KnownViewerCount {
    /// `None` if clients know different numbers, because one of them got a snapshot.
    common: Option<usize>,
}

impl KnownViewerCount {
    /// For a room without clients.
    pub(crate) fn new() -> Self {
        Self { common: Some(0) }
    }

    /// Whether every client knows that there are this many viewers.
    pub(crate) fn is(&self, viewers: usize) -> bool {
        self.common == Some(viewers)
    }

    /// One of the room's clients gets this number in its snapshot.
    pub(crate) fn on_snapshot(&mut self, viewers: usize, clients: usize) {
        self.common = Some(viewers).filter(|_| clients == 1 || self.is(viewers));
    }

    /// All clients of the room get this number.
    pub(crate) fn on_broadcast(&mut self, viewers: usize) {
        self.common = Some(viewers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_know_a_number_until_it_changes_or_a_snapshot_shows_another() {
        let mut known = KnownViewerCount::new();
        known.on_snapshot(1, 1);
        assert!(known.is(1), "the only client has it from its snapshot");
        assert!(!known.is(2), "a second client has come");
        assert!(known.is(1), "it has left before anyone was told");
        known.on_snapshot(2, 2);
        assert!(!known.is(1) && !known.is(2), "the two know different numbers");
        known.on_broadcast(2);
        known.on_snapshot(2, 3);
        assert!(known.is(2));
    }
}
