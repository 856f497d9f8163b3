//! Somebody else has written into the keys of a room, or Redis has lost the scripts: other rooms go on as if nothing
//! had happened, and so does the room, as far as it can.

use crate::cluster::{Cluster, get};
use crate::redis::PREFIX;
use crate::support::program::Program;
use crate::tab::Tab;
use nix::sys::signal::Signal;

/// Two people on two nodes in a room, and two in another one.
struct Rooms {
    nodes: [Program; 2],
    room: [Tab; 2],
    other: [Tab; 2],
}

impl Rooms {
    fn start(cluster: &Cluster) -> Self {
        let nodes = cluster.pair();
        let open = |room| [("Ada", 0), ("Bob", 1)].map(|(name, node)| Tab::open(&nodes[node], room, name));
        let (room, other) = (open("r"), open("other"));
        let mut rooms = Self { nodes, room, other };
        rooms.goes_on("before");
        rooms.other_goes_on("before");
        rooms
    }

    /// People in the room write and post.
    fn goes_on(&mut self, what: &str) {
        go_on(&mut self.room, what);
    }

    fn other_goes_on(&mut self, what: &str) {
        go_on(&mut self.other, what);
        let is_alone = |tab: &Tab| tab.client.page.is_alone;
        assert!(!self.other.iter().any(is_alone), "the link was lost: {what}");
    }

    /// What both nodes have logged: the link was never lost.
    fn stop(self) -> String {
        let ended = self.nodes.map(|node| {
            node.signal(Signal::SIGTERM);
            node.ended()
        });
        let [one, other] = ended.map(|(status, logged)| {
            assert_eq!(status, Some(0), "{logged}");
            assert!(
                !logged.contains("do not reach Redis") && !logged.contains("nothing can be stored"),
                "{logged}"
            );
            logged
        });
        one + &other
    }
}

fn go_on(tabs: &mut [Tab; 2], what: &str) {
    write(tabs, what);
    for tab in &mut *tabs {
        tab.post(what);
        tab.until_posted();
    }
    let [ada, bob] = tabs;
    let posts = ada.client.page.log.len().max(bob.client.page.log.len());
    for tab in [ada, bob] {
        tab.client.until("all posts", |page| page.log.len() == posts);
        assert!(tab.client.page.received.iter().copied().eq(1..=posts as u64), "no gap: {what}");
    }
}

fn write([ada, bob]: &mut [Tab; 2], what: &str) {
    ada.write(&format!("Ada {what}"));
    bob.client.sees("Ada", &format!("Ada {what}"));
    bob.write(&format!("Bob {what}"));
    ada.client.sees("Bob", &format!("Bob {what}"));
}

pub(crate) fn keys_of_another_type_hurt_only_their_room() {
    let cluster = Cluster::start();
    let mut rooms = Rooms::start(&cluster);
    let keys = ["r:r", "l:r"].map(|key| format!("{PREFIX}{key}"));
    for key in &keys {
        cluster.redis.tell(&["RENAME", key, "kept"]);
        cluster.redis.tell(&["SET", key, "a text"]);
        for tab in &mut rooms.room {
            assert_eq!(tab.client.try_post("refused", "refused"), Err("not_stored".to_owned()), "{key}");
        }
        let download = get(&rooms.nodes[0], "/log?room=r").0;
        assert_eq!(download, if key.ends_with("l:r") { 503 } else { 200 });
        write(&mut rooms.room, key);
        rooms.other_goes_on(key);
        // Nobody can enter a room whose record cannot be read.
        cluster.redis.until_later();
        rooms.other_goes_on(key);
        cluster.redis.tell(&["RENAME", "kept", key]);
        rooms.goes_on(&format!("after {key}"));
    }
    let logged = rooms.stop();
    assert!(logged.contains("WRONGTYPE"), "{logged}");
}

pub(crate) fn a_room_goes_on_whatever_numbers_somebody_writes() {
    let cluster = Cluster::start();
    let mut rooms = Rooms::start(&cluster);
    let room = format!("{PREFIX}r:r");
    let values =
        ["", "text", "nan", "inf", "-1", "1.5", "1e300", "9223372036854775808", "18446744073709551616"];
    for field in ["n", "epoch"] {
        for value in values {
            cluster.redis.tell(&["HSET", &room, field, value]);
            rooms.goes_on(&format!("with {field} {value:?}"));
        }
    }
    rooms.other_goes_on("afterwards");
    assert_eq!(cluster.redis.posts("r"), 2 + 2 * 2 * values.len());
    rooms.stop();
}

pub(crate) fn a_room_goes_on_whatever_owner_and_whatever_nodes_somebody_writes() {
    let cluster = Cluster::start();
    let mut rooms = Rooms::start(&cluster);
    let (room, nodes) = (format!("{PREFIX}r:r"), format!("{PREFIX}nodes"));
    for owner in ["", "me", "-1", "1.5", "99999999999999999999"] {
        cluster.redis.tell(&["ZADD", &nodes, "inf", owner]);
        let epoch: u64 = cluster.redis.ask(&["HGET", &room, "epoch"]);
        let epoch = (epoch + 1_000_000).to_string();
        if owner != "99999999999999999999" {
            cluster.redis.tell(&["HSET", &room, "owner", owner, "epoch", &epoch]);
        }
        rooms.goes_on(&format!("with owner {owner:?}"));
    }
    rooms.other_goes_on("afterwards");
    rooms.stop();
}

pub(crate) fn epochs_that_no_clock_reaches_split_no_room() {
    let cluster = Cluster::start();
    let mut rooms = Rooms::start(&cluster);
    let reign = |epoch: u64| {
        let from = r#"{"epoch":0,"seq":0}"#;
        let json = format!(r#"{{"from":1,"says":{{"reign":{{"epoch":{epoch},"from":{from}}}}}}}"#);
        cluster.redis.tell(&["PUBLISH", &format!("{PREFIX}room:r"), &json]);
    };
    for epoch in [1 << 42, (1 << 43) - 1] {
        reign(epoch);
        rooms.goes_on(&format!("with a reign in epoch {epoch}"));
        cluster.redis.tell(&["HSET", &format!("{PREFIX}r:r"), "epoch", &epoch.to_string()]);
        rooms.goes_on(&format!("with epoch {epoch}"));
    }
    // An epoch that a clock a little ahead would reach takes the room from its owner for a moment.
    let (seconds, _): (u64, u64) = cluster.redis.ask(&["TIME"]);
    reign((seconds + 86_400) * 1_000);
    for tab in &mut rooms.room {
        tab.post("in the end");
        tab.until_posted_in_the_end();
    }
    write(&mut rooms.room, "in the end");
    rooms.other_goes_on("afterwards");
    rooms.stop();
}

pub(crate) fn entries_of_a_log_that_are_no_posts_are_left_out() {
    let cluster = Cluster::start();
    let mut rooms = Rooms::start(&cluster);
    let log = format!("{PREFIX}l:r");
    for (score, entry) in
        [("-3", "{}"), ("0.5", "text"), ("1", "null"), ("1.5", "[]"), ("inf", r#"{"n":"1"}"#)]
    {
        cluster.redis.tell(&["ZADD", &log, score, entry]);
    }
    rooms.goes_on("among them");
    let late = cluster.node().watch("r");
    assert_eq!(late.page.posts(), ["before", "before", "among them", "among them"]);
    // More of them than are read at once, before and after the posts.
    cluster.redis.tell(&["ZREMRANGEBYSCORE", &log, "1", "2"]);
    for score in ["1.5", "4.5"] {
        let entries: Vec<String> = (0..250).map(|n| format!("{score} {n}")).collect();
        let add = ["ZADD", &log].into_iter().chain(entries.iter().flat_map(|entry| [score, entry]));
        cluster.redis.tell(&add.collect::<Vec<_>>());
    }
    let (status, download) = get(&rooms.nodes[0], "/log?room=r");
    assert_eq!((status, download.matches("among them").count()), (200, 2), "{download}");
    rooms.stop();
    let later = cluster.node().watch("r");
    assert_eq!(later.page.posts(), ["among them", "among them"]);
}

pub(crate) fn a_log_without_numbers_takes_no_posts_and_others_do() {
    let cluster = Cluster::start();
    let mut rooms = Rooms::start(&cluster);
    let last = ((1_u64 << 43) - 1).to_string();
    cluster.redis.tell(&["ZADD", &format!("{PREFIX}l:r"), &last, "the last one"]);
    for tab in &mut rooms.room {
        assert_eq!(tab.client.try_post("refused", "refused"), Err("not_stored".to_owned()));
    }
    rooms.other_goes_on("meanwhile");
    cluster.redis.tell(&["ZREM", &format!("{PREFIX}l:r"), "the last one"]);
    rooms.goes_on("afterwards");
    let logged = rooms.stop();
    assert!(logged.contains("no more numbers"), "{logged}");
}

pub(crate) fn nodes_whose_list_makes_no_sense_are_cut_off_and_come_back() {
    let cluster = Cluster::start();
    let mut rooms = Rooms::start(&cluster);
    let nodes = format!("{PREFIX}nodes");
    cluster.redis.tell(&["SET", &nodes, "a text"]);
    for tab in rooms.room.iter_mut().chain(&mut rooms.other) {
        tab.client.until("that the node is cut off", |page| page.is_alone);
    }
    cluster.redis.tell(&["DEL", &nodes]);
    for tab in rooms.room.iter_mut().chain(&mut rooms.other) {
        tab.client
            .until("that it is linked again", |page| !page.is_alone && !page.is_away("Ada").unwrap_or(true));
    }
    rooms.goes_on("afterwards");
    rooms.other_goes_on("afterwards");
    for node in rooms.nodes {
        let logged = node.kill();
        assert!(logged.contains("do not reach Redis: WRONGTYPE"), "{logged}");
    }
}

pub(crate) fn scripts_that_redis_has_lost_are_loaded_again_and_nobody_notices() {
    let cluster = Cluster::start();
    let mut rooms = Rooms::start(&cluster);
    for round in 0..3 {
        cluster.redis.tell(&["SCRIPT", "FLUSH"]);
        // Not by the next post, which would load them.
        cluster.redis.until_later();
        rooms.goes_on(&format!("in round {round}"));
        rooms.other_goes_on(&format!("in round {round}"));
    }
    let logged = rooms.stop();
    assert!(!logged.contains("NOSCRIPT"), "{logged}");
}
