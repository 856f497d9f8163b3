//! Somebody at a node whose owner takes them for away, or for somebody at another node.

use super::seated::{Ada, SEATED, errors, last_seq, requests};
use super::*;
use typewall::internals::{Erase, NotStored, Numbered};

/// What a page shows that is opened now.
fn shown(node: &mut Node) -> Value {
    let (viewer, pipe) = node.connect();
    node.act(viewer, Action::Watch);
    snapshot(&pipe).expect("a snapshot")
}

#[test]
fn what_was_written_at_a_node_that_was_cut_off_does_not_count_against_a_later_connection() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    node.beat();
    node.cut_off();
    node.act(ada.client, Action::Write(TextChange::Whole("here".into())));
    node.tell(LinkEvent::Linked);
    node.beat();
    let elsewhere = json!({"Connected": {"at": 1_u64 << 40, "node": OTHER, "number": 9}});
    node.hear(&copy_with(5, SEATED + 2, &user(&ada.key, &elsewhere)));
    assert!(ada.pipe.take_frames().contains(&Frame::Close(4001)), "the later connection has the seat");
    let shown = shown(&mut node);
    assert_eq!(shown["users"]["7"]["text"], "hello", "{shown}");
}

#[test]
fn a_page_that_was_shown_its_own_user_as_away_is_told_that_they_are_back() {
    let mut node = Node::start();
    let ada = Ada::join(&mut node);
    node.beat();
    node.decide(5, SEATED + 1, &json!({"fact": {"fact": "away", "id": "7"}}));
    let shown = ada.snapshot(&mut node);
    assert_eq!(shown["users"]["7"]["away"], true, "{shown}");
    let seat = json!({"key": ada.key, "rank": ada.rank});
    node.decide(5, SEATED + 2, &json!({"fact": {"fact": "back", "id": "7"}, "seat": seat}));
    let shown = snapshot(&ada.pipe).expect("a snapshot");
    assert_eq!(shown["users"]["7"]["away"], false, "{shown}");
}

#[test]
fn a_node_that_forgets_a_room_gives_it_back_even_if_it_does_not_know_that_it_owns_it() {
    let mut node = Node::start();
    let (room, _viewer) = node.open_room();
    node.own(room, OTHER, 5);
    node.hear(&copy(5, false, "hello"));
    node.said();
    node.handle(Event::from_client(ClientId(1), FromClient::Closed { goodbye: true }));
    let seq = last_seq(&node.said());
    node.confirm(5, SEATED, seq);
    node.beat();
    let mut requests = Vec::new();
    for _ in 0..3 {
        node.hub.write(node.now);
        let some: Vec<LinkRequest> = node.requests.try_iter().collect();
        if some.iter().any(|request| matches!(request, LinkRequest::Publish(_))) {
            node.tell(LinkEvent::Published(Vec::new()));
        }
        requests.extend(some);
    }
    assert_eq!(node.health().rooms, 0);
    let is_release =
        |request: &LinkRequest| matches!(request, LinkRequest::Release(room) if room == "physics");
    assert!(requests.iter().any(is_release), "Redis may be about to say that it does");
}

#[test]
fn what_redis_has_not_erased_for_an_owner_that_was_deposed_the_next_owner_is_asked_to_remove() {
    let (mut node, _, _viewer) = Node::owner(1);
    node.await_others();
    let (ada, pipe) = node.join("Ada");
    node.act(ada, Action::Post { text: "a post".to_owned(), reference: None });
    let Some(Write::Post(StorePost { room, post, by, .. })) = node.writes.try_iter().last() else {
        panic!("a post to be stored")
    };
    let outcome = Ok(Numbered::New(post.clone().numbered(2)));
    node.handle(Event::Stored(Box::new(Answer::PostStored { room, post, by, outcome })));
    node.act(ada, Action::RemovePost(2));
    let erase = node.writes.try_iter().find_map(|write| match write {
        Write::Change(Change::Erase(erase)) => Some(erase),
        _ => None,
    });
    let Erase { room, n, by, .. } = erase.expect("a post to be erased");
    node.own(room, OTHER, 6);
    node.hear(&copy(6, false, "hello"));
    node.said();
    let outcome = Err(NotStored::Unavailable);
    node.handle(Event::Stored(Box::new(Answer::Erased { room, n, by, outcome })));
    let asked = requests(&node.said());
    assert!(asked.iter().any(|request| request["asks"] == json!({"remove_post": 2})), "{asked:?}");
    assert_eq!(errors(&pipe), Vec::<Value>::new());
}
