//! A node that takes over a room: the people there keep their seats and what they have asked for.

use super::seated::{Ada, SEATED, away, errors};
use super::*;

/// Ada has her seat, and is there.
fn assert_seated(node: &mut Node, ada: &Ada) {
    let snapshot = ada.snapshot(node);
    assert_eq!(snapshot["you"], "7");
    assert_eq!(snapshot["users"]["7"]["away"], false, "{snapshot}");
}

#[test]
fn whoever_is_here_has_a_seat_under_a_new_owner_that_took_them_for_away() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    // The owner has not heard of them for a moment, and dies before it has.
    node.tell(LinkEvent::Unpublished);
    node.hear(&copy_with(5, SEATED + 2, &away(&ada.key)));
    node.own(ada.room, ME, 7);
    node.load(1);
    node.sleep(LIMITS.grace);
    node.hub.write(node.now);
    assert_seated(&mut node, &ada);
    assert!(node.all_published().iter().any(|message| message.json.contains(r#""back""#)), "others are told");
}

#[test]
fn whoever_has_connected_here_later_has_the_seat_under_a_new_owner_that_had_not_heard_of_it() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    let earlier = json!({"key": ada.key, "rank": {"at": 1, "node": OTHER, "number": 9}});
    node.decide(5, SEATED + 1, &json!({"fact": {"fact": "seat_taken", "id": "7"}, "seat": earlier}));
    node.own(ada.room, ME, 7);
    node.load(1);
    node.await_others(); // the other node is dead, or has no such connection
    assert_seated(&mut node, &ada);
    let taken = node.said().iter().any(|says| says.to_string().contains("seat_taken"));
    assert!(taken, "others are told");
}

#[test]
fn whoever_has_lost_the_seat_has_one_again_before_what_they_have_asked_for_is_decided() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    node.act(ada.client, Action::Post { text: "a post".to_owned(), reference: None });
    node.decide(5, SEATED + 1, &json!({"fact": {"fact": "gone", "id": "7", "removed": false}}));
    node.own(ada.room, ME, 7);
    node.load(1);
    node.await_others();
    assert_eq!(errors(&ada.pipe), Vec::<Value>::new());
    assert_eq!(node.posts_to_store(), ["a post"]);
}

#[test]
fn a_room_is_kept_until_other_nodes_have_told_who_is_in_it() {
    let (mut node, ..) = Node::owner(0);
    node.handle(Event::from_client(ClientId(node.clients), FromClient::Closed { goodbye: true }));
    node.said();
    assert_eq!(node.health().rooms, 1);
    node.await_others();
    assert_eq!(node.health().rooms, 0, "nobody is");
}

#[test]
fn posts_are_numbered_once_the_log_is_read_and_other_nodes_have_told_of_theirs() {
    for reads_first in [true, false] {
        let mut node = Node::start();
        let ada = Ada::join(&mut node);
        node.own(ada.room, ME, 7);
        match reads_first {
            true => node.load(1),
            false => node.await_others(),
        }
        node.act(ada.client, Action::Post { text: "a post".to_owned(), reference: None });
        assert_eq!(node.posts_to_store(), Vec::<String>::new());
        match reads_first {
            true => node.await_others(),
            false => node.load(1),
        }
        assert_eq!(node.posts_to_store(), ["a post"]);
    }
}

#[test]
fn users_who_join_under_a_new_owner_have_ids_that_the_owner_before_cannot_have_given() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    node.own(ada.room, ME, 7);
    node.load(1);
    let (_, pipe) = node.join("Bob");
    let id: u64 =
        snapshot(&pipe).expect("a snapshot")["you"].as_str().expect("an id").parse().expect("a number");
    assert_eq!(id, (7 << 20) + 1);
}
