//! A rate limit that threads share without a lock.

use crate::base::rate_limit::{Rate, RateLimit};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How often a waiting thread checks whether others have left the queue.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A token bucket from which any thread may take, one token at a time. Threads that wait for a token form a queue.
///
/// The bucket is never overdrawn, so the rate holds however many threads wait. The queue decides only when each of them
/// tries to take its token. It is as long as all of them need, and shorter again when a thread leaves it, so that
/// nobody waits for tokens that nobody takes.
#[derive(Debug)]
pub(crate) struct SharedRateLimit {
    rate: Rate,
    /// When the bucket would be full.
    full_at: AtomicInstant,
    /// When all threads in the queue will have had their turns.
    queue_end: AtomicInstant,
}

/// One thread's place in the queue for one token. Dropping it leaves the queue.
#[derive(Debug)]
pub(crate) struct Ticket<'a> {
    limit: &'a SharedRateLimit,
    /// When it comes, if it is in the queue.
    due: Option<Instant>,
}

impl SharedRateLimit {
    /// A full bucket, and nobody who waits.
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, full_at: AtomicInstant::new(now), queue_end: AtomicInstant::new(now) }
    }

    /// A ticket that is not in the queue yet.
    pub(crate) fn ticket(&self) -> Ticket<'_> {
        Ticket { limit: self, due: None }
    }

    fn try_take(&self, now: Instant) -> bool {
        let take = |full_at| {
            let mut bucket = RateLimit { full_at };
            bucket.try_take(1, self.rate, now).then_some(bucket.full_at)
        };
        self.full_at.update(take).is_some()
    }

    /// Takes the last place in the queue. Returns when its turn comes.
    fn enter_queue(&self, now: Instant) -> Instant {
        let after = |queue_end: Instant| queue_end.max(now) + self.rate.time(1);
        self.queue_end.update(|queue_end| Some(after(queue_end))).unwrap_or(now)
    }

    fn leave_queue(&self) {
        self.queue_end.update(|queue_end| queue_end.checked_sub(self.rate.time(1)));
    }
}

impl Ticket<'_> {
    /// Takes a token if the turn has come. Otherwise returns how long to wait before the next try.
    pub(crate) fn take(&mut self, now: Instant) -> Duration {
        let queue_end = self.limit.queue_end.get();
        // If others have left the queue, its turn comes at the new end of the queue at the latest.
        let mut due = self.due.unwrap_or(queue_end).min(queue_end);
        let has_come = due <= now;
        if has_come && self.limit.try_take(now) {
            self.due = None;
            return Duration::ZERO;
        }
        if has_come || self.due.is_none() {
            due = self.limit.enter_queue(now);
        }
        self.due = Some(due);
        due.saturating_duration_since(now).min(CHECK_INTERVAL)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.due.is_some() {
            self.limit.leave_queue();
        }
    }
}

/// A point in time that any thread may change. Relaxed ordering suffices, because no other memory depends on it.
#[derive(Debug)]
struct AtomicInstant {
    start: Instant,
    /// Nanoseconds after `start`. They last for 584 years.
    nanoseconds: AtomicU64,
}

impl AtomicInstant {
    fn new(start: Instant) -> Self {
        Self { start, nanoseconds: AtomicU64::new(0) }
    }

    fn get(&self) -> Instant {
        self.after(self.nanoseconds.load(Ordering::Relaxed))
    }

    /// Changes it, unless the change is `None`. Returns the new value.
    fn update(&self, change: impl Fn(Instant) -> Option<Instant>) -> Option<Instant> {
        let change = |nanoseconds| {
            let changed = change(self.after(nanoseconds))?.saturating_duration_since(self.start);
            Some(u64::try_from(changed.as_nanos()).unwrap_or(u64::MAX))
        };
        let before = self.nanoseconds.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change).ok()?;
        change(before).map(|nanoseconds| self.after(nanoseconds))
    }

    fn after(&self, nanoseconds: u64) -> Instant {
        self.start + Duration::from_nanos(nanoseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;
    use std::ops::Range;
    use std::thread;

    const RATE: Rate = Rate { per_second: 50, burst: 100 };
    const STEP: Duration = Duration::from_millis(20);

    /// A limit whose burst has been used up.
    fn empty(start: Instant) -> SharedRateLimit {
        let limit = SharedRateLimit::new(RATE, start);
        assert!((0..RATE.burst).all(|_| limit.ticket().take(start).is_zero()));
        limit
    }

    /// Threads that take one token each, by number, and when each of them tries next.
    #[derive(Default)]
    struct Crowd<'a> {
        tickets: Vec<Option<Ticket<'a>>>,
        tries: BinaryHeap<Reverse<(Instant, usize)>>,
    }

    impl<'a> Crowd<'a> {
        fn add(&mut self, limit: &'a SharedRateLimit, count: usize, now: Instant) {
            for _ in 0..count {
                self.tries.push(Reverse((now, self.tickets.len())));
                self.tickets.push(Some(limit.ticket()));
            }
        }

        fn remove(&mut self, numbers: Range<usize>) {
            self.tickets[numbers].fill_with(|| None);
        }

        /// Lets them try until this time. Returns who has taken a token, and when.
        fn run(&mut self, until: Instant) -> Vec<(Instant, usize)> {
            let mut taken = Vec::new();
            while let Some(&Reverse((at, number))) = self.tries.peek()
                && at <= until
            {
                self.tries.pop();
                match self.tickets[number].as_mut().map(|ticket| ticket.take(at)) {
                    Some(Duration::ZERO) => {
                        self.tickets[number] = None;
                        taken.push((at, number));
                    }
                    Some(wait) => self.tries.push(Reverse((at + wait, number))),
                    None => {}
                }
            }
            taken
        }
    }

    #[test]
    fn whoever_takes_more_than_a_burst_has_to_wait() {
        let start = Instant::now();
        let limit = empty(start);
        assert_eq!(limit.ticket().take(start), STEP);
        // It does not hold more than a burst, however long nobody takes any.
        let later = start + Duration::from_secs(3600);
        assert!((0..RATE.burst).all(|_| limit.ticket().take(later).is_zero()));
        assert_eq!(limit.ticket().take(later), STEP);
    }

    #[test]
    fn threads_share_one_burst() {
        let start = Instant::now();
        let limit = SharedRateLimit::new(RATE, start);
        let take = || (0..RATE.burst / 4).for_each(|_| assert!(limit.ticket().take(start).is_zero()));
        thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(take))));
        assert_eq!(limit.ticket().take(start), STEP);
    }

    #[test]
    fn all_who_wait_have_their_turns_in_their_order_at_the_full_rate() {
        let start = Instant::now();
        let limit = empty(start);
        let mut crowd = Crowd::default();
        crowd.add(&limit, 1_000, start);
        let taken = crowd.run(start + 1_000 * STEP);
        let expected = (0..1_000).map(|number| (start + (number as u32 + 1) * STEP, number));
        assert_eq!(taken, expected.collect::<Vec<_>>());
    }

    #[test]
    fn a_new_ticket_comes_after_all_who_still_wait() {
        let start = Instant::now();
        let limit = empty(start);
        let mut crowd = Crowd::default();
        crowd.add(&limit, 30, start);
        assert_eq!(crowd.run(start + 10 * STEP).len(), 10);
        assert_eq!(limit.ticket().take(start + 10 * STEP), 21 * STEP);
    }

    #[test]
    fn the_rate_holds_even_if_those_who_leave_are_replaced() {
        let start = Instant::now();
        let limit = empty(start);
        let mut crowd = Crowd::default();
        crowd.add(&limit, 1_000, start);
        crowd.run(start);
        // Each of the others now comes at the same time as a new one.
        crowd.remove(0..500);
        crowd.add(&limit, 500, start);
        let taken = crowd.run(start + Duration::from_secs(60));
        assert_eq!(taken.len(), 1_000);
        let mut bucket = RateLimit::new(start);
        bucket.take(RATE.burst, RATE, start);
        assert!(taken.into_iter().all(|(at, _)| bucket.try_take(1, RATE, at)));
    }

    #[test]
    fn a_ticket_waits_for_at_most_one_of_each_that_waits() {
        let start = Instant::now();
        let limit = empty(start);
        let mut crowd = Crowd::default();
        crowd.add(&limit, 10, start);
        crowd.run(start);
        crowd.add(&limit, 1, start);
        let mut before = 0;
        for n in 1.. {
            let now = start + n * STEP;
            let taken = crowd.run(now);
            if taken.iter().any(|(_, number)| *number == 10) {
                break;
            }
            // The others try again at once.
            crowd.add(&limit, taken.len(), now);
            before += taken.len();
        }
        assert_eq!(before, 10);
    }

    #[test]
    fn nobody_waits_for_those_who_have_left() {
        let start = Instant::now();
        let limit = empty(start);
        let mut crowd = Crowd::default();
        crowd.add(&limit, 10_001, start);
        assert_eq!(crowd.run(start), []);
        crowd.remove(0..10_000);
        // Neither the one that still waits nor a new one.
        crowd.add(&limit, 1, start);
        let taken = crowd.run(start + CHECK_INTERVAL);
        assert_eq!(taken.into_iter().map(|(_, number)| number).collect::<Vec<_>>(), [10_001, 10_000]);
    }
}
