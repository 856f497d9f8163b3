//! A node that is cut off from the others for a while.

use super::seated::{Ada, errors};
use super::*;
use crate::place::hide;

#[test]
fn graces_that_have_stood_still_do_not_end_when_the_node_takes_over() {
    let mut node = Node::start();
    let (room, _) = node.open_room();
    node.own(room, OTHER, 5);
    let connected = json!({"Connected": {"at": 1, "node": OTHER, "number": 1}});
    node.hear(&copy_with(5, 3, false, "hello", &user(&json!("0".repeat(32)), &connected)));
    node.sleep(LEASE);
    node.tell(LinkEvent::Cut);
    node.sleep(2 * LIMITS.grace);
    node.tell(LinkEvent::Linked);
    node.beat();
    node.own(room, ME, 7);
    node.load(1);
    let (viewer, pipe) = node.connect();
    node.act(viewer, Action::Watch);
    let snapshot = snapshot(&pipe).expect("a snapshot");
    assert_eq!(snapshot["users"]["7"]["away"], true, "{snapshot}");
    node.sleep(LIMITS.grace);
    node.beat();
    node.act(viewer, Action::Resync);
    assert_eq!(self::snapshot(&pipe).expect("a snapshot")["users"], json!({}));
}

#[test]
fn graces_that_have_stood_still_begin_anew_when_the_owner_is_back() {
    const SECOND: Duration = Duration::from_secs(1);
    for epoch in [5, 9] {
        let mut node = Node::with(Limits { grace: 5 * SECOND, ..LIMITS });
        let (room, viewer) = node.open_room();
        node.own(room, ME, 5);
        node.load(0);
        let (client, _) = node.connect();
        let name = Name::parse("Ada", 40).expect("a name");
        node.act(client, Action::Join { name, session: Session::random() });
        node.act(client, Action::Write(TextChange::Whole("a text".into())));
        node.handle(Event::from_client(client, FromClient::Closed { goodbye: false }));
        node.sleep(LEASE);
        node.tell(LinkEvent::Cut);
        node.sleep(10 * SECOND);
        node.tell(LinkEvent::Linked);
        node.beat();
        node.own(room, ME, epoch);
        for second in 1..=5 {
            assert_eq!(viewer.page().names(), ["Ada"], "before second {second}, in epoch {epoch}");
            node.sleep(SECOND);
            node.beat();
        }
        assert!(viewer.page().names().is_empty(), "in epoch {epoch}");
    }
}

#[test]
fn what_a_host_sets_while_the_node_is_cut_off_is_refused_and_not_set_later() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    node.sleep(LEASE);
    node.tell(LinkEvent::Cut);
    ada.pipe.take_frames();
    node.act(ada.client, hide(true));
    assert_eq!(errors(&ada.pipe), ["state_not_stored"]);
    node.tell(LinkEvent::Linked);
    node.beat();
    node.hear(&copy(5, false, "hello"));
    let said = node.said();
    assert!(!said.is_empty(), "the owner is told of Ada");
    assert!(said.iter().all(|says| !says.to_string().contains("set_room")), "{said:?}");
}
