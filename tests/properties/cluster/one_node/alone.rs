//! A node that is cut off from the others for a while.

use super::seated::{Ada, SEATED, attaches, errors, requests, write};
use super::*;
use crate::place::hide;

#[test]
fn graces_that_have_stood_still_do_not_end_when_the_node_takes_over() {
    let mut node = Node::start();
    let (room, _) = node.open_room();
    node.own(room, OTHER, 5);
    let connected = json!({"Connected": {"at": 1, "node": OTHER, "number": 1}});
    node.hear(&copy_with(5, 3, &user(&json!("0".repeat(32)), &connected)));
    node.cut_off();
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
        let (client, _) = node.join("Ada");
        node.act(client, Action::Write(TextChange::Whole("a text".into())));
        node.handle(Event::from_client(client, FromClient::Closed { goodbye: false }));
        node.cut_off();
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
    node.cut_off();
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

#[test]
fn what_somebody_writes_while_the_node_is_cut_off_is_kept_and_told_to_the_owner() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    node.cut_off();
    node.act(ada.client, write("while cut off"));
    node.tell(LinkEvent::Linked);
    node.beat();
    let holder = json!({ "Connected": ada.rank });
    node.hear(&copy_with(5, SEATED + 2, &user(&ada.key, &holder)));
    let told = requests(&attaches(node.said()));
    assert!(told.iter().any(|request| request["asks"]["write"]["whole"] == "while cut off"), "{told:?}");
}

#[test]
fn nobody_gets_a_new_seat_while_the_node_is_cut_off() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    node.cut_off();
    let (_, pipe) = node.join("Bob");
    assert!(is_sent_away(&pipe));
    assert_eq!(ada.snapshot(&mut node)["users"].as_object().expect("users").len(), 1);
}

#[test]
fn an_owner_that_was_cut_off_numbers_no_posts_before_other_nodes_have_had_the_time_to_tell_of_theirs() {
    let (mut node, room, _viewer) = Node::owner(0);
    node.tell(LinkEvent::Published(vec![(room, 2)]));
    node.hear(&attach(5, &json!([])));
    let (client, _pipe) = node.join("Ada");
    let post = |text: &str| Action::Post { text: text.to_owned(), reference: None };
    node.act(client, post("before"));
    assert_eq!(node.posts_to_store(), ["before"]);
    node.cut_off();
    node.tell(LinkEvent::Linked);
    node.beat();
    node.own(room, ME, 5);
    let (epoch, outcome) = (Epoch(5), Restored::UpTo(0));
    node.handle(Event::Stored(Box::new(Answer::Restored { room, epoch, outcome })));
    node.act(client, post("afterwards"));
    node.beat();
    assert_eq!(node.posts_to_store(), Vec::<String>::new());
    node.await_others();
    assert_eq!(node.posts_to_store(), ["afterwards"]);
}
