//! Tests of the rules.

use super::*;
use crate::room::session::Session;
use crate::room::state::{MAX_CLEARED, MAX_HOSTS, RoomRecord, StateChange};

const OPTIONS: RoomOptions = RoomOptions { limits: Limits::DEFAULT, hosts: HostMode::Key, is_stored: false };

fn now() -> Now {
    Now { instant: Instant::now(), unix_millis: 0 }
}

fn join(rules: &mut Rules, view: &mut View, rank: u64, session: Session) -> Decision {
    let action = Action::Join { name: Name::parse("Ada", 40).unwrap(), session };
    let actor = Actor { user: None, has_key: false, rank: Rank::local(rank) };
    let decision = rules.decide(view, actor, action, now()).unwrap();
    decision.fact.clone().into_iter().for_each(|fact| view.apply(fact));
    decision
}

#[test]
fn a_seat_that_is_left_and_taken_again_leaves_nothing_behind() {
    let (mut rules, mut view) = (Rules::new(OPTIONS, UserId(0)), View::new(10));
    let (id, session) = (UserId(1), Session::random());
    for rank in 0..100 {
        assert_eq!(join(&mut rules, &mut view, rank, session).reply, Reply::Seated(id));
        assert_eq!(rules.kept_seat(id), None);
        let later = Now { instant: Instant::now() + MIN_STAY, unix_millis: 0 };
        view.apply(rules.leave(&view, id, false, later).unwrap());
        assert!(rules.kept_seat(id).is_some());
    }
    view.apply(rules.expire(&view, id).unwrap());
    assert_eq!((view.user_count(), rules.seats.len(), rules.sessions.len()), (0, 0, 0));
    assert_eq!(join(&mut rules, &mut view, 100, Session::random()).reply, Reply::Seated(UserId(2)));
    assert_eq!(view.user(UserId(2)).unwrap().name.as_str(), "Ada");
}

#[test]
fn a_reference_that_is_used_again_gets_the_first_post() {
    let (mut rules, mut view) = (Rules::new(OPTIONS, UserId(0)), View::new(10));
    join(&mut rules, &mut view, 1, Session::random());
    let actor = Actor { user: Some(UserId(1)), has_key: false, rank: Rank::local(1) };
    let mut post = |text: &str| {
        let action = Action::Post { text: text.to_owned(), reference: Some("a".to_owned()) };
        let Decision { fact, reply } = rules.decide(&view, actor, action, now()).unwrap();
        fact.into_iter().for_each(|fact| view.apply(fact));
        reply
    };
    assert_eq!(post("first"), Reply::Posted(Some("a".to_owned())));
    assert!(matches!(post("second"), Reply::Duplicate(Post { n: 1, text, .. }, _) if text == "first"));
}

fn parsed(name: &str) -> Name {
    Name::parse(name, 40).unwrap()
}

/// A post without a seat.
fn post_as(rules: &mut Rules, view: &mut View, name: &str, key: Option<&str>) -> Result<Reply, RoomError> {
    let (name, key) = (parsed(name), key.map(str::to_owned));
    let Decision { fact, reply } = rules.post_without_seat(view, &name, "text".to_owned(), key, now())?;
    fact.into_iter().for_each(|fact| view.apply(fact));
    Ok(reply)
}

#[test]
fn a_post_without_a_seat_is_by_nobody_who_is_or_will_be_there() {
    let (mut rules, mut view) = (Rules::new(OPTIONS, UserId(0)), View::new(10));
    join(&mut rules, &mut view, 1, Session::random());
    assert_eq!(post_as(&mut rules, &mut view, "deploy", None), Ok(Reply::Posted(None)));
    join(&mut rules, &mut view, 2, Session::random());
    assert_eq!(post_as(&mut rules, &mut view, "deploy", None), Ok(Reply::Posted(None)));
    let mut ids: Vec<UserId> = view.posts().map(|post| post.id).collect();
    ids.extend(view.users_after(None).map(|(id, _)| id));
    assert_eq!(ids, [2, 4, 1, 3].map(UserId));
    assert_eq!(view.user_count(), 2);
}

#[test]
fn a_post_without_a_seat_is_not_under_the_name_of_somebody_present() {
    let (mut rules, mut view) = (Rules::new(OPTIONS, UserId(0)), View::new(10));
    let Reply::Seated(id) = join(&mut rules, &mut view, 1, Session::random()).reply else { panic!("a seat") };
    for taken in ["Ada", "ADA", "A\u{200D}da", "\u{410}da"] {
        assert_eq!(post_as(&mut rules, &mut view, taken, None), Err(RoomError::NameTaken), "{taken}");
    }
    let later = Now { instant: Instant::now() + MIN_STAY, unix_millis: 0 };
    view.apply(rules.leave(&view, id, false, later).unwrap());
    assert_eq!(post_as(&mut rules, &mut view, "Ada", None), Err(RoomError::NameTaken), "she is away");
    view.apply(rules.expire(&view, id).unwrap());
    assert_eq!(post_as(&mut rules, &mut view, "Ada", None), Ok(Reply::Posted(None)));
    // A post does not reserve its name.
    join(&mut rules, &mut view, 2, Session::random());
    assert_eq!(view.users_after(None).next().unwrap().1.name.as_str(), "Ada");
}

#[test]
fn a_key_that_is_used_again_under_the_same_name_gets_the_first_post() {
    let (mut rules, mut view) = (Rules::new(OPTIONS, UserId(0)), View::new(10));
    let posted = Ok(Reply::Posted(Some("a".to_owned())));
    assert_eq!(post_as(&mut rules, &mut view, "deploy", Some("a")), posted);
    let again = post_as(&mut rules, &mut view, "Deploy", Some("a"));
    assert!(matches!(again, Ok(Reply::Duplicate(Post { n: 1, .. }, _))), "{again:?}");
    assert_eq!(post_as(&mut rules, &mut view, "build", Some("a")), posted, "another name");
    assert_eq!(view.last_n(), 2);
}

#[test]
fn hosts_close_a_room_to_posts_without_a_seat() {
    let (mut rules, mut view) = (Rules::new(OPTIONS, UserId(0)), View::new(10));
    let boss = Actor { user: None, has_key: true, rank: Rank::local(0) };
    let [locked, frozen] = [true, false].map(|locks| StateChange {
        locked: Some(locks),
        frozen: Some(!locks),
        ..StateChange::default()
    });
    for (change, error) in [(locked, RoomError::Locked), (frozen, RoomError::Frozen)] {
        let decision = rules.decide(&view, boss, Action::SetRoom(change), now()).unwrap();
        view.apply(decision.fact.unwrap());
        assert_eq!(post_as(&mut rules, &mut view, "deploy", None), Err(error));
    }
}

#[test]
fn the_later_connection_has_the_seat_whichever_claims_it_first() {
    let (mut rules, mut view) = (Rules::new(OPTIONS, UserId(0)), View::new(10));
    let (id, session) = (UserId(1), Session::random());
    join(&mut rules, &mut view, 5, session);
    let late = join(&mut rules, &mut view, 3, session);
    assert_eq!((late.fact, late.reply), (None, Reply::SeatTaken));
    let newer = join(&mut rules, &mut view, 7, session);
    assert_eq!((newer.fact, newer.reply), (Some(Fact::SeatTaken { id }), Reply::Seated(id)));
}

#[test]
fn a_seat_is_kept_for_who_wrote_or_stayed() {
    let (mut rules, mut view) = (Rules::new(OPTIONS, UserId(0)), View::new(10));
    let write = |text: &'static str| Some(Action::Write(TextChange::Whole(text.into())));
    let post = Some(Action::Post { text: "x".to_owned(), reference: None });
    let almost = MIN_STAY - Duration::from_millis(1);
    for (action, stay, is_kept) in [
        (None, almost, false),
        (None, MIN_STAY, true),
        (write(""), almost, false),
        (write("x"), Duration::ZERO, true),
        (post, Duration::ZERO, true),
    ] {
        let Reply::Seated(id) = join(&mut rules, &mut view, 1, Session::random()).reply else {
            panic!("a new session gets a new seat")
        };
        let since = rules.seats[&id].since;
        if let Some(action) = action.clone() {
            let actor = Actor { user: Some(id), has_key: false, rank: Rank::local(1) };
            view.apply(rules.decide(&view, actor, action, now()).unwrap().fact.unwrap());
        }
        let later = Now { instant: since + stay, unix_millis: 0 };
        let fact = rules.leave(&view, id, false, later).unwrap();
        let expected = if is_kept { Fact::Away { id } } else { Fact::Gone { id, removed: false } };
        assert_eq!(fact, expected, "{action:?} and {stay:?}");
        assert_eq!(rules.kept_seat(id).map(|kept| kept.stay), is_kept.then_some(stay));
        view.apply(fact);
    }
}

#[test]
fn a_post_that_is_there_already_keeps_no_seat() {
    let (mut rules, mut view) = (Rules::new(OPTIONS, UserId(0)), View::new(10));
    let session = Session::random();
    for (id, is_new) in [(UserId(1), true), (UserId(2), false)] {
        join(&mut rules, &mut view, 1, session);
        let actor = Actor { user: Some(id), has_key: false, rank: Rank::local(1) };
        let post = Action::Post { text: "x".to_owned(), reference: Some("a".to_owned()) };
        let decision = rules.decide(&view, actor, post, now()).unwrap();
        assert_eq!((decision.fact.is_some(), rules.seats[&id].wrote), (is_new, is_new));
        decision.fact.into_iter().for_each(|fact| view.apply(fact));
        view.apply(rules.leave(&view, id, true, now()).unwrap());
    }
}

#[test]
fn a_room_has_a_maximum_number_of_hosts() {
    let (mut rules, mut view) = (Rules::new(OPTIONS, UserId(0)), View::new(10));
    let boss = Actor { user: None, has_key: true, rank: Rank::local(0) };
    for rank in 1..=MAX_HOSTS as u64 + 1 {
        join(&mut rules, &mut view, rank, Session::random());
        let made = rules.decide(&view, boss, Action::MakeHost(UserId(rank)), now());
        match made {
            Ok(decision) => decision.fact.into_iter().for_each(|fact| view.apply(fact)),
            Err(error) => assert_eq!(error, RoomError::HostsFull { max: MAX_HOSTS }),
        }
    }
    assert_eq!(view.hosts().count(), MAX_HOSTS);
    let again = rules.decide(&view, boss, Action::MakeHost(UserId(1)), now()).unwrap();
    assert_eq!(again.fact, None);
    // With the key, a host can be one without being in the list.
    let actor = Actor { user: Some(UserId(MAX_HOSTS as u64 + 1)), has_key: true, rank: Rank::local(1) };
    let decision = rules.decide(&view, actor, Action::Host, now()).unwrap();
    assert_eq!((decision.fact, decision.reply), (None, Reply::Hosting));
}

#[test]
fn of_users_whose_boxes_were_cleared_the_first_is_forgotten() {
    let (mut rules, mut view) = (Rules::new(OPTIONS, UserId(0)), View::new(10));
    let boss = Actor { user: None, has_key: true, rank: Rank::local(0) };
    let sessions: Vec<Session> = (0..=MAX_CLEARED).map(|_| Session::random()).collect();
    for &session in &sessions {
        let Reply::Seated(id) = join(&mut rules, &mut view, 1, session).reply else { panic!("a seat") };
        let cleared = rules.decide(&view, boss, Action::Clear(Some(id)), now()).unwrap();
        view.apply(cleared.fact.unwrap());
        view.apply(rules.leave(&view, id, true, now()).unwrap());
    }
    let mut cleared = |session: Session| {
        let Reply::Seated(id) = join(&mut rules, &mut view, 1, session).reply else { panic!("a seat") };
        view.cleared(id)
    };
    let [forgotten, first, last] = [0, 1, MAX_CLEARED].map(|n| cleared(sessions[n]));
    assert!(forgotten == 0 && 0 < first && first < last, "{forgotten} {first} {last}");
}

#[test]
fn what_hosts_do_to_nobody_is_refused() {
    let (mut rules, mut view) = (Rules::new(OPTIONS, UserId(0)), View::new(10));
    join(&mut rules, &mut view, 1, Session::random());
    let boss = Actor { user: None, has_key: true, rank: Rank::local(0) };
    let nobody = UserId(7);
    let spotlight = StateChange { spotlight: Some(Some(nobody)), ..StateChange::default() };
    for action in [
        Action::MakeHost(nobody),
        Action::RemoveUser(nobody),
        Action::Clear(Some(nobody)),
        Action::SetRoom(spotlight),
    ] {
        let decision = rules.decide(&view, boss, action.clone(), now());
        assert_eq!(decision, Err(RoomError::UnknownUser), "{action:?}");
    }
    assert_eq!(rules.take_record(), None, "nothing is remembered of it");
}

#[test]
fn a_spotlight_on_nobody_keeps_hosts_from_nothing() {
    let (mut rules, view) = (Rules::new(OPTIONS, UserId(0)), View::new(10));
    let boss = Actor { user: None, has_key: true, rank: Rank::local(0) };
    let mut record = RoomRecord::default();
    record.state.spotlight = Some(UserId(7));
    rules.follow_record(record);
    let lock = Action::SetRoom(StateChange { locked: Some(true), ..StateChange::default() });
    let decision = rules.decide(&view, boss, lock, now()).unwrap();
    let Some(Fact::StateChanged { state }) = decision.fact else { panic!("{decision:?}") };
    assert_eq!((state.locked, state.spotlight), (true, None));
}

#[test]
fn that_the_user_with_the_spotlight_has_left_is_saved() {
    let (mut rules, mut view) = (Rules::new(OPTIONS, UserId(0)), View::new(10));
    let boss = Actor { user: None, has_key: true, rank: Rank::local(0) };
    let Reply::Seated(id) = join(&mut rules, &mut view, 1, Session::random()).reply else { panic!("a seat") };
    let spotlight = StateChange { spotlight: Some(Some(id)), ..StateChange::default() };
    let shown = rules.decide(&view, boss, Action::SetRoom(spotlight), now()).unwrap();
    view.apply(shown.fact.unwrap());
    assert_eq!(rules.take_record().unwrap().state.spotlight, Some(id));
    view.apply(rules.leave(&view, id, true, now()).unwrap());
    assert_eq!(rules.take_record().unwrap().state.spotlight, None, "other nodes may have it from the record");
}
