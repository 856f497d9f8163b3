//! What an event costs: bytes for everyone in its room, and time of the hub.

use crate::base::ids::{ClientId, IdMap};
use crate::hub::event::{FromClient, QueuedEvent};
use crate::hub::member::Member;
use crate::room::action::{Action, Actor};
use crate::room::rules::Rules;
use crate::room::text::json_len;
use crate::room::view::View;

/// Bytes of a post as everyone in the room gets it, beside text and name: the event's name, ids, numbers, punctuation.
const POST_OVERHEAD: usize = 128;

/// Bytes of what everyone in the room is told of a new user, beside the name.
const JOIN_OVERHEAD: usize = 64;

/// How many bytes everyone in the room gets for an event of this user or viewer, roughly. `None` if that is nothing, or
/// only the latest state.
pub(crate) fn broadcast_bytes(event: &QueuedEvent, actor: Actor, view: &View, rules: &Rules) -> Option<u32> {
    let user = actor.user.and_then(|user| view.user(user));
    let bytes = match (&event.event, user) {
        (FromClient::Acted(Action::Post { text, .. }), Some(user)) => {
            json_len(text) + json_len(user.name.as_str()) + POST_OVERHEAD
        }
        (FromClient::Acted(Action::Join { name, session }), None)
            if !rules.has_seat_for(*session) && rules.may_seat(view, actor, *session).is_ok() =>
        {
            json_len(name.as_str()) + JOIN_OVERHEAD
        }
        _ => return None,
    };
    u32::try_from(bytes).ok()
}

/// How long it takes to handle an event, roughly.
pub(crate) fn weigh(members: &IdMap<ClientId, Member>, view: &View, event: &QueuedEvent) -> usize {
    let user = || members.get(&event.client)?.user;
    event.weight(|| user().and_then(|user| view.text(user)).map_or(0, |text| text.as_str().len()))
}
