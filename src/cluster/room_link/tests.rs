mod copies;

use super::*;
use crate::base::ids::UserId;
use crate::cluster::message::{Heard, ToNode};
use crate::room::copy::RoomCopy;
use crate::room::fact::Fact;
use crate::room::rules::Ruling;
use std::collections::BTreeSet;
use std::sync::LazyLock;

const ME: NodeId = NodeId(1);
const OTHER: NodeId = NodeId(2);
const THIRD: NodeId = NodeId(3);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// What is known of the nodes after this number of milliseconds.
fn at(millis: u64, alive: &BTreeSet<NodeId>) -> Moment<'_> {
    let now = *START + Duration::from_millis(millis);
    Moment { now, holds: true, is_settled: millis >= 3_000, alive }
}

fn all() -> BTreeSet<NodeId> {
    [ME, OTHER, THIRD].into()
}

fn owned(owner: NodeId, epoch: u64) -> Ownership {
    Ownership { owner: Some(owner), epoch: Epoch(epoch) }
}

fn position(epoch: u64, seq: u64) -> Position {
    Position { epoch: Epoch(epoch), seq }
}

fn out(epoch: u64, seq: u64) -> ToRoom {
    ToRoom::Out {
        at: position(epoch, seq),
        rulings: rulings(),
        record: None,
        is_unsaved: false,
        heard: Heard::new(),
    }
}

fn tick(epoch: u64, seq: u64, heard: impl Into<Heard>) -> ToRoom {
    ToRoom::Tick { at: position(epoch, seq), heard: heard.into(), viewers: 0 }
}

fn rulings() -> Vec<Ruled> {
    let ruling = Ruling { fact: Fact::Away { id: UserId(1) }, seat: None };
    vec![Ruled { ruling, by: None, key: None }]
}

fn copy(epoch: u64, seq: u64) -> ToNode {
    copy_of(epoch, seq, false)
}

/// A copy that the owner leaves to another node if it stops.
fn copy_of(epoch: u64, seq: u64, leaves: bool) -> ToNode {
    let copy = RoomCopy {
        users: Vec::new(),
        hosts: Vec::new(),
        state: Default::default(),
        record: RoomRecord::default(),
        hosts_expected: None,
        posts: Vec::new(),
        last_n: 0,
        last_user: UserId(0),
    };
    let name = "physics".to_owned();
    ToNode::Copy { at: position(epoch, seq), name, leaves, copy: Box::new(copy), keys: Vec::new() }
}

fn own(known: u64, may_take: bool) -> Effect {
    Effect::Own { known: Epoch(known), may_take }
}

fn sync() -> Effect {
    Effect::Send(OTHER, ToNode::Sync)
}

/// A mirror of the other node's room, synced.
fn mirror() -> RoomLink {
    let mut link = RoomLink::new(ME);
    assert_eq!(link.on_owned(owned(OTHER, 10), at(5_000, &all())), [sync()]);
    assert_eq!(link.on_node_message(OTHER, copy(10, 4), at(5_001, &all())).len(), 2);
    assert!(link.is_synced());
    link
}

/// The owner of a room that this number of other nodes have too.
fn owner(others: usize) -> RoomLink {
    let mut link = RoomLink::new(ME);
    let effects = link.on_owned(owned(ME, 10), at(5_000, &all()));
    let reign = ToRoom::Reign { epoch: Epoch(10), from: Position::default() };
    assert_eq!(effects, [Effect::Publish(reign), Effect::Reign]);
    assert_eq!(link.on_listeners(others + 1, at(5_001, &all())), None);
    link
}

fn attach(epoch: u64, seq: u64) -> ToNode {
    let (requests, posts) = (Vec::new(), Vec::new());
    ToNode::Attach { epoch: Epoch(epoch), seq, requests, posts, viewers: 2, has_key: false }
}

fn input(epoch: u64, seq: u64) -> ToNode {
    ToNode::In { epoch: Epoch(epoch), seq, requests: Vec::new(), viewers: 2, has_key: false }
}

#[test]
fn a_node_that_knows_nothing_of_a_room_takes_it_if_no_other_node_has_it() {
    let (mut link, nobody) = (RoomLink::new(ME), Ownership { owner: None, epoch: Epoch(7) });
    assert_eq!(link.on_owned(nobody, at(1_000, &all())), [], "it does not know yet which nodes are dead");
    assert_eq!(link.on_beat(true, 0, at(3_000, &all())), [own(0, false)]);
    assert_eq!(link.on_owned(nobody, at(3_001, &all())), [Effect::Publish(ToRoom::Open)]);
    assert_eq!(link.on_listeners(1, at(3_002, &all())), Some(own(0, true)));
}

#[test]
fn a_node_that_knows_nothing_leaves_a_room_to_those_who_do_for_three_seconds() {
    let (mut link, nobody) = (RoomLink::new(ME), Ownership { owner: None, epoch: Epoch(7) });
    for millis in [3_000, 4_000, 5_000] {
        assert_eq!(link.on_owned(nobody, at(millis, &all())), [Effect::Publish(ToRoom::Open)]);
        assert_eq!(link.on_listeners(2, at(millis, &all())), None);
    }
    assert_eq!(link.on_listeners(2, at(6_000, &all())), Some(own(0, true)));
}

#[test]
fn a_node_takes_a_room_at_once_if_all_who_listen_know_nothing_of_it_either() {
    let (mut link, nobody) = (RoomLink::new(ME), Ownership { owner: None, epoch: Epoch(7) });
    assert_eq!(link.on_node_message(OTHER, ToNode::Unknown, at(4_000, &all())), [], "nobody has asked");
    link.on_owned(nobody, at(4_000, &all()));
    assert_eq!(link.on_node_message(OTHER, ToNode::Unknown, at(4_001, &all())), [], "who else listens?");
    assert_eq!(link.on_listeners(3, at(4_002, &all())), None, "the third has not answered");
    assert_eq!(link.on_node_message(OTHER, ToNode::Unknown, at(4_003, &all())), []);
    assert_eq!(link.on_node_message(THIRD, ToNode::Unknown, at(4_004, &all())), [own(0, true)]);
    assert_eq!(link.on_node_message(THIRD, ToNode::Unknown, at(4_005, &all())), [], "it has asked for it");
}

#[test]
fn answers_to_an_earlier_question_do_not_count() {
    let (mut link, nobody) = (RoomLink::new(ME), Ownership { owner: None, epoch: Epoch(7) });
    link.on_owned(nobody, at(4_000, &all()));
    link.on_node_message(OTHER, ToNode::Unknown, at(4_001, &all()));
    link.on_owned(nobody, at(5_000, &all()));
    assert_eq!(link.on_listeners(2, at(5_001, &all())), None, "it may be another one who listens now");
}

#[test]
fn whoever_knows_a_room_claims_it_before_a_node_that_does_not() {
    assert_eq!(mirror().on_room_message(THIRD, ToRoom::Open, at(6_000, &all())), [own(10, true)]);
    assert_eq!(owner(1).on_room_message(THIRD, ToRoom::Open, at(6_000, &all())), [own(10, true)]);
    let stranger = Effect::Send(THIRD, ToNode::Unknown);
    assert_eq!(RoomLink::new(ME).on_room_message(THIRD, ToRoom::Open, at(6_000, &all())), [stranger]);
}

#[test]
fn a_mirror_that_has_never_had_the_room_leaves_it_to_those_who_have() {
    let (mut link, nobody) = (RoomLink::new(ME), Ownership { owner: None, epoch: Epoch(10) });
    assert_eq!(link.on_owned(owned(OTHER, 10), at(5_000, &all())), [sync()]);
    let unknown = Effect::Send(THIRD, ToNode::Unknown);
    assert_eq!(link.on_room_message(THIRD, ToRoom::Open, at(5_001, &all())), [unknown]);
    let alive = [ME, THIRD].into();
    assert_eq!(link.on_beat(true, 0, at(9_000, &alive)), [own(0, false)]);
    assert_eq!(link.on_owned(nobody, at(9_001, &alive)), [Effect::Publish(ToRoom::Open)]);
    assert_eq!(link.on_listeners(2, at(9_002, &alive)), None);
}

#[test]
fn after_a_copy_an_owner_drops_messages_of_a_mirror_until_it_attaches() {
    let mut link = owner(1);
    let decide = |is_all| Effect::Decide {
        from: OTHER,
        has_key: false,
        requests: Vec::new(),
        is_all,
        posts: Vec::new(),
    };
    assert_eq!(link.on_node_message(OTHER, attach(10, 1), at(6_000, &all())), [decide(true)]);
    assert_eq!(link.on_node_message(OTHER, ToNode::Sync, at(6_001, &all())), [Effect::CopyTo(OTHER)]);
    assert_eq!(link.on_node_message(OTHER, input(10, 2), at(6_002, &all())), [], "of before the copy");
    assert_eq!(link.on_node_message(OTHER, attach(10, 1), at(6_003, &all())), [decide(true)]);
    assert_eq!(link.on_node_message(OTHER, input(10, 2), at(6_004, &all())), [decide(false)]);
}

#[test]
fn a_mirror_follows_what_is_next_and_asks_for_a_copy_after_a_gap() {
    let mut link = mirror();
    let follow = Effect::Follow { rulings: rulings(), record: None, is_unsaved: false };
    assert_eq!(link.on_room_message(OTHER, out(10, 5), at(6_000, &all())), [follow]);
    assert_eq!(link.on_room_message(OTHER, out(9, 9), at(6_002, &all())), [], "that owner is deposed");
    assert_eq!(link.on_room_message(THIRD, out(10, 6), at(6_002, &all())), [], "that is not the owner");
    assert_eq!(link.on_room_message(OTHER, out(10, 7), at(6_003, &all())), [sync()]);
    assert_eq!(link.on_room_message(OTHER, out(10, 8), at(6_004, &all())), [], "the copy is under way");
    assert_eq!(link.on_beat(true, 0, at(7_003, &all())), [sync()]);
    let effects = link.on_node_message(OTHER, copy(10, 8), at(7_004, &all()));
    assert!(matches!(&effects[..], [Effect::Replace { .. }, Effect::Attach]), "{effects:?}");
    assert_eq!(link.on_room_message(OTHER, out(10, 9), at(7_005, &all())).len(), 1);
}

#[test]
fn a_mirror_finds_out_from_a_tick_that_it_has_missed_something() {
    let mut link = mirror();
    assert_eq!(link.on_room_message(OTHER, tick(10, 4, []), at(6_000, &all())), [Effect::Viewers(0)]);
    assert_eq!(link.on_room_message(OTHER, tick(10, 5, []), at(6_001, &all())), [sync()]);
}

#[test]
fn a_mirror_attaches_again_if_the_owner_has_not_handled_a_message() {
    let mut link = mirror();
    assert_eq!(link.next_message(true), Some((OTHER, Epoch(10), 1)));
    assert_eq!(link.next_message(false), Some((OTHER, Epoch(10), 2)));
    link.on_room_message(OTHER, tick(10, 4, [(ME, 1)]), at(6_000, &all()));
    assert_eq!(link.on_beat(true, 0, at(6_001, &all())), [], "the second may be under way");
    link.on_room_message(OTHER, tick(10, 4, [(ME, 1)]), at(7_000, &all()));
    assert_eq!(link.on_beat(true, 0, at(7_001, &all())), [Effect::Attach]);
}

#[test]
fn a_mirror_goes_on_under_a_new_owner_that_was_exactly_where_it_is() {
    for (from, effects) in [(position(10, 4), vec![Effect::Attach]), (position(10, 3), Vec::new())] {
        let mut link = mirror();
        let reign = ToRoom::Reign { epoch: Epoch(11), from };
        let done = link.on_room_message(THIRD, reign, at(6_000, &all()));
        let expected = if effects.is_empty() { vec![Effect::Send(THIRD, ToNode::Sync)] } else { effects };
        assert_eq!(done, expected);
        assert_eq!(link.position(), position(11, 0));
    }
}

#[test]
fn a_mirror_claims_a_room_whose_owner_is_dead_once_it_can_tell() {
    let mut link = mirror();
    let alive = [ME, THIRD].into();
    assert_eq!(link.on_beat(true, 0, at(6_000, &alive)), [own(10, true)]);
    let unsettled = Moment { is_settled: false, ..at(6_000, &alive) };
    assert_eq!(link.on_beat(true, 0, unsettled), [Effect::Attach], "it has just been linked again");
}

#[test]
fn a_mirror_claims_a_room_whose_owner_does_not_answer() {
    let mut link = mirror();
    link.lose_messages(at(6_000, &all()).now);
    assert_eq!(link.on_beat(true, 0, at(9_000, &all())), [sync()]);
    assert_eq!(link.on_beat(true, 0, at(9_001, &all())), [own(10, true)]);
    assert_eq!(link.on_node_message(OTHER, ToNode::Unknown, at(9_002, &all())), [own(10, true)]);
}

#[test]
fn an_owner_that_may_be_deposed_neither_decides_nor_answers() {
    let mut link = owner(1);
    assert!(link.decides(at(6_000, &all())));
    assert!(!link.decides(Moment { holds: false, ..at(6_000, &all()) }));
    link.on_node_message(OTHER, attach(10, 1), at(6_000, &all()));
    assert_eq!(link.on_beat(false, 0, at(7_000, &all())), [own(10, true)], "it counted as dead");
    assert!(!link.decides(at(7_001, &all())));
    assert_eq!(link.on_node_message(OTHER, input(10, 2), at(7_001, &all())), []);
    assert_eq!(link.on_node_message(OTHER, ToNode::Sync, at(7_001, &all())), []);
    assert_eq!(link.on_owned(owned(ME, 10), at(7_002, &all())), [Effect::Resume]);
    assert!(link.decides(at(7_003, &all())));
    assert_eq!(link.on_owned(owned(THIRD, 11), at(8_000, &all()))[0], Effect::StepDown);
}

#[test]
fn an_owner_steps_down_when_it_hears_of_a_later_one_and_ignores_earlier_ones() {
    let mut link = owner(1);
    assert_eq!(link.on_room_message(OTHER, out(9, 1), at(6_000, &all())), []);
    assert_eq!(link.on_room_message(OTHER, out(11, 1), at(6_001, &all())), [Effect::StepDown, sync()]);
}

#[test]
fn an_owner_decides_only_what_follows_and_takes_all_after_a_gap() {
    let mut link = owner(1);
    assert_eq!(link.on_node_message(OTHER, input(10, 1), at(6_000, &all())), [], "it has not attached");
    assert_eq!(link.on_node_message(OTHER, attach(10, 2), at(6_001, &all())).len(), 1);
    assert_eq!(link.on_node_message(OTHER, input(10, 3), at(6_002, &all())).len(), 1);
    assert_eq!(link.on_node_message(OTHER, input(10, 5), at(6_003, &all())), []);
    assert_eq!(link.on_node_message(OTHER, input(9, 4), at(6_004, &all())), []);
    assert_eq!(link.on_node_message(OTHER, input(10, 4), at(6_005, &all())).len(), 1);
    assert_eq!(link.other_viewers(), 2);
}

#[test]
fn an_owner_numbers_posts_once_all_others_have_attached_or_have_had_the_time() {
    let mut link = owner(2);
    link.on_node_message(OTHER, attach(10, 1), at(6_000, &all()));
    assert!(!link.may_number(at(6_000, &all()).now));
    assert!(link.may_number(at(8_000, &all()).now), "three seconds have passed");
    link.on_node_message(THIRD, attach(10, 1), at(6_001, &all()));
    assert!(link.may_number(at(6_001, &all()).now));
}

#[test]
fn clients_are_lost_if_their_node_is_dead_or_does_not_attach() {
    let mut link = owner(2);
    link.on_node_message(OTHER, attach(10, 1), at(6_000, &all()));
    let alive = [ME, THIRD].into();
    assert!(link.has_lost(OTHER, at(6_001, &alive)));
    assert!(!link.has_lost(OTHER, Moment { is_settled: false, ..at(6_001, &alive) }));
    assert!(!link.has_lost(THIRD, at(6_001, &alive)), "it has time to attach");
    assert!(link.has_lost(THIRD, at(8_000, &alive)));
}

#[test]
fn an_owner_that_goes_on_after_a_break_leaves_a_gap_so_that_everyone_asks_for_a_copy() {
    let mut link = owner(1);
    link.on_node_message(OTHER, attach(10, 1), at(6_000, &all()));
    link.skip(at(7_000, &all()).now);
    assert_eq!(link.position(), position(10, 1));
    assert_eq!(link.on_node_message(OTHER, input(10, 2), at(7_001, &all())), []);
    let tick = Effect::Publish(tick(10, 1, []));
    assert_eq!(link.on_beat(true, 0, at(7_500, &all())), [tick]);
}

#[test]
fn an_owner_keeps_nothing_of_nodes_that_are_dead() {
    let mut link = owner(1);
    link.on_node_message(OTHER, attach(10, 1), at(6_000, &all()));
    let heard = Effect::Publish(ToRoom::Tick { at: position(10, 0), heard: [(OTHER, 1)].into(), viewers: 2 });
    assert_eq!(link.on_beat(true, 0, at(6_001, &all())), [heard]);
    let alive = [ME, THIRD].into();
    assert_eq!(link.on_beat(true, 0, at(9_001, &alive)), [Effect::Publish(tick(10, 0, []))]);
    assert_eq!((link.successor(&all()), link.other_viewers()), (None, 0));
}

#[test]
fn an_owner_says_how_many_viewers_there_are_when_that_changes() {
    let mut link = owner(1);
    let silent = (5..10).find(|n| link.on_beat(true, 0, at(1_000 * (1 + n), &all())).is_empty());
    assert_eq!(silent, Some(8), "it has said three times where it is");
    let effects = link.on_beat(true, 5, at(12_000, &all()));
    assert!(matches!(&effects[..], [Effect::Publish(ToRoom::Tick { viewers: 5, .. })]), "{effects:?}");
}
