//! The wall of a room for HTTP requests, in parts, so that the hub copies little at a time.

use crate::base::ids::UserId;
use crate::room::action::{Actor, Rank};
use crate::room::view::View;
use crossbeam_channel::Sender;
use serde::Serialize;

/// Size after which a part of a wall ends, in bytes. The last box may exceed it. The hub copies a part in less time than
/// it takes for a busy room's batch, and asking for more parts costs a large wall little.
const PART_BYTES: usize = 256 * 1024;

/// Bytes of a box beside its name and text, roughly.
const BOX_OVERHEAD: usize = 64;

/// A part of a room's wall: what hosts ask, and boxes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WallPart {
    /// The question above the wall; empty if there is none.
    pub prompt: String,
    /// Only hosts see the texts.
    pub hidden: bool,
    /// The boxes, in the order in which their users joined.
    pub boxes: Vec<WallBox>,
    /// The last of these users, if there may be more boxes.
    pub next: Option<UserId>,
}

/// A question for a part of a room's wall.
#[derive(Debug)]
pub(crate) struct WallQuestion {
    /// Whoever asks has proved the host key.
    pub is_host: bool,
    /// Only boxes of users who joined after this one.
    pub after: Option<UserId>,
    /// Where the part goes. It is dropped if the room cannot be loaded.
    pub reply_to: Sender<WallPart>,
}

impl WallQuestion {
    /// Answers it.
    pub(crate) fn answer(self, view: &View) {
        let _ = self.reply_to.try_send(WallPart::of(view, self.is_host, self.after));
    }
}

/// A box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WallBox {
    /// Its user.
    pub id: UserId,
    /// The name of the user.
    pub name: String,
    /// Its text; empty if it may not be seen.
    pub text: String,
    /// The user is away.
    pub away: bool,
    /// There is a text, which perhaps may not be seen.
    pub wrote: bool,
}

impl WallPart {
    /// The boxes of the users who joined after this one, for a host or somebody else.
    pub(crate) fn of(view: &View, is_host: bool, after: Option<UserId>) -> Self {
        let visibility = view.visibility(Actor { user: None, has_key: is_host, rank: Rank::local(0) });
        let (mut boxes, mut bytes, mut next) = (Vec::new(), 0, None);
        for (id, user) in view.users_after(after) {
            let text = view.text(id).map_or("", |text| text.as_str());
            let shown = if visibility.includes(id) { text } else { "" };
            bytes += user.name.as_str().len() + shown.len() + BOX_OVERHEAD;
            let (name, wrote) = (user.name.as_str().to_owned(), !text.is_empty());
            boxes.push(WallBox { id, name, text: shown.to_owned(), away: user.away, wrote });
            if bytes >= PART_BYTES {
                next = Some(id);
                break;
            }
        }
        let state = view.state();
        Self { prompt: state.prompt.clone(), hidden: state.hidden, boxes, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::fact::Fact;
    use crate::room::names::Name;
    use crate::room::state::RoomState;
    use crate::room::text::TextChange;

    fn view(texts: &[&str]) -> View {
        let mut view = View::new(10);
        for (n, text) in (1..).zip(texts) {
            let (id, name) = (UserId(n), Name::parse(&format!("user {n}"), 40).unwrap());
            view.apply(Fact::Joined { id, name, mark: None, cleared: 0 });
            view.apply(Fact::Text { id, change: TextChange::Whole((*text).to_owned().into()) });
        }
        view
    }

    #[test]
    fn only_hosts_see_hidden_texts() {
        let mut view = view(&["secret", ""]);
        let shown = |view: &View, is_host| {
            let part = WallPart::of(view, is_host, None);
            part.boxes.iter().map(|shown| (shown.text.clone(), shown.wrote)).collect::<Vec<_>>()
        };
        let open = [("secret".to_owned(), true), (String::new(), false)];
        assert_eq!(shown(&view, false), open);
        view.apply(Fact::StateChanged { state: RoomState { hidden: true, ..RoomState::default() } });
        assert_eq!(shown(&view, false), [(String::new(), true), (String::new(), false)]);
        assert_eq!(shown(&view, true), open);
    }

    #[test]
    fn a_large_wall_comes_in_parts() {
        let third = "x".repeat(PART_BYTES / 3);
        let view = view(&[third.as_str(); 7]);
        let (mut ids, mut lengths, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let part = WallPart::of(&view, false, after);
            ids.extend(part.boxes.iter().map(|shown| shown.id.0));
            lengths.push(part.boxes.len());
            after = part.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((ids, lengths), ((1..=7).collect(), vec![3, 3, 1]));
    }
}
