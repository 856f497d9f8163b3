//! The limits of posts that wait for a store that the test plays.

use crate::pipe::Pipe;
use crate::store::{enter, load_next, now};
use crate::world::LIMITS;
use crossbeam_channel::{Receiver, unbounded};
use typewall::internals::{
    Action, Answer, ClientId, Event, FromClient, Hub, Load, MAX_HELD_POSTS, MAX_HELD_SIZE,
    MAX_HELD_SIZE_OF_ROOM, MAX_POSTS_UNDER_WAY, MAX_SIZE_UNDER_WAY, Name, Numbered, Record, Requests,
    Session, Shard,
};

/// A hub with a store that the test plays.
struct Played {
    hub: Hub<Pipe>,
    asked: Receiver<Load>,
    sent: Receiver<Record>,
    /// The last number that the store gave.
    last_n: u64,
}

impl Played {
    fn new() -> Self {
        let ((loads, asked), (records, sent)) = (unbounded(), unbounded());
        let hub = Hub::new(LIMITS, None, Some(Requests { loads, records }), Shard::single());
        Self { hub, asked, sent, last_n: 1 }
    }

    /// Lets a user join a room.
    fn join(&mut self, n: u64, room: &str) -> Pipe {
        let pipe = enter(&mut self.hub, n, room);
        let name = Name::parse("Ada", 40).unwrap();
        self.act(n, Action::Join { name, session: Session::random() });
        pipe
    }

    fn act(&mut self, n: u64, action: Action) {
        self.hub.handle(Event::from_client(ClientId(n), FromClient::Acted(action)), now());
        self.hub.write(now());
    }

    fn post(&mut self, n: u64, text: &str) {
        self.act(n, Action::Post { text: text.to_owned(), reference: None });
    }

    /// The store answers for the post that it got first.
    fn record_next(&mut self) {
        let Record { room, post, .. } = self.sent.try_recv().expect("a post to store");
        self.last_n += 1;
        let outcome = Ok(Numbered::New(post.clone().numbered(self.last_n)));
        self.hub.handle(Event::Stored(Box::new(Answer::Recorded { room, post, outcome })), now());
        self.hub.write(now());
    }
}

#[test]
fn posts_are_refused_while_too_many_wait_for_the_store() {
    let mut played = Played::new();
    let pipe = played.join(1, "r");
    load_next(&mut played.hub, &played.asked);
    for n in 0..MAX_POSTS_UNDER_WAY + 2 {
        played.post(1, &n.to_string());
    }
    assert_eq!(
        (played.sent.len(), pipe.page().errors),
        (MAX_POSTS_UNDER_WAY, ["not_stored"; 2].map(str::to_owned).into())
    );
    played.record_next();
    played.post(1, "one more");
    assert_eq!((played.sent.len(), pipe.page().errors.len()), (MAX_POSTS_UNDER_WAY, 2));
}

#[test]
fn posts_are_refused_while_too_large_ones_wait_for_the_store() {
    let mut played = Played::new();
    let pipe = played.join(1, "r");
    load_next(&mut played.hub, &played.asked);
    let eighth = "x".repeat(MAX_SIZE_UNDER_WAY / 8);
    for _ in 0..10 {
        played.post(1, &eighth);
    }
    assert_eq!((played.sent.len(), pipe.page().errors.len()), (7, 3), "a post is larger than its text");
    played.post(1, "a small one");
    assert_eq!((played.sent.len(), pipe.page().errors.len()), (8, 3));
    (0..8).for_each(|_| played.record_next());
    played.post(1, &"x".repeat(2 * MAX_SIZE_UNDER_WAY));
    played.post(1, "too much");
    assert_eq!((played.sent.len(), pipe.page().errors.len()), (1, 4), "one alone always fits");
}

#[test]
fn posts_while_their_room_loads_are_limited_and_do_not_count_as_sent() {
    let mut played = Played::new();
    let loading = 1 + MAX_POSTS_UNDER_WAY as u64 / MAX_HELD_POSTS as u64;
    played.join(0, "open");
    load_next(&mut played.hub, &played.asked);
    for n in 1..=loading {
        let pipe = played.join(n, &n.to_string());
        for _ in 0..MAX_HELD_POSTS + 2 {
            played.post(n, "early");
        }
        assert_eq!(pipe.page().errors, ["not_stored"; 2]);
    }
    for _ in 0..MAX_POSTS_UNDER_WAY - 1 {
        played.post(0, "from an open room");
    }
    assert_eq!(played.sent.len(), MAX_POSTS_UNDER_WAY - 1);
    load_next(&mut played.hub, &played.asked);
    assert_eq!(played.sent.len(), MAX_POSTS_UNDER_WAY, "the others are refused");
    (0..MAX_POSTS_UNDER_WAY).for_each(|_| played.record_next());
    load_next(&mut played.hub, &played.asked);
    assert_eq!(played.sent.len(), MAX_HELD_POSTS);
}

#[test]
fn the_size_of_posts_while_their_room_loads_is_limited() {
    let mut played = Played::new();
    let half = "x".repeat(MAX_HELD_SIZE_OF_ROOM / 2);
    let pipe = played.join(1, "1");
    for text in [&half, &half, "a small one"] {
        played.post(1, text);
    }
    assert_eq!(pipe.page().errors, ["not_stored"], "a post is larger than its text");
    load_next(&mut played.hub, &played.asked);
    assert_eq!(played.sent.len(), 2);
}

#[test]
fn the_size_of_posts_while_their_rooms_load_is_limited_for_all_rooms_together() {
    let mut played = Played::new();
    let pipes = [1, 2, 3].map(|n| played.join(n, &n.to_string()));
    // One post of any size fits into a room.
    let half = "x".repeat(MAX_HELD_SIZE / 2);
    (1..=3).for_each(|n| played.post(n, &half));
    let refused = || pipes.each_ref().map(|pipe| pipe.page().errors.len());
    assert_eq!(refused(), [0, 1, 1], "a post is larger than its text");
    load_next(&mut played.hub, &played.asked);
    played.post(2, &half);
    played.post(3, "a small one");
    assert_eq!(refused(), [0, 1, 1]);
}
