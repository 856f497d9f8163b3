//! A node that mirrors a room: what it does not believe its owner at once, and what it tells it again.

use super::seated::{Ada, SEATED, attaches, away, last_seq, requests, write};
use super::*;

/// The fact that there is a post with this number.
fn posted(n: u64, text: &str) -> Value {
    let post = json!({"n": n, "id": "7", "name": "Ada", "text": text, "at": 0});
    json!({"fact": {"fact": "posted", "post": post}})
}

#[test]
fn whoever_has_connected_later_keeps_the_seat_although_the_owner_does_not_know_it_yet() {
    for (at, is_later) in [(1, false), (1_000_000, true)] {
        let mut node = Node::start();
        let ada = Ada::join(&mut node);
        let seat = json!({"key": ada.key, "rank": {"at": at, "node": OTHER, "number": 9}});
        node.decide(5, SEATED + 1, &json!({"fact": {"fact": "seat_taken", "id": "7"}, "seat": seat}));
        assert_eq!(ada.pipe.take_frames().contains(&Frame::Close(4001)), is_later);
        node.beat();
        let tells = requests(&attaches(node.said())).iter().any(|request| request["by"] == ada.rank);
        assert_eq!(tells, !is_later, "the owner is told that she has it");
    }
}

#[test]
fn posts_that_a_new_owner_lacks_are_told_to_it() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    node.decide(5, SEATED + 1, &posted(2, "lost"));
    node.own(ada.room, OTHER, 6);
    node.said();
    node.hear(&copy(6, false, "hello"));
    let attach = attaches(node.said()).pop().expect("all that the owner is to know");
    assert_eq!(attach["attach"]["posts"], json!([[posted(2, "lost")["fact"]["post"], null]]));
}

#[test]
fn a_post_that_is_there_already_is_shown_once() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    let (watcher, pipe) = node.connect();
    node.act(watcher, Action::Watch);
    node.act(ada.client, Action::Post { text: "new".to_owned(), reference: None });
    let number = &requests(&node.said())[0]["number"];
    let mut ruling = posted(2, "new");
    node.decide(5, SEATED + 1, &ruling);
    ruling["by"] = json!({"node": ME, "number": number});
    node.decide(5, SEATED + 2, &ruling);
    assert_eq!(pipe.page().posts(), ["hello", "new"]);
    let is_post = |frame: &Frame| frame.name() == "data";
    assert_eq!(pipe.take_frames().iter().filter(|frame| is_post(frame)).count(), 1);
    node.beat();
    node.decide(5, SEATED + 3, &json!({"fact": {"fact": "away", "id": "7"}}));
    node.beat();
    let again = requests(&node.said());
    assert!(
        !again.is_empty() && again.iter().all(|request| request["asks"].get("post").is_none()),
        "{again:?}"
    );
}

#[test]
fn a_text_that_the_owner_has_is_the_author_s_no_more() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    node.act(ada.client, write("a text"));
    let seq = last_seq(&node.said());
    let change = json!({"fact": {"fact": "text", "id": "7", "change": {"whole": "a text"}}});
    node.decide(5, SEATED + 1, &change);
    node.confirm(5, SEATED + 2, seq);
    node.tell(LinkEvent::Unpublished);
    let holder = json!({ "Connected": ada.rank });
    node.hear(&copy_with(5, SEATED + 4, &user(&ada.key, &holder)));
    assert_eq!(ada.snapshot(&mut node)["users"]["7"]["text"], "hello", "somebody has changed it since");
}

#[test]
fn a_text_that_the_owner_has_and_whose_change_was_missed_reaches_readers_here() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    node.act(ada.client, write("a text"));
    node.tell(LinkEvent::Unpublished);
    let mut users = user(&ada.key, &json!({ "Connected": ada.rank }));
    users[0]["text"] = json!("a text");
    node.hear(&copy_with(5, SEATED + 4, &users));
    assert_eq!(ada.snapshot(&mut node)["users"]["7"]["text"], "a text");
    let seq = last_seq(&node.said());
    node.confirm(5, SEATED + 5, seq);
    node.beat();
    assert!(attaches(node.said()).is_empty(), "the owner has all");
}

#[test]
fn a_text_that_the_owner_should_have_and_does_not_show_is_told_again() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    node.act(ada.client, write("a text"));
    let seq = last_seq(&node.said());
    node.confirm(5, SEATED + 1, seq - 1);
    node.beat();
    assert_eq!(attaches(node.said()).len(), 0, "the message with it may be under way");
    node.confirm(5, SEATED + 2, seq);
    node.beat();
    let again = requests(&attaches(node.said()));
    assert!(again.iter().any(|request| request["asks"]["write"]["whole"] == "a text"), "{again:?}");
}

#[test]
fn what_was_told_to_a_new_owner_and_is_done_is_not_told_once_more() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    let name = Name::parse("Countess", 40).expect("a name");
    node.act(ada.client, Action::Rename(name));
    let is_rename = |request: &Value| request["asks"].get("rename").is_some();
    assert!(requests(&node.said()).iter().any(is_rename));
    let from = json!({"epoch": 5, "seq": SEATED});
    node.hear_in_room(&json!({"reign": {"epoch": 6, "from": from}}));
    assert!(requests(&node.said()).iter().any(is_rename), "the owner before may not have told it");
    node.confirm(6, 1, 1);
    node.decide(6, 2, &json!({"fact": {"fact": "away", "id": "7"}}));
    node.beat();
    let again = requests(&node.said());
    assert!(!again.is_empty(), "Ada is here");
    assert!(!again.iter().any(is_rename), "she may have another name by now: {again:?}");
}

#[test]
fn what_people_here_do_is_not_undone_by_a_copy_from_before_the_owner_has_heard_of_it() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    let (watcher, pipe) = node.connect();
    node.act(watcher, Action::Watch);
    node.act(ada.client, write("a text"));
    node.tell(LinkEvent::Unpublished);
    pipe.take_frames();
    node.hear(&copy_with(5, SEATED + 2, &away(&ada.key)));
    for pipe in [&pipe, &ada.pipe] {
        let events: Vec<String> = pipe.take_frames().iter().map(|frame| frame.name().to_owned()).collect();
        let undone = |event: &String| ["text_update", "user_away"].contains(&event.as_str());
        assert!(!events.iter().any(undone), "{events:?}");
    }
    let told = requests(&node.said());
    assert!(told.iter().any(|request| request["asks"]["write"]["whole"] == "a text"), "{told:?}");
}

#[test]
fn a_post_that_redis_does_not_number_for_a_node_that_has_lost_the_room_goes_to_the_next_owner() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    node.own(ada.room, ME, 7);
    node.load(1);
    node.await_others();
    node.act(ada.client, Action::Post { text: "a post".to_owned(), reference: None });
    let StorePost { room, post, by, .. } = node.next_post();
    node.own(room, OTHER, 9);
    let holder = json!({ "Connected": ada.rank });
    node.hear(&copy_with(9, 3, &user(&ada.key, &holder)));
    node.said();
    let why = Returned::Fenced;
    node.handle(Event::Stored(Box::new(Answer::PostReturned { room, post, by, why })));
    let told = requests(&node.said());
    assert!(told.iter().any(|request| request["asks"]["post"]["text"] == "a post"), "{told:?}");
}

#[test]
fn a_mirror_keeps_no_more_keys_of_posts_than_an_owner_does() {
    const MAX: usize = 200;
    let mut node = Node::start();
    let (room, _viewer) = node.open_room();
    node.own(room, OTHER, 5);
    let mut forged = copy(5, false, "hello");
    let keys: Vec<Value> = (1..=5 * MAX).map(|n| json!([n, format!("{n:032x}")])).collect();
    forged["copy"]["keys"] = json!(keys);
    node.hear(&forged);
    node.own(room, ME, 7);
    node.load(1);
    node.said();
    node.hear(&json!("sync"));
    let kept = node.said().iter().find_map(|says| says["copy"]["keys"].as_array().cloned());
    assert_eq!(kept.expect("a copy"), keys[keys.len() - MAX..]);
}

#[test]
fn the_owner_hears_that_the_last_viewer_has_left_even_if_the_first_message_is_lost() {
    let mut node = Node::start();
    let (room, _viewer) = node.open_room();
    node.own(room, OTHER, 5);
    node.hear(&copy(5, false, "hello"));
    assert_eq!(viewers(&node.said()), [1]);
    node.handle(Event::from_client(ClientId(1), FromClient::Closed { goodbye: true }));
    assert_eq!(viewers(&node.said()), [0]);
    for _ in 0..3 {
        node.hear_in_room(&json!({"tick": {"at": {"epoch": 5, "seq": 3}, "heard": {"1": 1}, "viewers": 1}}));
        node.sleep(Duration::from_secs(1));
        node.beat();
    }
    let said = node.said();
    assert_eq!(viewers(&said).last(), Some(&0));
    node.confirm(5, SEATED, last_seq(&said));
    node.beat();
    node.said();
    assert_eq!(node.health().rooms, 0);
}

/// How many viewers the owner is told of.
fn viewers(said: &[Value]) -> Vec<u64> {
    let bodies = said.iter().filter_map(|says| says.get("in").or(says.get("attach")));
    bodies.filter_map(|body| body["viewers"].as_u64()).collect()
}
