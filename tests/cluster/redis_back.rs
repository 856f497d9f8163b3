//! Redis has lost what it had, or goes on with what it had before: what hosts have set and the posts that are removed
//! stay so, also when no node is left that knew it.

use crate::cluster::{Cluster, host};
use crate::redis::{PREFIX, Redis};
use crate::support::program::{Program, output, typewall};
use crate::support::wait_until;
use crate::tab::Tab;
use memchr::memmem;
use serde_json::json;

/// So that texts can be found in the files of Redis.
const PLAIN_FILES: [&str; 2] = ["--rdbcompression", "no"];

/// A room with three posts, on two nodes. Ada is a host, on the node that owns it.
struct Room {
    nodes: [Program; 2],
    ada: Tab,
    bob: Tab,
}

impl Room {
    fn start(cluster: &Cluster) -> Self {
        let nodes = cluster.pair();
        let mut ada = Tab::open(&nodes[0], "r", "Ada");
        let mut bob = Tab::open(&nodes[1], "r", "Bob");
        for text in ["one", "a secret", "three"] {
            ada.post(text);
            ada.until_posted();
        }
        host(&mut ada.client);
        bob.client.until("three posts", |page| page.log.len() == 3);
        Self { nodes, ada, bob }
    }

    /// The room is hidden and locked, and the second post is removed.
    fn close(&mut self) {
        self.ada.client.send("set_room", json!({"hidden": true, "locked": true}));
        self.ada.client.send("remove_post", json!({"n": 2}));
        self.bob.client.until("a room that is closed, without the second post", |page| {
            page.state.hidden && page.state.locked && page.posts() == ["one", "", "three"]
        });
    }

    /// All nodes are killed. Ada's tab is left.
    fn kill(self) -> Tab {
        self.nodes.into_iter().for_each(|node| drop(node.kill()));
        self.ada
    }
}

/// What Redis keeps of the room's hosts.
fn record(redis: &Redis) -> String {
    redis.ask::<Option<String>>(&["HGET", &format!("{PREFIX}r:r"), "record"]).unwrap_or_default()
}

/// The texts of the posts in Redis, as the command prints them.
fn log(redis: &Redis) -> Vec<String> {
    let log = output(typewall().args(["log", &redis.url(), "--room", "r"]));
    let log = String::from_utf8(log.stdout).unwrap();
    log.lines().map(|line| line.rsplit_once(": ").unwrap_or_default().1.to_owned()).collect()
}

/// Waits until Redis has all of the room again, without a post that makes a node notice.
fn until_restored(redis: &Redis, posts: &[&str]) {
    wait_until("what hosts have set", || {
        let record = record(redis);
        record.contains(r#""hidden":true"#) && record.contains(r#""locked":true"#)
    });
    wait_until("the posts", || log(redis) == posts);
}

/// On a new node, the room is as it was. Its posts go on after the last one.
fn is_as_before(cluster: &Cluster, mut ada: Tab, posts: &[&str]) {
    let node = cluster.node();
    let mut eve = node.watch("r");
    assert_eq!(eve.page.posts(), posts);
    assert!(eve.page.state.hidden && eve.page.state.locked, "{:?}", eve.page.state);
    ada.go_on_at(&node);
    ada.post("another");
    ada.until_posted();
    let next = posts.len() as u64 + 1;
    eve.until("the next number", |page| page.received.last() == Some(&next));
}

fn has_nowhere(cluster: &Cluster, text: &str) {
    cluster.redis.tell(&["SAVE"]);
    let files = cluster.redis.files();
    let contains = |part: &str| memmem::find(&files, part.as_bytes()).is_some();
    assert!(contains("three") && !contains(text));
}

pub(crate) fn an_emptied_redis_gets_the_whole_room_again() {
    let cluster = Cluster::on(Redis::start(&PLAIN_FILES));
    let mut room = Room::start(&cluster);
    room.close();
    cluster.redis.tell(&["FLUSHALL"]);
    let posts = ["one", "(removed)", "three"];
    until_restored(&cluster.redis, &posts);
    is_as_before(&cluster, room.kill(), &["one", "", "three"]);
    has_nowhere(&cluster, "a secret");
}

pub(crate) fn a_redis_that_goes_on_with_an_old_dump_gets_what_has_changed_since() {
    let mut cluster = Cluster::on(Redis::start(&PLAIN_FILES));
    let mut room = Room::start(&cluster);
    cluster.redis.tell(&["SAVE"]);
    room.close();
    room.bob.post("four");
    room.bob.until_posted();
    cluster.redis.kill();
    cluster.redis.start_again();
    until_restored(&cluster.redis, &["one", "(removed)", "three", "four"]);
    is_as_before(&cluster, room.kill(), &["one", "", "three", "four"]);
    has_nowhere(&cluster, "a secret");
}

pub(crate) fn a_node_that_takes_over_from_a_killed_owner_restores_what_an_old_dump_lacks() {
    let mut cluster = Cluster::on(Redis::start(&PLAIN_FILES));
    let mut room = Room::start(&cluster);
    cluster.redis.tell(&["SAVE"]);
    room.close();
    cluster.redis.kill();
    let Room { nodes: [owner, mirror], ada, .. } = room;
    owner.kill();
    cluster.redis.start_again();
    until_restored(&cluster.redis, &["one", "(removed)", "three"]);
    mirror.kill();
    is_as_before(&cluster, ada, &["one", "", "three"]);
    has_nowhere(&cluster, "a secret");
}

pub(crate) fn what_hosts_have_undone_stays_undone_after_an_old_dump() {
    let mut cluster = Cluster::start();
    let mut room = Room::start(&cluster);
    room.close();
    cluster.redis.tell(&["SAVE"]);
    room.ada.client.send("set_room", json!({"hidden": false, "locked": false}));
    room.bob.client.until("an open room", |page| !page.state.hidden && !page.state.locked);
    cluster.redis.kill();
    cluster.redis.start_again();
    wait_until("the room's settings", || !record(&cluster.redis).contains(r#""hidden":true"#));
    room.kill();
    let eve = cluster.node().watch("r");
    assert!(!eve.page.state.hidden && !eve.page.state.locked, "{:?}", eve.page.state);
}

pub(crate) fn posts_that_do_not_fit_are_restored_once_there_is_room() {
    let cluster = Cluster::start();
    let mut room = Room::start(&cluster);
    cluster.redis.tell(&["CONFIG", "SET", "maxmemory", "1"]);
    cluster.redis.tell(&["FLUSHALL"]);
    for tab in [&mut room.ada, &mut room.bob] {
        assert_eq!(tab.client.try_post("full", "refused"), Err("not_stored".to_owned()));
    }
    cluster.redis.tell(&["CONFIG", "SET", "maxmemory", "0"]);
    wait_until("the posts", || log(&cluster.redis) == ["one", "a secret", "three"]);
    assert_eq!(room.ada.client.try_post("full", "four"), Ok(4));
}

pub(crate) fn a_redis_that_has_lost_its_last_moments_without_being_away_is_noticed() {
    let cluster = Cluster::on(Redis::start(&PLAIN_FILES));
    let mut room = Room::start(&cluster);
    // As by a restore, which cuts nobody off.
    let keys = ["r:r", "l:r", "nodes"].map(|key| format!("{PREFIX}{key}"));
    let mut connection = cluster.redis.connect();
    let dumps = keys.each_ref().map(|key| dump(&mut connection, key));
    room.close();
    cluster.redis.until_later();
    for (key, dump) in keys.iter().zip(dumps) {
        let restored = ::redis::cmd("RESTORE").arg(key).arg(0).arg(dump).arg("REPLACE").exec(&mut connection);
        restored.expect("it is restored");
    }
    until_restored(&cluster.redis, &["one", "(removed)", "three"]);
    is_as_before(&cluster, room.kill(), &["one", "", "three"]);
}

pub(crate) fn a_post_is_sent_again_after_all_nodes_have_restarted_and_redis_was_emptied_and_is_posted_once() {
    let cluster = Cluster::start();
    let node = cluster.node();
    let mut ada = Tab::open(&node, "r", "Ada");
    assert_eq!(ada.client.try_post("the ref", "one"), Ok(1));
    drop(node.kill());
    let node = cluster.node();
    ada.go_on_at(&node);
    cluster.redis.tell(&["FLUSHALL"]);
    wait_until("the post", || log(&cluster.redis) == ["one"]);
    assert_eq!(ada.client.try_post("the ref", "one"), Ok(1));
    assert_eq!(cluster.redis.posts("r"), 1);
}

fn dump(connection: &mut ::redis::Connection, key: &str) -> Vec<u8> {
    ::redis::cmd("DUMP").arg(key).query(connection).expect("a dump")
}
