//! What a room remembers: when it is sent to the store, and what waits until the store has it.

use crate::place::{LIMITS, Person, Place, ask, hide, set};
use std::time::Duration;
use typewall::internals::{Action, Answer, Event, FromClient, Load, Name, Session, StateChange, TextChange};
use typewall::{HostMode, Limits};

fn start() -> Place {
    Place::stored(LIMITS, HostMode::Key)
}

fn prompt(person: &Person) -> String {
    person.pipe.page().state.prompt
}

#[test]
fn a_state_takes_effect_once_the_store_has_it_or_cannot_take_it() {
    let mut place = Place::stored(LIMITS, HostMode::First);
    let [ada, bob] = [(); 2].map(|()| place.join_loaded("r", Session::random()));
    let save = place.next_save();
    assert_eq!(bob.pipe.page().hosts.len(), 1, "nobody relies on who the host is after a restart");
    place.answer_save(save, true);
    for hidden in [true, false, true] {
        place.act(&ada, hide(hidden));
    }
    place.act(&ada, set(StateChange { locked: Some(true), ..StateChange::default() }));
    let write = |text: &str| Action::Write(TextChange::Whole(text.to_owned().into()));
    place.act(&ada, write("before"));
    let save = place.next_save();
    let state = &save.record.state;
    assert!(state.hidden && !state.locked, "one save is under way, the first");
    let shown = || {
        let page = bob.pipe.page();
        (page.state.hidden, page.state.locked, page.text_of("Ada").unwrap().to_owned(), page.wrote.len())
    };
    assert_eq!(shown(), (false, false, "before".to_owned(), 0));
    place.answer_save(save, true);
    assert_eq!(shown(), (true, false, String::new(), 1), "what was saved is told, whatever follows");
    let save = place.next_save();
    let state = &save.record.state;
    assert!(state.hidden && state.locked, "the next save has all that has changed meanwhile");
    place.act(&ada, write("a secret"));
    place.answer_save(save, false);
    assert_eq!(shown(), (true, true, String::new(), 1));
    assert_eq!((ada.errors(), bob.errors()), (vec!["state_not_stored".to_owned()], vec![]));
}

#[test]
fn the_spotlight_on_a_user_who_leaves_before_the_store_has_it_is_on_nobody() {
    let mut place = start();
    let host = place.host("r");
    let ada = place.join("r");
    let spotlight = Some(Some(ada.user()));
    place.act(
        &host,
        set(StateChange { spotlight, prompt: Some("Why?".to_owned()), ..StateChange::default() }),
    );
    let save = place.next_save();
    place.leave(&ada);
    place.answer_save(save, true);
    let state = host.pipe.page().state;
    assert_eq!((state.prompt.as_str(), state.spotlight), ("Why?", None));
    place.save_all();
    let late = place.host("r");
    assert_eq!(late.pipe.page().state.spotlight, None);
}

#[test]
fn a_record_that_could_not_be_kept_is_tried_again_while_somebody_is_there() {
    let mut place = start();
    let host = place.host("r");
    place.act(&host, ask("Why?"));
    for attempt in 1..=3 {
        let save = place.next_save();
        place.answer_save(save, false);
        assert_eq!((prompt(&host), host.errors().len()), ("Why?".to_owned(), attempt));
        assert!(place.store.as_ref().unwrap().writes.is_empty(), "not at once");
        place.pass(Duration::from_secs(10));
    }
    place.save_all();
    place.pass(Duration::from_secs(60));
    assert!(place.store.as_ref().unwrap().writes.is_empty(), "it is kept");
    place.restart();
    assert_eq!(prompt(&place.host("r")), "Why?");
}

#[test]
fn a_room_that_everyone_has_left_stays_until_the_store_has_what_it_remembers() {
    let mut place = start();
    let host = place.host("r");
    place.act(&host, ask("Why?"));
    let save = place.next_save();
    place.leave(&host);
    assert_eq!(place.rooms(), 1);
    // Otherwise the store might read the record from before.
    let late = place.enter("r", 1, Session::random());
    place.act(&late, Action::Watch);
    assert!(place.store.as_ref().unwrap().loads.is_empty(), "the room is still open");
    place.leave(&late);
    place.answer_save(save, true);
    assert_eq!(place.rooms(), 0);
    let viewer = place.host("r");
    assert_eq!(prompt(&viewer), "Why?");
}

#[test]
fn a_room_stays_until_a_change_during_a_save_is_saved_too() {
    let mut place = start();
    let host = place.host("r");
    for question in ["Why?", "Why not?"] {
        place.act(&host, ask(question));
    }
    let save = place.next_save();
    place.leave(&host);
    place.answer_save(save, true);
    assert_eq!(place.rooms(), 1);
    place.save_all();
    assert_eq!((place.rooms(), prompt(&place.host("r"))), (0, "Why not?".to_owned()));
}

#[test]
fn a_host_who_has_left_is_none_after_a_restart() {
    let mut place = start();
    let host = place.host("r");
    let [ada, bob] = [(); 2].map(|()| place.join("r"));
    for user in [&ada, &bob] {
        place.act(&host, Action::MakeHost(user.user()));
    }
    place.save_all();
    assert!(ada.is_host() && bob.is_host());
    place.leave(&ada);
    place.save_all();
    place.restart();
    let [ada, bob] = [ada, bob].map(|before| place.join_loaded("r", before.session));
    assert_eq!((ada.is_host(), bob.is_host()), (false, true));
}

#[test]
fn nobody_is_let_into_a_room_that_cannot_be_loaded() {
    let mut place = start();
    let host = place.host("r");
    place.act(&host, hide(true));
    place.save_all();
    place.restart();
    let people = [(); 2].map(|()| place.join("r"));
    let Load { room, epoch, .. } = place.store.as_ref().unwrap().loads.try_recv().expect("a room to load");
    place.answer(Answer::Loaded { room, epoch, record: None, posts: Vec::new() });
    assert_eq!(
        people.map(|person| (person.close_code(), person.id())),
        [(Some(1013), None), (Some(1013), None)]
    );
    assert_eq!(place.rooms(), 0);
    let late = place.join_loaded("r", Session::random());
    assert!(late.pipe.page().state.hidden, "another attempt finds what hosts have set");
}

#[test]
fn what_waits_in_a_room_that_is_loaded_while_the_server_stops_is_done_whatever_it_costs() {
    let text = "x".repeat(10_000);
    // Of three posts at once, the room gets one, and the others wait for its budget.
    let mut place = Place::stored(Limits { room_burst: 12_000, ..LIMITS }, HostMode::Key);
    let authors = [(); 3].map(|()| place.enter("r", 1, Session::random()));
    for author in &authors {
        let join = Action::Join { name: Name::parse("Ada", 40).unwrap(), session: author.session };
        let post = Action::Post { text: text.clone(), reference: None };
        for action in [join, post] {
            place.hub.handle(Event::from_client(author.client, FromClient::Acted(action)), place.now);
        }
    }
    place.hub.handle(Event::Stop, place.now);
    place.load_all();
    for n in 1..=3 {
        place.store_post(n);
    }
    let codes = authors.map(|author| (author.pipe.page().posts().len(), author.close_code()));
    assert_eq!(codes, [(3, Some(1001)); 3], "everyone is told of all posts, and then closed");
}
