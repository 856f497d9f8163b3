//! Copies of rooms: which of them count, and what comes before and after them.

use super::*;

fn follow() -> Effect {
    Effect::Follow { rulings: rulings(), record: None, is_unsaved: false }
}

/// What becomes of a copy, without what is in it.
fn kinds(effects: &[Effect]) -> Vec<&'static str> {
    let kind = |effect: &Effect| match effect {
        Effect::Replace { .. } => "replace",
        Effect::Follow { .. } => "follow",
        Effect::Attach => "attach",
        Effect::Send(_, ToNode::Sync) => "sync",
        Effect::StepDown => "step down",
        other => panic!("{other:?}"),
    };
    effects.iter().map(kind).collect()
}

#[test]
fn a_node_that_is_just_opening_a_room_takes_it_from_one_that_stops() {
    let mut link = RoomLink::new(ME);
    assert_eq!(link.on_node_message(OTHER, copy(10, 4), at(5_000, &all())), [], "it has asked for none");
    let effects = link.on_node_message(OTHER, copy_of(10, 4, true), at(5_001, &all()));
    assert_eq!(kinds(&effects), ["replace", "attach"]);
    assert!(link.is_synced());
    let reign = ToRoom::Reign { epoch: Epoch(12), from: position(10, 4) };
    assert_eq!(
        link.on_owned(owned(ME, 12), at(5_002, &all())),
        [Effect::Publish(reign), Effect::Reign],
        "those who were there go on"
    );
}

#[test]
fn a_copy_from_before_somebody_else_owned_the_room_is_too_late() {
    let mut link = RoomLink::new(ME);
    link.on_owned(Ownership { owner: None, epoch: Epoch(11) }, at(5_000, &all()));
    assert_eq!(link.on_node_message(OTHER, copy_of(10, 4, true), at(5_001, &all())), []);
    assert_eq!(link.on_node_message(OTHER, copy_of(11, 4, true), at(5_002, &all())).len(), 2);
}

#[test]
fn a_mirror_that_lacks_nothing_takes_no_copy() {
    let mut link = mirror();
    for (from, seq) in [(OTHER, 4), (OTHER, 1_000), (THIRD, 5)] {
        assert_eq!(link.on_node_message(from, copy(10, seq), at(6_000, &all())), []);
    }
    assert_eq!(link.on_room_message(OTHER, out(10, 5), at(6_001, &all())), [follow()]);
}

#[test]
fn a_mirror_that_is_ahead_of_its_owner_asks_for_a_copy() {
    for says in [out(10, 5), out(10, 8), tick(10, 5, [])] {
        let mut link = mirror();
        link.lose_messages(at(6_000, &all()).now);
        link.on_node_message(OTHER, copy(10, 8), at(6_001, &all())); // somebody else has sent it
        assert_eq!(link.on_room_message(OTHER, says, at(6_002, &all())), [sync()]);
        let effects = link.on_node_message(OTHER, copy(10, 5), at(6_003, &all()));
        assert_eq!(kinds(&effects)[0], "replace", "{effects:?}");
    }
}

#[test]
fn a_mirror_asks_for_a_copy_if_a_message_comes_twice() {
    let mut link = mirror();
    link.on_room_message(OTHER, out(10, 5), at(6_000, &all())); // one of the two is somebody else's
    assert_eq!(link.on_room_message(OTHER, out(10, 5), at(6_001, &all())), [sync()]);
}

#[test]
fn a_copy_of_another_node_does_not_count() {
    let mut link = mirror();
    link.lose_messages(at(6_000, &all()).now);
    assert_eq!(link.on_node_message(THIRD, copy(10, 5), at(6_001, &all())), []);
    assert_eq!(link.on_node_message(OTHER, copy(10, 5), at(6_002, &all())).len(), 2);
}

#[test]
fn what_the_owner_decides_while_a_copy_is_on_its_way_follows_the_copy() {
    let mut link = mirror();
    link.lose_messages(at(6_000, &all()).now);
    for seq in 5..9 {
        assert!(link.on_room_message(OTHER, out(10, seq), at(6_001, &all())).len() <= 1);
    }
    let effects = link.on_node_message(OTHER, copy(10, 6), at(6_500, &all()));
    assert_eq!(kinds(&effects), ["replace", "follow", "follow", "attach"]);
    assert_eq!(link.position(), position(10, 8));
    assert_eq!(link.on_room_message(OTHER, out(10, 9), at(6_501, &all())), [follow()]);
}

#[test]
fn a_gap_after_a_copy_leads_to_another_one() {
    let mut link = mirror();
    link.lose_messages(at(6_000, &all()).now);
    for seq in [5, 6, 9, 10] {
        link.on_room_message(OTHER, out(10, seq), at(6_001, &all()));
    }
    let effects = link.on_node_message(OTHER, copy(10, 6), at(6_500, &all()));
    assert_eq!(kinds(&effects), ["replace", "attach", "sync"]);
    assert!(!link.is_synced());
    assert_eq!(kinds(&link.on_node_message(OTHER, copy(10, 10), at(6_501, &all()))), ["replace", "attach"]);
}

#[test]
fn a_mirror_keeps_only_so_much_that_comes_before_a_copy() {
    let mut link = mirror();
    link.lose_messages(at(6_000, &all()).now);
    let text = "x".repeat(1 << 20);
    for seq in 5..30 {
        let fact =
            Fact::Text { id: UserId(1), change: crate::room::text::TextChange::Whole(text.clone().into()) };
        let rulings = vec![Ruled { ruling: Ruling { fact, seat: None }, by: None, key: None }];
        let out = ToRoom::Out {
            at: position(10, seq),
            rulings,
            record: None,
            is_unsaved: false,
            heard: Heard::new(),
        };
        link.on_room_message(OTHER, out, at(6_001, &all()));
    }
    let effects = link.on_node_message(OTHER, copy(10, 5), at(6_500, &all()));
    assert_eq!(kinds(&effects), ["replace", "attach", "sync"]);
}

#[test]
fn the_first_message_of_a_new_owner_follows_its_copy() {
    let mut link = mirror();
    assert_eq!(
        link.on_room_message(THIRD, out(11, 3), at(6_000, &all())),
        [Effect::Send(THIRD, ToNode::Sync)]
    );
    let effects = link.on_node_message(THIRD, copy(11, 2), at(6_001, &all()));
    assert_eq!(kinds(&effects), ["replace", "follow", "attach"]);
}

#[test]
fn a_mirror_that_is_not_where_the_owner_was_does_not_say_so_when_it_takes_over() {
    let nowhere = ToRoom::Reign { epoch: Epoch(12), from: Position::default() };
    // It has heard of an owner from whom it has no copy yet.
    let mut link = mirror();
    link.on_room_message(THIRD, out(11, 3), at(6_000, &all()));
    assert_eq!(link.on_owned(owned(ME, 12), at(6_001, &all()))[0], Effect::Publish(nowhere.clone()));
    // It has gone on alone.
    let mut link = mirror();
    link.go_alone(at(6_000, &all()).now);
    assert_eq!(link.on_owned(owned(ME, 12), at(6_001, &all()))[0], Effect::Publish(nowhere));
    // It has only missed what came after.
    let mut link = mirror();
    link.lose_messages(at(6_000, &all()).now);
    let there = ToRoom::Reign { epoch: Epoch(12), from: position(10, 4) };
    assert_eq!(link.on_owned(owned(ME, 12), at(6_001, &all()))[0], Effect::Publish(there));
}

#[test]
fn no_mirror_is_where_an_owner_is_that_has_gone_on_alone() {
    let mut link = owner(1);
    link.go_alone(at(6_000, &all()).now);
    let reign = ToRoom::Reign { epoch: Epoch(12), from: position(10, 1) };
    assert_eq!(link.on_owned(owned(ME, 12), at(6_001, &all()))[0], Effect::Publish(reign));
}

#[test]
fn a_mirror_whose_owner_has_changed_needs_a_copy_from_the_new_one() {
    let mut link = mirror();
    assert_eq!(link.on_owned(owned(THIRD, 10), at(6_000, &all())), [Effect::Send(THIRD, ToNode::Sync)]);
    assert!(!link.is_synced());
}

#[test]
fn an_answer_of_redis_from_before_the_present_owner_does_not_count() {
    let mut link = mirror();
    let reign = ToRoom::Reign { epoch: Epoch(11), from: position(10, 4) };
    link.on_room_message(THIRD, reign, at(6_000, &all()));
    assert_eq!(link.on_owned(owned(OTHER, 10), at(6_001, &all())), []);
    assert_eq!(link.on_room_message(THIRD, out(11, 1), at(6_002, &all())), [follow()]);
}
