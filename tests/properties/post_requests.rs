//! Posts over HTTP, by programs without a seat.

use crate::pipe::Pipe;
use crate::store::{enter, hub_with_store, loaded, now, sent_post};
use crate::world::{LIMITS, PEOPLE, World, here, steps};
use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError, bounded};
use proptest::prelude::*;
use std::collections::HashMap;
use std::time::Duration;
use typewall::internals::{
    Action, Answer, ClientId, Event, EventError, FromClient, Hub, Load, Name, NotStored, Now, Numbered,
    PostRefusal, PostRequest, PostRequester, RoomRecord, Session, Shard, StateChange,
};
use typewall::{HostOptions, Limits, RoomName};

type Reply = Receiver<Result<u64, PostRefusal>>;

/// How long a request waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections of requests have ids that no client has.
const CONNECTION: ClientId = ClientId(1_000_000);

/// Sends a request to post, and returns where the answer comes.
fn post(hub: &mut Hub<Pipe>, room: &str, name: &str, key: Option<&str>, now: Now) -> Reply {
    let (reply_to, reply) = bounded(1);
    let request = PostRequest {
        room: RoomName::parse(room).unwrap(),
        name: Name::parse(name, 40).unwrap(),
        text: "deployed".to_owned(),
        reference: key.map(str::to_owned),
        address: here(),
        until: now.instant + PATIENCE,
        from: PostRequester { reply_to, place: None, charge: None },
    };
    hub.handle(Event::PostRequest { connection: CONNECTION, request: Box::new(request) }, now);
    reply
}

fn refusal(reply: &Reply) -> &'static str {
    reply.try_recv().expect("an answer").expect_err("a refusal").code()
}

fn hub(limits: Limits) -> Hub<Pipe> {
    Hub::new(limits, None, HostOptions::default(), None, Shard::single())
}

/// The names of the events that a client was sent.
fn events(pipe: &Pipe) -> Vec<String> {
    pipe.frames().iter().map(|frame| frame.name().to_owned()).collect()
}

fn rooms(hub: &mut Hub<Pipe>) -> usize {
    let (reply_to, health) = bounded(1);
    hub.handle(Event::HealthCheck { reply_to }, now());
    health.try_recv().expect("an answer").rooms
}

#[derive(Debug, Clone)]
struct Script {
    room: usize,
    name: &'static str,
    key: Option<&'static str>,
}

fn script() -> impl Strategy<Value = Script> {
    let name = prop_oneof![Just("deploy"), Just("DEPLOY"), Just("build")];
    let key = prop_oneof![Just(None), Just(Some("a")), Just(Some("b"))];
    (0..2_usize, name, key).prop_map(|(room, name, key)| Script { room, name, key })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// The model checks that each client gets every post of its room once, in order and without a gap.
    #[test]
    fn posts_over_http_come_once_and_without_gaps_among_those_of_users(
        steps in steps(),
        scripts in prop::collection::vec(prop::option::weighted(0.3, script()), 200),
    ) {
        let mut world = World::with(Limits { post_rate: 1_000_000, ..LIMITS }, PEOPLE);
        let mut known: HashMap<(usize, String, &str), u64> = HashMap::new();
        for (step, script) in steps.into_iter().zip(scripts) {
            world.take(step);
            known.retain(|(room, ..), _| world.rooms[*room].count > 0);
            let Some(Script { room, name, key }) = script else { continue };
            let rooms_before = world.health().rooms;
            let reply = post(&mut world.hub, &room.to_string(), name, key, world.now);
            let is_open = world.people.iter().any(|person| {
                person.line.as_ref().is_some_and(|line| line.room == room) || person.seats[room].is_some()
            });
            let mark = key.map(|key| (room, name.to_lowercase(), key));
            let first = mark.as_ref().and_then(|mark| known.get(mark)).copied();
            let next = world.rooms[room].count + 1;
            let n = first.unwrap_or(next);
            prop_assert_eq!(reply.try_recv(), Ok(Ok(n)));
            prop_assert_eq!(world.health().rooms, rooms_before, "no room stays open for a post");
            if is_open && first.is_none() {
                world.rooms[room].count = next;
                mark.map(|mark| known.insert(mark, n));
            }
        }
        world.settle();
        world.check();
    }
}

#[test]
fn nobody_comes_or_goes_for_a_post_over_http() {
    let mut hub = hub(LIMITS);
    let viewer = enter(&mut hub, 1, "r");
    hub.handle(Event::from_client(ClientId(1), FromClient::Acted(Action::Watch)), now());
    hub.write(now());
    let before = events(&viewer).len();
    assert_eq!(post(&mut hub, "r", "deploy", None, now()).try_recv(), Ok(Ok(1)));
    hub.write(now());
    assert_eq!(events(&viewer)[before..], ["data"]);
    let page = viewer.page();
    assert_eq!((page.names().len(), page.viewers, page.posts()), (0, 1, vec!["deployed"]));
}

#[test]
fn a_post_over_http_waits_until_its_room_is_loaded_and_the_room_closes_again() {
    let (mut hub, asked, sent) = hub_with_store(HostOptions::default());
    let reply = post(&mut hub, "r", "deploy", Some("a"), now());
    hub.write(now());
    assert!(sent.is_empty() && reply.is_empty());
    let Load { room, .. } = asked.try_recv().expect("the room is to be loaded");
    hub.handle(loaded(room, Vec::new()), now());
    hub.write(now());
    let stored = sent_post(&sent);
    assert_eq!((stored.post.name.as_str(), stored.post.text.as_str()), ("deploy", "deployed"));
    assert_eq!((reply.try_recv(), rooms(&mut hub)), (Err(TryRecvError::Empty), 1), "it is not stored yet");
    let outcome = Ok(Numbered::New(stored.post.clone().numbered(17)));
    let answer = Answer::PostStored { room, post: stored.post, by: stored.by, outcome };
    hub.handle(Event::Stored(Box::new(answer)), now());
    assert_eq!((reply.try_recv(), rooms(&mut hub)), (Ok(Ok(17)), 0));
}

#[test]
fn a_post_that_the_store_cannot_take_is_refused() {
    let (mut hub, asked, sent) = hub_with_store(HostOptions::default());
    for (outcome, expected) in [
        (Err(NotStored::Unavailable), Err(PostRefusal::from(EventError::NotStored(NotStored::Unavailable)))),
        (Err(NotStored::Full), Err(PostRefusal::from(EventError::NotStored(NotStored::Full)))),
    ] {
        let reply = post(&mut hub, "r", "deploy", None, now());
        let Load { room, .. } = asked.try_recv().expect("the room is to be loaded");
        hub.handle(loaded(room, Vec::new()), now());
        hub.write(now());
        let stored = sent_post(&sent);
        let answer = Answer::PostStored { room, post: stored.post, by: stored.by, outcome };
        hub.handle(Event::Stored(Box::new(answer)), now());
        assert_eq!(reply.try_recv(), Ok(expected));
    }
}

#[test]
fn what_hosts_had_set_before_a_restart_holds_for_posts_over_http() {
    for (change, code) in [
        (StateChange { locked: Some(true), ..StateChange::default() }, "locked"),
        (StateChange { frozen: Some(true), ..StateChange::default() }, "frozen"),
    ] {
        let (mut hub, asked, sent) = hub_with_store(HostOptions::default());
        let reply = post(&mut hub, "r", "deploy", None, now());
        let Load { room, epoch, .. } = asked.try_recv().expect("the room is to be loaded");
        let mut record = RoomRecord::default();
        record.state = change.apply(&record.state);
        let answer = Answer::Loaded { room, epoch, record: Some(record), posts: Vec::new() };
        hub.handle(Event::Stored(Box::new(answer)), now());
        hub.write(now());
        assert_eq!((refusal(&reply), sent.len(), rooms(&mut hub)), (code, 0, 0));
    }
}

#[test]
fn a_post_to_a_room_that_cannot_be_loaded_is_dropped() {
    let (mut hub, asked, sent) = hub_with_store(HostOptions::default());
    let reply = post(&mut hub, "r", "deploy", None, now());
    let Load { room, epoch, .. } = asked.try_recv().expect("the room is to be loaded");
    let answer = Answer::Loaded { room, epoch, record: None, posts: Vec::new() };
    hub.handle(Event::Stored(Box::new(answer)), now());
    hub.write(now());
    assert_eq!(reply.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Disconnected));
    assert_eq!((sent.len(), rooms(&mut hub)), (0, 0));
}

#[test]
fn a_post_whose_request_has_given_up_is_not_posted() {
    let (mut hub, asked, sent) = hub_with_store(HostOptions::default());
    let reply = post(&mut hub, "r", "deploy", None, now());
    let Load { room, .. } = asked.try_recv().expect("the room is to be loaded");
    let mut late = now();
    late.instant += PATIENCE + Duration::from_millis(1);
    hub.handle(loaded(room, Vec::new()), late);
    hub.write(late);
    assert_eq!(reply.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!((sent.len(), rooms(&mut hub)), (0, 0));
}

#[test]
fn a_post_over_http_waits_for_the_budget_of_its_room() {
    let mut hub = hub(Limits { room_burst: 800, ..LIMITS });
    let viewer = enter(&mut hub, 1, "r");
    let now = now();
    let replies: Vec<Reply> = (0..8).map(|_| post(&mut hub, "r", "deploy", None, now)).collect();
    let waiting = replies.iter().filter(|reply| reply.is_empty()).count();
    assert!((1..8).contains(&waiting), "{waiting} wait");
    let mut later = now;
    while let Some(due) = hub.due().filter(|due| *due < now.instant + PATIENCE) {
        later.instant = due;
        hub.write(later);
    }
    let mut numbers: Vec<u64> = replies.iter().map(|reply| reply.try_recv().unwrap().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    assert_eq!(events(&viewer).iter().filter(|name| *name == "data").count(), 8);
}

#[test]
fn an_address_may_post_as_fast_as_a_connection_whatever_the_rooms_and_names() {
    let mut hub = hub(Limits { post_rate: 2, ..LIMITS });
    let now = now();
    for n in 0..10 {
        let n = n.to_string();
        assert_eq!(post(&mut hub, &n, &n, None, now).try_recv(), Ok(Ok(1)));
    }
    assert_eq!(post(&mut hub, "r", "deploy", None, now).try_recv(), Ok(Err(PostRefusal::Wait(1))));
    let later = Now { instant: now.instant + Duration::from_millis(500), ..now };
    assert_eq!(post(&mut hub, "r", "deploy", None, later).try_recv(), Ok(Ok(1)));
}

#[test]
fn a_post_over_http_opens_no_room_beyond_the_maximum_and_none_while_the_server_stops() {
    let mut hub = hub(Limits { max_rooms: 1, ..LIMITS });
    let _viewer = enter(&mut hub, 1, "r");
    assert_eq!(refusal(&post(&mut hub, "other", "deploy", None, now())), "rooms_full");
    assert_eq!(post(&mut hub, "r", "deploy", None, now()).try_recv(), Ok(Ok(1)));
    hub.handle(Event::Stop, now());
    assert_eq!(refusal(&post(&mut hub, "r", "deploy", None, now())), "stopping");
}

#[test]
fn a_name_of_somebody_present_is_refused_over_http() {
    let mut hub = hub(LIMITS);
    let _ada = enter(&mut hub, 1, "r");
    let name = Name::parse("Ada", 40).unwrap();
    let join = Action::Join { name, session: Session::random() };
    hub.handle(Event::from_client(ClientId(1), FromClient::Acted(join)), now());
    assert_eq!(refusal(&post(&mut hub, "r", "ADA", None, now())), "name_taken");
    assert_eq!(post(&mut hub, "other", "ADA", None, now()).try_recv(), Ok(Ok(1)));
}

#[test]
fn the_boxes_of_a_room_that_is_still_to_be_loaded_are_not_shown() {
    let (mut hub, asked, _sent) = hub_with_store(HostOptions::default());
    let _viewer = enter(&mut hub, 1, "r");
    let ask = |hub: &mut Hub<Pipe>| {
        let (reply_to, reply) = bounded(1);
        let room = RoomName::parse("r").unwrap();
        hub.handle(Event::WallRequest { room, is_host: false, after: None, reply_to }, now());
        reply.try_recv().map(|part| part.boxes.len())
    };
    assert_eq!(
        ask(&mut hub),
        Err(TryRecvError::Disconnected),
        "it may be hidden, and its question is not known"
    );
    let Load { room, .. } = asked.try_recv().expect("the room is to be loaded");
    hub.handle(loaded(room, Vec::new()), now());
    assert_eq!(ask(&mut hub), Ok(0));
}
