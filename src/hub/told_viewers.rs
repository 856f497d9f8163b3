//! What the clients of a room know of the number of its viewers.

/// What the clients of a room know of the number of viewers.
#[derive(Debug)]
pub(crate) struct ToldViewers {
    /// The number that all of them were told; `None` if some were told another one in their snapshots.
    told: Option<usize>,
}

impl ToldViewers {
    /// Of a room without clients.
    pub(crate) fn new() -> Self {
        Self { told: Some(0) }
    }

    /// Whether somebody may not know this number.
    pub(crate) fn are_other_than(&self, viewers: usize) -> bool {
        self.told != Some(viewers)
    }

    /// One of the clients of the room is told in its snapshot.
    pub(crate) fn tell_one(&mut self, viewers: usize, clients: usize) {
        self.told = Some(viewers).filter(|_| clients == 1 || self.told == Some(viewers));
    }

    /// All clients of the room are told.
    pub(crate) fn tell_all(&mut self, viewers: usize) {
        self.told = Some(viewers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_comes_back_is_told_again_only_if_a_snapshot_has_shown_another() {
        let mut told = ToldViewers::new();
        told.tell_one(1, 1);
        assert!(!told.are_other_than(1), "the only client knows");
        assert!(told.are_other_than(2), "a second one has come");
        assert!(!told.are_other_than(1), "and gone, before anyone was told");
        told.tell_one(2, 2);
        assert!(told.are_other_than(1) && told.are_other_than(2), "the two know different numbers");
        told.tell_all(2);
        told.tell_one(2, 3);
        assert!(!told.are_other_than(2));
    }
}
