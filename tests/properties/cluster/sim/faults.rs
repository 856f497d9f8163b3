//! What goes wrong in the simulation.

use super::*;

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
            Fault::Drop => {
                let person = self.random(PEOPLE as u64) as usize;
                self.look(person);
                if let Some(Line { node, client, .. }) = self.people[person].line.take() {
                    let notices = [0, 5, 300, 3_000][self.random(4) as usize];
                    self.later(notices, Happening::Notice(node, client.0));
                    let pause = [50, 500, 3_000][self.random(3) as usize];
                    self.later(pause, Happening::Connect(person));
                }
            }
            Fault::Kill => {
                (0..PEOPLE).for_each(|person| self.look(person));
                self.nodes[n].is_dead = true;
                self.start_node();
                (0..PEOPLE).for_each(|person| self.look(person));
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
            Fault::Away | Fault::Forget => {
                let time = [100, 1_000, 6_000][self.random(3) as usize];
                for n in 0..self.nodes.len() {
                    let pause = self.random(500);
                    self.cut_off(n, time + pause);
                }
                if fault == Fault::Forget {
                    let dump = self.random(4) as usize;
                    self.redis.lose(self.dumps.get(dump).cloned());
                }
            }
        }
    }

    /// A node has no connection to Redis for a while.
    pub(super) fn cut_off(&mut self, n: usize, time: u64) {
        if self.nodes[n].linked_since.take().is_some() {
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
