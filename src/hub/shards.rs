//! Several hubs: each room is wholly on one of them, and they know nothing of each other but what they count.
//!
//! Architecture invariant: which hub a room is on follows from its name, so nobody has to keep it anywhere.

use crate::base::counter::Counter;
use crate::base::ids::RoomId;
use crate::client::reader::SocketEvent;
use crate::hub::event::{Event, Health};
use crate::room::names::RoomName;
use crate::store::thread::Answer;
use crossbeam_channel::{Sender, bounded};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most hubs that are of use: beyond them, what the system does for sockets is what takes time.
pub const MAX_HUBS: usize = 8;

/// Where events go.
#[derive(Debug, Clone)]
pub struct Hubs(Arc<[Sender<SocketEvent>]>);

impl Hubs {
    /// These hubs, of which there is at least one.
    pub fn new(hubs: Vec<Sender<SocketEvent>>) -> Self {
        Self(hubs.into())
    }

    /// The hub that a room is on.
    pub fn of_room(&self, room: &RoomName) -> &Sender<SocketEvent> {
        // Without keys, so that it is the same hub each time; who has all rooms on one gains nothing by it.
        let mut hasher = DefaultHasher::new();
        room.key().hash(&mut hasher);
        &self.0[(hasher.finish() % self.0.len() as u64) as usize]
    }

    /// The hub that answers for all where something is not of a room, because there is only this one.
    pub fn only(&self) -> &Sender<SocketEvent> {
        &self.0[0]
    }

    /// Has every hub stop.
    pub fn stop(&self) {
        for hub in self.0.iter() {
            // A hub that is gone has stopped already.
            let _ = hub.send(Event::Stopped);
        }
    }

    /// Hands an answer of the store's to whom it is for; says whether anybody is left to hear it.
    pub fn hear(&self, answer: Answer) -> bool {
        let room = match answer {
            Answer::Loaded { room, .. } | Answer::Recorded { room, .. } => room,
            Answer::Dropped(before) => {
                let hears = |hub: &&Sender<_>| hub.send(Event::Stored(Answer::Dropped(before))).is_ok();
                return self.0.iter().filter(hears).count() > 0;
            }
        };
        self.0[Part::number_of(room, self.0.len())].send(Event::Stored(answer)).is_ok()
    }

    /// How all of them are; `None` where one does not say so in time.
    pub fn examine(&self, patience: Duration) -> Option<Health> {
        let until = Instant::now() + patience;
        let (asker, answers) = bounded(self.0.len());
        for hub in self.0.iter() {
            hub.send_deadline(Event::Examined(asker.clone()), until).ok()?;
        }
        let answers = self.0.iter().map(|_| answers.recv_deadline(until).ok());
        answers.sum()
    }
}

/// Which of the hubs one is, and what it counts together with the others.
#[derive(Debug, Clone)]
pub struct Part {
    number: usize,
    of: usize,
    /// Clients that are not being closed.
    pub open: Counter,
    /// Rooms.
    pub rooms: Counter,
    /// Seats, of those who are here and of those who are away.
    pub seats: Counter,
}

impl Part {
    /// The part of a hub that is alone.
    pub fn whole() -> Self {
        Self {
            number: 0,
            of: 1,
            open: Counter::default(),
            rooms: Counter::default(),
            seats: Counter::default(),
        }
    }

    /// One part for each of so many hubs.
    pub fn split(of: usize) -> Vec<Self> {
        let whole = Self::whole();
        (0..of).map(|number| Self { number, of, ..whole.clone() }).collect()
    }

    /// The id of a hub's room number `n`, which no room of another hub has.
    pub fn room_id(&self, n: u64) -> RoomId {
        RoomId(n * self.of as u64 + self.number as u64)
    }

    /// The number of the hub that a room is on.
    fn number_of(room: RoomId, of: usize) -> usize {
        (room.0 % of as u64) as usize
    }
}
