//! Checks with a time of the test's own.

use super::*;
use crate::hub::attempts::MAX_ATTEMPTS;
use crossbeam_channel::{Receiver, bounded};
use std::net::IpAddr;

const RIGHT: &str = "correct horse";
const WRONG: &str = "battery staple";
const WAIT: Result<(), Refusal> = Err(Refusal::Wait(DISPLACE_WAIT.as_secs()));

/// Everyone who matters to these tests.
const ADA: ClientId = ClientId(1_000_000);

fn address(n: u32) -> Address {
    Address::of(IpAddr::V4(n.into()))
}

/// A check with the time, and the results of clients at one address.
struct Place {
    check: SecretCheck,
    now: Instant,
    results: Vec<(ClientId, Result<(), Refusal>)>,
}

impl Place {
    fn new() -> Self {
        let check = SecretCheck::new(SecretHash::new(RIGHT));
        Self { check, now: Instant::now(), results: Vec::new() }
    }

    /// An address from which as many wrong passphrases came as are answered at once.
    fn after_failures() -> Self {
        let mut place = Self::new();
        (0..FREE_ATTEMPTS).for_each(|_| place.attempt(ClientId(0), WRONG));
        place.results.clear();
        place
    }

    fn note(&mut self, results: impl IntoIterator<Item = AttemptResult>) {
        for AttemptResult { to, outcome } in results {
            if let Requester::Client(client, _) = to {
                self.results.push((client, outcome));
            } else if let Requester::Request { reply_to } = to {
                reply_to.send(outcome).unwrap();
            }
        }
    }

    fn connect(&mut self, client: ClientId) {
        self.check.add(client, self.now);
    }

    fn attempt(&mut self, client: ClientId, passphrase: &str) {
        let attempt = Attempt { from: Requester::Client(client, None), secret: SecretHash::new(passphrase) };
        let result = self.check.attempt(address(1), attempt, self.now);
        self.note(result);
    }

    fn request(&mut self, passphrase: &str) -> Receiver<Result<(), Refusal>> {
        let (reply_to, reply) = bounded(1);
        let attempt = Attempt { from: Requester::Request { reply_to }, secret: SecretHash::new(passphrase) };
        let result = self.check.attempt(address(1), attempt, self.now);
        self.note(result);
        reply
    }

    /// Lets time pass, and checks attempts when they are due. Returns the results of this time.
    fn pass(&mut self, time: Duration) -> Vec<(ClientId, Result<(), Refusal>)> {
        let end = self.now + time;
        while let Some(due) = self.check.due(address(1)).filter(|due| *due <= end) {
            self.now = self.now.max(due);
            let results = self.check.check_next(address(1), self.now);
            self.note(results);
        }
        self.now = end;
        std::mem::take(&mut self.results)
    }
}

fn wrong(clients: impl IntoIterator<Item = u64>) -> Vec<(ClientId, Result<(), Refusal>)> {
    clients.into_iter().map(|n| (ClientId(n), Err(Refusal::Wrong))).collect()
}

#[test]
fn five_wrong_passphrases_are_answered_at_once_and_then_one_a_second() {
    let mut place = Place::new();
    (0..7).for_each(|n| place.attempt(ClientId(n), WRONG));
    assert_eq!(place.results, wrong(0..5));
    place.results.clear();
    assert_eq!(place.pass(CHECK_INTERVAL - Duration::from_millis(1)), []);
    assert_eq!(place.pass(Duration::from_millis(1)), wrong([5]));
    assert_eq!(place.pass(CHECK_INTERVAL), wrong([6]));
    place.attempt(ClientId(7), WRONG);
    assert_eq!(place.results, [], "a second after the last");
    assert_eq!(place.pass(CHECK_INTERVAL), wrong([7]));
    place.now += CHECK_INTERVAL;
    place.attempt(ADA, RIGHT);
    assert_eq!(place.results, [(ADA, Ok(()))], "the queue is empty");
}

#[test]
fn wrong_passphrases_of_an_address_concern_no_other_and_are_forgotten() {
    let mut place = Place::after_failures();
    let attempt = Attempt { from: Requester::Client(ADA, None), secret: SecretHash::new(RIGHT) };
    let result = place.check.attempt(address(2), attempt, place.now).expect("a result at once");
    assert_eq!(result.outcome, Ok(()));
    place.now += MEMORY;
    (0..5).for_each(|n| place.attempt(ClientId(n), WRONG));
    assert_eq!(place.results, wrong(0..5));
}

#[test]
fn who_knows_the_passphrase_waits_for_each_guessing_connection_once() {
    for guessers in [1, 5, MAX_ATTEMPTS as u64 - 1] {
        let mut place = Place::after_failures();
        (0..guessers).for_each(|n| place.attempt(ClientId(n), WRONG));
        place.attempt(ADA, RIGHT);
        let mut seconds = 0;
        // Each tries again as soon as it has an answer, and many times before.
        while !place.pass(CHECK_INTERVAL).contains(&(ADA, Ok(()))) {
            (0..10 * guessers).for_each(|n| place.attempt(ClientId(n % guessers), WRONG));
            seconds += 1;
        }
        assert!(seconds <= guessers, "{seconds} s with {guessers} connections");
    }
}

#[test]
fn guessing_is_no_faster_with_more_connections() {
    let mut place = Place::after_failures();
    (0..200).for_each(|n| place.connect(ClientId(n)));
    let mut checked = 0;
    for _ in 0..60 {
        (0..200).for_each(|n| place.attempt(ClientId(n), WRONG));
        let results = place.pass(CHECK_INTERVAL);
        checked += results
            .iter()
            .filter(|(_, outcome)| *outcome != WAIT)
            .filter(|(_, outcome)| *outcome == Err(Refusal::Wrong))
            .count();
    }
    assert_eq!(checked, 60);
}

#[test]
fn right_attempts_do_not_wait_for_each_other() {
    let mut place = Place::after_failures();
    place.attempt(ClientId(1), WRONG);
    (2..10).for_each(|n| place.attempt(ClientId(n), RIGHT));
    place.attempt(ClientId(10), WRONG);
    place.attempt(ClientId(11), RIGHT);
    assert_eq!(place.pass(CHECK_INTERVAL), wrong([1]));
    let results = place.pass(CHECK_INTERVAL);
    assert_eq!((results.len(), results.last()), (9, wrong([10]).last()), "up to a wrong one");
    assert_eq!(place.pass(CHECK_INTERVAL), [(ClientId(11), Ok(()))]);
    assert!(place.check.attempts.is_empty());
}

#[test]
fn a_connection_has_one_attempt_in_the_queue_and_keeps_its_place() {
    let mut place = Place::after_failures();
    place.attempt(ADA, WRONG);
    place.attempt(ClientId(1), WRONG);
    (0..100).for_each(|_| place.attempt(ClientId(2), WRONG));
    place.attempt(ADA, RIGHT);
    assert_eq!(place.pass(CHECK_INTERVAL), [&[(ADA, Ok(()))], &wrong([1])[..]].concat());
    assert_eq!(place.pass(CHECK_INTERVAL), wrong([2]));
    assert!(place.check.attempts.is_empty());
}

#[test]
fn a_full_queue_takes_an_attempt_for_another_of_a_client_that_has_waited() {
    let mut place = Place::after_failures();
    (0..=MAX_ATTEMPTS as u64).for_each(|n| place.connect(ClientId(n)));
    (0..MAX_ATTEMPTS as u64).for_each(|n| place.attempt(ClientId(n), WRONG));
    let newcomer = ClientId(MAX_ATTEMPTS as u64);
    place.attempt(newcomer, WRONG);
    assert_eq!(place.results, [(newcomer, WAIT)], "it has just connected");
    place.check.attempts.delay(address(1), place.now + MEMORY);
    place.pass(DISPLACE_WAIT);
    place.attempt(newcomer, WRONG);
    let [(displaced, WAIT)] = place.results[..] else { panic!("{:?}", place.results) };
    assert_ne!(displaced, newcomer);
    place.attempt(displaced, WRONG);
    assert_eq!(place.results[1..], [(displaced, WAIT)], "it must not displace another at once");
    place.pass(DISPLACE_WAIT);
    place.attempt(displaced, WRONG);
    assert_ne!(place.results[0].0, displaced);
}

#[test]
fn any_attempt_may_have_to_give_way() {
    let mut displaced = std::collections::BTreeSet::new();
    // All of twenty are chosen once in 2,000 attempts, except with a probability of 10⁻⁴³.
    for _ in 0..2_000 {
        let mut place = Place::after_failures();
        place.connect(ADA);
        place.pass(DISPLACE_WAIT);
        place.attempt(ClientId(100), WRONG);
        place.results.clear();
        (0..MAX_ATTEMPTS as u64).for_each(|n| place.attempt(ClientId(n), WRONG));
        place.attempt(ADA, RIGHT);
        displaced.insert(place.results[0].0);
    }
    assert_eq!(displaced.len(), MAX_ATTEMPTS);
}

#[test]
fn requests_wait_in_the_same_queue_and_displace_nobody() {
    let mut place = Place::after_failures();
    let requests: Vec<_> = (0..MAX_ATTEMPTS).map(|_| place.request(WRONG)).collect();
    assert_eq!(place.request(RIGHT).try_recv(), Ok(WAIT));
    assert!(requests.iter().all(Receiver::is_empty));
    place.pass(CHECK_INTERVAL);
    let right = place.request(RIGHT);
    place.pass(Duration::from_secs(MAX_ATTEMPTS as u64));
    assert!(requests.iter().all(|reply| reply.try_recv() == Ok(Err(Refusal::Wrong))));
    assert_eq!(right.try_recv(), Ok(Ok(())));
}

#[test]
fn a_client_that_is_gone_leaves_the_queue() {
    let mut place = Place::after_failures();
    [1, 2].into_iter().for_each(|n| place.attempt(ClientId(n), WRONG));
    place.check.remove(ClientId(1));
    assert_eq!(place.pass(CHECK_INTERVAL), wrong([2]));
    place.attempt(ClientId(3), WRONG);
    place.check.remove(ClientId(3));
    assert!(place.check.attempts.is_empty());
}

#[test]
fn the_oldest_addresses_are_forgotten() {
    let (mut check, start) = (Place::new().check, Instant::now());
    for n in 0..10_000 {
        let now = start + Duration::from_millis(n.into());
        let attempt = Attempt { from: Requester::Client(ADA, None), secret: SecretHash::new(WRONG) };
        assert!(check.attempt(address(n), attempt, now).is_some());
    }
    assert_eq!(check.failures.len(), MAX_ADDRESSES);
    assert!(check.failures.contains_key(&address(9_999)) && !check.failures.contains_key(&address(0)));
}
