//! The passphrase: what is kept of it, who is still outside, and who has to wait after wrong ones.
//!
//! Architecture invariant: the gate is before the rooms. A client that is outside is in no room, and nothing
//! of any room, not even whether there is one, is looked up for it.

use crate::base::address::Address;
use crate::base::ids::ClientId;
use crate::base::passphrase::Passphrase;
use crate::protocol::error::Refusal;
use crate::room::names::RoomName;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Wrong ones from an address until it has to wait: a person who mistypes is through by then.
const FREE_TRIES: u32 = 5;

/// How long it waits then, and twice as long after each one more.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// The longest wait. 1,440 tries a day find no passphrase, and a class whose joker behind the same address
/// tried to guess it is not kept out for long.
const LAST_WAIT: Duration = Duration::from_secs(60);

/// How long wrong ones are remembered after the last of them.
const MEMORY: Duration = Duration::from_secs(600);

/// Addresses that are remembered; of more, the one that tried longest ago is forgotten.
const MAX_ADDRESSES: usize = 4096;

/// How long a client may be outside: long enough to type a passphrase twice.
pub const OUTSIDE_PATIENCE: Duration = Duration::from_secs(60);

/// Of so many clients that there may be, one may be outside, and at least one. For each one more the one goes that
/// has been there for longest: who has the passphrase gives it at once, so that strangers keep nobody out.
const CLIENTS_AN_OUTSIDER: usize = 4;

/// Lets in who gives the passphrase; anybody where there is none.
#[derive(Debug)]
pub struct Gate {
    passphrase: Option<Passphrase>,
    outside: HashMap<ClientId, Visitor>,
    /// How many may be.
    max_outside: usize,
    /// Who has to go when, unless they are in by then; the earliest first.
    patience: VecDeque<(Instant, ClientId)>,
    wrong: HashMap<Address, Wrong>,
}

/// A client that has not given the passphrase.
#[derive(Debug)]
pub struct Visitor {
    /// Where it comes from.
    pub address: Address,
    /// Where it wants to be.
    pub room: RoomName,
}

/// What an address has got wrong.
#[derive(Debug, Clone, Copy)]
struct Wrong {
    count: u32,
    last: Instant,
}

impl Wrong {
    /// How long after the last one none is looked at.
    fn wait(self) -> Duration {
        match self.count.checked_sub(FREE_TRIES) {
            None => Duration::ZERO,
            Some(doublings) => FIRST_WAIT.saturating_mul(1 << doublings.min(30)).min(LAST_WAIT),
        }
    }
}

impl Gate {
    /// A gate with nobody outside, of a server for so many clients.
    pub fn new(passphrase: Option<Passphrase>, max_clients: usize) -> Self {
        let max_outside = (max_clients / CLIENTS_AN_OUTSIDER).max(1);
        let (outside, patience, wrong) = (HashMap::new(), VecDeque::new(), HashMap::new());
        Self { passphrase, outside, max_outside, patience, wrong }
    }

    /// Holds up a client that has just come; gives it back where there is no passphrase.
    pub fn hold(&mut self, client: ClientId, visitor: Visitor, now: Instant) -> Option<Visitor> {
        if self.passphrase.is_none() {
            return Some(visitor);
        }
        self.patience.push_back((now + OUTSIDE_PATIENCE, client));
        self.outside.insert(client, visitor);
        None
    }

    /// True for a client that is held up.
    pub fn holds(&self, client: ClientId) -> bool {
        self.outside.contains_key(&client)
    }

    /// A client that is held up gives a passphrase, and goes in if it is the right one.
    pub fn unlock(&mut self, client: ClientId, given: &Passphrase, now: Instant) -> Result<Visitor, Refusal> {
        let visitor = self.outside.get(&client).ok_or(Refusal::PassphraseNeeded)?;
        self.check(visitor.address, given, now)?;
        self.forget(client).ok_or(Refusal::PassphraseNeeded)
    }

    /// Somebody at that address gives a passphrase. While they have to wait it is not even looked at.
    pub fn check(&mut self, address: Address, given: &Passphrase, now: Instant) -> Result<(), Refusal> {
        let Some(passphrase) = &self.passphrase else {
            return Ok(());
        };
        let known = self.wrong.get(&address).filter(|wrong| now.duration_since(wrong.last) < MEMORY);
        let Wrong { count, last } = known.copied().unwrap_or(Wrong { count: 0, last: now });
        let until = last + Wrong { count, last }.wait();
        if until > now {
            return Err(Refusal::PassphraseWait(whole_seconds(until - now)));
        }
        if passphrase == given {
            return Ok(());
        }
        let wrong = Wrong { count: count.saturating_add(1), last: now };
        self.remember(address, wrong);
        Err(Refusal::PassphraseWrong(whole_seconds(wrong.wait())))
    }

    /// A client is no longer held up, or gone.
    pub fn forget(&mut self, client: ClientId) -> Option<Visitor> {
        self.outside.remove(&client)
    }

    /// Those who have been outside for too long, or for longest where there are too many.
    pub fn take_late(&mut self, now: Instant) -> Vec<ClientId> {
        let mut late = Vec::new();
        while let Some(&(until, client)) = self.patience.front()
            && (until <= now || !self.holds(client) || self.outside.len() > self.max_outside)
        {
            self.patience.pop_front();
            late.extend(self.forget(client).map(|_| client));
        }
        late
    }

    /// When somebody has been outside for too long.
    pub fn due(&self) -> Option<Instant> {
        self.patience.front().map(|&(until, _)| until)
    }

    fn remember(&mut self, address: Address, wrong: Wrong) {
        if self.wrong.len() >= MAX_ADDRESSES && !self.wrong.contains_key(&address) {
            let oldest = self.wrong.iter().min_by_key(|(_, wrong)| wrong.last).map(|(&address, _)| address);
            oldest.map(|address| self.wrong.remove(&address));
        }
        self.wrong.insert(address, wrong);
    }
}

/// Rounded up, so that who waits for so long has waited long enough.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    const RIGHT: &str = "correct horse";

    fn gate() -> Gate {
        Gate::new(Some(Passphrase::new(RIGHT)), 20)
    }

    fn address(n: u32) -> Address {
        Address::of(IpAddr::V4(n.into()))
    }

    fn visitor(n: u32) -> Visitor {
        let room = RoomName::from_query("room=r").unwrap();
        Visitor { address: address(n), room }
    }

    #[test]
    fn waits_grow_with_wrong_ones_and_are_forgotten() {
        let (mut gate, mut now) = (gate(), Instant::now());
        let (wrong, right) = (Passphrase::new("battery staple"), Passphrase::new(RIGHT));
        for wait in [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(gate.check(address(1), &wrong, now), Err(Refusal::PassphraseWrong(wait)));
            if wait > 0 {
                assert_eq!(gate.check(address(1), &right, now), Err(Refusal::PassphraseWait(wait)));
            }
            assert_eq!(gate.check(address(2), &right, now), Ok(()), "another address need not wait");
            now += Duration::from_secs(wait);
        }
        assert_eq!(gate.check(address(1), &right, now), Ok(()));
        assert_eq!(gate.check(address(1), &wrong, now), Err(Refusal::PassphraseWrong(60)));
        now += MEMORY;
        assert_eq!(gate.check(address(1), &wrong, now), Err(Refusal::PassphraseWrong(0)));
    }

    #[test]
    fn so_many_addresses_are_remembered() {
        let (mut gate, start) = (gate(), Instant::now());
        let wrong = Passphrase::new("battery staple");
        for n in 0..10_000 {
            let now = start + Duration::from_millis(n.into());
            assert_eq!(gate.check(address(n), &wrong, now), Err(Refusal::PassphraseWrong(0)));
        }
        assert_eq!(gate.wrong.len(), MAX_ADDRESSES);
        assert!(gate.wrong.contains_key(&address(9_999)) && !gate.wrong.contains_key(&address(0)));
    }

    #[test]
    fn who_is_outside_for_too_long_has_to_go() {
        let (mut gate, start) = (gate(), Instant::now());
        for n in 1..=3 {
            assert!(gate.hold(ClientId(n), visitor(1), start).is_none());
        }
        assert!(gate.unlock(ClientId(1), &Passphrase::new(RIGHT), start).is_ok());
        gate.forget(ClientId(2));
        assert_eq!(gate.take_late(start), []);
        let late = gate.due().expect("somebody is outside");
        assert_eq!(gate.take_late(late), [ClientId(3)]);
        assert_eq!((gate.due(), gate.outside.len()), (None, 0));
    }

    #[test]
    fn of_too_many_outside_the_first_have_to_go() {
        let (mut gate, start) = (gate(), Instant::now());
        for n in 1..=7 {
            assert!(gate.hold(ClientId(n), visitor(1), start).is_none());
        }
        assert!(gate.unlock(ClientId(1), &Passphrase::new(RIGHT), start).is_ok());
        assert_eq!(gate.take_late(start), [ClientId(2)], "five of twenty may be outside");
        assert_eq!(gate.take_late(start), []);
        assert!((3..=7).all(|n| gate.holds(ClientId(n))));
    }

    #[test]
    fn without_a_passphrase_nobody_is_held_up() {
        let mut gate = Gate::new(None, 20);
        assert!(gate.hold(ClientId(1), visitor(1), Instant::now()).is_some());
        assert_eq!(gate.check(address(1), &Passphrase::new(""), Instant::now()), Ok(()));
    }
}
