//! The view of a room: the state that its facts produce. Applying the same facts gives the same view.

use crate::base::ids::UserId;
use crate::room::action::Actor;
use crate::room::boxes::{Boxes, Revision, TextUpdate};
use crate::room::fact::Fact;
use crate::room::history::History;
use crate::room::marks::Mark;
use crate::room::names::Name;
use crate::room::post::Post;
use crate::room::state::RoomState;
use crate::room::text::Text;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// Users, boxes, log, hosts and settings of a room.
#[derive(Debug)]
pub struct View {
    users: BTreeMap<UserId, User>,
    boxes: Boxes,
    history: History,
    state: RoomState,
    hosts: BTreeSet<UserId>,
    version: u64,
}

/// A user as everyone in the room sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their name.
    pub name: Name,
    /// Their mark; `None` if it is the one that the name suggests.
    pub mark: Option<Mark>,
    /// True while the connection is broken and the seat is kept.
    pub away: bool,
    /// When a host last cleared their box.
    cleared: u64,
}

impl User {
    /// The mark, also if it is the one that the name suggests.
    pub(crate) fn full_mark(&self) -> Mark {
        self.mark.unwrap_or_else(|| Mark::suggested(self.name.as_str()))
    }

    /// The mark stays, whatever the new name suggests.
    fn rename(&mut self, name: Name) {
        let mark = self.full_mark();
        self.mark = (mark != Mark::suggested(name.as_str())).then_some(mark);
        self.name = name;
    }
}

/// Whose texts somebody may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Visibility {
    /// Everyone's.
    All,
    /// Those of this user; a viewer sees none.
    Own(Option<UserId>),
}

impl Visibility {
    /// Whether the text of a user may be seen.
    pub fn includes(self, id: UserId) -> bool {
        match self {
            Self::All => true,
            Self::Own(own) => own == Some(id),
        }
    }
}

impl View {
    /// The view of an empty room whose history keeps at most `max_posts` posts.
    pub fn new(max_posts: usize) -> Self {
        Self {
            users: BTreeMap::new(),
            boxes: Boxes::default(),
            history: History::new(max_posts),
            state: RoomState::default(),
            hosts: BTreeSet::new(),
            version: 0,
        }
    }

    /// Applies a fact.
    pub fn apply(&mut self, fact: Fact) {
        self.version += 1;
        match fact {
            Fact::Joined { id, name, mark, cleared } => {
                self.users.insert(id, User { name, mark, away: false, cleared });
                self.boxes.add(id);
            }
            Fact::Renamed { id, name } => {
                self.users.entry(id).and_modify(|user| user.rename(name));
            }
            Fact::Away { id } => self.set_away(id, true),
            Fact::Back { id } | Fact::SeatTaken { id } => self.set_away(id, false),
            Fact::Gone { id, .. } => self.remove(id),
            Fact::HostMade { id } => _ = self.hosts.insert(id),
            Fact::HostLost { id } => _ = self.hosts.remove(&id),
            Fact::StateChanged { state } => self.set_state(state),
            Fact::Cleared { id, at } => self.clear(id, at),
            Fact::Text { id, change } => {
                // The rules reject a splice that does not fit.
                let _ = self.boxes.change(id, change);
            }
            Fact::Posted { post } => self.history.push(post),
            Fact::PostRemoved { n } => self.history.erase(n),
            Fact::Loaded { posts, state } => {
                self.history.load(posts);
                self.state = state;
            }
            Fact::LogReplaced { posts, last_n } => self.history.replace(posts, last_n),
            Fact::HistoryShortened { max_bytes } => self.history.shorten(max_bytes),
            Fact::HistoryTrimmed { before } => self.history.trim(before),
        }
    }

    fn remove(&mut self, id: UserId) {
        self.users.remove(&id);
        self.boxes.remove(id);
        self.hosts.remove(&id);
        self.state.spotlight.take_if(|shown| *shown == id);
    }

    fn set_state(&mut self, mut state: RoomState) {
        if self.state.hidden && !state.hidden {
            self.boxes.mark_all_changed();
        }
        state.spotlight.take_if(|shown| !self.users.contains_key(shown)); // the user has left meanwhile
        self.state = state;
    }

    fn clear(&mut self, id: Option<UserId>, at: u64) {
        let is_meant = |user: &UserId| id.is_none_or(|id| id == *user);
        for (&id, user) in self.users.iter_mut().filter(|(user, _)| is_meant(user)) {
            user.cleared = at;
            self.boxes.empty(id);
        }
    }

    fn set_away(&mut self, id: UserId, away: bool) {
        if let Some(user) = self.users.get_mut(&id) {
            user.away = away;
        }
    }

    /// What hosts have set.
    pub fn state(&self) -> &RoomState {
        &self.state
    }

    /// The users who are hosts, in the order in which they joined.
    pub fn hosts(&self) -> impl Iterator<Item = UserId> {
        self.hosts.iter().copied()
    }

    /// Whether a user is a host.
    pub fn is_host(&self, id: UserId) -> bool {
        self.hosts.contains(&id)
    }

    /// Whether a user or viewer is a host.
    pub fn is_host_actor(&self, actor: Actor) -> bool {
        actor.has_key || actor.user.is_some_and(|user| self.is_host(user))
    }

    /// Whose texts a user or viewer may see.
    pub fn visibility(&self, actor: Actor) -> Visibility {
        if self.state.hidden && !self.is_host_actor(actor) {
            Visibility::Own(actor.user)
        } else {
            Visibility::All
        }
    }

    /// When a host last cleared a user's box, in milliseconds since 1970, roughly; 0 if that is not known. It grows
    /// with each time. An author with an older text has to drop it.
    pub fn cleared(&self, id: UserId) -> u64 {
        self.users.get(&id).map_or(0, |user| user.cleared)
    }

    /// A number that changes with every fact. A view with an unchanged version has an unchanged snapshot.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The memory of its texts, in bytes, roughly.
    pub(crate) fn memory(&self) -> usize {
        self.boxes.memory() + self.history.memory()
    }

    /// How much more memory than this the history takes, in bytes, as far as posts can be removed from it.
    pub(crate) fn history_excess(&self, max_bytes: usize) -> usize {
        self.history.excess(max_bytes)
    }

    /// The number of users, including away users.
    pub fn user_count(&self) -> usize {
        self.users.len()
    }

    /// A user.
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    /// The users who joined after this one, or all of them, in the order in which they joined.
    pub fn users_after(&self, id: Option<UserId>) -> impl DoubleEndedIterator<Item = (UserId, &User)> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.users.range((from, Bound::Unbounded)).map(|(&id, user)| (id, user))
    }

    /// The text of a user's box.
    pub fn text(&self, id: UserId) -> Option<&Text> {
        self.boxes.text(id)
    }

    /// The last posts of the log, the oldest first.
    pub fn posts(&self) -> impl DoubleEndedIterator<Item = &Arc<Post>> {
        self.history.posts_after(0)
    }

    /// The posts of the log with higher numbers than this, the oldest first.
    pub fn posts_after(&self, n: u64) -> impl DoubleEndedIterator<Item = &Arc<Post>> {
        self.history.posts_after(n)
    }

    /// The highest number that a post of the room had, or 0, even if that post was removed since.
    pub fn last_n(&self) -> u64 {
        self.history.last_n()
    }

    /// Gives every text that changed since the last commit a new revision, and calls `each` with it.
    pub fn commit_texts(&mut self, each: impl FnMut(TextUpdate<'_>)) {
        self.boxes.commit(each);
    }

    /// The current texts of the boxes that changed at revision `from` or later, in the order of their changes.
    pub fn texts_since(&self, from: Revision) -> impl Iterator<Item = (Revision, UserId, &Text)> {
        self.boxes.changed_since(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::text::TextChange;

    const ADA: UserId = UserId(1);

    fn with_ada() -> View {
        let mut view = View::new(10);
        let name = Name::parse("Ada", 40).unwrap();
        view.apply(Fact::Joined { id: ADA, name, mark: None, cleared: 0 });
        view
    }

    #[test]
    fn the_memory_is_that_of_the_boxes_and_of_the_log() {
        let mut view = with_ada();
        view.apply(Fact::Text { id: ADA, change: TextChange::Whole("x".repeat(1_000).into()) });
        let of_box = view.memory();
        assert!((1_000..2_000).contains(&of_box), "{of_box}");
        view.apply(Fact::Posted {
            post: Post { n: 1, id: ADA, name: "Ada".to_owned(), text: "y".repeat(500), at: 0 },
        });
        let of_both = view.memory();
        assert!((500..1_000).contains(&(of_both - of_box)), "{of_both}");
        view.apply(Fact::Gone { id: ADA, removed: false });
        assert_eq!(view.memory(), of_both - of_box);
    }

    #[test]
    fn a_user_is_away_until_the_seat_is_taken_again() {
        let mut view = with_ada();
        for back in [Fact::Back { id: ADA }, Fact::SeatTaken { id: ADA }] {
            for (fact, away) in [(Fact::Away { id: ADA }, true), (back, false)] {
                view.apply(fact);
                assert_eq!(view.user(ADA).map(|user| user.away), Some(away));
            }
        }
    }
}
