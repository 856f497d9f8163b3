//! Random events in a random order, as readers and the store may send them: whatever happens, a hub keeps nothing of
//! clients, rooms and posts that are gone.

use crate::base::address::Address;
use crate::base::clock::Now;
use crate::base::ids::{AckId, ClientId, UserId};
use crate::base::limits::Limits;
use crate::base::secret::SecretHash;
use crate::delivery::transport::Transport;
use crate::hub::Hub;
use crate::hub::deadlines::Deadline;
use crate::hub::event::{Event, FromClient, NewClient, QueuedEvent};
use crate::hub::host_options::HostOptions;
use crate::hub::passphrase_gate::PASSPHRASE_TIMEOUT;
use crate::hub::post_request::{PostRequest, PostRequester};
use crate::hub::secret_check::SecretCheck;
use crate::hub::shards::Shard;
use crate::protocol::encoding::Encoding;
use crate::protocol::post_refusal::PostRefusal;
use crate::room::action::Action;
use crate::room::names::Name;
use crate::room::post::{NotStored, Numbered};
use crate::room::room_name::RoomName;
use crate::room::session::Session;
use crate::room::state::{HostMode, RoomRecord, StateChange};
use crate::room::text::TextChange;
use crate::store::request::{Answer, Change, Erase, Load, Requests, Save, StorePost, Write};
use crossbeam_channel::{Receiver, TryRecvError, bounded, unbounded};
use proptest::prelude::*;
use proptest::sample::Index;
use std::cell::Cell;
use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, Shutdown};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tungstenite::protocol::frame::coding::CloseCode;

const LIMITS: Limits = Limits {
    max_clients: 6,
    max_per_address: Some(5),
    max_rooms: 2,
    max_users: 3,
    grace: Duration::from_secs(1),
    room_burst: 2_000, // so that posts wait
    ..Limits::DEFAULT
};

/// A transport that takes as many bytes as a test allows.
#[derive(Debug)]
struct Pipe(Rc<Cell<usize>>);

impl Transport for Pipe {
    fn send(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let len = pieces.iter().map(|piece| piece.len()).sum::<usize>().min(self.0.get());
        self.0.set(self.0.get() - len);
        Ok(len)
    }

    fn shutdown(&self, _how: Shutdown) {}
}

#[derive(Debug, Clone)]
enum Step {
    Connect { room: u8, space: usize, encoding: Encoding, admitted: bool },
    Unlock { is_right: bool },
    Host { is_right: bool },
    Act(Action),
    SeatGuest,
    PostOverHttp { room: u8, name: Name, reference: Option<String> },
    Pong,
    Violate,
    BeSilent,
    End { goodbye: bool },
    Load,
    Record { is_stored: bool },
    Trim,
    Wait { millis: u64 },
    Stop,
}

fn step() -> impl Strategy<Value = Step> {
    let name = || Name::parse("Ada", 40).unwrap();
    let session = |n: usize| Session::parse(&format!("{n:032}")).unwrap();
    let join = (0..4_usize).prop_map(move |n| Action::Join { name: name(), session: session(n) });
    let post = prop::option::of(Just("a".to_owned()));
    let post = post.prop_map(|reference| Action::Post { text: "x".repeat(500), reference });
    let write = "[ab]{0,99}".prop_map(|text| Action::Write(TextChange::Whole(text.into())));
    let action = prop_oneof![
        4 => join,
        3 => post,
        2 => write,
        2 => host_action(),
        1 => Just(Action::Resync),
        1 => Just(Action::Watch),
        1 => Just(Action::Rename(name())),
    ];
    let encoding = prop_oneof![Just(Encoding::PLAIN_SPLICED), Just(Encoding::SOCKET_IO)];
    let space = prop_oneof![3 => Just(usize::MAX), 1 => 0..3_000_usize];
    prop_oneof![
        6 => (0..3_u8, space, encoding, any::<bool>())
            .prop_map(|(room, space, encoding, admitted)| Step::Connect { room, space, encoding, admitted }),
        6 => any::<bool>().prop_map(|is_right| Step::Unlock { is_right }),
        3 => any::<bool>().prop_map(|is_right| Step::Host { is_right }),
        20 => action.prop_map(Step::Act),
        2 => Just(Step::SeatGuest),
        5 => (0..3_u8, any::<bool>(), any::<bool>()).prop_map(|(room, is_free, has_key)| {
            let name = Name::parse(if is_free { "deploy" } else { "Ada" }, 40).unwrap();
            Step::PostOverHttp { room, name, reference: has_key.then(|| "a".to_owned()) }
        }),
        1 => Just(Step::Pong),
        1 => Just(Step::Violate),
        1 => Just(Step::BeSilent),
        3 => any::<bool>().prop_map(|goodbye| Step::End { goodbye }),
        4 => Just(Step::Load),
        6 => any::<bool>().prop_map(|is_stored| Step::Record { is_stored }),
        1 => Just(Step::Trim),
        8 => (0..20_000_u64).prop_map(|millis| Step::Wait { millis: millis / 20 }),
        1 => (60_000..90_000_u64).prop_map(|millis| Step::Wait { millis }),
        1 => prop::bool::weighted(0.2).prop_map(|stops| if stops { Step::Stop } else { Step::Trim }),
    ]
}

fn host_action() -> impl Strategy<Value = Action> {
    let set = |locked, hidden| StateChange { locked, hidden, ..StateChange::default() };
    let set =
        (any::<Option<bool>>(), any::<Option<bool>>()).prop_map(move |(locked, hidden)| set(locked, hidden));
    let user = || (1..8_u64).prop_map(UserId);
    prop_oneof![
        set.prop_map(Action::SetRoom),
        user().prop_map(Action::RemoveUser),
        prop::option::of(user()).prop_map(Action::Clear),
        user().prop_map(Action::MakeHost),
        (1..5_u64).prop_map(Action::RemovePost),
    ]
}

/// A hub, the readers of its clients, and its store.
struct World {
    hub: Hub<Pipe>,
    now: Now,
    connected: u64,
    /// Clients whose readers have not ended.
    clients: Vec<ClientId>,
    loads: Receiver<Load>,
    writes: Receiver<Write>,
    stored: u64,
    /// The answers to posts over HTTP.
    posted: Vec<Receiver<Result<u64, PostRefusal>>>,
}

impl World {
    fn new(has_passphrase: bool, has_store: bool) -> Self {
        let ((load, loads), (write, writes)) = (unbounded(), unbounded());
        let store = has_store.then_some(Requests { loads: load, writes: write });
        let passphrase = has_passphrase.then(|| SecretHash::new("right"));
        let hosts = HostOptions { mode: HostMode::First, key: Some(SecretHash::new("right")) };
        let hub = Hub::new(LIMITS, passphrase, hosts, store, Shard::single());
        let now = Now { instant: Instant::now(), unix_millis: 0 };
        Self { hub, now, connected: 0, clients: Vec::new(), loads, writes, stored: 0, posted: Vec::new() }
    }

    /// Takes a step, of the chosen client if it is one of a client.
    fn take(&mut self, step: Step, chosen: Index) {
        let chosen = (!self.clients.is_empty()).then(|| chosen.index(self.clients.len()));
        // Every second client asks for acknowledgements.
        let ack = |client: ClientId| client.0.is_multiple_of(2).then_some(AckId(7));
        let of = |client, event| QueuedEvent { ack: ack(client), ..QueuedEvent::new(client, event) };
        let of_client = |event| chosen.map(|n| Event::FromClient(of(self.clients[n], event)));
        let event = match step {
            Step::Connect { room, space, encoding, admitted } => {
                Some(self.connect(room, space, encoding, admitted))
            }
            Step::Unlock { is_right } => {
                let passphrase = SecretHash::new(if is_right { "right" } else { "wrong" });
                of_client(FromClient::Unlock { passphrase, token: None })
            }
            Step::Host { is_right } => {
                let key = SecretHash::new(if is_right { "right" } else { "wrong" });
                of_client(FromClient::Host { key, token: None })
            }
            Step::Act(action) => of_client(FromClient::Acted(action)),
            Step::SeatGuest => of_client(FromClient::SeatGuest),
            Step::PostOverHttp { room, name, reference } => Some(self.post_over_http(room, name, reference)),
            Step::Pong => of_client(FromClient::Frames(vec![0x8A, 0])),
            Step::Violate => of_client(FromClient::ProtocolError { code: CloseCode::Protocol, reason: "" }),
            Step::BeSilent => of_client(FromClient::ReadTimeout),
            Step::End { goodbye } => chosen
                .map(|n| Event::from_client(self.clients.swap_remove(n), FromClient::Closed { goodbye })),
            Step::Load => self.loads.try_recv().ok().map(loaded),
            Step::Record { is_stored } => {
                self.writes.try_recv().ok().map(|write| self.written(write, is_stored))
            }
            Step::Trim => Some(Event::Stored(Box::new(Answer::Trimmed { before: 0 }))),
            Step::Wait { millis } => return self.wait(Duration::from_millis(millis)),
            Step::Stop => Some(Event::Stop),
        };
        event.into_iter().for_each(|event| self.hub.handle(event, self.now));
    }

    fn connect(&mut self, room: u8, space: usize, encoding: Encoding, admitted: bool) -> Event<Pipe> {
        self.connected += 1;
        let id = ClientId(self.connected);
        self.clients.push(id);
        Event::Connected(NewClient {
            id,
            address: address(self.connected),
            room: RoomName::parse(&room.to_string()).unwrap(),
            encoding,
            transport: Pipe(Rc::new(Cell::new(space))),
            handshake: b"hello".to_vec(),
            admitted,
        })
    }

    fn post_over_http(&mut self, room: u8, name: Name, reference: Option<String>) -> Event<Pipe> {
        self.connected += 1;
        let (reply_to, reply) = bounded(1);
        self.posted.push(reply);
        let request = PostRequest {
            room: RoomName::parse(&room.to_string()).unwrap(),
            name,
            text: "x".repeat(500),
            reference,
            address: address(self.connected),
            until: self.now.instant + Duration::from_secs(5),
            from: PostRequester { reply_to, place: None, charge: None },
        };
        Event::PostRequest { connection: ClientId(self.connected), request: Box::new(request) }
    }

    fn written(&mut self, write: Write, is_stored: bool) -> Event<Pipe> {
        let answer = match write {
            Write::Post(StorePost { room, post, by, .. }) => {
                self.stored += u64::from(is_stored);
                let numbered = || Numbered::New(post.clone().numbered(self.stored));
                let outcome = is_stored.then(numbered).ok_or(NotStored::Unavailable);
                Answer::PostStored { room, post, by, outcome }
            }
            Write::Restore(restore) => unreachable!("there are no other nodes: {restore:?}"),
            Write::Change(Change::Save(Save { room, .. })) => Answer::Saved { room, is_kept: is_stored },
            Write::Change(Change::Erase(Erase { room, n, by, .. })) => Answer::Erased {
                room,
                n,
                by,
                outcome: is_stored.then_some(true).ok_or(NotStored::Unavailable),
            },
        };
        Event::Stored(Box::new(answer))
    }

    fn wait(&mut self, duration: Duration) {
        self.now.instant += duration;
        self.hub.write(self.now);
    }

    /// Ends all clients, lets the store answer all requests, and lets all time limits pass.
    fn end(&mut self) {
        for client in std::mem::take(&mut self.clients) {
            self.hub.handle(Event::from_client(client, FromClient::Closed { goodbye: false }), self.now);
        }
        for _ in 0..5 {
            while let Ok(load) = self.loads.try_recv() {
                self.hub.handle(loaded(load), self.now);
            }
            while let Ok(write) = self.writes.try_recv() {
                let event = self.written(write, true);
                self.hub.handle(event, self.now);
            }
            self.wait(PASSPHRASE_TIMEOUT);
        }
    }

    /// No deadline is of a room that was forgotten.
    fn check_deadlines(&self) {
        let Hub { deadlines, rooms, .. } = &self.hub;
        for deadline in deadlines.all() {
            if let Deadline::Grace(id, _)
            | Deadline::Save(id)
            | Deadline::Hosts(id)
            | Deadline::Budget(id)
            | Deadline::ViewerCount(id) = deadline
            {
                assert!(rooms.get(id).is_some(), "{deadline:?}");
            }
        }
    }

    /// Every request to post was answered, or dropped.
    fn check_posted(&self) {
        let is_over = |reply: &Receiver<_>| reply.try_recv() != Err(TryRecvError::Empty);
        assert!(self.posted.iter().all(is_over), "a request waits for ever");
        assert!(self.hub.post_requests.storing.is_empty());
    }

    fn check(&self) {
        self.check_posted();
        let Hub {
            clients, rooms, seats, gate, host_key, shard, text_memory, store, deadlines, stage, ..
        } = &self.hub;
        assert!(clients.registry.is_empty() && clients.queued.is_empty(), "{clients:?}");
        assert_eq!(
            (gate.is_empty(), store.has_requests(), store.loading(), deadlines.next()),
            (true, false, 0, None)
        );
        // A hub that stops leaves clients in their rooms.
        if stage.is_stopping() {
            return assert!(self.hub.has_stopped());
        }
        assert_eq!((rooms.len(), shard.open.get(), shard.rooms.get(), shard.seats.get()), (0, 0, 0, 0));
        assert_eq!((clients.memory().of_owner(), text_memory.of_owner()), (0, 0));
        assert!(seats.is_empty(), "{seats:?}");
        assert!(host_key.as_ref().is_none_or(SecretCheck::is_empty), "{host_key:?}");
        assert!((0..3).all(|n| clients.registry.open_from(address(n)) == 0));
    }
}

/// One of three addresses.
fn address(n: u64) -> Address {
    Address::of(Ipv4Addr::new(192, 0, 2, (n % 3) as u8).into())
}

fn loaded(Load { room, epoch, .. }: Load) -> Event<Pipe> {
    let (record, posts) = (Some(RoomRecord::default()), Vec::new());
    Event::Stored(Box::new(Answer::Loaded { room, epoch, record, posts }))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_hub_keeps_nothing_of_what_is_gone(
        has_passphrase in any::<bool>(),
        has_store in any::<bool>(),
        steps in prop::collection::vec((step(), any::<Index>()), 1..200),
    ) {
        let mut world = World::new(has_passphrase, has_store);
        for (step, chosen) in steps {
            world.take(step, chosen);
            world.check_deadlines();
        }
        world.end();
        world.check();
    }
}
