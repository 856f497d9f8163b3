//! A histogram of waiting times, with buckets that are at most 3 % wide.

/// Buckets for each doubling.
const STEPS: usize = 32;

/// Doublings in a `u64`. The first `STEPS` values have a bucket each.
const DOUBLINGS: usize = 60;

/// Counts of durations in nanoseconds.
#[derive(Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Histogram {
    /// An empty histogram.
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; STEPS * DOUBLINGS], total: 0, max: 0 }
    }

    /// Counts one duration.
    pub(crate) fn count(&mut self, nanos: u64) {
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
        self.max = self.max.max(nanos);
    }

    /// The number of counted durations.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The longest duration.
    pub(crate) fn max(&self) -> u64 {
        self.max
    }

    /// The quantile for a part from 0 to 1. It is at most 3 % too large.
    pub(crate) fn quantile(&self, part: f64) -> u64 {
        let rank = (self.total as f64 * part).ceil() as u64;
        let mut counted = 0;
        let reaches = |count: &u64| {
            counted += count;
            counted >= rank
        };
        let bucket = self.counts.iter().position(reaches).unwrap_or(0);
        upper_bound(bucket).min(self.max)
    }
}

fn bucket(nanos: u64) -> usize {
    let doubling = (nanos | (STEPS as u64 - 1)).ilog2() as usize - (STEPS.ilog2() as usize - 1);
    match doubling {
        0 => nanos as usize,
        _ => doubling * STEPS + (nanos >> (doubling - 1)) as usize - STEPS,
    }
}

fn upper_bound(bucket: usize) -> u64 {
    match bucket / STEPS {
        0 => bucket as u64,
        doubling => ((bucket % STEPS + STEPS + 1) as u64) << (doubling - 1),
    }
}
