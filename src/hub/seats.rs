//! The seats of a hub: what each counts for, and the order in which those of away users give way.
//!
//! The seat of the user with the shortest stay goes first. Whoever takes seats only to keep them from others has short
//! stays, so that those seats make way for each other and not at the expense of users who were there.

use crate::base::address::Address;
use crate::base::counter::Counter;
use crate::base::ids::{IdMap, NodeId, RoomId, UserId};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

/// All seats of a hub: in rooms that another node owns, it has none.
#[derive(Debug)]
pub(crate) struct Seats {
    holders: HashMap<(RoomId, UserId), Holder>,
    /// Seats of away users who were clients here, the shortest stay first.
    away: BTreeSet<AwaySeat>,
    /// Seats of all away users by room, for rooms that have any.
    rooms: IdMap<RoomId, AwayInRoom>,
    /// Rooms that nobody is in, by the longest stay of an away user.
    abandoned: BTreeSet<(Duration, RoomId)>,
    origins: HashMap<Origin, FromOrigin>,
    /// How many seats count for clients here, of all hubs together.
    here: Counter,
}

/// Where the client is that has a seat, or had it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    /// Here, with this address.
    Address(Address),
    /// On another node, which counts its addresses itself.
    Node(NodeId),
    /// Unknown: the user was away when this node took over the room.
    Unknown,
}

/// Who has a seat.
#[derive(Debug, Clone, Copy)]
struct Holder {
    origin: Origin,
    /// How long the user was there; `None` if they are not away.
    stay: Option<Duration>,
}

/// The seat of an away user. Ordered by the stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AwaySeat {
    stay: Duration,
    /// The room.
    pub room: RoomId,
    /// The user.
    pub user: UserId,
}

/// The away users of a room.
#[derive(Debug, Default)]
struct AwayInRoom {
    seats: BTreeSet<AwaySeat>,
    is_abandoned: bool,
}

impl AwayInRoom {
    /// The place in the order of abandoned rooms.
    fn longest_stay(&self) -> Option<Duration> {
        self.seats.last().filter(|_| self.is_abandoned).map(|seat| seat.stay)
    }
}

/// The seats of clients from one address, or from another node.
#[derive(Debug, Default)]
struct FromOrigin {
    /// All, including those of away users.
    count: usize,
    away: BTreeSet<AwaySeat>,
}

impl Seats {
    /// No seats yet. All hubs count those of clients here in `here`.
    pub(crate) fn new(here: Counter) -> Self {
        Self {
            holders: HashMap::new(),
            away: BTreeSet::new(),
            rooms: IdMap::default(),
            abandoned: BTreeSet::new(),
            origins: HashMap::new(),
            here,
        }
    }

    /// A client has a seat: a new one, or one that was another client's.
    pub(crate) fn take(&mut self, room: RoomId, user: UserId, origin: Origin) {
        self.remove(room, user);
        self.holders.insert((room, user), Holder { origin, stay: None });
        self.origins.entry(origin).or_default().count += 1;
        if matches!(origin, Origin::Address(_)) {
            self.here.add(1);
        }
    }

    /// The user of a seat is away after this stay.
    pub(crate) fn leave(&mut self, room: RoomId, user: UserId, stay: Duration) {
        let Some(holder) = self.holders.get_mut(&(room, user)) else { return };
        holder.stay = Some(stay);
        let seat = AwaySeat { stay, room, user };
        if matches!(holder.origin, Origin::Address(_)) {
            self.away.insert(seat);
        }
        self.origins.entry(holder.origin).or_default().away.insert(seat);
        self.change_room(room, |away| _ = away.seats.insert(seat));
    }

    /// A seat is gone.
    pub(crate) fn remove(&mut self, room: RoomId, user: UserId) {
        let Some(Holder { origin, stay }) = self.holders.remove(&(room, user)) else { return };
        if matches!(origin, Origin::Address(_)) {
            self.here.remove(1);
        }
        let seat = stay.map(|stay| AwaySeat { stay, room, user });
        if let Some(seat) = seat {
            self.away.remove(&seat);
            self.change_room(room, |away| _ = away.seats.remove(&seat));
        }
        if let Some(from) = self.origins.get_mut(&origin) {
            from.count -= 1;
            seat.map(|seat| from.away.remove(&seat));
            if from.count == 0 {
                self.origins.remove(&origin);
            }
        }
    }

    /// Nobody is in a room any more, here or on another node.
    pub(crate) fn abandon(&mut self, room: RoomId) {
        self.change_room(room, |away| away.is_abandoned = true);
    }

    /// Somebody is in a room, here or on another node.
    pub(crate) fn enter(&mut self, room: RoomId) {
        self.change_room(room, |away| away.is_abandoned = false);
    }

    fn change_room(&mut self, room: RoomId, change: impl FnOnce(&mut AwayInRoom)) {
        let away = self.rooms.entry(room).or_default();
        if let Some(stay) = away.longest_stay() {
            self.abandoned.remove(&(stay, room));
        }
        change(away);
        if let Some(stay) = away.longest_stay() {
            self.abandoned.insert((stay, room));
        }
        if away.seats.is_empty() {
            self.rooms.remove(&room);
        }
    }

    /// The away seat with the shortest stay, of those who were clients here.
    pub(crate) fn shortest_stay(&self) -> Option<AwaySeat> {
        self.away.first().copied()
    }

    /// The away seat with the shortest stay in a room, if the room has more away users than that.
    pub(crate) fn shortest_stay_in(&self, room: RoomId, above: usize) -> Option<AwaySeat> {
        let away = &self.rooms.get(&room)?.seats;
        away.first().copied().filter(|_| away.len() > above)
    }

    /// The away seat with the shortest stay from an address or another node, if more seats than that are from there,
    /// including those of clients.
    pub(crate) fn shortest_stay_from(&self, origin: Origin, above: usize) -> Option<AwaySeat> {
        let from = self.origins.get(&origin)?;
        from.away.first().copied().filter(|_| from.count > above)
    }

    /// The away users of the abandoned room whose longest stay is the shortest, if more rooms than that are abandoned.
    pub(crate) fn shortest_stays_of_abandoned(&self, above: usize) -> Option<Vec<AwaySeat>> {
        let (_, room) = self.abandoned.first().filter(|_| self.abandoned.len() > above)?;
        Some(self.rooms.get(room)?.seats.iter().copied().collect())
    }

    /// True when nothing is kept.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        let Self { holders, away, rooms, abandoned, origins, here: _ } = self;
        let are_empty = holders.is_empty() && away.is_empty() && rooms.is_empty();
        are_empty && abandoned.is_empty() && origins.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const STAY: Duration = Duration::from_secs(60);

    fn address(n: u8) -> Origin {
        Origin::Address(Address::of(Ipv4Addr::new(192, 0, 2, n).into()))
    }

    fn seats() -> Seats {
        Seats::new(Counter::default())
    }

    #[test]
    fn an_abandoned_room_is_as_old_as_its_longest_stay_and_none_once_somebody_enters() {
        let (mut seats, [room, other]) = (seats(), [RoomId(1), RoomId(2)]);
        for (room, user, stay) in [(room, 1, STAY), (room, 2, 3 * STAY), (other, 3, 2 * STAY)] {
            seats.take(room, UserId(user), address(1));
            seats.leave(room, UserId(user), stay);
        }
        assert_eq!(seats.shortest_stays_of_abandoned(0), None, "nobody has left");
        [room, other].into_iter().for_each(|id| seats.abandon(id));
        let users = |seats: &Seats, above| {
            let first = seats.shortest_stays_of_abandoned(above);
            first.map(|away| away.iter().map(|seat| seat.user.0).collect::<Vec<_>>())
        };
        assert_eq!((users(&seats, 1), users(&seats, 2)), (Some(vec![3]), None));
        seats.remove(room, UserId(2));
        assert_eq!(users(&seats, 1), Some(vec![1]), "the longest stay is another one");
        seats.enter(room);
        assert_eq!(users(&seats, 0), Some(vec![3]));
        [(room, 1), (other, 3)].into_iter().for_each(|(id, user)| seats.remove(id, UserId(user)));
        assert!(seats.is_empty(), "{seats:?}");
    }

    #[test]
    fn a_seat_counts_for_the_address_that_had_it_last() {
        let (mut seats, room) = (seats(), RoomId(1));
        for n in [1, 2] {
            seats.take(room, UserId(1), address(n));
            seats.leave(room, UserId(1), STAY);
        }
        assert_eq!(
            (seats.shortest_stay_from(address(1), 0), seats.shortest_stay_from(address(2), 1)),
            (None, None)
        );
        assert_eq!(seats.shortest_stay_from(address(2), 0).map(|seat| seat.user), Some(UserId(1)));
        seats.remove(room, UserId(1));
        assert!(seats.is_empty(), "{seats:?}");
    }

    #[test]
    fn seats_of_other_nodes_count_in_their_room_and_for_their_node_only() {
        let (mut seats, room, node) = (seats(), RoomId(1), Origin::Node(NodeId(2)));
        for (user, origin) in [(1, node), (2, Origin::Unknown), (3, address(1)), (4, node)] {
            seats.take(room, UserId(user), origin);
            seats.leave(room, UserId(user), STAY * user as u32);
        }
        let user = |seat: Option<AwaySeat>| seat.map(|seat| seat.user.0);
        assert_eq!((seats.here.get(), user(seats.shortest_stay())), (1, Some(3)));
        assert_eq!(user(seats.shortest_stay_in(room, 3)), Some(1));
        assert_eq!(user(seats.shortest_stay_from(node, 1)), Some(1));
        assert_eq!(user(seats.shortest_stay_from(node, 2)), None);
        seats.take(room, UserId(3), node); // who comes back through the other node counts there
        assert_eq!((seats.here.get(), seats.shortest_stay()), (0, None));
        assert_eq!(user(seats.shortest_stay_from(node, 2)), Some(1));
        (1..=4).for_each(|user| seats.remove(room, UserId(user)));
        assert!(seats.is_empty(), "{seats:?}");
    }
}
