//! Posts that wait until the log of a room is read. Their authors are told if that takes too long, and no more wait
//! than may.

use super::seated::errors;
use super::*;
use typewall::internals::Numbered;

/// A room that this node has just taken over, with Ada in it. Its log is still to be read.
fn taken_over(node: &mut Node) -> (RoomId, ClientId, Pipe) {
    let (room, _viewer) = node.open_room();
    node.own(room, OTHER, 5);
    node.hear(&copy(5, false, "hello"));
    node.own(room, ME, 7);
    let (client, pipe) = node.join("Ada");
    pipe.take_frames();
    node.all_published();
    (room, client, pipe)
}

fn post(node: &mut Node, client: ClientId) {
    node.act(client, Action::Post { text: "held".to_owned(), reference: Some("ref".to_owned()) });
}

/// Redis cannot read the log of the room.
fn fail_to_load(node: &mut Node) {
    let Load { room, epoch, .. } = node.loads.try_recv().expect("the log is to be read");
    node.handle(Event::Stored(Box::new(Answer::Loaded { room, epoch, record: None, posts: Vec::new() })));
}

#[test]
fn whoever_has_posted_is_told_if_the_log_cannot_be_read() {
    let mut node = Node::start();
    let (_, client, pipe) = taken_over(&mut node);
    post(&mut node, client);
    assert_eq!(errors(&pipe), Vec::<Value>::new());
    fail_to_load(&mut node);
    assert_eq!(errors(&pipe), ["not_stored"]);
    node.beat();
    node.load(1);
    post(&mut node, client);
    assert_eq!(errors(&pipe), Vec::<Value>::new(), "it waits for the other node");
}

#[test]
fn whoever_has_posted_is_told_if_the_node_is_cut_off_before_the_log_is_read() {
    let mut node = Node::start();
    let (_, client, pipe) = taken_over(&mut node);
    post(&mut node, client);
    node.cut_off();
    assert_eq!(errors(&pipe), ["not_stored"]);
}

#[test]
fn no_more_posts_wait_than_may() {
    const MAX: u64 = 1024;
    let mut node = Node::start();
    taken_over(&mut node);
    let request = |number: u64| {
        let post = json!({"name": "Bob", "text": "held", "reference": number.to_string()});
        let by = json!({"at": 1, "node": OTHER, "number": 1});
        json!({"by": by, "number": number, "asks": {"post_without_seat": post}})
    };
    let requests: Vec<Value> = (1..=MAX + 2).map(request).collect();
    node.hear(&attach(7, &json!(requests)));
    let published = node.all_published();
    let refused = published.iter().filter(|message| message.json.contains("not_stored")).count();
    assert_eq!(refused, 2);
}

/// The store answers for the next post that it was sent.
fn answer_post(node: &mut Node, numbered: fn(Post) -> Numbered, n: u64) {
    let StorePost { room, post, by, .. } = node.next_post();
    let outcome = Ok(numbered(post.clone().numbered(n)));
    node.handle(Event::Stored(Box::new(Answer::PostStored { room, post, by, outcome })));
}

#[test]
fn posts_that_are_numbered_while_the_log_is_read_because_of_one_that_is_missing_wait_for_it() {
    let (mut node, _, _viewer) = Node::owner(1);
    node.await_others();
    let (client, pipe) = node.join("Ada");
    post(&mut node, client);
    post(&mut node, client); // once more with the same `ref`
    answer_post(&mut node, Numbered::New, 3);
    answer_post(&mut node, Numbered::Duplicate, 3);
    assert_eq!(pipe.page().posts(), ["1"], "the answer for post 2 was lost");
    node.load(3);
    assert_eq!(pipe.page().posts(), ["1", "2", "3"]);
}
