//! Hosts: whatever people do and however late the store answers, nothing of a text that was written while texts are
//! hidden reaches anybody but hosts before it is revealed, and after that all pages show the same. Who is removed, or
//! comes to a locked room, gets no seat, and while a room is frozen only the texts of hosts change.

use crate::class::{Class, HostStep, unique};
use crate::place::{LIMITS, Place, hide};
use crate::world::{PEOPLE, Step, steps};
use proptest::prelude::*;
use std::collections::HashSet;
use typewall::HostMode;
use typewall::internals::{Action, Session, StateChange, TextChange};

fn host_steps() -> impl Strategy<Value = Vec<HostStep>> {
    let person = || 0..PEOPLE;
    let flag = || prop_oneof![2 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let rare = || prop_oneof![6 => Just(None), 2 => Just(Some(false)), 1 => Just(Some(true))];
    let change = (rare(), flag(), rare()).prop_map(|(locked, hidden, frozen)| StateChange {
        locked,
        hidden,
        frozen,
        ..StateChange::default()
    });
    let extra = prop_oneof![
        4 => person().prop_map(|person| HostStep::Key { person }),
        2 => person().prop_map(|person| HostStep::Make { person }),
        10 => change.prop_map(|change| HostStep::Set { change }),
        2 => prop::option::of(person()).prop_map(|person| HostStep::Clear { person }),
        4 => person().prop_map(|person| HostStep::Remove { person }),
        3 => Just(HostStep::Return),
        1 => any::<bool>().prop_map(|goodbye| HostStep::Quit { goodbye }),
        8 => prop::bool::weighted(0.9).prop_map(|is_kept| HostStep::Saved { is_kept }),
    ];
    let extra = prop::collection::vec(prop::option::weighted(0.4, extra), 200);
    (steps(), extra).prop_map(|(steps, extra)| {
        let both = |(step, extra): (Step, Option<HostStep>)| [Some(HostStep::Common(step)), extra];
        steps.into_iter().zip(extra).flat_map(both).flatten().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hidden_texts_reach_only_hosts_until_they_are_revealed(has_store: bool, steps in host_steps()) {
        let mut class = Class::new(has_store);
        for step in steps {
            class.take(step);
        }
        class.settle();
        class.check_hidden();
        class.check_rules();
        // Somebody may have to come in as a host.
        if class.host().is_none() {
            class.take(HostStep::Common(Step::Enter { person: 0, room: 0 }));
            class.take(HostStep::Key { person: 0 });
        }
        let change = StateChange { hidden: Some(false), ..StateChange::default() };
        class.take(HostStep::Set { change });
        class.settle();
        class.check_rules();
        class.world.check();
    }
}

#[test]
fn unique_texts_have_no_part_in_common() {
    let parts = |n| (0..=6).map(move |at| unique(n)[at..at + 6].to_owned());
    let all: Vec<String> = (0..500).flat_map(parts).collect();
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
}

#[test]
fn the_health_of_a_server_does_not_tell_the_length_of_hidden_texts() {
    let mut place = Place::stored(LIMITS, HostMode::Key);
    let host = place.host("r");
    let ada = place.join_loaded("r", Session::random());
    place.act(&host, hide(true));
    place.save_all();
    let before = place.health().texts;
    place.act(&ada, Action::Write(TextChange::Whole("x".repeat(1_000).into())));
    place.act(&host, Action::Resync); // what a snapshot begins with is kept
    assert_eq!(place.health().texts, before);
    place.act(&host, hide(false));
    place.save_all();
    assert!(place.health().texts > before + 1_000);
}
