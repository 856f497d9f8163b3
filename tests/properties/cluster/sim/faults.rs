//! What goes wrong in the simulation.

use super::*;

/// How long it takes at most until other nodes have heard of a post that has a number, in milliseconds.
const IN_FLIGHT: u64 = 50;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A person's connection breaks.
    Drop,
    /// A person connects a second time, perhaps to another node.
    Twice,
    /// A node is killed, and another one starts.
    Kill,
    /// A node is stopped, and another one starts.
    Stop,
    /// A node is suspended for a while.
    Suspend,
    /// A node has no connection to Redis for a while.
    Cut,
    /// A node misses some messages, and notices it.
    Miss,
    /// For a moment, Redis does what it is asked for, and its answers are lost.
    Unanswered,
    /// Old posts are deleted.
    Sweep,
    /// Redis is away for a while.
    Away,
    /// The same, and what it had is gone, or what it had last.
    Forget,
    /// What Redis had is gone, or what it had last, and no connection breaks.
    Flush,
}

impl Sim {
    pub(super) fn living(&mut self) -> Option<usize> {
        let living: Vec<usize> = (0..self.nodes.len())
            .filter(|n| {
                !self.nodes[*n].is_dead
                    && !self.nodes[*n].is_stopping
                    && self.nodes[*n].suspended_until <= self.now
            })
            .collect();
        let n = self.random(living.len().max(1) as u64) as usize;
        living.get(n).copied()
    }

    pub(super) fn fail(&mut self) {
        let which = self.random(self.faults.len() as u64) as usize;
        let fault = self.faults[which];
        let Some(n) = self.living() else { return };
        match fault {
            Fault::Drop | Fault::Twice => {
                let person = self.random(ALL as u64) as usize;
                self.look(person);
                match fault {
                    Fault::Drop => self.drop_line(person),
                    _ => self.connect_again(person),
                }
            }
            Fault::Kill => {
                (0..ALL).for_each(|person| self.look(person));
                self.nodes[n].is_dead = true;
                self.start_node();
                (0..ALL).for_each(|person| self.look(person));
            }
            Fault::Stop => {
                self.tell(n, Event::Stop);
                self.nodes[n].is_stopping = true;
                self.later(1_000, Happening::End(n));
                self.start_node();
            }
            Fault::Suspend => {
                let time = [500, 2_500, 4_000, 20_000][self.random(4) as usize];
                self.nodes[n].suspended_until = self.now + time;
            }
            Fault::Cut => {
                let time = [200, 2_000, 5_000, 15_000][self.random(4) as usize];
                self.cut_off(n, time);
            }
            Fault::Miss => self.cut_off(n, 1),
            Fault::Unanswered => self.unanswered_until = self.now + 300,
            Fault::Sweep => self.sweep(),
            Fault::Away | Fault::Forget => {
                let time = [100, 1_000, 6_000][self.random(3) as usize];
                for n in 0..self.nodes.len() {
                    let pause = self.random(500);
                    self.cut_off(n, time + pause);
                }
                if fault == Fault::Forget {
                    self.abandon_last_posts();
                    self.forget();
                }
            }
            Fault::Flush => self.forget(),
        }
    }

    /// A person's connection breaks, which the node may notice later.
    fn drop_line(&mut self, person: usize) {
        if let Some(Line { node, client, .. }) = self.people[person].line.take() {
            let notices = [0, 5, 300, 3_000][self.random(4) as usize];
            self.later(notices, Happening::Notice(node, client.0));
            let pause = [50, 500, 3_000][self.random(3) as usize];
            self.later(pause, Happening::Connect(person));
        }
    }

    /// A person connects while the connection before is still there.
    fn connect_again(&mut self, person: usize) {
        let is_seated = |line: &mut Line| line.is_seated && line.since < self.now;
        if let Some(line) = self.people[person].line.take_if(is_seated) {
            self.people[person].replaced.push(line);
            self.connect(person);
        }
    }

    /// Every node deletes old posts from Redis, and then from its memory.
    fn sweep(&mut self) {
        let before = EPOCH + self.now - 6_000;
        self.redis.sweep(before);
        for n in 0..self.nodes.len() {
            self.deliver(n, Event::Stored(Box::new(Answer::Trimmed { before })));
        }
    }

    /// Redis is about to lose the last posts, and all nodes are cut off. Nobody but the owner may have heard of those
    /// posts, so that they are lost if another node takes over.
    fn abandon_last_posts(&mut self) {
        let is_last = |n: &u64| self.numbered_at.get(n).is_some_and(|at| at + IN_FLIGHT > self.now);
        for (_, text) in self.redis.ever.iter().filter(|(n, _)| is_last(n)) {
            self.posted.remove(text);
            self.abandoned.insert(text.clone());
        }
    }

    /// Redis has what it had a while ago, or nothing.
    fn forget(&mut self) {
        let dump = self.random(4) as usize;
        let back = self.dumps.get(dump).cloned();
        if let Some(back) = &back {
            self.hosts.lost_erasures.extend(&self.redis.erased() - &back.erased());
        }
        self.redis.lose(back);
    }

    /// A node has no connection to Redis for a while.
    pub(super) fn cut_off(&mut self, n: usize, time: u64) {
        if self.nodes[n].linked_since.take().is_some() {
            self.nodes[n].alive_until = None;
            self.nodes[n].inbox.retain(|event| !matches!(event, Event::Link(_)));
            self.deliver_link(n, LinkEvent::Unpublished);
            self.cut(n);
            self.later(time, Happening::Link(n));
        }
    }

    /// A node learns, every second, that it is cut off.
    pub(super) fn cut(&mut self, n: usize) {
        if self.nodes[n].linked_since.is_none() && !self.nodes[n].is_dead {
            self.deliver_link(n, LinkEvent::Cut);
            self.later(1_000, Happening::Cut(n));
        }
    }
}
