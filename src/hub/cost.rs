//! What an event costs: bytes for everyone in its room, and time of the hub.

use crate::hub::event::{FromClient, QueuedEvent};
use crate::protocol::snapshot::TOGETHER_BYTES;
use crate::room::action::{Action, Actor};
use crate::room::names::Name;
use crate::room::rules::Rules;
use crate::room::session::Session;
use crate::room::state::StateChange;
use crate::room::text::{TextChange, json_len};
use crate::room::view::View;

/// Bytes of a post as everyone in the room gets it, beside text and name: the event's name, ids, numbers, punctuation.
const POST_OVERHEAD: usize = 128;

/// Bytes of the event that tells everyone in the room of a new user or a new name, beside the name.
const NAME_OVERHEAD: usize = 64;

/// Bytes of the `text_update` of an empty box.
const BOX_OVERHEAD: usize = 64;

/// Bytes of text that weigh as much as the rest of handling an event.
const BYTES_PER_WEIGHT: usize = 1024;

/// How many bytes everyone in the room gets for an event of this user or viewer, roughly. `None` if that is nothing, or
/// only the latest state.
pub(crate) fn broadcast_bytes(
    event: &QueuedEvent,
    actor: Option<Actor>,
    view: &View,
    rules: &Rules,
) -> Option<u32> {
    if let FromClient::PostRequest(request) = &event.event {
        return u32::try_from(post_bytes(&request.text, &request.name)).ok();
    }
    let actor = actor?;
    let user = actor.user.and_then(|user| view.user(user));
    let bytes = match (&event.event, user) {
        (FromClient::Acted(Action::Post { text, .. }), Some(user)) => post_bytes(text, &user.name),
        (FromClient::Acted(Action::Rename(name)), Some(_)) => json_len(name.as_str()) + NAME_OVERHEAD,
        (FromClient::Acted(Action::Join { name, session }), None)
            if !rules.has_seat_for(session.key()) && rules.may_seat(view, actor, session.key()).is_ok() =>
        {
            json_len(name.as_str()) + NAME_OVERHEAD
        }
        (FromClient::SeatGuest, None) if rules.may_seat(view, actor, Session::random().key()).is_ok() => {
            json_len(Name::of_guest().as_str()) + NAME_OVERHEAD
        }
        _ => return None,
    };
    u32::try_from(bytes).ok()
}

fn post_bytes(text: &str, name: &Name) -> usize {
    json_len(text) + json_len(name.as_str()) + POST_OVERHEAD
}

/// How long it takes to handle an event of this user or viewer and to send the result, roughly, in units of what a
/// short event takes.
pub(crate) fn weigh(event: &QueuedEvent, actor: Option<Actor>, view: &View, rules: &Rules) -> usize {
    let (FromClient::Acted(action), Some(actor)) = (&event.event, actor) else {
        return 1 + event.event.text_len() / BYTES_PER_WEIGHT;
    };
    let has_seat = actor.user.is_some()
        || matches!(action, Action::Join { session, .. } if rules.has_seat_for(session.key()));
    let (is_host, is_hidden) = (view.is_host_actor(actor), view.state().hidden);
    let bytes = match action {
        Action::Write(TextChange::Splice(_)) => {
            actor.user.and_then(|user| view.text(user)).map_or(0, |text| text.as_str().len())
        }
        // While texts are hidden, the snapshot of a user who has written is not shared with others.
        Action::Join { .. } | Action::Watch | Action::Resync if has_seat && is_hidden && !is_host => {
            TOGETHER_BYTES
        }
        Action::SetRoom(StateChange { hidden: Some(false), .. }) if is_hidden && is_host => view.memory(),
        Action::Clear(None) if is_host => view.user_count() * BOX_OVERHEAD,
        _ => event.event.text_len(),
    };
    1 + bytes / BYTES_PER_WEIGHT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Now;
    use crate::base::ids::{ClientId, UserId};
    use crate::base::limits::Limits;
    use crate::room::action::Rank;
    use crate::room::rules::RoomOptions;
    use crate::room::state::HostMode;
    use std::time::Instant;

    fn empty_room() -> (Rules, View) {
        let options = RoomOptions { limits: Limits::DEFAULT, hosts: HostMode::Key, is_stored: false };
        (Rules::new(options, UserId(0)), View::new(10))
    }

    fn join(session: Session) -> Action {
        Action::Join { name: Name::parse("Ada", 40).unwrap(), session }
    }

    #[test]
    fn what_sends_or_encodes_much_weighs_much() {
        let (mut rules, mut view) = empty_room();
        let now = Now { instant: Instant::now(), unix_millis: 0 };
        let actor = |user: Option<u64>| Actor {
            user: user.map(UserId),
            has_key: user.is_none(),
            rank: Rank::local(0),
        };
        let [host, viewer] = [actor(None), Actor { has_key: false, ..actor(None) }];
        let session = Session::random();
        for n in 1..=100 {
            let session = if n == 1 { session } else { Session::random() };
            let write = Action::Write(TextChange::Whole("x".repeat(10_000).into()));
            for (actor, action) in [(viewer, join(session)), (actor(Some(n)), write)] {
                view.apply(rules.decide(&view, actor, action, now).unwrap().fact.unwrap());
            }
        }
        let change = |hidden| StateChange { hidden: Some(hidden), ..StateChange::default() };
        let weight = |view: &View, rules: &Rules, actor, action| {
            let event = FromClient::Acted(action);
            let event = QueuedEvent::new(ClientId(1), event);
            weigh(&event, Some(actor), view, rules)
        };
        assert_eq!(weight(&view, &rules, actor(Some(1)), Action::Resync), 1, "it is shared");
        assert_eq!(weight(&view, &rules, host, Action::SetRoom(change(false))), 1, "nothing is hidden");
        let hide = rules.decide(&view, host, Action::SetRoom(change(true)), now);
        view.apply(hide.unwrap().fact.unwrap());
        for (actor, action, range) in [
            (host, Action::SetRoom(change(false)), 900..10_000),
            (host, Action::Clear(None), 7..20),
            (viewer, Action::SetRoom(change(false)), 1..2),
            (viewer, Action::Clear(None), 1..2),
            (host, Action::Watch, 1..2),
            (viewer, Action::Watch, 1..2),
            (actor(Some(1)), Action::Resync, 60..70),
            (viewer, join(session), 60..70),
            (viewer, join(Session::random()), 1..2),
            (actor(Some(1)), Action::Post { text: "x".repeat(5_000), reference: None }, 5..6),
        ] {
            let found = weight(&view, &rules, actor, action.clone());
            assert!(range.contains(&found), "{action:?}: {found}");
        }
    }

    #[test]
    fn a_post_and_a_new_seat_are_charged_with_what_everyone_gets() {
        let (mut rules, mut view) = empty_room();
        let now = Now { instant: Instant::now(), unix_millis: 0 };
        let actor =
            |user: Option<u64>| Actor { user: user.map(UserId), has_key: false, rank: Rank::local(0) };
        let session = Session::random();
        view.apply(rules.decide(&view, actor(None), join(session), now).unwrap().fact.unwrap());
        let post = |text: &str| Action::Post { text: text.to_owned(), reference: None };
        for (actor, action, bytes) in [
            (actor(Some(1)), post("\"long\""), Some(POST_OVERHEAD + 8 + 3)),
            (actor(None), post("nobody sees it"), None),
            (actor(None), join(Session::random()), Some(NAME_OVERHEAD + 3)),
            (actor(None), join(session), None),
            (actor(Some(1)), Action::Rename(Name::parse("Bob", 40).unwrap()), Some(NAME_OVERHEAD + 3)),
            (actor(Some(1)), Action::Watch, None),
        ] {
            let event = QueuedEvent::new(ClientId(1), FromClient::Acted(action.clone()));
            let charged = broadcast_bytes(&event, Some(actor), &view, &rules);
            assert_eq!(charged.map(|bytes| bytes as usize), bytes, "{action:?}");
        }
        let of_guest = |actor| {
            broadcast_bytes(&QueuedEvent::new(ClientId(1), FromClient::SeatGuest), Some(actor), &view, &rules)
        };
        assert_eq!(of_guest(actor(None)).map(|bytes| bytes as usize), Some(NAME_OVERHEAD + 5));
        assert_eq!(of_guest(actor(Some(1))), None);
    }
}
