//! Copies of a room, from which another process gets the same room.
//!
//! A copy is applied as a [difference](differences) to a view, so that people see only what has really changed.

use crate::base::ids::UserId;
use crate::room::action::Rank;
use crate::room::fact::Fact;
use crate::room::marks::Mark;
use crate::room::names::Name;
use crate::room::post::Post;
use crate::room::session::SessionKey;
use crate::room::state::{RoomRecord, RoomState};
use crate::room::text::TextChange;
use crate::room::view::View;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A room at one time: its view, and what its rules know beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomCopy {
    /// The users, in the order in which they joined.
    pub users: Vec<UserCopy>,
    /// The users who are hosts.
    pub hosts: Vec<UserId>,
    /// What hosts have set.
    pub state: RoomState,
    /// What the room remembers of its hosts. The state in it may be newer, while it is being saved.
    pub record: RoomRecord,
    /// For how much longer hosts are expected back.
    pub hosts_expected: Option<Duration>,
    /// The last posts, the oldest first.
    pub posts: Vec<Post>,
    /// The highest number that a post of the room had.
    pub last_n: u64,
    /// The last user id that was assigned.
    pub last_user: UserId,
}

/// A user in a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserCopy {
    /// The user.
    pub id: UserId,
    /// Their name.
    pub name: Name,
    /// Their mark, unless it is the one that the name suggests.
    pub mark: Option<Mark>,
    /// When a host last cleared their box.
    pub cleared: u64,
    /// The text of their box.
    pub text: String,
    /// Their seat.
    pub seat: SeatCopy,
}

/// A seat in a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatCopy {
    /// The key of the user's session.
    pub key: SessionKey,
    /// The user has posted, or their box has held a text.
    pub wrote: bool,
    /// How long the user has been there; if they are away, until the connection broke.
    pub stay: Duration,
    /// Who has it.
    pub holder: Holder,
}

/// Who has a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holder {
    /// The connection with this rank.
    Connected(Rank),
    /// Nobody; it is kept for this long.
    Away(Duration),
}

impl UserCopy {
    fn is_away(&self) -> bool {
        matches!(self.seat.holder, Holder::Away(_))
    }
}

/// The facts that make a view that of the copy.
pub fn differences(view: &View, copy: &RoomCopy) -> Vec<Fact> {
    let mut facts = Vec::new();
    let copied: BTreeMap<UserId, &UserCopy> = copy.users.iter().map(|user| (user.id, user)).collect();
    for (id, _) in view.users_after(None) {
        if !copied.contains_key(&id) {
            facts.push(Fact::Gone { id, removed: false });
        } else if view.is_host(id) && !copy.hosts.contains(&id) {
            facts.push(Fact::HostLost { id });
        }
    }
    copy.users.iter().for_each(|user| differences_of_user(view, user, &mut facts));
    let is_new_host = |id: &&UserId| !view.is_host(**id);
    facts.extend(copy.hosts.iter().filter(is_new_host).map(|&id| Fact::HostMade { id }));
    if *view.state() != copy.state {
        facts.push(Fact::StateChanged { state: copy.state.clone() });
    }
    differences_of_log(view, copy, &mut facts);
    facts
}

/// The facts for a user, who may be new.
fn differences_of_user(view: &View, copy: &UserCopy, facts: &mut Vec<Fact>) {
    let id = copy.id;
    let user = view.user(id);
    match user {
        None => {
            facts.push(Fact::Joined { id, name: copy.name.clone(), mark: copy.mark, cleared: copy.cleared })
        }
        Some(user) if user.name != copy.name => facts.push(Fact::Renamed { id, name: copy.name.clone() }),
        Some(_) => {}
    }
    let (was_away, cleared, text) = user.map_or((false, copy.cleared, ""), |user| {
        (user.away, view.cleared(id), view.text(id).map_or("", |text| text.as_str()))
    });
    if was_away != copy.is_away() {
        facts.push(if was_away { Fact::Back { id } } else { Fact::Away { id } });
    }
    let is_cleared = cleared != copy.cleared;
    if is_cleared {
        facts.push(Fact::Cleared { id: Some(id), at: copy.cleared });
    }
    let text = if is_cleared { "" } else { text };
    if text != copy.text {
        facts.push(Fact::Text { id, change: TextChange::Whole(copy.text.clone().into()) });
    }
}

/// The facts for the log. Posts that only the view has stay, as long as the others follow them without a gap.
fn differences_of_log(view: &View, copy: &RoomCopy, facts: &mut Vec<Fact>) {
    let own: BTreeMap<u64, &Post> = view.posts().map(|post| (post.n, &**post)).collect();
    let first = copy.posts.first().map_or(copy.last_n.saturating_add(1), |post| post.n);
    let is_same = |post: &Post| {
        own.get(&post.n).is_none_or(|own| (own.id, &own.name, own.at) == (post.id, &post.name, post.at))
    };
    let goes_on = view.last_n() <= copy.last_n && first <= view.last_n().saturating_add(1);
    if !goes_on || !copy.posts.iter().all(is_same) {
        let posts = copy.posts.clone();
        return facts.push(Fact::LogReplaced { posts, last_n: copy.last_n });
    }
    for post in &copy.posts {
        match own.get(&post.n) {
            Some(own) if post.text.is_empty() && !own.text.is_empty() => {
                facts.push(Fact::PostRemoved { n: post.n });
            }
            None if post.n > view.last_n() => facts.push(Fact::Posted { post: post.clone() }),
            _ => {}
        }
    }
}
