//! A node that stops, and its rooms.

use super::*;

#[test]
fn a_node_that_stops_does_not_wait_for_a_room_that_could_not_be_handed_over() {
    let mut node = Node::start();
    let (room, _viewer) = node.open_room();
    node.own(room, ME, 5);
    node.load(0);
    let (client, pipe) = node.connect();
    let name = Name::parse("Ada", 40).expect("a name");
    node.act(client, Action::Join { name, session: Session::random() });
    let is_closed = || pipe.take_frames().iter().any(|frame| matches!(frame, Frame::Close(_)));
    node.handle(Event::Stop);
    node.beat();
    node.all_published();
    assert!(!is_closed(), "the other node is to get the room");
    node.tell(LinkEvent::GiveFailed(room));
    assert!(is_closed());
}
