//! What people of a mirror get, and what the owner of a room does for them, is what they would get from one server.

use super::pair::{Keeps, Nodes, Person, take_seat};
use crate::place::{LIMITS, hide};
use std::time::Duration;
use typewall::internals::{Action, Encoding, FromClient, TextChange};
use typewall::{HostMode, Limits};

const SECOND: Duration = Duration::from_secs(1);

/// Two nodes, of which the first owns the room: Olga is there.
fn two_nodes() -> (Nodes, Person) {
    let mut nodes = Nodes::start(2, LIMITS, HostMode::Key);
    let olga = nodes.join(0, "Olga");
    nodes.pass(4 * SECOND); // the others have had the time to tell of their posts
    (nodes, olga)
}

fn post(text: &str) -> Action {
    Action::Post { text: text.to_owned(), reference: None }
}

/// A Socket.IO client with a seat at a node.
fn join_socketio(nodes: &mut Nodes, node: usize, name: &str) -> Person {
    let person = nodes.enter(node, Encoding::SOCKET_IO);
    nodes.act(&person, take_seat(name, person.session));
    person
}

/// The acknowledgements that have come since this was last asked.
fn acks(person: &Person) -> Vec<String> {
    let packets = person.pipe.packets();
    person.pipe.0.borrow_mut().bytes.clear();
    packets.into_iter().filter(|packet| packet.starts_with("43")).collect()
}

#[test]
fn whoever_removes_a_post_at_a_mirror_is_told_what_has_become_of_it() {
    for node in [0, 1] {
        let (mut nodes, _olga) = two_nodes();
        let ada = join_socketio(&mut nodes, node, "Ada");
        nodes.act(&ada, post("a post"));
        let told = |nodes: &mut Nodes, ack: u64| {
            nodes.send(&ada, FromClient::Acted(Action::RemovePost(1)), Some(ack));
            let acks = acks(&ada);
            assert_eq!(acks.len(), 1, "at node {node}: {acks:?}");
            acks[0].clone()
        };
        for (keeps, ack, code) in [(Keeps::Nothing, 1, "not_removed"), (Keeps::NoPosts, 2, "unknown_post")] {
            nodes.keeps = keeps;
            let answer = told(&mut nodes, ack);
            assert!(answer.contains(code), "at node {node}: {answer}");
        }
        nodes.keeps = Keeps::All;
        assert_eq!(told(&mut nodes, 3), "433[{}]", "at node {node}");
        assert_eq!(told(&mut nodes, 4), "434[{}]", "at node {node}: it is gone already");
    }
}

#[test]
fn hosts_at_a_mirror_are_told_that_what_they_have_set_is_not_kept() {
    for node in [0, 1] {
        let (mut nodes, olga) = two_nodes();
        let ada = nodes.join(node, "Ada");
        nodes.give_key(&ada);
        nodes.keeps = Keeps::Nothing;
        nodes.act(&ada, hide(true));
        assert_eq!(ada.page().errors, ["state_not_stored"], "at node {node}");
        assert!(ada.page().state.hidden && olga.page().state.hidden, "it is in effect");
        assert!(olga.page().errors.is_empty(), "she is no host");
    }
}

#[test]
fn a_room_that_was_opened_stays_open_under_a_new_owner_that_has_not_heard_of_it() {
    let (mut nodes, olga) = two_nodes();
    nodes.give_key(&olga);
    let ada = nodes.join(1, "Ada");
    nodes.act(&olga, hide(true));
    assert!(ada.page().state.hidden);
    nodes.is_slow = true;
    nodes.act(&olga, hide(false));
    assert!(!olga.page().state.hidden && ada.page().state.hidden);
    nodes.kill(0);
    nodes.is_slow = false;
    nodes.pass(10 * SECOND);
    assert!(!ada.page().state.hidden, "what Redis had last counts, even if it is nothing");
}

#[test]
fn viewers_of_a_node_that_has_died_do_not_count_any_more() {
    for dies in [0, 1] {
        let (mut nodes, olga) = two_nodes();
        let ada = nodes.join(1, "Ada");
        for node in [0, 1] {
            let viewer = nodes.enter(node, Encoding::PLAIN_WHOLE);
            nodes.act(&viewer, Action::Watch);
        }
        nodes.pass(4 * SECOND);
        assert_eq!([olga.page().viewers, ada.page().viewers], [2, 2]);
        nodes.kill(dies);
        nodes.pass(10 * SECOND);
        let left = if dies == 0 { &ada } else { &olga };
        assert_eq!(left.page().viewers, 1, "node {dies} has died");
    }
}

#[test]
fn a_post_whose_removal_nobody_was_told_of_is_removed_by_the_next_owner() {
    let (mut nodes, olga) = two_nodes();
    let ada = nodes.join(1, "Ada");
    nodes.act(&olga, post("kept"));
    nodes.act(&olga, post("a secret"));
    nodes.is_slow = true;
    nodes.act(&olga, Action::RemovePost(2));
    assert_eq!(ada.page().posts(), ["kept", "a secret"]);
    nodes.kill(0);
    nodes.is_slow = false;
    nodes.pass(10 * SECOND);
    assert_eq!(ada.page().posts(), ["kept", ""]);
}

/// Somebody writes, so that the seat is kept, and loses the connection after so many seconds.
fn stay_and_vanish(nodes: &mut Nodes, node: usize, name: &str, seconds: u32) {
    let person = nodes.join(node, name);
    nodes.act(&person, Action::Write(TextChange::Whole("a text".into())));
    nodes.pass(seconds * SECOND);
    nodes.end(&person, false);
}

#[test]
fn in_a_full_room_away_users_of_all_nodes_give_way_to_newcomers_of_all_nodes() {
    let limits = Limits { max_users: 4, ..LIMITS };
    for [away, other, newcomer] in [[0, 0, 0], [1, 1, 1], [1, 1, 0], [0, 1, 1], [1, 0, 0]] {
        let mut nodes = Nodes::start(2, limits, HostMode::Key);
        let olga = nodes.join(0, "Olga");
        stay_and_vanish(&mut nodes, away, "Ada", 20);
        stay_and_vanish(&mut nodes, other, "Bob", 10);
        stay_and_vanish(&mut nodes, away, "Cem", 15);
        let dora = nodes.join(newcomer, "Dora");
        assert_eq!(olga.sees(), ["Olga", "Ada", "Cem", "Dora"], "the shortest stay gives way");
        nodes.join(newcomer, "Eve");
        assert_eq!(dora.sees(), ["Olga", "Ada", "Dora", "Eve"]);
        let fay = nodes.join(newcomer, "Fay");
        assert_eq!(fay.page().errors, ["room_full"], "a quarter of the seats is kept for away users");
        assert_eq!(olga.sees(), dora.sees());
    }
}

#[test]
fn away_users_of_an_owner_that_died_give_way_at_the_next_one() {
    let limits = Limits { max_users: 4, ..LIMITS };
    let mut nodes = Nodes::start(3, limits, HostMode::Key);
    let _olga = nodes.join(0, "Olga");
    let ada = nodes.join(1, "Ada");
    stay_and_vanish(&mut nodes, 0, "Bob", 20);
    stay_and_vanish(&mut nodes, 2, "Cem", 10);
    let cora = nodes.enter(2, Encoding::PLAIN_WHOLE);
    nodes.kill(0);
    nodes.pass(10 * SECOND);
    assert!(ada.page().is_away("Olga").unwrap(), "her node is dead");
    for (node, name) in [(2, "Dora"), (1, "Eve")] {
        nodes.join(node, name);
    }
    assert_eq!(ada.sees(), ["Olga", "Ada", "Dora", "Eve"], "Cem gave way, and then Bob");
    nodes.act(&cora, take_seat("Cora", cora.session));
    assert_eq!(cora.page().errors, ["room_full"]);
}

#[test]
fn people_of_another_node_take_no_seats_from_those_who_are_away_here() {
    let limits = Limits { max_clients: 3, ..LIMITS };
    let mut nodes = Nodes::start(2, limits, HostMode::Key);
    let olga = nodes.join(0, "Olga");
    for name in ["Xia", "Yan"] {
        nodes.join(1, name);
    }
    stay_and_vanish(&mut nodes, 0, "Ada", 10);
    stay_and_vanish(&mut nodes, 1, "Zoe", 10);
    nodes.join(0, "Bob");
    assert_eq!(olga.sees(), ["Olga", "Xia", "Yan", "Ada", "Zoe", "Bob"], "three seats for each node");
    nodes.join(1, "Wim");
    assert_eq!(
        olga.sees(),
        ["Olga", "Xia", "Yan", "Ada", "Bob", "Wim"],
        "a client of the node of Zoe needs hers"
    );
    nodes.join(0, "Cem");
    assert_eq!(olga.sees(), ["Olga", "Xia", "Yan", "Bob", "Wim", "Cem"], "and one of the node of Ada hers");
}

/// For how long a host is expected back in the tests of `--hosts first`.
const GRACE: Duration = Duration::from_secs(60);

/// So many nodes with `--hosts first`, of which the first owns the room.
fn first_hosts(count: usize) -> Nodes {
    let mut nodes = Nodes::start(count, Limits { grace: GRACE, ..LIMITS }, HostMode::First);
    nodes.enter(0, Encoding::PLAIN_WHOLE);
    nodes
}

/// Which of these people are hosts, as all pages agree.
fn hosts(people: &[&Person]) -> Vec<bool> {
    let hosts = people[0].page().hosts;
    people.iter().for_each(|person| assert_eq!(person.page().hosts, hosts));
    people.iter().map(|person| hosts.contains(&person.page().you.expect("a seat"))).collect()
}

#[test]
fn with_hosts_first_a_host_without_a_seat_counts_at_every_node() {
    for node in [0, 1] {
        let mut nodes = first_hosts(2);
        let boss = nodes.enter(node, Encoding::PLAIN_WHOLE);
        nodes.give_key(&boss);
        let [ada, bob] = [(0, "Ada"), (1, "Bob")].map(|(node, name)| nodes.join(node, name));
        assert_eq!(hosts(&[&ada, &bob]), [false, false], "the host at node {node} is there");
        nodes.end(&boss, true);
        nodes.pass(GRACE - SECOND);
        assert_eq!(hosts(&[&ada, &bob]), [false, false], "and may come back");
        nodes.pass(2 * SECOND);
        assert_eq!(hosts(&[&ada, &bob]), [true, false]);
    }
}

#[test]
fn with_hosts_first_a_host_without_a_seat_counts_when_another_node_dies() {
    for dead in [0, 2] {
        let mut nodes = first_hosts(3);
        let boss = nodes.enter(2, Encoding::PLAIN_WHOLE);
        nodes.give_key(&boss);
        let _ada = nodes.join(0, "Ada");
        let bob = nodes.join(1, "Bob");
        nodes.kill(dead);
        nodes.pass(10 * SECOND);
        assert!(bob.page().hosts.is_empty(), "the host may come back");
        if dead == 0 {
            nodes.pass(2 * GRACE);
            assert_eq!(hosts(&[&bob]), [false], "the host is there");
            nodes.end(&boss, true);
        }
        nodes.pass(GRACE + 5 * SECOND);
        let is_first = dead == 0; // otherwise, Ada is
        assert_eq!((hosts(&[&bob]), bob.page().hosts.len()), (vec![is_first], 1));
    }
}

#[test]
fn with_hosts_first_the_first_of_all_nodes_is_the_host() {
    let mut nodes = first_hosts(2);
    let ada = nodes.join(1, "Ada");
    let bob = nodes.join(0, "Bob");
    assert_eq!(hosts(&[&ada, &bob]), [true, false]);
    nodes.act(&ada, Action::Write(TextChange::Whole("a text".into())));
    nodes.end(&ada, false);
    nodes.pass(GRACE / 2);
    let again = nodes.enter(0, Encoding::PLAIN_WHOLE);
    nodes.act(&again, take_seat("Ada", ada.session));
    nodes.pass(GRACE);
    assert_eq!(hosts(&[&again, &bob]), [true, false], "who comes back through another node is the host");
    nodes.end(&again, true);
    assert_eq!(hosts(&[&bob]), [true]);
    nodes.end(&bob, true);
    let cem = nodes.join(1, "Cem");
    assert_eq!(hosts(&[&cem]), [true], "everybody else has left");
}

#[test]
fn with_hosts_first_hosts_of_an_owner_that_died_are_expected_back() {
    let mut nodes = first_hosts(2);
    let ada = nodes.join(0, "Ada");
    nodes.act(&ada, Action::Write(TextChange::Whole("a text".into())));
    let bob = nodes.join(1, "Bob");
    nodes.kill(0);
    nodes.pass(10 * SECOND);
    let again = nodes.enter(1, Encoding::PLAIN_WHOLE);
    nodes.act(&again, take_seat("Ada", ada.session));
    assert_eq!(hosts(&[&again, &bob]), [true, false]);
    nodes.pass(2 * GRACE);
    assert_eq!(hosts(&[&again, &bob]), [true, false]);
}

#[test]
fn acknowledgements_of_texts_that_wait_for_the_owner_are_bounded() {
    const MAX: u64 = 4096;
    let limits = Limits { room_burst: 1 << 30, ..LIMITS };
    let mut nodes = Nodes::start(2, limits, HostMode::Key);
    let olga = nodes.join(0, "Olga");
    let ada = join_socketio(&mut nodes, 1, "Ada");
    acks(&ada);
    nodes.is_slow = true;
    for n in 0..MAX + 10 {
        let write = Action::Write(TextChange::Whole(n.to_string().into()));
        nodes.send(&ada, FromClient::Acted(write), Some(n));
    }
    let refused = acks(&ada);
    assert_eq!(refused.len(), 10, "{:?}", refused.last());
    assert!(refused.iter().all(|ack| ack.contains("memory_full")), "{refused:?}");
    nodes.act(&ada, Action::Write(TextChange::Whole("without an acknowledgement".into())));
    nodes.is_slow = false;
    nodes.settle();
    assert_eq!(acks(&ada).len(), MAX as usize);
    assert_eq!(olga.page().text_of("Ada"), Some("without an acknowledgement"));
}
