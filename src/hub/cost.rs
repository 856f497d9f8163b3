//! What an event costs: bytes for everyone in its room, and time of the hub.

use crate::base::ids::{ClientId, IdMap, UserId};
use crate::hub::event::{FromClient, QueuedEvent};
use crate::room::action::Action;
use crate::room::rules::Rules;
use crate::room::text::json_len;
use crate::room::view::{User, View};

/// Bytes of a post as everyone in the room gets it, beside text and name: the event's name, ids, numbers, punctuation.
const POST_OVERHEAD: usize = 128;

/// Bytes of what everyone in the room is told of a new user, beside the name.
const JOIN_OVERHEAD: usize = 64;

/// How many bytes everyone in the room gets for an event of this user or viewer, roughly. `None` if that is nothing, or
/// only the latest state.
pub(crate) fn broadcast_bytes(event: &QueuedEvent, user: Option<&User>, rules: &Rules) -> Option<u32> {
    let bytes = match (&event.event, user) {
        (FromClient::Acted(Action::Post { text, .. }), Some(user)) => {
            json_len(text) + json_len(user.name.as_str()) + POST_OVERHEAD
        }
        (FromClient::Acted(Action::Join { name, session }), None) if rules.would_seat(*session) => {
            json_len(name.as_str()) + JOIN_OVERHEAD
        }
        _ => return None,
    };
    u32::try_from(bytes).ok()
}

/// How long it takes to handle an event, roughly.
pub(crate) fn weigh(members: &IdMap<ClientId, Option<UserId>>, view: &View, event: &QueuedEvent) -> usize {
    let user = || members.get(&event.client).copied().flatten();
    event.weight(|| user().and_then(|user| view.text(user)).map_or(0, |text| text.as_str().len()))
}
