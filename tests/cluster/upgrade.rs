//! Three nodes are replaced one after the other while people write and post, as for a new version.

use crate::cluster::Cluster;
use crate::support::TIMEOUT;
use crate::support::client::Client;
use crate::support::page::{Page, number, string};
use crate::support::relay::Relay;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;
use typewall::internals::Session;

const PEOPLE: usize = 6;

/// Somebody who writes and posts, and goes from one node to the next when a connection ends.
struct Typist<'a> {
    number: usize,
    name: String,
    session: String,
    /// The ways to the nodes.
    nodes: &'a [SocketAddr; 3],
    /// The next of them.
    next: usize,
    /// The number of posts that are in the log.
    posted: usize,
    /// The ids of everybody that it has seen.
    ids: BTreeMap<String, BTreeSet<String>>,
    /// The posts that it has seen.
    seen: BTreeMap<u64, String>,
}

impl<'a> Typist<'a> {
    fn new(n: usize, nodes: &'a [SocketAddr; 3]) -> Self {
        let (ids, seen) = Default::default();
        let session = Session::random().to_hex();
        Self { number: n, name: format!("user {n}"), session, nodes, next: n, posted: 0, ids, seen }
    }

    /// A connection with a seat, if this node gives one.
    fn enter(&mut self) -> Option<Client> {
        let address = self.nodes[self.next % 3];
        // In both directions, so that never all of them are on the node that ends next.
        self.next += 1 + self.number % 2;
        let socket = TcpStream::connect(address).ok()?;
        crate::support::client::set_timeouts(&socket);
        let mut client = Client::try_open(socket, "r")?;
        client.page = Page::of_cluster();
        client.try_send("got_a_new_user", json!({"name": self.name, "session": self.session})).ok()?;
        while client.page.you.is_none() {
            self.receive(&mut client)?;
        }
        Some(client)
    }

    /// Receives a message. `None` if the connection has ended.
    fn receive(&mut self, client: &mut Client) -> Option<()> {
        let message = client.try_next().ok().filter(|message| !message.is_close())?;
        if client.take(message).is_some() {
            assert_eq!(client.page.errors, [""; 0], "of {}", self.name);
            for (id, user) in &client.page.users {
                self.ids.entry(user.name.clone()).or_default().insert(id.clone());
            }
            let posts = client.page.log.iter().map(|post| (number(post), string(&post["text"])));
            for (n, text) in posts {
                let before = self.seen.insert(n, text.clone());
                assert!(before.is_none_or(|before| before == text), "two posts have number {n}");
            }
        }
        Some(())
    }

    fn text(&self) -> String {
        format!("{} {}", self.name, self.posted)
    }

    /// Writes and posts until the connection ends, or there is no more to do.
    fn work(&mut self, mut client: Client, posts: &AtomicUsize, is_over: &AtomicBool) -> Option<()> {
        loop {
            let (text, reference) = (self.text(), self.posted.to_string());
            client.try_send("updated_text", json!({ "text": text })).ok()?;
            client.try_send("message", json!({ "text": text, "ref": reference })).ok()?;
            while !client.page.references.contains(&reference) {
                self.receive(&mut client)?;
            }
            self.posted += 1;
            posts.fetch_add(1, Ordering::Relaxed);
            if is_over.load(Ordering::Relaxed) {
                return Some(());
            }
        }
    }

    fn run(mut self, posts: &AtomicUsize, is_over: &AtomicBool) -> Self {
        let deadline = Instant::now() + 3 * TIMEOUT;
        loop {
            assert!(Instant::now() < deadline, "{} did not come to an end", self.name);
            if let Some(client) = self.enter()
                && self.work(client, posts, is_over).is_some()
            {
                return self;
            }
        }
    }
}

pub(crate) fn a_rolling_restart_of_three_nodes_loses_nobody_and_nothing() {
    let cluster = Cluster::start();
    let mut nodes = [(); 3].map(|()| cluster.node());
    let relays = nodes.each_ref().map(|node| Relay::to(node.address));
    let addresses = relays.each_ref().map(|relay| relay.address);
    let (posts, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let typists: Vec<Typist<'_>> = thread::scope(|scope| {
        let running: Vec<_> = (0..PEOPLE)
            .map(|n| Typist::new(n, &addresses))
            .map(|typist| scope.spawn(|| typist.run(&posts, &is_over)))
            .collect();
        let until_more = |count: usize| {
            let (before, deadline) = (posts.load(Ordering::Relaxed), Instant::now() + TIMEOUT);
            while posts.load(Ordering::Relaxed) < before + count {
                assert!(Instant::now() < deadline, "nobody posts any more");
                thread::yield_now();
            }
        };
        until_more(2 * PEOPLE);
        for (node, relay) in nodes.iter_mut().zip(&relays) {
            relay.lead_to(None);
            let old = std::mem::replace(node, cluster.node());
            let (status, logged) = old.terminate();
            assert_eq!(status, Some(0), "{logged}");
            relay.lead_to(Some(node.address));
            until_more(2 * PEOPLE);
        }
        is_over.store(true, Ordering::Relaxed);
        running.into_iter().map(|typist| typist.join().unwrap()).collect()
    });
    let mut viewer = nodes[0].watch("r");
    let all: usize = typists.iter().map(|typist| typist.posted).sum();
    assert_eq!(cluster.redis.posts("r"), all, "each post once");
    let last: Vec<u64> = viewer.page.log.iter().map(number).collect();
    assert!(last.iter().copied().eq(all as u64 + 1 - last.len() as u64..=all as u64), "no gap: {last:?}");
    for typist in &typists {
        let own = typist.seen.values().filter(|text| text.starts_with(&format!("{} ", typist.name)));
        assert!(
            own.cloned().eq((0..typist.posted).map(|n| format!("{} {n}", typist.name))),
            "in their order"
        );
        assert!(
            typist.ids.iter().all(|(_, ids)| ids.len() == 1),
            "nobody has got another seat: {:?}",
            typist.ids
        );
        viewer.sees(&typist.name, &format!("{} {}", typist.name, typist.posted - 1));
    }
}
