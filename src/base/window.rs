//! Windows: how many of a client's events may wait for the hub. A reader whose window is full waits, so that TCP slows
//! its client down, and a client gets no more of the hub than others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Events of one client that may wait for the hub: while one is handled, the next one is read. The queue of a hub
/// therefore holds the events of many clients, each in its turn.
const MAX_WAITING: usize = 2;

/// The first pause before a waiting reader checks whether its client has gone.
const MIN_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause, reached by doubling, so that thousands of waiting readers take little time.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// A window, held by its reader. All orderings are sequentially consistent, because the reader must not miss a slot
/// that becomes free while it decides to wait.
#[derive(Debug)]
pub(crate) struct Window(Arc<Slots>);

/// Permission for one event to wait. Dropping it frees the place.
#[derive(Debug, Default)]
pub struct Slot(Option<Arc<Slots>>);

#[derive(Debug)]
struct Slots {
    used: AtomicUsize,
    /// The reader is about to wait, or waits.
    is_wanted: AtomicBool,
    reader: Thread,
    /// Bytes that the reader has read, and that the hub has not counted.
    bytes: AtomicUsize,
    /// When the window was made.
    start: Instant,
    /// Microseconds from `start` until the first event that the hub has not taken began to wait, plus one. 0 if there is
    /// none.
    waits_since: AtomicU64,
}

impl Window {
    /// An empty window of the current thread.
    pub(crate) fn of_this_thread() -> Self {
        let reader = thread::current();
        Self(Arc::new(Slots {
            used: AtomicUsize::new(0),
            is_wanted: AtomicBool::new(false),
            reader,
            bytes: AtomicUsize::new(0),
            start: Instant::now(),
            waits_since: AtomicU64::new(0),
        }))
    }

    /// Bytes were read. The hub counts them when it takes the next event that has a slot.
    pub(crate) fn note_bytes(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// An event is about to wait for the hub. Here and not in the event, because every frame of the reader's stack that
    /// the event passes would be larger: with 24 bytes more, a client takes another page.
    #[inline(never)]
    pub(crate) fn note_wait(&self) {
        let since = self.0.micros(Instant::now()) + 1;
        // Only the reader sets it, so an earlier event keeps its time.
        if self.0.waits_since.load(Ordering::Relaxed) == 0 {
            self.0.waits_since.store(since, Ordering::Relaxed);
        }
    }

    /// Waits for a slot. Fails if `is_over` returns true during the wait.
    pub(crate) fn wait(&self, mut is_over: impl FnMut() -> bool) -> Option<Slot> {
        let mut pause = MIN_PAUSE;
        while !self.has_space() {
            self.0.is_wanted.store(true, Ordering::SeqCst);
            if self.has_space() {
                break;
            }
            if is_over() {
                return None;
            }
            thread::park_timeout(pause);
            pause = (2 * pause).min(MAX_PAUSE);
        }
        // Only the reader takes slots, so nobody has taken this one meanwhile.
        self.0.used.fetch_add(1, Ordering::SeqCst);
        Some(Slot(Some(Arc::clone(&self.0))))
    }

    fn has_space(&self) -> bool {
        self.0.used.load(Ordering::SeqCst) < MAX_WAITING
    }
}

impl Slots {
    fn micros(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.start).as_micros()).unwrap_or(u64::MAX - 1)
    }
}

impl Slot {
    /// Takes the number of bytes that were read since the hub took the last event.
    pub(crate) fn take_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |slots| slots.bytes.swap(0, Ordering::Relaxed))
    }

    /// Takes how long the first event that the hub had not taken has waited. `None` if that is not known, or was told
    /// with another event.
    pub(crate) fn take_wait(&self, now: Instant) -> Option<Duration> {
        let slots = self.0.as_ref()?;
        let since = slots.waits_since.swap(0, Ordering::Relaxed).checked_sub(1)?;
        Some(Duration::from_micros(slots.micros(now).saturating_sub(since)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(slots) = &self.0 {
            slots.used.fetch_sub(1, Ordering::SeqCst);
            if slots.is_wanted.swap(false, Ordering::SeqCst) {
                slots.reader.unpark();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    #[test]
    fn a_reader_with_a_full_window_waits_until_a_slot_is_free_or_its_client_has_gone() {
        let window = Window::of_this_thread();
        let taken: Vec<Slot> = (0..MAX_WAITING).filter_map(|_| window.wait(|| true)).collect();
        assert_eq!(taken.len(), MAX_WAITING);
        assert!(window.wait(|| true).is_none());
        drop(taken);
        assert!(window.wait(|| true).is_some());
    }

    #[test]
    fn the_hub_takes_each_byte_and_each_wait_once() {
        let window = Window::of_this_thread();
        window.note_bytes(3);
        window.note_wait();
        let first = window.wait(|| true).expect("a slot");
        window.note_bytes(4);
        window.note_wait();
        let second = window.wait(|| true).expect("a slot");
        let later = window.0.start + Duration::from_secs(100);
        assert_eq!((first.take_bytes(), second.take_bytes()), (7, 0));
        let waited = first.take_wait(later).expect("the first event waited");
        assert!(waited > Duration::from_secs(50), "{waited:?}");
        assert_eq!((second.take_wait(later), Slot::default().take_wait(later)), (None, None));
        window.note_wait();
        assert!(second.take_wait(later).is_some());
    }

    #[test]
    fn a_reader_gets_as_many_slots_as_are_freed() {
        let (send, receive) = sync_channel(MAX_WAITING);
        let reader = thread::spawn(move || {
            let window = Window::of_this_thread();
            (0..10_000).try_for_each(|_| send.send(window.wait(|| false).expect("a slot")))
        });
        assert_eq!(receive.iter().count(), 10_000, "each slot is dropped when it is received");
        assert!(reader.join().unwrap().is_ok());
    }
}
