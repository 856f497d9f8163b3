//! The link of each node of the simulation: requests take a while, and so does what comes back.

use super::*;
use crate::cluster::node_hub::LEASE;
use serde_json::Value;
use typewall::internals::{Numbered, Restored};

impl Sim {
    pub(super) fn ask(&mut self, n: usize, asked: Asked) {
        self.nodes[n].asked.push_back(asked);
        let after = 1 + self.random(8);
        let at = (self.now + after).max(self.nodes[n].last_served);
        self.nodes[n].last_served = at;
        self.later(at - self.now, Happening::Serve(n));
    }

    /// A node gets an event from Redis after a while.
    pub(super) fn deliver(&mut self, n: usize, event: Event<Pipe>) {
        self.nodes[n].inbox.push_back(event);
        let after = self.random(8);
        self.later(after, Happening::Receive(n));
    }

    pub(super) fn deliver_link(&mut self, n: usize, event: LinkEvent) {
        self.deliver(n, Event::Link(Box::new(event)));
    }

    pub(super) fn beat(&mut self, n: usize) {
        if self.nodes[n].is_dead {
            return;
        }
        if self.nodes[n].linked_since.is_some() {
            self.ask(n, Asked::Beat);
        }
        let pause = 950 + self.random(100);
        self.later(pause, Happening::Beat(n));
    }

    pub(super) fn link(&mut self, n: usize) {
        if self.nodes[n].is_dead {
            return;
        }
        let is_first = self.nodes[n].last_served == 0;
        self.nodes[n].linked_since = Some(self.now);
        self.deliver_link(n, LinkEvent::Linked);
        if is_first {
            self.later(0, Happening::Beat(n));
        }
    }

    /// Redis handles a node's next request.
    pub(super) fn serve(&mut self, n: usize) {
        let is_linked = self.nodes[n].linked_since.is_some();
        match self.nodes[n].asked.pop_front() {
            Some(Asked::Beat) if is_linked => self.serve_beat(n),
            Some(Asked::Link(request)) => self.serve_link(n, request, is_linked),
            Some(Asked::Load(load)) => self.load(n, &load, is_linked),
            Some(Asked::Write(write)) => {
                let answer = self.write(*write, is_linked);
                self.deliver(n, Event::Stored(Box::new(answer)));
            }
            Some(Asked::Beat) | None => {}
        }
    }

    fn serve_beat(&mut self, n: usize) {
        let now = EPOCH + self.now;
        let (before, alive) = self.redis.beat(self.nodes[n].id, now);
        // A Redis that has gone back to what it had before has gone back to an earlier beat.
        let last = self.nodes[n].alive_until.replace(now + TTL);
        let was_alive = before >= now && last.is_some_and(|until| before >= until);
        let linked_since = self.nodes[n].linked_since.unwrap_or_default();
        let beat = Beat {
            was_alive,
            alive: alive.into(),
            valid_until: Duration::from_millis(self.now) + LEASE,
            linked_since: self.base + Duration::from_millis(linked_since),
            clock_offset: -self.nodes[n].clock_ahead,
        };
        self.deliver_link(n, LinkEvent::Beat(beat));
    }

    /// Handles what a node asks the link for. Without a link, nothing reaches Redis.
    fn serve_link(&mut self, n: usize, request: LinkRequest, is_linked: bool) {
        let (id, now) = (self.nodes[n].id, EPOCH + self.now);
        let event = match request {
            LinkRequest::Subscribe(room, key) => {
                self.nodes[n].rooms.insert(key);
                if !is_linked {
                    return;
                }
                LinkEvent::Subscribed(room)
            }
            LinkRequest::Unsubscribe(key) => {
                self.nodes[n].rooms.remove(&key);
                return;
            }
            LinkRequest::Beat => return self.ask(n, Asked::Beat),
            LinkRequest::Give { room, .. } if !is_linked => LinkEvent::GiveFailed(room),
            LinkRequest::Publish(_) if !is_linked => LinkEvent::Unpublished,
            _ if !is_linked => return,
            LinkRequest::Own { room, known, may_take, .. } => {
                LinkEvent::Owned(room, self.redis.own(id, known, may_take, now))
            }
            LinkRequest::Release(_) => return self.redis.release(id),
            LinkRequest::Give { room, epoch, to, .. } => match self.redis.give(id, epoch, to, now) {
                Some(epoch) => LinkEvent::Owned(room, Ownership { owner: Some(to), epoch }),
                None => LinkEvent::NotGiven(room, to),
            },
            LinkRequest::Publish(publications) => {
                let mut counts = Vec::new();
                for publication in publications {
                    let nodes = self.publish(&publication.channel, &publication.json);
                    counts.extend(publication.counted_for.map(|room| (room, nodes)));
                }
                LinkEvent::Published(counts)
            }
        };
        self.deliver_link(n, event);
    }

    fn load(&mut self, n: usize, load: &Load, arrives: bool) {
        let Load { room, count, epoch, .. } = *load;
        let (record, posts) = match arrives {
            true => {
                let (record, posts) = self.redis.load(count);
                (Some(record), posts)
            }
            false => (None, Vec::new()),
        };
        let keys = self.redis.keys_of(&posts);
        self.deliver(n, Event::Stored(Box::new(Answer::Keys { room, keys })));
        self.deliver(n, Event::Stored(Box::new(Answer::Loaded { room, epoch, record, posts })));
    }

    /// Redis does what it is asked for, if that arrives, and answers.
    fn write(&mut self, write: Write, arrives: bool) -> Answer {
        let is_answered = arrives && self.unanswered_until <= self.now;
        match write {
            Write::Post(StorePost { room, post, after, epoch, by, .. }) => {
                let epoch = epoch.expect("other nodes");
                let numbered = arrives.then(|| self.redis.post(epoch, after, post.clone()));
                if let Some(Ok(Numbered::New(post))) = &numbered {
                    self.numbered_at.insert(post.n, self.now);
                }
                match numbered.filter(|_| is_answered) {
                    Some(Err(why)) => Answer::PostReturned { room, post, by, why },
                    numbered => {
                        let outcome = numbered.and_then(Result::ok).ok_or(NotStored::Unavailable);
                        Answer::PostStored { room, post, by, outcome }
                    }
                }
            }
            Write::Change(Change::Save(Save { room, record, epoch, .. })) => {
                let is_kept = arrives && self.redis.save(epoch.expect("other nodes"), record);
                self.note_stored_removals();
                Answer::Saved { room, is_kept: is_kept && is_answered }
            }
            Write::Change(Change::Erase(Erase { room, n, epoch, by, .. })) => {
                let erased = arrives.then(|| self.redis.erase(epoch.expect("other nodes"), n)).flatten();
                let erased = erased.filter(|_| is_answered);
                Answer::Erased { room, n, by, outcome: erased.ok_or(NotStored::Unavailable) }
            }
            Write::Restore(restore) => {
                let (room, epoch) = (restore.room, restore.epoch);
                let restored = arrives.then(|| self.redis.restore(restore)).filter(|_| is_answered);
                let outcome = match restored {
                    Some(Ok(n)) => Restored::UpTo(n),
                    Some(Err(why)) => Restored::Returned(why),
                    None => Restored::Failed(NotStored::Unavailable),
                };
                Answer::Restored { room, epoch, outcome }
            }
        }
    }

    /// Gives a message to every node that receives it, and returns how many there are.
    pub(super) fn publish(&mut self, channel: &Channel, json: &str) -> usize {
        self.check_epoch(json);
        let (mut count, redis_millis) = (0, EPOCH + self.now);
        for n in 0..self.nodes.len() {
            let node = &self.nodes[n];
            let receives = match channel {
                Channel::Room(key) => node.rooms.contains(key),
                Channel::Node(id) => node.id == *id,
            };
            if !receives || node.is_dead || node.linked_since.is_none() {
                continue;
            }
            count += 1;
            self.deliver_link(n, message_on(channel, json, redis_millis));
        }
        count
    }

    /// In an epoch, only one node decides, and it numbers its messages.
    fn check_epoch(&mut self, json: &str) {
        let message: Value = serde_json::from_str(json).expect("JSON");
        let Some(at) = message["says"]["out"].get("at") else { return };
        let [epoch, seq] = ["epoch", "seq"].map(|field| at[field].as_u64().expect("a number"));
        let from = NodeId(message["from"].as_u64().expect("a node"));
        let (owner, last) = self.published.entry(epoch).or_insert((from, 0));
        assert_eq!(*owner, from, "two nodes decide in epoch {epoch}");
        assert!(seq > *last, "the owner says {seq} after {last}");
        *last = seq;
    }
}
