//! The table of clients: which room each sees, how far it is from coming to going, and how many there are.

use crate::base::address::Address;
use crate::base::counter::Counter;
use crate::base::ids::ClientId;
use crate::base::ids::RoomId;
use crate::delivery::batch::TextForm;
use crate::delivery::outbox::Outbox;
use crate::delivery::transport::Transport;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

/// Where clients are before they are let into a room; rooms are numbered from 1, see
/// [`room_id`](crate::hub::shards::Part::room_id).
const OUTSIDE: RoomId = RoomId(0);

/// Every client of a hub.
#[derive(Debug)]
pub struct Table<S> {
    audiences: HashMap<RoomId, Audience<S>>,
    /// Where everyone is.
    rooms: HashMap<ClientId, RoomId>,
    open: Open,
}

/// How many are not being closed, and from where.
#[derive(Debug, Default)]
struct Open {
    /// In all hubs.
    all: Counter,
    by_address: HashMap<Address, usize>,
}

/// Those who came to one room. A batch goes through them in order.
#[derive(Debug)]
pub struct Audience<S> {
    /// They, in the order in which they were accepted. What the system keeps of their sockets was made in that order,
    /// and sending in any other takes a fifth longer.
    pub clients: BTreeMap<ClientId, Client<S>>,
    /// How many of them are sent splices.
    pub spliced: usize,
}

/// A client, as the hub sees it.
#[derive(Debug)]
pub struct Client<S> {
    /// Which one it is.
    pub id: ClientId,
    /// Where it comes from.
    pub address: Address,
    /// How far it is.
    pub standing: Standing,
    /// What it is owed.
    pub outbox: Outbox<S>,
    /// In which form it asked for texts.
    pub asked: TextForm,
    /// In which form it is sent them: whole ones until its first snapshot, for it has nothing to splice.
    pub reads: TextForm,
    /// It is among the watched.
    pub watched: bool,
}

/// How far a client is from coming to going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It sees its room, or waits outside.
    In,
    /// It was sent a close frame, and its connection is cut if it does not end before that.
    Closing(Instant),
}

impl Open {
    fn add(&mut self, address: Address) {
        self.all.add(1);
        *self.by_address.entry(address).or_default() += 1;
    }

    fn remove(&mut self, address: Address) {
        self.all.remove(1);
        if let Entry::Occupied(mut count) = self.by_address.entry(address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

impl<S> Table<S> {
    /// A table for clients of whom those who are not being closed are counted together with other hubs'.
    pub fn new(open: Counter) -> Self {
        let open = Open { all: open, by_address: HashMap::new() };
        Self { audiences: HashMap::new(), rooms: HashMap::new(), open }
    }

    /// How many there are, those that are being closed included.
    pub fn len(&self) -> usize {
        self.rooms.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    /// How many are not being closed.
    pub fn open(&self) -> usize {
        self.open.all.get()
    }

    /// How many of them are from that address.
    pub fn open_from(&self, address: Address) -> usize {
        self.open.by_address.get(&address).copied().unwrap_or(0)
    }

    /// All of them.
    pub fn ids(&self) -> impl Iterator<Item = ClientId> {
        self.rooms.keys().copied()
    }

    /// Adds one, who sees no room yet.
    pub fn insert(&mut self, client: Client<S>) {
        self.put(OUTSIDE, client);
    }

    /// Lets one see a room.
    pub fn enter(&mut self, client: ClientId, room: RoomId) {
        if let Some(entry) = self.take(client) {
            self.put(room, entry);
        }
    }

    fn put(&mut self, room: RoomId, client: Client<S>) {
        if client.standing == Standing::In {
            self.open.add(client.address);
        }
        let audience = self.audiences.entry(room).or_default();
        self.rooms.insert(client.id, room);
        audience.spliced += usize::from(client.reads == TextForm::Spliced);
        audience.clients.insert(client.id, client);
    }

    /// One of them.
    pub fn get(&self, client: ClientId) -> Option<&Client<S>> {
        self.audiences.get(self.rooms.get(&client)?)?.clients.get(&client)
    }

    /// One of them, to be changed.
    pub fn get_mut(&mut self, client: ClientId) -> Option<&mut Client<S>> {
        self.audiences.get_mut(self.rooms.get(&client)?)?.clients.get_mut(&client)
    }

    /// Takes one out.
    pub fn take(&mut self, client: ClientId) -> Option<Client<S>> {
        let room = self.rooms.remove(&client)?;
        let audience = self.audiences.get_mut(&room)?;
        let taken = audience.clients.remove(&client)?;
        if taken.standing == Standing::In {
            self.open.remove(taken.address);
        }
        audience.spliced -= usize::from(taken.reads == TextForm::Spliced);
        if audience.clients.is_empty() {
            self.audiences.remove(&room);
        }
        Some(taken)
    }

    /// The room a client sees; `None` before it is let in, and once it is being closed.
    pub fn room_of(&self, client: ClientId) -> Option<RoomId> {
        let room = *self.rooms.get(&client)?;
        let entry = self.audiences.get(&room)?.clients.get(&client)?;
        (entry.standing == Standing::In && room != OUTSIDE).then_some(room)
    }

    /// Whether there is anything left to say to a client: not after a close frame (RFC 6455, section 5.5.1).
    pub fn is_open(&self, client: ClientId) -> bool {
        self.get(client).is_some_and(|entry| entry.standing == Standing::In)
    }

    /// The forms in which texts are read in a room.
    pub fn forms(&self, room: RoomId) -> &'static [TextForm] {
        match self.audiences.get(&room) {
            Some(all) if all.spliced == all.clients.len() => &[TextForm::Spliced],
            Some(some) if some.spliced > 0 => &[TextForm::Whole, TextForm::Spliced],
            _ => &[TextForm::Whole],
        }
    }

    /// A room's clients, those who are being closed among them.
    pub fn audience(&mut self, room: RoomId) -> Option<&mut Audience<S>> {
        self.audiences.get_mut(&room)
    }

    /// Has one be closed, for which it has until `cut_at`; nothing is to be said to it any more.
    pub fn close(&mut self, client: ClientId, cut_at: Instant) {
        if let Some(entry) = self.get_mut(client).filter(|entry| entry.standing == Standing::In) {
            entry.standing = Standing::Closing(cut_at);
            let address = entry.address;
            self.open.remove(address);
        }
    }

    /// Takes all out.
    pub fn drain(&mut self) -> impl Iterator<Item = Client<S>> {
        self.rooms.clear();
        self.audiences.drain().flat_map(|(_, audience)| audience.clients.into_values())
    }
}

impl<S: Transport> Client<S> {
    /// When something is to be done about it.
    pub fn due(&self) -> Option<Instant> {
        match self.standing {
            Standing::In => self.outbox.retry_at(),
            Standing::Closing(cut_at) => Some(self.outbox.retry_at().unwrap_or(cut_at).min(cut_at)),
        }
    }
}

/// What a client comes with.
#[derive(Debug)]
pub struct Arrival<S> {
    /// Where it comes from.
    pub address: Address,
    /// Where to write to it.
    pub transport: S,
    /// The answer to its handshake, which nobody but the hub writes either.
    pub greeting: Vec<u8>,
    /// In which form it asked for texts.
    pub form: TextForm,
}

impl<S> Default for Audience<S> {
    fn default() -> Self {
        Self { clients: BTreeMap::new(), spliced: 0 }
    }
}
