//! Actions as requests to the owner of a room, and requests as actions that this node decides after all.

use crate::cluster::message::Asked;
use crate::room::action::Action;
use crate::room::session::Session;

/// What a client asks of the owner. Texts are asked for in another way, and snapshots come from here.
pub(super) fn asked(action: Action) -> Option<Asked> {
    Some(match action {
        Action::Join { name, session } => Asked::Join { name, key: session.key() },
        Action::Post { text, reference } => {
            let reference = reference.unwrap_or_else(|| Session::random().to_hex());
            Asked::Post { text, reference }
        }
        Action::Rename(name) => Asked::Rename(name),
        Action::Host => Asked::Host,
        Action::SetRoom(change) => Asked::SetRoom(change),
        Action::RemoveUser(id) => Asked::RemoveUser(id),
        Action::Clear(id) => Asked::Clear(id),
        Action::MakeHost(id) => Asked::MakeHost(id),
        Action::RemovePost(n) => Asked::RemovePost(n),
        Action::Write(_) | Action::Watch | Action::Resync => return None,
    })
}

/// The action of a request that was not sent, or not answered.
pub(super) fn action_of(asks: Asked, session: Option<Session>, reference: Option<String>) -> Option<Action> {
    match asks {
        Asked::Join { name, .. } => session.map(|session| Action::Join { name, session }),
        Asked::Post { text, reference: generated } => {
            Some(Action::Post { text, reference: Some(reference.unwrap_or(generated)) })
        }
        Asked::Rename(name) => Some(Action::Rename(name)),
        Asked::Host => Some(Action::Host),
        Asked::SetRoom(change) => Some(Action::SetRoom(change)),
        Asked::RemoveUser(id) => Some(Action::RemoveUser(id)),
        Asked::Clear(id) => Some(Action::Clear(id)),
        Asked::MakeHost(id) => Some(Action::MakeHost(id)),
        Asked::RemovePost(n) => Some(Action::RemovePost(n)),
        Asked::Write(_) | Asked::Leave { .. } | Asked::PostWithoutSeat { .. } => None,
    }
}
