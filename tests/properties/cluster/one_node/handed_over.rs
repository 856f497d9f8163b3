//! Rooms that a node leaves to others because it stops.

use super::*;

#[test]
fn a_node_that_stops_does_not_wait_for_a_room_that_could_not_be_handed_over() {
    let (mut node, room, _viewer) = Node::owner(0);
    let (_, pipe) = node.join("Ada");
    let is_closed = || pipe.take_frames().iter().any(|frame| matches!(frame, Frame::Close(_)));
    node.handle(Event::Stop);
    node.beat();
    node.all_published();
    assert!(!is_closed(), "the other node is to get the room");
    node.tell(LinkEvent::GiveFailed(room));
    assert!(is_closed());
}

#[test]
fn a_room_that_a_node_leaves_is_taken_by_one_that_is_just_opening_it() {
    let mut node = Node::start();
    let (room, pipe) = node.open_room();
    node.hear(&copy(5, false, "not for this node"));
    assert_eq!(snapshot(&pipe), None);
    node.hear(&copy(5, true, "left to this node"));
    assert_eq!(log_of(snapshot(&pipe)), 1);
    node.own(room, ME, 7);
    node.load(1);
    assert_eq!(node.health().rooms, 1);
}

#[test]
fn only_what_a_node_leaves_opens_a_room_and_only_in_time() {
    let mut node = Node::start();
    node.hear(&copy(5, false, "too late"));
    let mut foreign = copy(5, true, "of another room");
    foreign["copy"]["name"] = json!("chemistry");
    node.hear(&foreign);
    assert_eq!(node.health().rooms, 0);
    node.sleep(LEASE);
    node.hear(&copy(5, true, "sent before this node was suspended"));
    assert_eq!(node.health().rooms, 0);
    node.beat();
    node.hear(&copy(5, true, "left to this node"));
    assert_eq!(node.health().rooms, 1);
}

#[test]
fn the_node_that_a_room_is_left_to_first_tells_of_all_its_people() {
    let mut node = Node::start();
    node.hear(&copy(5, true, "left to this node"));
    let said = node.said();
    assert!(said.first().is_some_and(|says| says.get("attach").is_some()), "others are not heard: {said:?}");
}
