//! The link of each node of the simulation: requests take a while, and so does what comes back.

use super::*;
use typewall::internals::Restored;

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
        let Some(asked) = self.nodes[n].asked.pop_front() else { return };
        let (id, now, is_linked) = (self.nodes[n].id, EPOCH + self.now, self.nodes[n].linked_since.is_some());
        match asked {
            Asked::Beat if is_linked => {
                let (was_alive, alive) = self.redis.beat(id, now);
                let linked_since = self.nodes[n].linked_since.unwrap_or_default();
                let beat = Beat {
                    was_alive,
                    alive: alive.into(),
                    valid_until: Duration::from_millis(self.now + 2_500),
                    linked_since: self.base + Duration::from_millis(linked_since),
                    clock_offset: 0,
                };
                self.deliver_link(n, LinkEvent::Beat(beat));
            }
            Asked::Beat => {}
            Asked::Link(LinkRequest::Subscribe(room, key)) => {
                self.nodes[n].rooms.insert(key);
                if is_linked {
                    self.deliver_link(n, LinkEvent::Subscribed(room));
                }
            }
            Asked::Link(LinkRequest::Unsubscribe(key)) => _ = self.nodes[n].rooms.remove(&key),
            Asked::Link(LinkRequest::Beat) => self.ask(n, Asked::Beat),
            Asked::Link(LinkRequest::Own { room, known, may_take, .. }) if is_linked => {
                let owned = self.redis.own(id, known, may_take, now);
                self.deliver_link(n, LinkEvent::Owned(room, owned));
            }
            Asked::Link(LinkRequest::Own { .. }) => {}
            Asked::Link(LinkRequest::Release(_)) if is_linked => self.redis.release(id),
            Asked::Link(LinkRequest::Release(_)) => {}
            Asked::Link(LinkRequest::Give { room, epoch, to, .. }) => {
                let event = match self.redis.give(id, epoch, to, now) {
                    Some(epoch) => LinkEvent::Owned(room, Owned { owner: Some(to), epoch }),
                    None => LinkEvent::NotGiven(room, to),
                };
                self.deliver_link(n, event);
            }
            Asked::Link(LinkRequest::Publish(publications)) => {
                let mut counts = Vec::new();
                if !is_linked {
                    return self.deliver_link(n, LinkEvent::Unpublished);
                }
                for publication in publications {
                    let nodes = self.publish(&publication.channel, &publication.json);
                    counts.extend(publication.counted_for.map(|room| (room, nodes)));
                }
                self.deliver_link(n, LinkEvent::Published(counts));
            }
            Asked::Load(Load { room, .. }) => {
                let posts = self.redis.log.iter().map(|(post, _)| post.clone()).collect();
                let record = is_linked.then(|| self.redis.record.clone());
                let answer = Answer::Loaded { room, record, posts };
                self.deliver(n, Event::Stored(Box::new(answer)));
            }
            Asked::Write(Write::Post(StorePost { room, post, after, epoch, by, .. })) => {
                let epoch = epoch.expect("other nodes");
                let numbered = is_linked.then(|| self.redis.post(epoch, after, post.clone()));
                let answer = match numbered {
                    Some(Err(why)) => Answer::PostReturned { room, post, by, why },
                    numbered => {
                        let outcome = numbered.and_then(Result::ok).ok_or(NotStored::Unavailable);
                        Answer::PostStored { room, post, by, outcome }
                    }
                };
                self.deliver(n, Event::Stored(Box::new(answer)));
            }
            Asked::Write(Write::Change(Change::Save(Save { room, record, epoch, .. }))) => {
                let is_kept = is_linked && self.redis.save(epoch.expect("other nodes"), record);
                self.deliver(n, Event::Stored(Box::new(Answer::Saved { room, is_kept })));
            }
            Asked::Write(Write::Restore(restore)) => {
                let (room, epoch) = (restore.room, restore.epoch);
                let outcome = match is_linked.then(|| self.redis.restore(restore)) {
                    Some(Ok(n)) => Restored::UpTo(n),
                    Some(Err(why)) => Restored::Returned(why),
                    None => Restored::Failed(NotStored::Unavailable),
                };
                self.deliver(n, Event::Stored(Box::new(Answer::Restored { room, epoch, outcome })));
            }
            Asked::Write(write) => unreachable!("nobody removes posts: {write:?}"),
        }
    }

    /// Gives a message to every node that receives it, and returns how many there are.
    pub(super) fn publish(&mut self, channel: &Channel, json: &str) -> usize {
        let mut count = 0;
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
            let event = match channel {
                Channel::Room(key) => LinkEvent::of_room(key.clone(), json),
                Channel::Node(_) => LinkEvent::of_node(json),
            };
            self.deliver_link(n, event.expect("a message"));
        }
        count
    }
}
