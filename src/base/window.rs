//! Windows: how many of a client's events may wait for the hub. A reader whose window is full waits, so that TCP slows
//! its client down, and a client gets no more of the hub than others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

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
}

impl Window {
    /// An empty window of the current thread.
    pub(crate) fn of_this_thread() -> Self {
        let reader = thread::current();
        Self(Arc::new(Slots { used: AtomicUsize::new(0), is_wanted: AtomicBool::new(false), reader }))
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
