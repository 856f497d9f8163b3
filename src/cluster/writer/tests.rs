use super::*;
use crate::cluster::connection::tests::redis_that;
use crossbeam_channel::unbounded;

#[test]
fn a_hub_learns_that_a_room_may_not_be_handed_over_if_the_answer_is_lost() {
    let redis = redis_that(drop); // closes every connection without an answer
    let ((hub, requests), (_signal, signals), (changes, _)) = (unbounded(), unbounded(), unbounded());
    let (told, events) = unbounded();
    let tell = move |_, event| _ = told.send(event);
    let (room, key) = (RoomId(7), "r".to_owned());
    hub.send(LinkRequest::Give { room, key, epoch: Epoch(1), to: NodeId(2) }).expect("a writer");
    drop(hub); // it ends once it has answered
    Writer::new(redis.into(), NodeId(1), vec![requests], signals, changes, tell).run();
    let events: Vec<LinkEvent> = events.iter().collect();
    assert!(matches!(events[..], [LinkEvent::GiveFailed(RoomId(7))]), "{events:?}");
}

#[test]
fn a_hub_learns_that_a_room_may_not_be_handed_over_if_redis_has_something_else_in_its_place() {
    let (room, to) = (RoomId(7), NodeId(2));
    assert!(matches!(event_of_give(room, to, None), LinkEvent::GiveFailed(RoomId(7))));
    assert!(matches!(event_of_give(room, to, Some(0)), LinkEvent::NotGiven(RoomId(7), NodeId(2))));
    let owned = Ownership { owner: Some(to), epoch: Epoch(9) };
    assert!(matches!(event_of_give(room, to, Some(9)), LinkEvent::Owned(RoomId(7), now) if now == owned));
}
