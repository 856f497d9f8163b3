//! What must be so in the end.

use super::*;
use serde_json::Value;
use typewall::internals::RoomCopy;

impl Sim {
    pub(crate) fn check(&mut self) {
        self.now = BUSY + QUIET;
        (0..ALL).for_each(|n| self.look(n));
        self.check_requests();
        self.check_pages();
        self.check_texts();
        self.check_answers();
        self.check_posts();
        self.check_nodes();
    }

    fn line(&self, n: usize) -> &Line {
        self.people[n].line.as_ref().unwrap_or_else(|| panic!("{n} is nowhere"))
    }

    /// All pages show the same people and settings.
    fn check_pages(&self) {
        let first = &self.line(0).page;
        for n in 0..ALL {
            let page = &self.line(n).page;
            assert_eq!(page.you.is_some(), n < PEOPLE, "whether {n} has a seat");
            assert_eq!(page.users.len(), PEOPLE, "{n} sees {:?}", page.users);
            assert!(!page.is_alone, "{n} is alone");
            assert!(page.users.values().all(|user| !user.away), "{n} sees {:?}", page.users);
            assert_eq!(page.names(), first.names(), "the names that {n} sees");
            assert_eq!(page.marks(), first.marks(), "the marks that {n} sees");
            assert_eq!((&page.state, &page.hosts), (&first.state, &first.hosts), "what {n} sees");
            assert_eq!(page.viewers, (ALL - PEOPLE) as u64, "the viewers that {n} sees");
            let replaced: Vec<_> = self.people[n].replaced.iter().map(|line| line.client).collect();
            assert_eq!(replaced, [], "connections of {n} that are open although they were replaced");
        }
    }

    fn check_texts(&self) {
        for n in 0..PEOPLE {
            let you = self.line(n).page.you.as_ref().expect("a seat");
            for other in (0..ALL).filter(|other| *other != n) {
                let seen = &self.line(other).page.users[you];
                assert_eq!(seen.text, self.people[n].text, "the text of {n} as {other} sees it");
            }
        }
    }

    /// All that was asked for is answered.
    fn check_answers(&self) {
        for n in 0..ALL {
            let line = self.line(n);
            assert_eq!(self.people[n].pending, [], "posts of {n}");
            let open = (&line.acks, &line.answers);
            assert!(line.is_answered(), "{n}, client {}, still waits for {open:?}", line.client.0);
        }
    }

    /// Every post has one number, and all pages show the same last ones.
    fn check_posts(&self) {
        let log = &self.redis.ever;
        assert!(log.keys().copied().eq(1..=self.redis.n), "numbers {:?}", log.keys());
        let texts: Vec<&str> = log.values().map(String::as_str).collect();
        let known: BTreeSet<&str> = texts.iter().copied().collect();
        let twice = |text: &&str| texts.iter().filter(|other| *other == text).count() > 1;
        let twice: Vec<_> = log.iter().filter(|(_, text)| twice(&text.as_str())).collect();
        assert_eq!(twice, [], "posts are there twice");
        for text in &self.posted {
            assert!(known.contains(text.as_str()), "{text:?} is nowhere");
        }
        for text in known {
            assert!(
                self.posted.contains(text) || self.abandoned.contains(text),
                "nobody has posted {text:?}"
            );
        }
        let shown = |n: usize| -> BTreeMap<u64, &Value> {
            let posts = self.line(n).page.log.iter();
            posts.map(|post| (post["n"].as_u64().expect("a number"), post)).collect()
        };
        let is_unnoticed = self.faults.contains(&Fault::Flush);
        for number in &self.hosts.erased_posts {
            if is_unnoticed && self.hosts.lost_erasures.contains(number) {
                continue;
            }
            let text = self.redis.log.get(number).map_or("", |post| &post.text);
            assert_eq!(text, "", "post {number} was removed, and Redis has it");
        }
        for n in 0..ALL {
            let shown = shown(n);
            let last = shown.last_key_value().map(|(number, _)| *number);
            let is_swept = self.faults.contains(&Fault::Sweep);
            assert!(is_swept || last == (self.redis.n > 0).then_some(self.redis.n), "{n} sees {last:?}");
            for (number, post) in shown {
                let text = post["text"].as_str().expect("a text");
                let is_removed = text.is_empty() && self.hosts.removed_posts.contains(&number);
                assert!(is_removed || text == log[&number], "{n} sees {post}");
                let was_seen = self.hosts.erased_posts.contains(&number);
                // Pages that have missed it have older posts than any node.
                let is_old = number + self.log_length as u64 <= self.redis.n;
                assert!(text.is_empty() || !was_seen || is_old, "{n} sees {post}, which was removed");
            }
        }
    }

    /// All nodes with the room have the same.
    fn check_nodes(&self) {
        let room = room_name();
        let living = (0..self.nodes.len()).filter(|n| !self.nodes[*n].is_dead);
        let copies = living.filter_map(|n| Some((n, self.nodes[n].hub.copy_of(&room, self.time(n))?)));
        let copies: Vec<(usize, RoomCopy)> = copies.map(|(n, copy)| (n, comparable(copy))).collect();
        for (n, copy) in &copies {
            let (first, expected) = &copies[0];
            assert_eq!(copy, expected, "nodes {n} and {first} differ");
        }
    }
}

/// A copy without what may differ from node to node: times, how many posts there are, and the next id.
fn comparable(mut copy: RoomCopy) -> RoomCopy {
    copy.users.iter_mut().for_each(|user| user.seat.stay = Duration::ZERO);
    copy.hosts_expected = None;
    copy.posts.clear();
    copy.last_user = UserId(0);
    copy
}
