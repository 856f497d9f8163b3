//! What hosts do, and what must not happen after that.

use super::line::Told;
use super::*;

/// What hosts have done.
#[derive(Default)]
pub(super) struct Hosts {
    /// A host has hidden texts, or locked the room, and nobody has asked for the opposite since.
    hides: bool,
    locks: bool,
    /// Where and when hosts have asked for the opposite, as long as that may still be done.
    opened: Vec<(usize, u64)>,
    /// All pages have shown that since.
    is_hidden: bool,
    is_locked: bool,
    /// What was written while all pages showed that texts are hidden.
    secrets: BTreeSet<String>,
    /// The ids of users whom a host wanted to remove, and the epoch in which they first did.
    unwanted: BTreeMap<String, Epoch>,
    /// Those who were removed.
    removed: Vec<Removal>,
    /// The numbers of posts that a host wanted to remove.
    pub removed_posts: BTreeSet<u64>,
    /// The numbers of posts that a page has shown to be removed.
    pub erased_posts: BTreeSet<u64>,
    /// The numbers of posts that were removed just before Redis went back to a state in which they were not. A node
    /// that is not cut off meanwhile, and posts nothing, does not notice that.
    pub lost_erasures: BTreeSet<u64>,
    /// People without a seat because the room is locked.
    pub turned_away: BTreeSet<usize>,
}

/// Somebody was removed.
#[derive(Clone, Copy)]
struct Removal {
    session: Session,
    /// When the page was told.
    at: u64,
    /// The epoch in which a host wanted it.
    epoch: Epoch,
    /// Redis has had it.
    is_stored: bool,
}

impl Sim {
    /// A host does something.
    pub(super) fn rule(&mut self) {
        (0..ALL).for_each(|n| self.look(n));
        let is_host = |n: &usize| self.people[*n].line.as_ref().is_some_and(|line| line.page.is_host());
        let hosts: Vec<usize> = (0..PEOPLE).filter(is_host).collect();
        if hosts.is_empty() {
            return;
        }
        let host = hosts[self.random(hosts.len() as u64) as usize];
        let Line { page, node, .. } = self.people[host].line.as_ref().expect("a connection");
        let node = *node;
        let users: Vec<String> = page.users.keys().cloned().collect();
        let posts: Vec<u64> = page.log.iter().filter_map(|post| post["n"].as_u64()).collect();
        let user = users.get(self.random(users.len().max(1) as u64) as usize).cloned();
        let id = || user.as_ref().and_then(|user| user.parse().ok()).map(UserId);
        let action = match self.random(16) {
            0..8 => Some(Action::SetRoom(self.random_state(node, id()))),
            8 => Some(Action::Clear(None)),
            9..11 => Some(Action::Clear(id())),
            11 => id().map(Action::MakeHost),
            12 if user.as_ref().is_some_and(|user| !self.people[0].ids.contains(user)) => {
                let epoch = self.redis.epoch();
                user.iter().for_each(|user| _ = self.hosts.unwanted.entry(user.clone()).or_insert(epoch));
                id().map(Action::RemoveUser)
            }
            _ => {
                let n = posts.get(self.random(posts.len().max(1) as u64) as usize).copied();
                self.hosts.removed_posts.extend(n);
                n.map(Action::RemovePost)
            }
        };
        action.into_iter().for_each(|action| self.send(host, FromClient::Acted(action)));
    }

    fn random_state(&mut self, node: usize, spotlight: Option<UserId>) -> StateChange {
        let [hidden, locked, frozen] =
            [(); 3].map(|()| [None, Some(true), Some(false)][self.random(3) as usize]);
        let prompt = (self.random(3) == 0).then(|| format!("What at {}?", self.now));
        let spotlight = (self.random(3) == 0).then_some(spotlight);
        self.note_change(node, hidden, locked);
        // Otherwise nobody would do anything half of the time.
        let frozen = frozen.map(|frozen| frozen && self.random(3) == 0);
        StateChange { locked, hidden, frozen, prompt, spotlight }
    }

    /// A host asks for this over a node.
    fn note_change(&mut self, node: usize, hidden: Option<bool>, locked: Option<bool>) {
        let hosts = &mut self.hosts;
        if hidden == Some(false) || locked == Some(false) {
            hosts.opened.push((node, self.now));
        }
        if let Some(hides) = hidden {
            hosts.hides = hides;
            hosts.is_hidden &= hides;
        }
        if let Some(locks) = locked {
            hosts.locks = locks;
            hosts.is_locked &= locks;
        }
        if !hosts.hides {
            hosts.secrets.clear();
        }
    }

    /// The host opens the room, until everyone sees that.
    pub(super) fn calm(&mut self) {
        if let Some(line) = &self.people[0].line {
            self.note_change(line.node, Some(false), Some(false));
        }
        let is_open = |n: usize| {
            let line = self.people[n].line.as_ref();
            line.is_some_and(|line| {
                let state = &line.page.state;
                !(state.hidden || state.locked || state.frozen)
            })
        };
        if !(0..ALL).all(is_open) {
            let [hidden, locked, frozen] = [Some(false); 3];
            let change = StateChange { hidden, locked, frozen, ..StateChange::default() };
            self.send(0, FromClient::Acted(Action::SetRoom(change)));
        }
        self.see_off();
        self.request();
        self.later(2_000, Happening::Calm);
    }

    /// A person writes this. While all pages show that texts are hidden, nobody but hosts may see it.
    pub(super) fn note_secret(&mut self, n: usize, text: &str) {
        self.note_shown_state();
        let is_hidden = |line: &Line| line.page.state.hidden;
        if self.hosts.is_hidden && self.people[n].line.as_ref().is_some_and(is_hidden) {
            self.hosts.secrets.insert(text.to_owned());
        }
    }

    /// Notes what all pages show.
    fn note_shown_state(&mut self) {
        let lines = self.people.iter().map(|person| person.line.as_ref());
        let states: Option<Vec<_>> = lines.map(|line| Some(&line?.page.state)).collect();
        let Some(states) = states else { return };
        let mut opened = std::mem::take(&mut self.hosts.opened);
        opened.retain(|(node, at)| !self.is_through(*node, *at));
        self.hosts.opened = opened;
        if !self.hosts.opened.is_empty() {
            return;
        }
        let (are_hidden, are_locked) =
            (states.iter().all(|state| state.hidden), states.iter().all(|state| state.locked));
        self.hosts.is_hidden |= self.hosts.hides && are_hidden;
        self.hosts.is_locked |= self.hosts.locks && are_locked;
    }

    /// Whether what was asked for then over a node is done, or will not be.
    fn is_through(&self, node: usize, at: u64) -> bool {
        let Node { is_dead, suspended_until, linked_since, .. } = &self.nodes[node];
        let since = linked_since.map(|since| since.max(at).max(*suspended_until));
        *is_dead || since.is_some_and(|since| since + 4_000 < self.now)
    }

    /// No page but that of a host shows what is hidden.
    pub(super) fn check_shown(&self, told: &Told, line: &Line) {
        for text in &told.shown {
            let Line { client, node, .. } = line;
            assert!(
                !self.is_secret(text),
                "{text:?} is hidden, and client {client:?} of node {node} sees it"
            );
        }
    }

    pub(super) fn is_secret(&self, text: &str) -> bool {
        self.hosts.secrets.contains(text)
    }

    /// Whether a host wanted to remove somebody.
    pub(super) fn was_removed(&self, n: usize) -> bool {
        self.wanted_removal_of(n).is_some()
    }

    /// The epoch in which a host wanted to remove somebody.
    fn wanted_removal_of(&self, n: usize) -> Option<Epoch> {
        self.people[n].ids.iter().filter_map(|id| self.hosts.unwanted.get(id).copied()).min()
    }

    /// Redis has had these removals.
    pub(super) fn note_stored_removals(&mut self) {
        for removal in &mut self.hosts.removed {
            removal.is_stored = removal.is_stored || self.redis.knows_as_removed(removal.session);
        }
    }

    /// Whether somebody must not come back. A removal acts at once: if the owner loses the room, or dies, before Redis
    /// has it, nobody may know of it.
    fn must_stay_away(&self, removal: Removal) -> bool {
        removal.is_stored || removal.epoch == self.redis.epoch()
    }

    /// A person was removed: somebody else comes.
    pub(super) fn on_removed(&mut self, n: usize) {
        let Some(epoch) = self.wanted_removal_of(n) else { panic!("{n} was removed by nobody") };
        let (session, at) = (self.people[n].session, self.now);
        self.hosts.removed.push(Removal { session, at, epoch, is_stored: false });
        self.note_stored_removals();
        let Person { posts, pending, line, replaced, .. } =
            std::mem::replace(&mut self.people[n], Person::new(n));
        self.people[n].posts = posts;
        for (_, text) in pending {
            self.posted.remove(&text);
            self.abandoned.insert(text);
        }
        for Line { node, client, .. } in line.into_iter().chain(replaced) {
            self.later(0, Happening::Notice(node, client.0));
        }
        self.later(500, Happening::Connect(n));
    }

    /// Somebody comes, and leaves soon: a stranger, or somebody who was removed.
    pub(super) fn visit(&mut self) {
        (0..ALL).for_each(|n| self.look(n));
        self.note_shown_state();
        self.see_off();
        let removed = self.hosts.removed.last().filter(|removal| removal.at + 3_000 < self.now);
        let removed = removed.map(|removal| removal.session);
        let comes_back = removed.is_some() && self.random(2) == 0;
        let Some(mut line) = self.open(1) else { return };
        line.removed = removed.filter(|_| comes_back);
        // Whoever had a seat before the room was locked may come back, if nobody knows of the removal.
        line.is_turned_away = self.hosts.is_locked && line.removed.is_none();
        let session = line.removed.unwrap_or_else(Session::random);
        let name = Name::parse("Eve", 40).expect("a name");
        let join = line.event(FromClient::Acted(Action::Join { name, session }));
        self.deliver(line.node, Event::FromClient(join));
        self.visitors.push(line);
    }

    /// The visitors leave.
    fn see_off(&mut self) {
        for mut line in std::mem::take(&mut self.visitors) {
            let told = line.read();
            self.check_shown(&told, &line);
            self.check_visitor(&line, &told);
            let goodbye = FromClient::Closed { goodbye: true };
            self.deliver(line.node, Event::from_client(line.client, goodbye));
        }
    }

    fn check_visitor(&self, line: &Line, told: &Told) {
        // A node that is cut off, or has just taken over, may not know what hosts have done. The page hears of it
        // later.
        let is_refused = told.codes.iter().any(|code| code == "removed") || told.closed == Some(4004);
        let has_seat = line.page.you.is_some() && !line.page.is_alone && !is_refused;
        let is_unwelcome = self
            .hosts
            .removed
            .iter()
            .any(|removal| Some(removal.session) == line.removed && self.must_stay_away(*removal));
        assert!(!(has_seat && is_unwelcome), "somebody who was removed comes back as {:?}", line.client);
        // Nobody has opened the room meanwhile.
        let is_locked = line.is_turned_away && self.hosts.is_locked;
        assert!(!(has_seat && is_locked), "the room is locked, and {:?} has a seat", line.client);
    }
}
