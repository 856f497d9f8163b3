//! The threads that a server cannot run without: its hubs, and those of its store. Each reports its end.

use crate::delivery::client_transport::ClientTransport;
use crate::hub::Hub;
use crate::hub::shards::{Shards, SocketEvent};
use crate::server::Crash;
use crate::store::request::Answer;
use crossbeam_channel::{Receiver, Sender};
use std::io;
use std::thread::{self, JoinHandle};

/// A hub that writes to clients.
type SocketHub = Hub<ClientTransport>;

/// The threads of all hubs.
#[derive(Debug)]
pub(super) struct HubThreads {
    threads: Vec<Option<JoinHandle<()>>>,
    ended: Receiver<ThreadEnd>,
}

/// A thread has ended that the server cannot run without.
#[derive(Debug)]
pub(super) enum ThreadEnd {
    /// The hub with this number, after a stop or a panic.
    Hub(usize),
    /// A thread of the store, by a panic.
    StorePanicked,
}

/// Reports a hub's end when dropped, so also after a panic.
struct HubEndReport(usize, Sender<ThreadEnd>);

impl Drop for HubEndReport {
    fn drop(&mut self) {
        // The receiver is gone after the first panic.
        let _ = self.1.send(ThreadEnd::Hub(self.0));
    }
}

/// Passes the store's answers to the hubs. Each of the store's threads owns a clone, which reports a panic of the
/// thread when it is dropped.
#[derive(Clone)]
pub(super) struct StoreReplies {
    pub shards: Shards,
    pub end: Sender<ThreadEnd>,
}

impl StoreReplies {
    /// Passes an answer on. Returns false if nobody receives it any more.
    pub(super) fn pass(&self, answer: Answer) -> bool {
        self.shards.on_store_reply(answer)
    }
}

impl Drop for StoreReplies {
    fn drop(&mut self) {
        if thread::panicking() {
            // The receiver is gone after the first panic.
            let _ = self.end.send(ThreadEnd::StorePanicked);
        }
    }
}

impl HubThreads {
    /// Starts the hubs. They report their ends to `end`, whose receiver is `ended`.
    pub(super) fn start(
        hubs: impl Iterator<Item = (SocketHub, Receiver<SocketEvent>)>,
        end: &Sender<ThreadEnd>,
        ended: Receiver<ThreadEnd>,
    ) -> io::Result<Self> {
        let start = |(number, (hub, queue)): (usize, (SocketHub, Receiver<SocketEvent>))| {
            let report = HubEndReport(number, end.clone());
            let run = move || {
                let _report = report;
                hub.run(&queue);
            };
            thread::Builder::new().name(format!("hub {number}")).spawn(run).map(Some)
        };
        let threads = hubs.enumerate().map(start).collect::<io::Result<_>>()?;
        Ok(Self { threads, ended })
    }

    /// Waits until all hubs have ended, or until a hub or the store has panicked. A server that has lost rooms or posts
    /// must not go on.
    pub(super) fn join(mut self) -> Result<(), Crash> {
        for _ in 0..self.threads.len() {
            match self.ended.recv().map_err(|_| Crash::Hub)? {
                ThreadEnd::StorePanicked => return Err(Crash::Store),
                ThreadEnd::Hub(number) => {
                    if let Some(thread) = self.threads.get_mut(number).and_then(Option::take) {
                        thread.join().map_err(|_| Crash::Hub)?;
                    }
                }
            }
        }
        Ok(())
    }
}
