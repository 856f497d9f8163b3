//! The registry of clients: the room and the state of each one, from connecting to closing.

use crate::base::address::Address;
use crate::base::counter::Counter;
use crate::base::ids::{ClientId, IdMap, RoomId};
use crate::delivery::backlog::MAX_REST;
use crate::delivery::outbox::Outbox;
use crate::delivery::stall::Owed;
use crate::delivery::transport::Transport;
use crate::hub::counters::ClientKind;
use crate::protocol::encoding::{Carrier, Encoding};
use crate::room::room_name::RoomName;
use smallvec::SmallVec;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::mem;
use std::time::Instant;

/// Where clients are before they enter a room. Rooms are numbered from 1, see
/// [`room_id`](crate::hub::shards::Shard::room_id).
const NO_ROOM: RoomId = RoomId(0);

/// Every client of a hub.
///
/// The clients of a room are ordered as they were accepted. The system allocated their sockets in that order, and
/// sending in any other order takes a fifth longer.
#[derive(Debug)]
pub(crate) struct Registry<T> {
    rooms: IdMap<RoomId, BTreeMap<ClientId, Client<T>>>,
    /// Where each client is.
    places: IdMap<ClientId, RoomId>,
    /// Clients that are not closing, in all hubs.
    open: Counter,
    /// Clients of this hub that are not closing, by address.
    open_by_address: HashMap<Address, usize>,
}

/// A client, as the hub knows it.
#[derive(Debug)]
pub(crate) struct Client<T> {
    /// Its id.
    pub id: ClientId,
    /// Where it comes from.
    pub address: Address,
    /// Its state.
    pub state: ClientState,
    /// Its pending output.
    pub outbox: Outbox<T>,
    /// The encoding that it asked for, without notices once it has asked for a seat.
    pub encoding: Encoding,
    /// It was sent a snapshot, so it has every text that splices start from.
    pub in_sync: bool,
    /// Whether it sees the texts of others.
    pub texts: TextAccess,
}

/// Whether a client sees the texts of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TextAccess {
    /// It has seen all texts so far.
    #[default]
    Shown,
    /// It must not see them.
    Hidden,
    /// It may see them from this batch on, and has none that splices could start from.
    Revealed,
}

impl TextAccess {
    /// The client may see texts, or not.
    pub(crate) fn show(&mut self, shows: bool) {
        *self = match (*self, shows) {
            (_, false) => Self::Hidden,
            (Self::Hidden, true) => Self::Revealed,
            (unchanged, true) => unchanged,
        };
    }

    /// The client has every text, whole.
    pub(crate) fn mark_caught_up(&mut self) {
        if *self == Self::Revealed {
            *self = Self::Shown;
        }
    }
}

/// The state of a client, from connecting to closing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClientState {
    /// It has not given the passphrase, and requests this room.
    Unauthenticated(Box<RoomName>),
    /// It is in its room.
    Open,
    /// It was sent a close frame. Its connection is cut at a deadline.
    Closing,
}

impl<T> Client<T> {
    /// The encoding of what it is sent now: with whole texts until it is in sync.
    pub(crate) fn current_encoding(&self) -> Encoding {
        match self.texts {
            TextAccess::Hidden => self.encoding.hidden(),
            TextAccess::Shown if self.in_sync => self.encoding,
            TextAccess::Shown | TextAccess::Revealed => self.encoding.whole(),
        }
    }

    /// The kind of its current connection.
    pub(crate) fn kind(&self) -> ClientKind
    where
        T: Transport,
    {
        match self.encoding.carrier {
            _ if self.outbox.is_polling() => ClientKind::Polling,
            Carrier::Plain => ClientKind::WebSocket,
            Carrier::SocketIo | Carrier::SocketIoWithNotices => ClientKind::SocketIo,
        }
    }

    /// Whether anything may be sent to it: not after a close frame (RFC 6455, section 5.5.1).
    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.state, ClientState::Closing)
    }
}

impl<T: Transport> Registry<T> {
    /// An empty registry. All hubs count their clients that are not closing in `open`.
    pub(crate) fn new(open: Counter) -> Self {
        Self { rooms: IdMap::default(), places: IdMap::default(), open, open_by_address: HashMap::new() }
    }

    /// How many clients there are, those that are closing included.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// True when there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// How many clients are not closing, in all hubs.
    pub(crate) fn open(&self) -> usize {
        self.open.get()
    }

    /// How many of this hub's clients that are not closing come from an address.
    pub(crate) fn open_from(&self, address: Address) -> usize {
        self.open_by_address.get(&address).copied().unwrap_or(0)
    }

    /// All clients, those that are closing included.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Client<T>> {
        self.rooms.values().flat_map(BTreeMap::values)
    }

    /// The ids of all clients.
    pub(crate) fn ids(&self) -> impl Iterator<Item = ClientId> {
        self.places.keys().copied()
    }

    /// Adds a client, which is in no room yet.
    pub(crate) fn insert(&mut self, client: Client<T>) {
        if client.is_open() {
            self.open.add(1);
            *self.open_by_address.entry(client.address).or_default() += 1;
        }
        self.put(NO_ROOM, client);
    }

    /// Moves a client into a room.
    pub(crate) fn enter(&mut self, client: ClientId, room: RoomId) {
        if let Some(mut entry) = self.take(client) {
            entry.state = ClientState::Open;
            self.put(room, entry);
        }
    }

    fn put(&mut self, room: RoomId, client: Client<T>) {
        self.places.insert(client.id, room);
        self.rooms.entry(room).or_default().insert(client.id, client);
    }

    /// A client.
    pub(crate) fn get(&self, client: ClientId) -> Option<&Client<T>> {
        self.rooms.get(self.places.get(&client)?)?.get(&client)
    }

    /// A client, to be changed.
    pub(crate) fn get_mut(&mut self, client: ClientId) -> Option<&mut Client<T>> {
        self.rooms.get_mut(self.places.get(&client)?)?.get_mut(&client)
    }

    fn take(&mut self, client: ClientId) -> Option<Client<T>> {
        let room = self.places.remove(&client)?;
        let clients = self.rooms.get_mut(&room)?;
        let taken = clients.remove(&client);
        if clients.is_empty() {
            self.rooms.remove(&room);
        }
        taken
    }

    /// Removes a client.
    pub(crate) fn remove(&mut self, client: ClientId) -> Option<Client<T>> {
        let removed = self.take(client)?;
        if removed.is_open() {
            self.count_closed(removed.address);
        }
        Some(removed)
    }

    /// The room that a client is in; `None` before it has entered one, and when it is closing.
    pub(crate) fn room_of(&self, client: ClientId) -> Option<RoomId> {
        let room = *self.places.get(&client)?;
        let is_open = self.rooms.get(&room)?.get(&client)?.state == ClientState::Open;
        (is_open && room != NO_ROOM).then_some(room)
    }

    /// The room that an unauthenticated client requests.
    pub(crate) fn requested_room(&self, client: ClientId) -> Option<&RoomName> {
        match &self.get(client)?.state {
            ClientState::Unauthenticated(room) => Some(room),
            ClientState::Open | ClientState::Closing => None,
        }
    }

    /// Whether anything may be sent to a client.
    pub(crate) fn is_open(&self, client: ClientId) -> bool {
        self.get(client).is_some_and(Client::is_open)
    }

    /// The encodings that are in use in a room.
    pub(crate) fn encodings(&self, room: RoomId) -> SmallVec<[Encoding; Encoding::COUNT]> {
        let mut encodings = SmallVec::new();
        let clients = self.rooms.get(&room).into_iter().flat_map(BTreeMap::values);
        for encoding in clients.filter(|client| client.is_open()).map(Client::current_encoding) {
            if !encodings.contains(&encoding) {
                encodings.push(encoding);
                if encodings.len() == Encoding::COUNT {
                    break;
                }
            }
        }
        encodings
    }

    /// The clients of a room, those that are closing included.
    pub(crate) fn clients_of(&mut self, room: RoomId) -> impl Iterator<Item = &mut Client<T>> {
        self.rooms.get_mut(&room).into_iter().flat_map(BTreeMap::values_mut)
    }

    /// The clients whose transports are full: whether they are not closing, and since when their transports have
    /// accepted nothing. Those that are closing and owed little are left out.
    pub(crate) fn stalled(&self) -> impl Iterator<Item = (bool, Instant, ClientId)> {
        let clients = self.rooms.values().flat_map(BTreeMap::values);
        let clients = clients.filter(|client| client.is_open() || client.outbox.debt() > 2 * MAX_REST);
        clients.filter_map(|client| Some((client.is_open(), client.outbox.stalled_since()?, client.id)))
    }

    /// Orders clients whose transports are to be tried again: one that is owed a snapshot and one that is not take
    /// turns, so that somebody who enters a busy room does not wait until hundreds of others have every text.
    pub(crate) fn interleave(&self, clients: Vec<ClientId>) -> Vec<ClientId> {
        let is_owed_snapshot = |client: &ClientId| {
            self.get(*client).is_some_and(|client| matches!(client.outbox.owed(), Owed::Snapshot(_)))
        };
        let (snapshots, others): (Vec<_>, Vec<_>) = clients.into_iter().partition(is_owed_snapshot);
        let (mut snapshots, mut others) = (snapshots.into_iter(), others.into_iter());
        let pairs = std::iter::from_fn(|| match (snapshots.next(), others.next()) {
            (None, None) => None,
            (snapshot, other) => Some([snapshot, other]),
        });
        pairs.flatten().flatten().collect()
    }

    /// A client has asked for a seat, so it knows the events that notices repeat. It gets no notice any more, not even
    /// those of the batch that is not sent yet.
    pub(crate) fn stop_notices(&mut self, client: ClientId) {
        if let Some(entry) = self.get_mut(client) {
            entry.encoding = entry.encoding.without_notices();
        }
    }

    /// Marks a client as closing: nothing more is sent to it. Returns whether it was open.
    pub(crate) fn close(&mut self, client: ClientId) -> bool {
        let Some(entry) = self.get_mut(client).filter(|entry| entry.is_open()) else { return false };
        entry.state = ClientState::Closing;
        let address = entry.address;
        self.count_closed(address);
        true
    }

    fn count_closed(&mut self, address: Address) {
        self.open.remove(1);
        if let Entry::Occupied(mut count) = self.open_by_address.entry(address) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// Removes all clients.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Client<T>> {
        self.places.clear();
        mem::take(&mut self.rooms).into_values().flat_map(BTreeMap::into_values)
    }
}
