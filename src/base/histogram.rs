//! Histograms: how many durations were at most how long, and their sum.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The longest duration of each bucket but the last. The shortest is what a turn for one client takes; at the longest,
/// people have noticed for a while.
pub(crate) const BOUNDS: [Duration; 14] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
];

/// The last bucket has what is longer than all bounds.
const BUCKETS: usize = BOUNDS.len() + 1;

/// Durations that one thread counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    /// Durations in each bucket that are in no earlier one.
    pub buckets: [u64; BUCKETS],
    /// The sum of all durations.
    pub sum: Duration,
}

/// Durations that one thread counts and others read. A reader may see a duration in its bucket that is not in the sum
/// yet.
#[derive(Debug, Default)]
pub(crate) struct SharedHistogram {
    buckets: [AtomicU64; BUCKETS],
    /// Enough for 584 years.
    sum_nanos: AtomicU64,
}

fn bucket_of(duration: Duration) -> usize {
    BOUNDS.iter().position(|bound| duration <= *bound).unwrap_or(BOUNDS.len())
}

impl Histogram {
    /// Counts a duration.
    pub(crate) fn note(&mut self, duration: Duration) {
        self.buckets[bucket_of(duration)] += 1;
        self.sum += duration;
    }

    /// Adds what another thread has counted.
    pub(crate) fn add(&mut self, other: &Self) {
        self.buckets.iter_mut().zip(other.buckets).for_each(|(sum, count)| *sum += count);
        self.sum += other.sum;
    }
}

impl SharedHistogram {
    /// Counts a duration.
    pub(crate) fn note(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
        self.buckets[bucket_of(duration)].fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub(crate) fn read(&self) -> Histogram {
        let buckets = self.buckets.each_ref().map(|bucket| bucket.load(Ordering::Relaxed));
        Histogram { buckets, sum: Duration::from_nanos(self.sum_nanos.load(Ordering::Relaxed)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_first_bucket_whose_bound_it_does_not_exceed() {
        let shared = SharedHistogram::default();
        let mut plain = Histogram::default();
        let nanosecond = Duration::from_nanos(1);
        for duration in
            [Duration::ZERO, BOUNDS[0], BOUNDS[0] + nanosecond, BOUNDS[13], BOUNDS[13] + nanosecond]
        {
            plain.note(duration);
            shared.note(duration);
        }
        let mut buckets = [0; BUCKETS];
        (buckets[0], buckets[1], buckets[13], buckets[14]) = (2, 1, 1, 1);
        let sum = 2 * (BOUNDS[0] + BOUNDS[13] + nanosecond);
        let mut doubled = shared.read();
        for histogram in [&plain, &doubled] {
            assert_eq!((histogram.buckets, histogram.sum), (buckets, sum));
        }
        doubled.add(&plain);
        assert_eq!((doubled.buckets, doubled.sum), (buckets.map(|count| 2 * count), 2 * sum));
    }

    #[test]
    fn the_bounds_increase() {
        assert!(BOUNDS.is_sorted_by(|a, b| a < b));
    }
}
