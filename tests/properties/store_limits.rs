//! The limits of posts that wait for a store that the test plays.

use crate::pipe::Pipe;
use crate::store::{enter, load_next, now, sent_post};
use crate::world::{KEY, LIMITS};
use crossbeam_channel::{Receiver, unbounded};
use typewall::internals::{
    Action, Answer, Change, ClientId, Event, FromClient, Hub, Load, MAX_POSTS_UNDER_WAY, MAX_SIZE_UNDER_WAY,
    Name, Numbered, Requests, Session, Shard, StorePost, Write,
};
use typewall::{HostMode, HostOptions, SecretHash};

/// A hub with a store that the test plays.
struct Played {
    hub: Hub<Pipe>,
    asked: Receiver<Load>,
    sent: Receiver<Write>,
    /// The last number that the store gave.
    last_n: u64,
}

impl Played {
    fn new() -> Self {
        let ((loads, asked), (writes, sent)) = (unbounded(), unbounded());
        let hosts = HostOptions { mode: HostMode::Key, key: Some(SecretHash::new(KEY)) };
        let hub = Hub::new(LIMITS, None, hosts, Some(Requests { loads, writes }), Shard::single());
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
        let StorePost { room, post, by, .. } = sent_post(&self.sent);
        self.last_n += 1;
        let outcome = Ok(Numbered::New(post.clone().numbered(self.last_n)));
        self.hub.handle(Event::Stored(Box::new(Answer::PostStored { room, post, by, outcome })), now());
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
fn removals_are_refused_while_too_many_wait_for_the_store() {
    let mut played = Played::new();
    let pipe = played.join(1, "r");
    load_next(&mut played.hub, &played.asked);
    played.act(1, Action::Resync);
    for n in 0..MAX_POSTS_UNDER_WAY + 1 {
        // The only post of the log was not written by this user, but the key makes a host.
        if n == 0 {
            let key = SecretHash::new(KEY);
            played.hub.handle(Event::from_client(ClientId(1), FromClient::Host { key, token: None }), now());
        }
        played.act(1, Action::RemovePost(1));
    }
    let removals = played.sent.try_iter().filter(|write| matches!(write, Write::Change(Change::Erase(_))));
    assert_eq!((removals.count(), pipe.page().errors), (MAX_POSTS_UNDER_WAY, vec!["not_removed".to_owned()]));
}
