//! The store of a class, which the test plays. It has posts at once, and what the room remembers when the test says so.

use crossbeam_channel::{Receiver, unbounded};
use serde_json::json;
use std::collections::{HashMap, HashSet, VecDeque};
use typewall::internals::{
    Answer, Change, Load, Numbered, PendingPost, Post, Requests, RoomRecord, RoomState, Save, Session,
    StorePost, Write,
};

pub(super) struct ClassStore {
    loads: Receiver<Load>,
    writes: Receiver<Write>,
    /// What it has not answered for, and who was removed then.
    saves: VecDeque<(Save, HashSet<usize>)>,
    /// What the room remembers.
    pub record: RoomRecord,
    /// The people who were removed, according to the record.
    pub removed: HashSet<usize>,
    /// Posts with a ref, by its key.
    posts: HashMap<Vec<u8>, Post>,
}

impl ClassStore {
    pub(super) fn new() -> (Self, Requests) {
        let ((load, loads), (write, writes)) = (unbounded(), unbounded());
        let (saves, record, removed, posts) = Default::default();
        (Self { loads, writes, saves, record, removed, posts }, Requests { loads: load, writes: write })
    }

    /// Loads the room, without its posts, if it was opened. Nobody is a host because of what they were before.
    pub(super) fn load(&mut self) -> Option<Answer> {
        let Load { room, epoch, .. } = self.loads.try_recv().ok()?;
        self.posts.clear();
        let mut record = serde_json::to_value(&self.record).expect("a record");
        record["hosts"] = json!([]);
        let record = serde_json::from_value(record).expect("a record");
        Some(Answer::Loaded { room, epoch, record: Some(record), posts: Vec::new() })
    }

    /// Whether somebody with this session has had a seat while the room was locked, according to the record.
    pub(super) fn has_member(&self, session: Session) -> bool {
        let record = serde_json::to_value(&self.record).expect("a record");
        let key = serde_json::to_value(session.key()).expect("a key");
        record["members"].as_array().is_some_and(|members| members.contains(&key))
    }

    /// Numbers the posts that it was sent. Records wait; these people were removed.
    pub(super) fn number_posts(&mut self, removed: &HashSet<usize>) -> Vec<Answer> {
        let mut answers = Vec::new();
        for write in self.writes.try_iter().collect::<Vec<_>>() {
            match write {
                Write::Post(StorePost { room, post, after, by, .. }) => {
                    let outcome = Ok(self.number(&post, after + 1));
                    answers.push(Answer::PostStored { room, post, by, outcome });
                }
                Write::Change(Change::Save(save)) => self.saves.push_back((save, removed.clone())),
                write => panic!("nobody removes posts: {write:?}"),
            }
        }
        answers
    }

    fn number(&mut self, post: &PendingPost, n: u64) -> Numbered {
        let numbered = post.clone().numbered(n);
        let Some((_, key)) = &post.reference else { return Numbered::New(numbered) };
        match self.posts.get(key.0.as_slice()) {
            Some(known) => Numbered::Duplicate(known.clone()),
            None => {
                self.posts.insert(key.0.to_vec(), numbered.clone());
                Numbered::New(numbered)
            }
        }
    }

    /// Answers for the first record that it was sent. Returns the answer, and the state that takes effect with it.
    pub(super) fn save(&mut self, is_kept: bool) -> Option<(Answer, RoomState)> {
        let (Save { room, record, .. }, removed) = self.saves.pop_front()?;
        let state = record.state.clone();
        if is_kept {
            (self.record, self.removed) = (record, removed);
        }
        Some((Answer::Saved { room, is_kept }, state))
    }
}
