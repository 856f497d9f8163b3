//! Redis is suspended, cuts off subscribers, is emptied, restarts, and restarts from an old dump.

use crate::cluster::{Cluster, get};
use crate::redis::{PREFIX, Redis};
use crate::support::TIMEOUT;
use crate::support::client::Client;
use crate::support::program::Program;
use crate::tab::Tab;
use nix::sys::signal::Signal;
use serde_json::json;
use std::thread;
use std::time::{Duration, Instant};
use tungstenite::Message;

/// Two nodes, the first of which owns the room, with two people on each.
pub(crate) struct Room {
    pub nodes: [Program; 2],
    pub tabs: [Tab; 4],
}

impl Room {
    pub(crate) fn start(cluster: &Cluster, options: &[&str]) -> Self {
        Self::on([(); 2].map(|()| cluster.node_with(options)))
    }

    /// The same on these nodes.
    pub(crate) fn on(nodes: [Program; 2]) -> Self {
        let open = |n: usize, name| Tab::open(&nodes[n], "r", name);
        let mut tabs = [open(0, "Ada"), open(0, "Bob"), open(1, "Cleo"), open(1, "Dan")];
        tabs.iter_mut().for_each(|tab| tab.client.until("four people", |page| page.users.len() == 4));
        Self { nodes, tabs }
    }

    /// Everyone writes and posts, and everyone sees it.
    pub(crate) fn all_go_on(&mut self, what: &str) {
        let before = self.tabs[0].client.page.log.len();
        let text = |name: &str| format!("{what}, says {name}");
        for tab in &mut self.tabs {
            let text = text(tab.name());
            tab.write(&text);
            tab.post(&text);
            tab.until_posted();
        }
        for tab in &mut self.tabs {
            for name in ["Ada", "Bob", "Cleo", "Dan"] {
                let is_own = name == tab.name();
                tab.client.until(name, |page| {
                    is_own || (page.text_of(name) == Some(&text(name)) && page.is_away(name) == Some(false))
                });
            }
            tab.client.until("all posts", |page| page.log.len() == before + 4);
            assert!(tab.client.page.received.iter().copied().eq(1..=before as u64 + 4), "no gap");
        }
    }

    pub(crate) fn ids(&self) -> [String; 4] {
        self.tabs.each_ref().map(Tab::id)
    }
}

/// Receives events until the page is as wanted. Nobody is away meanwhile.
fn until_with_all(
    client: &mut Client,
    what: &str,
    mut holds: impl FnMut(&crate::support::page::Page) -> bool,
) {
    client.receive_until(what, |client, message| {
        client.take(message);
        assert!(
            client.page.users.values().all(|user| !user.away),
            "somebody is away: {:?}",
            client.page.users
        );
        holds(&client.page).then_some(())
    });
}

/// Reads for as long as the server takes to send so many pings: one every 5 s.
fn read_pings(client: &mut Client, count: usize) {
    for _ in 0..count {
        client.receive_until("a ping", |client, message| match message {
            Message::Ping(_) => Some(()),
            message => client.take(message).and(None),
        });
    }
}

/// The same for all tabs at once.
fn read_all_pings(tabs: &mut [Tab], count: usize) {
    thread::scope(|scope| {
        tabs.iter_mut().for_each(|tab| _ = scope.spawn(|| read_pings(&mut tab.client, count)))
    });
}

pub(crate) fn a_second_without_redis_makes_nobody_away() {
    let cluster = Cluster::start();
    let mut room = Room::start(&cluster, &[]);
    let ids = room.ids();
    cluster.redis.suspend();
    let until = Instant::now() + Duration::from_secs(1);
    let [ada, bob, cleo, dan] = &mut room.tabs;
    cleo.write("from the mirror");
    ada.post("posted meanwhile");
    let mut n = 0;
    while Instant::now() < until {
        n += 1;
        ada.write(&n.to_string());
        bob.client.sees("Ada", &n.to_string());
    }
    cluster.redis.signal(Signal::SIGCONT);
    let last = n.to_string();
    for client in [&mut bob.client, &mut dan.client] {
        until_with_all(client, "the texts", |page| {
            page.text_of("Ada") == Some(&last) && page.text_of("Cleo") == Some("from the mirror")
        });
    }
    ada.until_posted();
    room.all_go_on("after a second");
    assert_eq!(room.ids(), ids);
}

pub(crate) fn ten_seconds_without_redis_leave_each_node_to_its_own_people() {
    let cluster = Cluster::start();
    let mut room = Room::start(&cluster, &["--grace", "4"]);
    room.all_go_on("before");
    let ids = room.ids();
    // Somebody is away when it begins, and somebody leaves meanwhile without a goodbye.
    let mut eve = Tab::open(&room.nodes[0], "r", "Eve");
    eve.write("away");
    room.tabs[3].client.sees("Eve", "away");
    drop(eve);
    room.tabs[3].client.sees_away("Eve", true);
    cluster.redis.suspend();
    for (n, [one, other], far) in [(0, [0, 1], "Cleo"), (1, [2, 3], "Ada")] {
        room.tabs[one].client.sees_away(far, true);
        let name = room.tabs[one].name().to_owned();
        room.tabs[one].write("seen here");
        room.tabs[other].client.sees(&name, "seen here");
        let refusal = room.tabs[one].client.try_post("meanwhile", &format!("{name}, meanwhile"));
        assert_eq!(refusal, Err("not_stored".to_owned()));
        let mut late = Client::connect(room.nodes[n].address, "r");
        late.send("got_a_new_user", json!({"name": "Late"}));
        assert_eq!(late.closed(), 1013);
        assert_eq!(get(&room.nodes[n], "/readyz").0, 503);
    }
    read_all_pings(&mut room.tabs, 2);
    for tab in &room.tabs {
        assert!(tab.client.page.names().contains(&"Eve"), "graces stand still: {:?}", tab.client.page.users);
    }
    cluster.redis.signal(Signal::SIGCONT);
    for (tab, name) in [(1, "Cleo"), (3, "Ada")] {
        room.tabs[tab].client.sees(name, "seen here");
        room.tabs[tab].client.until("everybody but Eve", |page| page.users.len() == 4);
    }
    for (tab, other) in [(0, 2), (2, 0)] {
        let name = room.tabs[tab].name().to_owned();
        let answer = room.tabs[tab].client.try_post("meanwhile", &format!("{name}, meanwhile"));
        assert!(answer.is_ok(), "{answer:?}");
        assert_eq!(room.tabs[tab].client.try_post("meanwhile", &format!("{name}, meanwhile")), answer);
        let post = format!("{name}, meanwhile");
        room.tabs[other].client.until("the post", |page| page.posts().contains(&&*post));
    }
    room.tabs.iter_mut().for_each(|tab| tab.client.until("all posts", |page| page.log.len() == 6));
    room.all_go_on("after ten seconds");
    assert_eq!((room.ids(), cluster.redis.posts("r")), (ids, 10));
}

pub(crate) fn subscribers_that_redis_cuts_off_miss_nothing() {
    let cluster = Cluster::start();
    let mut room = Room::start(&cluster, &[]);
    let ids = room.ids();
    for round in 0..5 {
        for tab in &mut room.tabs {
            let text = format!("{} in round {round}", tab.name());
            tab.write(&text);
            tab.post(&text);
        }
        cluster.redis.tell(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    }
    room.tabs.iter_mut().for_each(Tab::until_posted);
    room.tabs.iter_mut().for_each(|tab| tab.client.until("all posts", |page| page.log.len() == 20));
    room.all_go_on("after all");
    assert_eq!((room.ids(), cluster.redis.posts("r")), (ids, 24));
}

pub(crate) fn a_subscriber_that_is_far_behind_is_cut_off_and_misses_nothing() {
    let cluster = Cluster::start();
    let mut room = Room::start(&cluster, &[]);
    let ids = room.ids();
    cluster.redis.tell(&["CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 1mb 60"]);
    let inbox = inbox_of_mirror(&cluster.redis);
    room.nodes[1].suspend();
    room.tabs[0].write("missed");
    room.tabs[0].post("missed too");
    room.tabs[0].until_posted();
    // More than the system keeps for a connection. It is no message, and the node would drop it.
    let junk = "x".repeat(32 * 1024 * 1024);
    cluster.redis.tell(&["PUBLISH", &inbox, &junk]);
    let deadline = Instant::now() + TIMEOUT;
    while cluster.redis.ask::<(String, usize)>(&["PUBSUB", "NUMSUB", &inbox]).1 > 0 {
        assert!(Instant::now() < deadline, "it was not cut off");
    }
    room.nodes[1].signal(Signal::SIGCONT);
    room.tabs[2].client.sees("Ada", "missed");
    room.tabs.iter_mut().for_each(|tab| tab.client.until("the post", |page| page.log.len() == 1));
    room.all_go_on("after that");
    assert_eq!(room.ids(), ids);
}

/// The channel of the node that does not own the room, of two.
fn inbox_of_mirror(redis: &Redis) -> String {
    let owner: String = redis.ask(&["HGET", &format!("{PREFIX}r:r"), "owner"]);
    let mut inboxes: Vec<String> = redis.ask(&["PUBSUB", "CHANNELS", &format!("{PREFIX}in:*")]);
    inboxes.retain(|inbox| !inbox.ends_with(&owner));
    assert_eq!(inboxes.len(), 1, "{inboxes:?}, and {owner} is the owner");
    inboxes.remove(0)
}

pub(crate) fn what_is_no_message_is_dropped() {
    let cluster = Cluster::start();
    let mut room = Room::start(&cluster, &[]);
    let channels: Vec<String> = cluster.redis.ask(&["PUBSUB", "CHANNELS", &format!("{PREFIX}*")]);
    assert!(channels.len() >= 3, "two inboxes and a room: {channels:?}");
    for channel in &channels {
        for junk in
            ["", "null", "{", "[1]", r#"{"from":1,"says":{}}"#, r#"{"from":"x","says":"open"}"#, "subscribe "]
        {
            cluster.redis.tell(&["PUBLISH", channel, junk]);
        }
    }
    room.all_go_on("afterwards");
}

pub(crate) fn a_full_redis_takes_no_posts_and_people_go_on_writing() {
    let cluster = Cluster::start();
    let mut room = Room::start(&cluster, &[]);
    room.all_go_on("before");
    cluster.redis.tell(&["CONFIG", "SET", "maxmemory", "1"]);
    for (tab, beside) in [(0, 2), (2, 0)] {
        assert_eq!(room.tabs[tab].client.try_post("full", "refused"), Err("not_stored".to_owned()));
        room.tabs[tab].write("live");
        let name = room.tabs[tab].name().to_owned();
        room.tabs[beside].client.sees(&name, "live");
    }
    // For longer than nodes count as alive without a sign of life.
    read_all_pings(&mut room.tabs, 1);
    assert!(room.tabs[0].client.page.users.values().all(|user| !user.away));
    cluster.redis.tell(&["CONFIG", "SET", "maxmemory", "0"]);
    room.all_go_on("afterwards");
}

pub(crate) fn an_emptied_redis_gets_the_posts_again() {
    let cluster = Cluster::start();
    let mut room = Room::start(&cluster, &[]);
    room.all_go_on("before");
    let ids = room.ids();
    cluster.redis.tell(&["FLUSHALL"]);
    room.all_go_on("afterwards");
    assert_eq!((room.ids(), cluster.redis.posts("r")), (ids, 8));
    let late = cluster.node();
    assert_eq!(late.watch("r").page.posts(), room.tabs[0].client.page.posts());
}

pub(crate) fn a_redis_that_restarts_with_nothing_gets_the_posts_again() {
    let mut cluster = Cluster::start();
    let mut room = Room::start(&cluster, &[]);
    room.all_go_on("before");
    let ids = room.ids();
    cluster.redis.kill();
    room.tabs[0].write("meanwhile");
    room.tabs[1].client.sees("Ada", "meanwhile");
    cluster.redis.start_again();
    room.tabs[3].client.sees("Ada", "meanwhile");
    room.all_go_on("afterwards");
    assert_eq!((room.ids(), cluster.redis.posts("r")), (ids, 8));
}

pub(crate) fn a_redis_that_restarts_from_an_old_dump_gets_the_later_posts_again() {
    let mut cluster = Cluster::start();
    let mut room = Room::start(&cluster, &[]);
    room.all_go_on("before");
    cluster.redis.tell(&["SAVE"]);
    room.all_go_on("not in the dump");
    cluster.redis.kill();
    cluster.redis.start_again();
    assert_eq!(cluster.redis.posts("r"), 4, "the dump");
    room.all_go_on("afterwards");
    assert_eq!(cluster.redis.posts("r"), 12);
    // When nobody is left who knew the later posts, numbering goes on after those of the dump.
    cluster.redis.tell(&["SAVE"]);
    room.tabs[0].post("lost");
    room.tabs[0].until_posted();
    room.nodes.into_iter().for_each(|node| drop(node.kill()));
    cluster.redis.kill();
    cluster.redis.start_again();
    let node = cluster.node();
    let mut ada = Tab::open(&node, "r", "Ada");
    assert_eq!(ada.client.page.log.len(), 12);
    ada.post("in its place");
    ada.until_posted();
    assert_eq!(ada.client.page.received.last(), Some(&13));
}

/// Waits until a replica has all that its primary had.
fn until_replicated(primary: &Redis) {
    let deadline = Instant::now() + TIMEOUT;
    while primary.ask::<usize>(&["WAIT", "1", "1000"]) == 0 {
        assert!(Instant::now() < deadline, "no replica");
    }
}

/// A replica of a Redis.
pub(crate) fn replica(primary: &Redis) -> Redis {
    let port = primary.address().port().to_string();
    primary.tell(&["CONFIG", "SET", "repl-diskless-sync-delay", "0"]);
    let replica = Redis::start(&["--replicaof", "127.0.0.1", &port]);
    until_replicated(primary);
    replica
}
