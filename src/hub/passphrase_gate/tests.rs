//! The gate with a time of the test's own.

use super::*;
use crate::hub::guesses::MAX_GUESSES;
use crossbeam_channel::{Receiver, bounded};
use std::net::IpAddr;

const RIGHT: &str = "correct horse";
const WRONG: &str = "battery staple";
const WAIT: Result<(), EventError> = Err(EventError::PassphraseWait(DISPLACE_WAIT.as_secs()));

/// Everyone who matters to these tests.
const ADA: ClientId = ClientId(1_000_000);

fn address(n: u32) -> Address {
    Address::of(IpAddr::V4(n.into()))
}

/// A gate with the time, and the verdicts of clients at one address.
struct Door {
    gate: PassphraseGate,
    now: Instant,
    verdicts: Vec<(ClientId, Result<(), EventError>)>,
}

impl Door {
    fn new() -> Self {
        let gate = PassphraseGate::new(Some(Passphrase::new(RIGHT)), 1_000_000);
        Self { gate, now: Instant::now(), verdicts: Vec::new() }
    }

    /// An address from which as many wrong passphrases came as are answered at once.
    fn suspicious() -> Self {
        let mut door = Self::new();
        (0..FREE_ATTEMPTS).for_each(|_| door.guess(ClientId(0), WRONG));
        door.verdicts.clear();
        door
    }

    fn note(&mut self, verdicts: impl IntoIterator<Item = Verdict>) {
        for Verdict { to, outcome } in verdicts {
            if let Guesser::Client(client) = to {
                self.verdicts.push((client, outcome));
            } else if let Guesser::Request { reply_to } = to {
                reply_to.send(outcome).unwrap();
            }
        }
    }

    fn connect(&mut self, client: ClientId) {
        assert_eq!(self.gate.hold(client, self.now), None);
    }

    fn guess(&mut self, client: ClientId, passphrase: &str) {
        let guess = Guess { from: Guesser::Client(client), passphrase: Passphrase::new(passphrase) };
        let verdict = self.gate.guess(address(1), guess, self.now);
        self.note(verdict);
    }

    fn request(&mut self, passphrase: &str) -> Receiver<Result<(), EventError>> {
        let (reply_to, reply) = bounded(1);
        let guess = Guess { from: Guesser::Request { reply_to }, passphrase: Passphrase::new(passphrase) };
        let verdict = self.gate.guess(address(1), guess, self.now);
        self.note(verdict);
        reply
    }

    /// Lets time pass, and looks at guesses when they are due. Returns the verdicts of this time.
    fn pass(&mut self, time: Duration) -> Vec<(ClientId, Result<(), EventError>)> {
        let end = self.now + time;
        while let Some(due) = self.gate.due(address(1)).filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let verdicts = self.gate.look(address(1), self.now);
            self.note(verdicts);
        }
        self.now = end;
        std::mem::take(&mut self.verdicts)
    }
}

fn wrong(clients: impl IntoIterator<Item = u64>) -> Vec<(ClientId, Result<(), EventError>)> {
    clients.into_iter().map(|n| (ClientId(n), Err(EventError::PassphraseWrong))).collect()
}

#[test]
fn five_wrong_passphrases_are_answered_at_once_and_then_one_a_second() {
    let mut door = Door::new();
    (0..7).for_each(|n| door.guess(ClientId(n), WRONG));
    assert_eq!(door.verdicts, wrong(0..5));
    door.verdicts.clear();
    assert_eq!(door.pass(LOOK_EVERY - Duration::from_millis(1)), []);
    assert_eq!(door.pass(Duration::from_millis(1)), wrong([5]));
    assert_eq!(door.pass(LOOK_EVERY), wrong([6]));
    door.guess(ClientId(7), WRONG);
    assert_eq!(door.verdicts, [], "a second after the last");
    assert_eq!(door.pass(LOOK_EVERY), wrong([7]));
    door.now += LOOK_EVERY;
    door.guess(ADA, RIGHT);
    assert_eq!(door.verdicts, [(ADA, Ok(()))], "nobody guesses any more");
}

#[test]
fn wrong_passphrases_of_an_address_concern_no_other_and_are_forgotten() {
    let mut door = Door::suspicious();
    let guess = Guess { from: Guesser::Client(ADA), passphrase: Passphrase::new(RIGHT) };
    let verdict = door.gate.guess(address(2), guess, door.now).expect("a verdict at once");
    assert_eq!(verdict.outcome, Ok(()));
    door.now += MEMORY;
    (0..5).for_each(|n| door.guess(ClientId(n), WRONG));
    assert_eq!(door.verdicts, wrong(0..5));
}

#[test]
fn who_knows_the_passphrase_waits_for_each_guessing_connection_once() {
    for jokers in [1, 5, MAX_GUESSES as u64 - 1] {
        let mut door = Door::suspicious();
        (0..jokers).for_each(|n| door.guess(ClientId(n), WRONG));
        door.guess(ADA, RIGHT);
        let mut seconds = 0;
        // Each joker guesses again as soon as it has an answer, and many times before.
        while !door.pass(LOOK_EVERY).contains(&(ADA, Ok(()))) {
            (0..10 * jokers).for_each(|n| door.guess(ClientId(n % jokers), WRONG));
            seconds += 1;
        }
        assert!(seconds <= jokers, "{seconds} s with {jokers} connections");
    }
}

#[test]
fn guessing_is_no_faster_with_more_connections() {
    let mut door = Door::suspicious();
    (0..200).for_each(|n| door.connect(ClientId(n)));
    let mut looked_at = 0;
    for _ in 0..60 {
        (0..200).for_each(|n| door.guess(ClientId(n), WRONG));
        let verdicts = door.pass(LOOK_EVERY);
        looked_at += verdicts
            .iter()
            .filter(|(_, outcome)| *outcome != WAIT)
            .filter(|(_, outcome)| *outcome == Err(EventError::PassphraseWrong))
            .count();
    }
    assert_eq!(looked_at, 60);
}

#[test]
fn right_guesses_do_not_wait_for_each_other() {
    let mut door = Door::suspicious();
    door.guess(ClientId(1), WRONG);
    (2..10).for_each(|n| door.guess(ClientId(n), RIGHT));
    door.guess(ClientId(10), WRONG);
    door.guess(ClientId(11), RIGHT);
    assert_eq!(door.pass(LOOK_EVERY), wrong([1]));
    let verdicts = door.pass(LOOK_EVERY);
    assert_eq!((verdicts.len(), verdicts.last()), (9, wrong([10]).last()), "up to a wrong one");
    assert_eq!(door.pass(LOOK_EVERY), [(ClientId(11), Ok(()))]);
    assert!(door.gate.guesses.is_empty());
}

#[test]
fn a_connection_has_one_guess_in_the_queue_and_keeps_its_place() {
    let mut door = Door::suspicious();
    door.guess(ADA, WRONG);
    door.guess(ClientId(1), WRONG);
    (0..100).for_each(|_| door.guess(ClientId(2), WRONG));
    door.guess(ADA, RIGHT);
    assert_eq!(door.pass(LOOK_EVERY), [&[(ADA, Ok(()))], &wrong([1])[..]].concat());
    assert_eq!(door.pass(LOOK_EVERY), wrong([2]));
    assert!(door.gate.guesses.is_empty());
}

#[test]
fn a_full_queue_takes_a_guess_for_another_of_a_client_that_has_waited() {
    let mut door = Door::suspicious();
    (0..=MAX_GUESSES as u64).for_each(|n| door.connect(ClientId(n)));
    (0..MAX_GUESSES as u64).for_each(|n| door.guess(ClientId(n), WRONG));
    let newcomer = ClientId(MAX_GUESSES as u64);
    door.guess(newcomer, WRONG);
    assert_eq!(door.verdicts, [(newcomer, WAIT)], "it has just connected");
    door.gate.guesses.delay(address(1), door.now + MEMORY);
    door.pass(DISPLACE_WAIT);
    door.guess(newcomer, WRONG);
    let [(displaced, WAIT)] = door.verdicts[..] else { panic!("{:?}", door.verdicts) };
    assert_ne!(displaced, newcomer);
    door.guess(displaced, WRONG);
    assert_eq!(door.verdicts[1..], [(displaced, WAIT)], "it must not displace another at once");
    door.pass(DISPLACE_WAIT);
    door.guess(displaced, WRONG);
    assert_ne!(door.verdicts[0].0, displaced);
}

#[test]
fn any_guess_may_have_to_give_way() {
    let mut displaced = std::collections::BTreeSet::new();
    // All of twenty are chosen once in 2,000 attempts, except with a probability of 10⁻⁴³.
    for _ in 0..2_000 {
        let mut door = Door::suspicious();
        door.connect(ADA);
        door.pass(DISPLACE_WAIT);
        door.guess(ClientId(100), WRONG);
        door.verdicts.clear();
        (0..MAX_GUESSES as u64).for_each(|n| door.guess(ClientId(n), WRONG));
        door.guess(ADA, RIGHT);
        displaced.insert(door.verdicts[0].0);
    }
    assert_eq!(displaced.len(), MAX_GUESSES);
}

#[test]
fn requests_wait_in_the_same_queue_and_displace_nobody() {
    let mut door = Door::suspicious();
    let requests: Vec<_> = (0..MAX_GUESSES).map(|_| door.request(WRONG)).collect();
    assert_eq!(door.request(RIGHT).try_recv(), Ok(WAIT));
    assert!(requests.iter().all(Receiver::is_empty));
    door.pass(LOOK_EVERY);
    let right = door.request(RIGHT);
    door.pass(Duration::from_secs(MAX_GUESSES as u64));
    assert!(requests.iter().all(|reply| reply.try_recv() == Ok(Err(EventError::PassphraseWrong))));
    assert_eq!(right.try_recv(), Ok(Ok(())));
}

#[test]
fn a_client_that_is_gone_leaves_the_queue() {
    let mut door = Door::suspicious();
    [1, 2].into_iter().for_each(|n| door.guess(ClientId(n), WRONG));
    door.gate.release(ClientId(1));
    assert_eq!(door.pass(LOOK_EVERY), wrong([2]));
    door.guess(ClientId(3), WRONG);
    door.gate.release(ClientId(3));
    assert!(door.gate.guesses.is_empty());
}

#[test]
fn the_oldest_addresses_are_forgotten() {
    let (mut gate, start) = (Door::new().gate, Instant::now());
    for n in 0..10_000 {
        let now = start + Duration::from_millis(n.into());
        let guess = Guess { from: Guesser::Client(ADA), passphrase: Passphrase::new(WRONG) };
        assert!(gate.guess(address(n), guess, now).is_some());
    }
    assert_eq!(gate.failures.len(), MAX_ADDRESSES);
    assert!(gate.failures.contains_key(&address(9_999)) && !gate.failures.contains_key(&address(0)));
}

#[test]
fn of_too_many_unauthenticated_clients_the_oldest_idle_one_has_to_go() {
    let mut door = Door::suspicious();
    door.gate.max_waiting = 5;
    (1..=5).for_each(|n| door.connect(ClientId(n)));
    door.gate.release(ClientId(1));
    door.connect(ClientId(6));
    door.guess(ClientId(2), RIGHT);
    assert_eq!(door.gate.hold(ClientId(7), door.now), Some(ClientId(3)), "the guess of 2 waits");
    door.gate.release(ClientId(3));
    (4..=7).for_each(|n| door.guess(ClientId(n), WRONG));
    assert_eq!(door.gate.hold(ClientId(8), door.now), Some(ClientId(2)), "and not the new one");
}

#[test]
fn a_token_is_accepted_by_the_gate_that_issued_it() {
    let [one, other] = [(); 2].map(|()| Door::new().gate);
    let token = one.issue_token().expect("there is a passphrase");
    assert!(one.accepts(&token) && !other.accepts(&token));
}

#[test]
fn without_a_passphrase_every_one_is_right() {
    let mut gate = PassphraseGate::new(None, 20);
    assert!(!gate.is_closed() && gate.issue_token().is_none());
    let guess = Guess { from: Guesser::Client(ADA), passphrase: Passphrase::new("") };
    let verdict = gate.guess(address(1), guess, Instant::now());
    assert_eq!(verdict.map(|verdict| verdict.outcome), Some(Ok(())));
}
