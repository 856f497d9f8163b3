//! Facts: whatever people do in a room, another process that applies its facts has the same room, also if that is
//! interrupted and continued.

use crate::world::{LIMITS, PEOPLE, Step, steps};
use proptest::prelude::*;
use proptest::sample::Index;
use std::time::{Duration, Instant};
use typewall::HostMode;
use typewall::internals::{
    Action, Actor, Fact, Name, Now, Rank, Reply, RoomCopy, RoomOptions, RoomRecord, Rules, Ruling, Session,
    StateChange, Text, TextChange, UserId, View, Visibility, differences, encode_part,
};

const OPTIONS: RoomOptions = RoomOptions { limits: LIMITS, hosts: HostMode::First, is_stored: false };

/// The person who has the host key.
const HOST: usize = 0;

/// A room without a hub: the owner's rules and view, and every fact so far, as another process would receive it.
struct Owner {
    rules: Rules,
    view: View,
    now: Now,
    /// Every fact so far, and what followed.
    facts: Vec<Published>,
    people: Vec<Person>,
    last_rank: u64,
}

/// A fact, as another process receives it.
struct Published {
    /// The fact and what the rules need of it, serialised.
    ruling: String,
    /// The record of the room, if it has changed.
    record: Option<RoomRecord>,
    at: Now,
    /// The snapshot of the view that followed.
    shown: String,
    /// The room that followed.
    copy: RoomCopy,
}

struct Person {
    session: Session,
    rank: Option<Rank>,
    user: Option<UserId>,
    /// The user at the time when the connection broke.
    away: Option<UserId>,
}

/// What hosts see, and what viewers see.
fn snapshot(view: &View) -> String {
    let mut json = Vec::new();
    for visibility in [Visibility::All, Visibility::Own(None)] {
        assert_eq!(encode_part("r", view, &LIMITS, visibility, None, &mut json), None, "it fits one part");
    }
    let cleared = view.users_after(None).map(|(id, _)| view.cleared(id)).collect::<Vec<_>>();
    format!("{} {cleared:?}", String::from_utf8(json).expect("JSON"))
}

/// What a host may do with users and posts that may be there.
fn host_action() -> impl Strategy<Value = Action> {
    let flags = any::<[Option<bool>; 3]>();
    let spotlight = prop::option::of(prop::option::of((1..9_u64).prop_map(UserId)));
    let change = (flags, prop::option::of("[a-c]{0,3}"), spotlight).prop_map(|(flags, prompt, spotlight)| {
        let [locked, hidden, frozen] = flags;
        StateChange { locked, hidden, frozen, prompt, spotlight }
    });
    let user = || (1..9_u64).prop_map(UserId);
    prop_oneof![
        3 => change.prop_map(Action::SetRoom),
        1 => user().prop_map(Action::RemoveUser),
        1 => prop::option::of(user()).prop_map(Action::Clear),
        1 => user().prop_map(Action::MakeHost),
        1 => (1..6_u64).prop_map(Action::RemovePost),
    ]
}

/// The room in another process.
struct Follower {
    rules: Rules,
    view: View,
}

impl Follower {
    fn new() -> Self {
        Self { rules: Rules::new(OPTIONS, UserId(0)), view: View::new(LIMITS.log_length) }
    }

    fn apply(&mut self, published: &Published) {
        let ruling: Ruling = serde_json::from_str(&published.ruling).expect("a ruling");
        self.rules.follow(&self.view, &ruling, published.at);
        self.view.apply(ruling.fact);
        published.record.iter().for_each(|record| self.rules.follow_record(record.clone()));
    }

    /// Gets the room as it is now, after it has missed some facts.
    fn catch_up(&mut self, copy: &RoomCopy, now: Now) {
        let copy: RoomCopy =
            serde_json::from_str(&serde_json::to_string(copy).expect("JSON")).expect("a copy");
        differences(&self.view, &copy).into_iter().for_each(|fact| self.view.apply(fact));
        self.rules = Rules::of_copy(OPTIONS, &copy, now);
    }
}

impl Owner {
    fn new() -> Self {
        let person = || Person { session: Session::random(), rank: None, user: None, away: None };
        Self {
            rules: Rules::new(OPTIONS, UserId(0)),
            view: View::new(LIMITS.log_length),
            now: Now { instant: Instant::now(), unix_millis: 0 },
            facts: Vec::new(),
            people: (0..PEOPLE).map(|_| person()).collect(),
            last_rank: 0,
        }
    }

    fn publish(&mut self, fact: Option<Fact>) {
        let Some(fact) = fact else { return };
        let ruling = self.rules.ruling(fact);
        let json = serde_json::to_string(&ruling).expect("facts can be serialised");
        self.view.apply(ruling.fact);
        let (shown, record) = (snapshot(&self.view), self.rules.take_record());
        let copy = self.rules.copy(&self.view, self.now);
        self.facts.push(Published { ruling: json, record, at: self.now, shown, copy });
        let host = self.rules.appoint(&self.view, self.now);
        self.publish(host);
    }

    fn act(&mut self, person: usize, action: Action) {
        let Person { rank: Some(rank), user, .. } = self.people[person] else { return };
        let actor = Actor { user, has_key: person == HOST, rank };
        let Ok(decision) = self.rules.decide(&self.view, actor, action, self.now) else { return };
        self.publish(decision.fact);
        if let Reply::Seated(user) = decision.reply {
            self.people[person].user = Some(user);
            self.people[person].away = None;
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Enter { person, .. } | Step::Reconnect { person } => {
                self.last_rank += 1;
                self.people[person].rank = Some(Rank::local(self.last_rank));
                self.people[person].user = None;
            }
            Step::Join { person, name } => {
                let session = self.people[person].session;
                self.act(person, Action::Join { name: Name::parse(name, 40).unwrap(), session });
            }
            Step::Rename { person, name } => {
                self.act(person, Action::Rename(Name::parse(name, 40).unwrap()));
            }
            Step::Write { person, text } => self.act(person, Action::Write(TextChange::Whole(text.into()))),
            Step::Splice { person, text } => {
                let Some(id) = self.people[person].user else { return };
                let (old, new) = (self.view.text(id).cloned().unwrap_or_default(), Text::from(text));
                let splice = old.splice_to(&new).into_owned();
                self.act(person, Action::Write(TextChange::Splice(splice)));
            }
            Step::Post { person, text, reference } => {
                self.act(person, Action::Post { text, reference: reference.map(str::to_owned) });
            }
            Step::Leave { person, goodbye } => {
                let user = self.people[person].user.take();
                self.people[person].rank = None;
                let fact = user.and_then(|user| self.rules.leave(&self.view, user, goodbye, self.now));
                self.publish(fact);
                self.people[person].away = user;
            }
            Step::Cut { millis } => {
                self.now.instant += Duration::from_millis(millis);
                self.now.unix_millis += millis;
                self.view.commit_texts(|_| {});
                for user in self.people.iter_mut().filter_map(|person| person.away).collect::<Vec<_>>() {
                    if self.rules.kept_seat(user).is_some_and(|kept| kept.until <= self.now.instant) {
                        let fact = self.rules.expire(&self.view, user);
                        self.publish(fact);
                    }
                }
            }
            Step::Watch { .. } | Step::Resync { .. } | Step::Ping { .. } | Step::Read { .. } => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_prefix_of_the_facts_gives_the_room_of_its_time(
        steps in steps(),
        host_actions in prop::collection::vec(prop::option::weighted(0.2, host_action()), 200),
        cut in any::<Index>(),
    ) {
        let mut owner = Owner::new();
        for (step, action) in steps.into_iter().zip(host_actions) {
            owner.take(step);
            action.into_iter().for_each(|action| owner.act(HOST, action));
        }
        prop_assume!(!owner.facts.is_empty());
        let cut = cut.index(owner.facts.len() + 1);
        let (mut mirror, mut late) = (Follower::new(), Follower::new());
        for (n, published) in owner.facts.iter().enumerate() {
            mirror.apply(published);
            prop_assert_eq!(&snapshot(&mirror.view), &published.shown);
            prop_assert_eq!(&mirror.rules.copy(&mirror.view, published.at), &published.copy);
            if n < cut {
                late.apply(published);
            }
        }
        // This one commits its texts, and then misses the other facts.
        late.view.commit_texts(|_| {});
        let copy = owner.rules.copy(&owner.view, owner.now);
        late.catch_up(&copy, owner.now);
        prop_assert_eq!(snapshot(&late.view), snapshot(&owner.view));
        prop_assert_eq!(&late.rules.copy(&late.view, owner.now), &copy);
        prop_assert_eq!(differences(&late.view, &copy), Vec::new());
    }
}
