//! What people of a mirror get, and what the owner of a room does for them, is what they would get from one server.

use super::pair::{Keeps, Nodes, Person, take_seat};
use crate::place::{LIMITS, hide};
use std::time::Duration;
use typewall::HostMode;
use typewall::internals::{Action, Encoding, FromClient};

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
