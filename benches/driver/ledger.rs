//! The ledger: which client has received which texts. It compares every text that arrives with what was typed, and
//! counts every update as conveyed once per reader, with its waiting time.

use crate::driver::event::{Event, Splice, names};
use crate::driver::histogram::Histogram;
use crate::driver::scenario::{Scenario, Schedule};
use crate::driver::text::Edit;
use std::collections::HashMap;

/// What every client has received.
#[derive(Debug)]
pub(crate) struct Ledger {
    scenario: Scenario,
    /// When each update is due.
    pub schedule: Schedule,
    /// The typists' ids, as the server told them.
    pub ids: Vec<Vec<u8>>,
    /// By room: the typists by their ids, which are unique within a room only.
    typists: Vec<HashMap<Vec<u8>, usize>>,
    /// Every text of every typist, by number.
    versions: Vec<Vec<Vec<u8>>>,
    /// By client and typist of its room: the number of texts that the client has seen, including skipped ones.
    seen: Vec<u32>,
    /// By client and user of its room: whether the client knows the user.
    knows: Vec<bool>,
    /// Pairs in `knows` that are still false.
    unknown: usize,
    /// Whether texts are hidden now.
    is_hidden: bool,
    /// By client: whether the client was told that texts are hidden.
    knows_hidden: Vec<bool>,
    /// By client and typist of its room: whether the client was told that the typist wrote, instead of what.
    knows_written: Vec<bool>,
    /// Pairs of a client and a typist of whose texts, or of which, the client was not told.
    not_begun: usize,
    /// By client: the typists whose last text is to come.
    to_come: Vec<usize>,
    /// Pairs of a client and a typist whose last text the client has not seen: for reading and for stalled clients.
    not_ended: [usize; 2],
    /// The waiting time of each update, once per reader.
    pub waits: Histogram,
    /// The waiting time of each update, for the observer only.
    pub observed: Histogram,
    /// The waiting time of each update, by the node of its reader.
    pub by_node: Vec<Histogram>,
    /// When each client that is measured had the last text of every typist.
    pub completions: Histogram,
}

impl Ledger {
    /// A ledger of clients that have received nothing.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let schedule = Schedule::new(scenario);
        let versions =
            (0..scenario.typists).map(|typist| versions(scenario, typist, schedule.last)).collect();
        let typists = scenario.typists / scenario.rooms;
        let users = if scenario.all_join { scenario.clients } else { scenario.typists } / scenario.rooms;
        let to_come = |client: usize| match scenario.sees(client) || scenario.shown {
            true => others(scenario, client),
            false => 0,
        };
        let to_come: Vec<usize> = (0..scenario.clients).map(to_come).collect();
        let (reading, stalled) = to_come.split_at(scenario.clients - scenario.stalled);
        Self {
            schedule,
            versions,
            ids: vec![Vec::new(); scenario.typists],
            typists: vec![HashMap::new(); scenario.rooms],
            seen: vec![0; scenario.clients * typists],
            knows: vec![false; scenario.clients * users],
            unknown: scenario.clients * users,
            is_hidden: scenario.hidden,
            knows_hidden: vec![false; scenario.clients],
            knows_written: vec![false; scenario.clients * typists],
            not_begun: (0..scenario.clients).map(|client| others(scenario, client)).sum(),
            not_ended: [reading.iter().sum(), stalled.iter().sum()],
            to_come,
            waits: Histogram::new(),
            observed: Histogram::new(),
            by_node: (0..scenario.nodes()).map(|_| Histogram::new()).collect(),
            completions: Histogram::new(),
            scenario: scenario.clone(),
        }
    }

    /// Notes the id that the server gave a typist.
    pub(crate) fn name(&mut self, typist: usize, id: &[u8]) {
        self.ids[typist] = id.to_vec();
        self.typists[self.scenario.room(typist)].insert(id.to_vec(), typist);
    }

    /// Whether every client knows every user in its room.
    pub(crate) fn all_met(&self) -> bool {
        self.unknown == 0
    }

    /// Whether every client knows that texts are hidden.
    pub(crate) fn all_know_hidden(&self) -> bool {
        self.knows_hidden.iter().all(|&knows| knows)
    }

    /// From now on, clients may get texts that were hidden.
    pub(crate) fn show(&mut self) {
        self.is_hidden = false;
    }

    /// Whether every client has a text of every typist in its room, or knows that there is one.
    pub(crate) fn all_begun(&self) -> bool {
        self.not_begun == 0
    }

    /// Whether every reading client, or every stalled one, has the last text of every typist in its room.
    pub(crate) fn all_ended(&self, stalled: bool) -> bool {
        self.not_ended[usize::from(stalled)] == 0
    }

    /// The change that an update makes, and the text after it.
    pub(crate) fn typed(&self, typist: usize, number: u32) -> (Edit, &[u8]) {
        let versions = &self.versions[typist];
        let before = number.checked_sub(1).map_or(0, |before| versions[before as usize].len());
        (self.scenario.growth.edit(typist, number, before), &versions[number as usize])
    }

    /// Notes an event that a client received, `now` nanoseconds after the start. For a whole text, returns its typist
    /// and number, which are the same for other clients that get the same bytes.
    pub(crate) fn receive(
        &mut self,
        client: usize,
        event: &Event<'_>,
        now: u64,
    ) -> Result<Option<(usize, u32)>, String> {
        let outcome = match event {
            Event::Flood | Event::Hosting | Event::Viewers | Event::Notice => Ok(()),
            Event::Hidden(hidden) => {
                self.knows_hidden[client] = *hidden;
                Ok(())
            }
            Event::Presence if self.scenario.reconnects => Ok(()),
            Event::Presence => Err(format!("Client {client} was told that somebody was away or is back.")),
            Event::Wrote { id, wrote } => self.note_written(client, id, *wrote),
            Event::Joined(user) => self.meet(client, *user),
            Event::Snapshot(snapshot) => names(snapshot).try_for_each(|user| self.meet(client, user)),
            Event::Text { id, text } => return self.read(client, id, text, now).map(Some),
            Event::Splice(Splice { id, text: Some(text), .. }) => {
                return self.read(client, id.as_bytes(), text.as_bytes(), now).map(Some);
            }
            Event::Splice(splice) => self.apply(client, splice, now),
        };
        outcome.map(|()| None)
    }

    fn meet(&mut self, client: usize, user: usize) -> Result<(), String> {
        let users = self.knows.len() / self.scenario.clients;
        let rooms = self.scenario.rooms;
        if user / rooms >= users || self.scenario.room(client) != self.scenario.room(user) {
            return Err(format!("Client {client} was told of user {user}, which is not in its room."));
        }
        let known = &mut self.knows[client * users + user / rooms];
        self.unknown -= usize::from(!*known);
        *known = true;
        Ok(())
    }

    /// Notes that a client was told that a typist wrote.
    fn note_written(&mut self, client: usize, id: &[u8], wrote: bool) -> Result<(), String> {
        let wrong = || format!("Client {client} was told in vain that somebody wrote or wrote no more.");
        let in_room = &self.typists[self.scenario.room(client)];
        let typist = *in_room.get(id).ok_or_else(wrong)?;
        let is_for_it = self.is_hidden && !self.scenario.sees(client) && client != typist;
        let known = &mut self.knows_written[pair(&self.scenario, client, typist)];
        // No text becomes empty again, so the client is told once.
        if !is_for_it || !wrote || std::mem::replace(known, true) {
            return Err(wrong());
        }
        self.not_begun -= 1;
        Ok(())
    }

    fn read(&mut self, client: usize, id: &[u8], text: &[u8], now: u64) -> Result<(usize, u32), String> {
        let shown = || String::from_utf8_lossy(&text[..text.len().min(60)]).into_owned();
        let Some((typist, number)) = self.scenario.growth.newest(text) else {
            return Err(format!("Client {client} got a text that nobody typed: {}", shown()));
        };
        let is_right = self.ids.get(typist).is_some_and(|own| own == id)
            && self.versions[typist].get(number as usize).is_some_and(|typed| typed == text);
        if !is_right {
            return Err(format!("Client {client} got another text than user {typist} typed: {}", shown()));
        }
        self.read_known(client, (typist, number), now).map(|()| (typist, number))
    }

    /// Notes a text that was already read for another client.
    pub(crate) fn read_known(
        &mut self,
        client: usize,
        (typist, number): (usize, u32),
        now: u64,
    ) -> Result<(), String> {
        if self.scenario.room(client) != self.scenario.room(typist) || client == typist {
            return Err(format!("Client {client} got a text of user {typist} that is not for it."));
        }
        let pair = pair(&self.scenario, client, typist);
        self.see(client, pair, typist, number, now)
    }

    /// Notes a splice: finds the typed text to which it leads from the text that the client has.
    fn apply(&mut self, client: usize, splice: &Splice<'_>, now: u64) -> Result<(), String> {
        let wrong = || format!("Client {client} cannot apply {splice:?}.");
        let in_room = &self.typists[self.scenario.room(client)];
        let typist = *in_room.get(splice.id.as_bytes()).ok_or_else(wrong)?;
        let pair = pair(&self.scenario, client, typist);
        let versions = &self.versions[typist];
        let held = (self.seen[pair] as usize).saturating_sub(1);
        let text = if self.seen[pair] == 0 { &[][..] } else { &versions[held] };
        let leads_to = |number: &usize| splice.leads(text, &versions[*number]);
        let number = (held..versions.len()).find(leads_to).filter(|_| client != typist);
        self.see(client, pair, typist, number.ok_or_else(wrong)? as u32, now)
    }

    /// Notes that a client has the text with this number. All texts up to it that it had not seen are conveyed now.
    fn see(
        &mut self,
        client: usize,
        pair: usize,
        typist: usize,
        number: u32,
        now: u64,
    ) -> Result<(), String> {
        let seen = &mut self.seen[pair];
        if number + 1 < *seen {
            return Err(format!("Client {client} got text {number} of user {typist} after {}.", *seen - 1));
        }
        let (sees, is_measured) = (self.scenario.sees(client), self.scenario.measures(client));
        if self.is_hidden && !sees {
            return Err(format!("Client {client} got a text of user {typist} that is hidden."));
        }
        self.not_begun -= usize::from(*seen == 0 && sees);
        if is_measured {
            for number in (*seen).max(self.schedule.first_measured.max(1))..=number {
                let wait = now.saturating_sub(self.schedule.due(typist, number));
                self.waits.count(wait);
                self.by_node[self.scenario.node(client)].count(wait);
                if client == self.scenario.observer() {
                    self.observed.count(wait);
                }
            }
        }
        if number == self.schedule.last && *seen <= number {
            self.not_ended[usize::from(self.scenario.stalls(client))] -= 1;
            self.to_come[client] -= 1;
            if self.to_come[client] == 0 && is_measured {
                self.completions.count(now);
            }
        }
        *seen = number + 1;
        Ok(())
    }

    /// A sentence about what has not arrived.
    pub(crate) fn missing(&self) -> String {
        let typists = self.scenario.typists / self.scenario.rooms;
        for (pair, &seen) in self.seen.iter().enumerate() {
            let (client, typist) = (pair / typists, pair % typists * self.scenario.rooms);
            let typist = typist + self.scenario.room(client);
            if seen <= self.schedule.last && client != typist && self.to_come[client] > 0 {
                return format!(
                    "Client {client} lacks the last text of user {typist}: {seen} of {} have arrived.",
                    self.schedule.last + 1
                );
            }
        }
        format!("{} pairs of a client and a user do not know each other.", self.unknown)
    }

    /// The number of conveyed updates when all reading clients have everything.
    pub(crate) fn expected(&self) -> u64 {
        let scenario = &self.scenario;
        let readers = (0..scenario.clients).filter(|&client| scenario.measures(client));
        let pairs: usize = readers.map(|client| others(scenario, client)).sum();
        pairs as u64 * self.schedule.measured()
    }
}

/// The number of typists in a client's room, except itself.
fn others(scenario: &Scenario, client: usize) -> usize {
    scenario.typists / scenario.rooms - usize::from(client < scenario.typists)
}

/// The index of a client and a typist of its room.
fn pair(scenario: &Scenario, client: usize, typist: usize) -> usize {
    client * (scenario.typists / scenario.rooms) + typist / scenario.rooms
}

/// All texts of a typist's box, in order.
fn versions(scenario: &Scenario, typist: usize, last: u32) -> Vec<Vec<u8>> {
    let mut text = scenario.growth.start(typist);
    let mut versions = vec![text.clone()];
    for number in 1..=last {
        let edit = scenario.growth.edit(typist, number, text.len());
        edit.apply(&mut text).expect("its own edits fit");
        versions.push(text.clone());
    }
    versions
}
