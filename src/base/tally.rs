//! Tallies: how often something has happened, by a label of a closed set. No label comes from outside, so a tally never
//! grows, and says nothing about anybody.

use std::sync::atomic::{AtomicU64, Ordering};

/// What one thread counts.
#[derive(Debug, Clone)]
pub(crate) struct Tally<L: 'static> {
    labels: &'static [L],
    counts: Vec<u64>,
}

/// What several threads count.
#[derive(Debug)]
pub(crate) struct SharedTally<L: 'static> {
    labels: &'static [L],
    counts: Vec<AtomicU64>,
}

/// The place of a label. A label that is not in the set is not counted; tests fail on it.
fn place<L: PartialEq>(labels: &[L], label: &L) -> Option<usize> {
    let place = labels.iter().position(|known| known == label);
    debug_assert!(place.is_some(), "a label that is not in the set");
    place
}

impl<L: PartialEq + Copy> Tally<L> {
    /// Nothing was counted.
    pub(crate) fn new(labels: &'static [L]) -> Self {
        Self { labels, counts: vec![0; labels.len()] }
    }

    /// Counts once.
    pub(crate) fn note(&mut self, label: L) {
        if let Some(place) = place(self.labels, &label) {
            self.counts[place] += 1;
        }
    }

    /// Adds what another tally of the same labels has.
    pub(crate) fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, count)| *sum += count);
    }

    /// Moves everything to another tally of the same labels.
    pub(crate) fn move_to(&mut self, other: &mut Self) {
        other.add(self);
        self.counts.fill(0);
    }

    /// The number of each label.
    pub(crate) fn counts(&self) -> impl Iterator<Item = (L, u64)> {
        self.labels.iter().copied().zip(self.counts.iter().copied())
    }
}

impl<L: PartialEq + Copy> SharedTally<L> {
    /// Nothing was counted.
    pub(crate) fn new(labels: &'static [L]) -> Self {
        Self { labels, counts: labels.iter().map(|_| AtomicU64::new(0)).collect() }
    }

    /// Counts once.
    pub(crate) fn note(&self, label: L) {
        if let Some(place) = place(self.labels, &label) {
            self.counts[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What was counted so far.
    pub(crate) fn read(&self) -> Tally<L> {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        Tally { labels: self.labels, counts: counts.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABELS: [&str; 2] = ["a", "b"];

    #[test]
    fn each_label_is_counted_by_itself() {
        let (mut tally, shared) = (Tally::new(&LABELS), SharedTally::new(&LABELS));
        for label in ["b", "a", "b"] {
            tally.note(label);
            shared.note(label);
        }
        let mut sum = shared.read();
        tally.move_to(&mut sum);
        assert!(tally.counts().eq([("a", 0), ("b", 0)]));
        assert!(sum.counts().eq([("a", 2), ("b", 4)]));
    }
}
