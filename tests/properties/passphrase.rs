//! A hub with a passphrase and a host key: whose guesses wait, and what clients are told. The time is the test's own.

use crate::pipe::{Frame, Pipe};
use crate::world::{KEY, LIMITS, new_client};
use std::time::{Duration, Instant};
use typewall::internals::{
    ClientId, Encoding, Event, FromClient, Hub, Now, PASSPHRASE_TIMEOUT, Shard, Token,
};
use typewall::{HostMode, HostOptions, RoomName, SecretHash};

const SECOND: Duration = Duration::from_secs(1);

/// A hub with the passphrase "right", and its time.
struct Place {
    hub: Hub<Pipe>,
    now: Now,
    pipes: Vec<Pipe>,
}

impl Place {
    fn new() -> Self {
        let hosts = HostOptions { mode: HostMode::Key, key: Some(SecretHash::new(KEY)) };
        let hub = Hub::new(LIMITS, Some(SecretHash::new("right")), hosts, None, Shard::single());
        Self { hub, now: Now { instant: Instant::now(), unix_millis: 0 }, pipes: Vec::new() }
    }

    /// A place where as many wrong passphrases were given as are answered at once.
    fn after_failures() -> Self {
        let mut place = Self::new();
        let guesser = place.connect();
        (0..5).for_each(|_| place.unlock(guesser, "wrong", None));
        place
    }

    fn connect(&mut self) -> ClientId {
        let pipe = Pipe::default();
        pipe.0.borrow_mut().space = usize::MAX;
        self.pipes.push(pipe.clone());
        let client = ClientId(self.pipes.len() as u64);
        let room = RoomName::from_query("").unwrap();
        self.hub.handle(Event::Connected(new_client(client, room, Encoding::PLAIN_WHOLE, &pipe)), self.now);
        client
    }

    fn unlock(&mut self, client: ClientId, passphrase: &str, token: Option<Token>) {
        let unlock = FromClient::Unlock { passphrase: SecretHash::new(passphrase), token };
        self.hub.handle(Event::from_client(client, unlock), self.now);
        self.hub.write(self.now);
    }

    fn give_key(&mut self, client: ClientId, key: &str, token: Option<Token>) {
        let host = FromClient::Host { key: SecretHash::new(key), token };
        self.hub.handle(Event::from_client(client, host), self.now);
        self.hub.write(self.now);
    }

    /// Lets time pass, with each deadline at its time.
    fn pass(&mut self, time: Duration) {
        let end = self.now.instant + time;
        while let Some(due) = self.hub.due().filter(|due| *due <= end) {
            self.now.instant = due;
            self.hub.write(self.now);
        }
        self.now.instant = end;
    }

    /// What a client was told last: a code, the name of an event, or "close".
    fn last(&self, client: ClientId) -> Option<String> {
        let frame = self.pipes[client.0 as usize - 1]
            .frames()
            .into_iter()
            .rfind(|frame| frame.name() != "viewers")?;
        let code = match &frame {
            Frame::Event(_, data) => data["code"].as_str(),
            Frame::Close(_) | Frame::Ping | Frame::Pong => None,
        };
        Some(code.unwrap_or(frame.name()).to_owned())
    }

    fn token(&self, client: ClientId) -> Token {
        let hex = self.pipes[client.0 as usize - 1].page().token.expect("a token");
        Token::parse(&hex).expect("what the server sent")
    }
}

#[test]
fn a_guess_that_waits_is_answered_in_its_turn() {
    let mut place = Place::after_failures();
    let [guesser, ada] = [(); 2].map(|()| place.connect());
    place.unlock(guesser, "wrong", None);
    place.unlock(ada, "right", None);
    assert_eq!((place.last(guesser), place.last(ada)), (None, None));
    place.pass(SECOND);
    assert_eq!((place.last(guesser).as_deref(), place.last(ada)), (Some("passphrase_wrong"), None));
    place.pass(SECOND);
    assert_eq!(place.last(ada).as_deref(), Some("unlocked"));
}

#[test]
fn a_token_is_checked_before_all_guesses() {
    let mut place = Place::new();
    let ada = place.connect();
    place.unlock(ada, "right", None);
    let token = place.token(ada);
    let [guesser, eve, ada] = [(); 3].map(|()| place.connect());
    (0..6).for_each(|_| place.unlock(guesser, "wrong", None));
    place.unlock(ada, "right", Some(token));
    assert_eq!(place.last(ada).as_deref(), Some("unlocked"));
    place.unlock(eve, "right", Token::parse(&"0".repeat(96)));
    assert_eq!(place.last(eve), None, "an invalid one is ignored");
    place.pass(2 * SECOND);
    assert_eq!(place.last(eve).as_deref(), Some("unlocked"));
}

#[test]
fn a_token_of_a_client_whose_guess_waits_takes_the_guess_from_the_queue() {
    let mut place = Place::new();
    let first = place.connect();
    place.unlock(first, "right", None);
    let token = place.token(first);
    let [guesser, ada] = [(); 2].map(|()| place.connect());
    (0..5).for_each(|_| place.unlock(guesser, "wrong", None));
    place.unlock(ada, "wrong", None);
    place.unlock(ada, "wrong", Some(token));
    place.pass(2 * SECOND);
    assert_eq!(place.last(ada).as_deref(), Some("unlocked"), "nothing follows");
}

#[test]
fn a_client_whose_guess_waits_is_not_closed_before_it_is_checked() {
    let mut place = Place::after_failures();
    let [guesser, ada, silent] = [(); 3].map(|()| place.connect());
    place.pass(PASSPHRASE_TIMEOUT - 2 * SECOND);
    (0..3).for_each(|_| place.unlock(guesser, "wrong", None));
    let guessers = [(); 5].map(|()| place.connect());
    guessers.into_iter().for_each(|guesser| place.unlock(guesser, "wrong", None));
    place.unlock(ada, "right", None);
    place.pass(2 * SECOND);
    assert_eq!((place.last(ada), place.last(silent).as_deref()), (None, Some("close")));
    place.pass(5 * SECOND);
    assert_eq!(place.last(ada).as_deref(), Some("unlocked"));
}

#[test]
fn a_client_that_is_let_in_or_gone_is_not_answered_again() {
    let mut place = Place::after_failures();
    let [gone, ada] = [(); 2].map(|()| place.connect());
    place.unlock(gone, "wrong", None);
    place.unlock(ada, "right", None);
    place.hub.handle(Event::from_client(gone, FromClient::Closed { goodbye: false }), place.now);
    place.pass(SECOND);
    assert_eq!((place.last(gone), place.last(ada).as_deref()), (None, Some("unlocked")), "it left the queue");
}

#[test]
fn wrong_keys_are_slowed_down_and_do_not_count_as_wrong_passphrases() {
    let mut place = Place::new();
    let [eve, host] = [(); 2].map(|()| place.connect());
    [eve, host].into_iter().for_each(|client| place.unlock(client, "right", None));
    for n in 0..5 {
        place.give_key(eve, "wrong", None);
        assert_eq!(place.last(eve).as_deref(), Some("host_key_wrong"), "{n}");
    }
    place.give_key(eve, "wrong", None);
    place.give_key(host, KEY, None);
    assert_eq!(place.last(host).as_deref(), Some("unlocked"), "the key waits");
    let ada = place.connect();
    place.unlock(ada, "right", None);
    assert_eq!(place.last(ada).as_deref(), Some("unlocked"), "the passphrase does not");
    place.pass(SECOND);
    assert_eq!(place.last(host).as_deref(), Some("unlocked"), "one key a second is looked at");
    place.pass(SECOND);
    assert_eq!(place.last(host).as_deref(), Some("hosting"));
}

#[test]
fn a_token_of_a_host_is_checked_before_all_guesses() {
    let mut place = Place::new();
    let [eve, host, again, other] = [(); 4].map(|()| place.connect());
    [eve, host, again, other].into_iter().for_each(|client| place.unlock(client, "right", None));
    place.give_key(host, KEY, None);
    let Some(Frame::Event(_, data)) = place.pipes[host.0 as usize - 1].frames().pop() else {
        panic!("no answer")
    };
    let token = Token::parse(data["token"].as_str().expect("a token"));
    (0..6).for_each(|_| place.give_key(eve, "wrong", None));
    place.give_key(again, "", token);
    assert_eq!(place.last(again).as_deref(), Some("hosting"));
    let of_passphrase = place.token(eve);
    place.give_key(other, "wrong", Some(of_passphrase));
    assert_eq!(place.last(other).as_deref(), Some("unlocked"), "that of the passphrase is ignored");
    place.pass(2 * SECOND);
    assert_eq!(place.last(other).as_deref(), Some("host_key_wrong"));
}

#[test]
fn answers_to_one_batch_come_in_order_across_the_unlock() {
    let mut place = Place::new();
    let ada = place.connect();
    for passphrase in ["wrong", "right"] {
        let unlock = FromClient::Unlock { passphrase: SecretHash::new(passphrase), token: None };
        place.hub.handle(Event::from_client(ada, unlock), place.now);
    }
    place.hub.write(place.now);
    let frames = place.pipes[0].frames();
    let names: Vec<&str> = frames.iter().map(Frame::name).collect();
    assert_eq!((names[0], names.last()), ("error", Some(&"unlocked")), "{names:?}");
}

#[test]
fn what_is_queued_for_a_client_is_sent_before_it_is_removed() {
    let mut place = Place::new();
    let [ada, _bob] = [(); 2].map(|()| place.connect());
    let pong = vec![0x8a, 0];
    for event in [FromClient::Frames(pong), FromClient::Closed { goodbye: true }] {
        place.hub.handle(Event::from_client(ada, event), place.now);
    }
    place.hub.write(place.now);
    let frames = place.pipes.iter().map(Pipe::frames).collect::<Vec<_>>();
    assert_eq!(frames, [vec![Frame::Pong], vec![]]);
}
