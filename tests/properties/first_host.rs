//! With `--hosts first`: who is the host of a room, and when another one is. The time is the test's own.

use crate::place::{LIMITS, Person, Place, ask, hide};
use std::time::Duration;
use typewall::HostMode;
use typewall::internals::{Action, Name, Session};

/// The least time that makes a difference.
const MOMENT: Duration = Duration::from_millis(1);

fn start() -> Place {
    Place::stored(LIMITS, HostMode::First)
}

/// Joins a room, and the store keeps what that changes.
fn join(place: &mut Place, session: Session) -> Person {
    let person = place.join_loaded("r", session);
    place.save_all();
    person
}

/// Time passes, and the store keeps what that changes.
fn pass(place: &mut Place, time: Duration) {
    place.pass(time);
    place.save_all();
}

#[test]
fn a_host_who_is_away_stays_the_host_until_the_grace_period_ends() {
    let mut place = start();
    let [ada, bob, cem] = [(); 3].map(|()| join(&mut place, Session::random()));
    assert_eq!([&ada, &bob, &cem].map(Person::is_host), [true, false, false]);
    place.write(&ada); // so that the seat is kept
    place.vanish(&ada);
    pass(&mut place, LIMITS.grace - MOMENT);
    assert!(!bob.is_host());
    pass(&mut place, MOMENT);
    assert_eq!([&bob, &cem].map(Person::is_host), [true, false], "the next in the order of joining");
}

#[test]
fn a_host_who_comes_back_within_the_grace_period_is_the_host() {
    let mut place = start();
    let [ada, bob] = [(); 2].map(|()| join(&mut place, Session::random()));
    place.write(&ada);
    place.vanish(&ada);
    pass(&mut place, LIMITS.grace - MOMENT);
    let again = join(&mut place, ada.session);
    pass(&mut place, 2 * LIMITS.grace);
    assert_eq!((again.id(), again.is_host(), bob.is_host()), (ada.id(), true, false));
}

#[test]
fn after_a_restart_the_host_is_the_one_from_before() {
    let mut place = start();
    let [ada, bob] = [(); 2].map(|()| join(&mut place, Session::random()));
    place.act(&ada, ask("Why?"));
    place.save_all();
    place.restart();
    let bob = join(&mut place, bob.session);
    pass(&mut place, LIMITS.grace - MOMENT);
    let ada = join(&mut place, ada.session);
    assert_eq!((ada.is_host(), bob.is_host()), (true, false));
    pass(&mut place, 2 * LIMITS.grace);
    assert_eq!((ada.is_host(), bob.is_host()), (true, false));
}

#[test]
fn a_host_who_does_not_come_back_after_a_restart_is_none_any_more() {
    let mut place = start();
    let [ada, bob, cem] = [(); 3].map(|()| join(&mut place, Session::random()).session);
    place.restart();
    let [late, early] = [cem, bob].map(|session| join(&mut place, session));
    pass(&mut place, LIMITS.grace - MOMENT);
    assert_eq!([&late, &early].map(Person::is_host), [false, false], "the host is expected back");
    pass(&mut place, MOMENT);
    assert_eq!([&late, &early].map(Person::is_host), [true, false], "the next in the order of joining");
    assert!(!join(&mut place, ada).is_host(), "the grace period is over");
    // Nor after another restart.
    place.restart();
    let [ada, cem] = [ada, cem].map(|session| join(&mut place, session));
    assert_eq!([&ada, &cem].map(Person::is_host), [false, true]);
}

#[test]
fn the_wait_for_a_host_begins_when_the_room_is_loaded() {
    let mut place = start();
    join(&mut place, Session::random());
    place.restart();
    let viewer = place.enter("r", 1, Session::random());
    place.load_all();
    pass(&mut place, LIMITS.grace - MOMENT);
    let ada = join(&mut place, Session::random());
    assert!(!ada.is_host());
    pass(&mut place, MOMENT);
    assert!(ada.is_host());
    place.leave(&viewer);
}

#[test]
fn a_host_without_a_seat_is_expected_back_for_the_grace_period() {
    let mut place = start();
    let host = place.host("r");
    let [ada, bob] = [(); 2].map(|()| join(&mut place, Session::random()));
    pass(&mut place, 2 * LIMITS.grace);
    assert!(!ada.is_host(), "there is one, without a box");
    place.vanish(&host);
    pass(&mut place, LIMITS.grace - MOMENT);
    assert!(!ada.is_host());
    pass(&mut place, MOMENT);
    assert_eq!([&ada, &bob].map(Person::is_host), [true, false]);
}

#[test]
fn a_key_is_gone_with_the_connection_whose_seat_another_one_took() {
    let mut place = start();
    let boss = place.host("r");
    let name = Name::parse("Boss", 40).unwrap();
    place.act(&boss, Action::Join { name, session: boss.session });
    let bob = join(&mut place, Session::random());
    let again = join(&mut place, boss.session);
    assert!(boss.close_code().is_some() && again.is_host() && !bob.is_host());
    place.leave(&again);
    pass(&mut place, 2 * LIMITS.grace);
    assert!(bob.is_host(), "nobody has the key any more");
}

#[test]
fn after_a_restart_a_host_with_the_key_is_expected_back_too() {
    let mut place = start();
    let boss = place.host("r");
    place.act(&boss, hide(true));
    place.save_all();
    place.restart();
    let eve = join(&mut place, Session::random());
    pass(&mut place, LIMITS.grace - MOMENT);
    assert!(!eve.is_host(), "she would see what is hidden");
    pass(&mut place, MOMENT);
    assert!(eve.is_host());
}
