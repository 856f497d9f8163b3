//! What operators see: at the start, in the log, and of a room's log.

use crate::cluster::{Cluster, get, health};
use crate::redis::Redis;
use crate::support::metrics::{Metrics, OF_NODES, of_guide};
use crate::support::port::Port;
use crate::support::program::{Program, fails, output, server, typewall};
use crate::support::wait_until;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpListener;
use std::thread;

const PASSWORD: &str = "correct-horse";

/// The error of a program that does not start.
fn error(arguments: &[&str]) -> String {
    let (status, error) = fails(server().args(["--hosts", "none"]).args(arguments));
    assert!(status == 1 || status == 2, "{status}: {error}");
    assert!(error.starts_with("typewall: ") || error.starts_with("error: "), "{error}");
    assert!(!error.contains("..\n"), "one full stop: {error}");
    error
}

pub(crate) fn without_redis_a_node_does_not_start() {
    let port = Port::reserve();
    let address = format!("127.0.0.1:{}", port.number);
    let error = error(&["--redis", &format!("redis://{address}")]);
    assert!(error.contains(&address) && error.lines().count() == 1, "{error}");
}

pub(crate) fn an_address_that_is_none_is_an_error() {
    for url in ["http://127.0.0.1:6379", "redis://", "127.0.0.1:6379", "redis://user:hidden@:x"] {
        let error = error(&["--redis", url]);
        assert!(error.contains("redis") && !error.contains("hidden"), "{error}");
    }
}

pub(crate) fn a_store_and_redis_at_once_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wall.sqlite");
    let error = error(&["--redis", "redis://127.0.0.1:1", "--store", file.to_str().unwrap()]);
    assert!(error.contains("--redis") && error.contains("--store"), "{error}");
    assert!(!file.exists());
}

pub(crate) fn a_password_is_needed_used_and_never_logged() {
    let redis = Redis::start(&["--requirepass", PASSWORD]);
    let address = redis.address();
    for url in [format!("redis://{address}"), format!("redis://:wrong-horse@{address}")] {
        let error = error(&["--redis", &url]);
        assert!(error.contains(&address.to_string()) && !error.contains("horse"), "{error}");
    }
    let cluster = Cluster::on(redis);
    let url = format!("redis://:{PASSWORD}@{address}");
    let start = || Program::start(cluster.command(&url).env("RUST_LOG", "debug"));
    let nodes = [start(), start()];
    let mut ada = nodes[0].join("r", "Ada");
    let mut bob = nodes[1].join("r", "Bob");
    ada.write("behind a password");
    bob.sees("Ada", "behind a password");
    ada.post_and_wait("posted");
    let log = output(typewall().args(["log", &url, "--room", "r"]));
    assert!(String::from_utf8_lossy(&log.stdout).ends_with(" Ada: posted\n"), "{log:?}");
    let variables = [("TYPEWALL_REDIS", &*url), ("TYPEWALL_REDIS_PREFIX", "other:")];
    let same = output(typewall().envs([variables[0]]).args(["log", "--room", "r"]));
    assert_eq!((same.status.code(), same.stdout), (Some(0), log.stdout));
    let (status, error) = fails(typewall().envs(variables).arg("log"));
    assert!(status == 1 && error.contains("Nothing has been posted"), "{error}");
    let (status, error) =
        fails(typewall().args(["log", &format!("redis://:wrong-horse@{address}"), "--room", "r"]));
    assert!(status == 1 && !error.contains("horse"), "{error}");
    for node in nodes {
        node.signal(Signal::SIGTERM);
        let (status, logged) = node.ended();
        assert!(status == Some(0) && !logged.contains("horse"), "{logged}");
        assert!(!logged.contains("behind a password"), "{logged}");
    }
}

pub(crate) fn what_a_redis_says_that_takes_no_connection_is_shown() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // As a Redis in protected mode does to whoever comes from another machine.
    thread::spawn(move || {
        for connection in listener.incoming() {
            let said = b"-DENIED Redis is running in protected mode. Set a password.\r\n";
            connection.and_then(|mut connection| connection.write_all(said)).unwrap();
        }
    });
    for login in ["", ":hidden@"] {
        let error = error(&["--redis", &format!("redis://{login}{address}")]);
        let expected = "DENIED Redis is running in protected mode. Set a password.\n";
        assert!(error.ends_with(expected) && !error.contains("hidden"), "{error}");
    }
}

pub(crate) fn clusters_with_different_prefixes_share_nothing_on_one_redis() {
    let cluster = Cluster::start();
    let nodes = ["one:", "other:"].map(|prefix| cluster.node_with(&["--redis-prefix", prefix]));
    let mut ada = nodes[0].join("r", "Ada");
    ada.post_and_wait("in the first");
    let mut bob = nodes[1].join("r", "Bob");
    assert_eq!((bob.page.names(), bob.page.log.len()), (vec!["Bob"], 0));
    bob.post_and_wait("in the other");
    assert_eq!(bob.page.received, [1]);
    let keys: Vec<String> = cluster.redis.ask(&["KEYS", "*"]);
    assert!(keys.iter().all(|key| key.starts_with("one:") || key.starts_with("other:")), "{keys:?}");
}

pub(crate) fn health_says_how_many_nodes_there_are() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    for node in &nodes {
        wait_until("two nodes", || health(node)["nodes"] == 2);
        assert_eq!((&health(node)["linked"], get(node, "/readyz").0), (&json!(true), 200));
    }
    let [one, other] = nodes;
    other.kill();
    wait_until("one node", || health(&one)["nodes"] == 1);
    let third = cluster.node();
    wait_until("two nodes", || health(&one)["nodes"] == 2);
    assert_eq!(third.terminate().0, Some(0));
    wait_until("one node", || health(&one)["nodes"] == 1);
}

pub(crate) fn the_log_says_which_node_is_gone_and_what_was_taken_over() {
    let cluster = Cluster::start();
    let [one, other] = [(); 2].map(|()| cluster.node_with(&["--hubs", "1"]));
    let ids = [&one, &other].map(|node| health(node)["node"].as_str().expect("an id").to_owned());
    assert_ne!(ids[0], ids[1]);
    other.until_logged(&format!("this is node {}, ", ids[1]));
    one.until_logged(&format!("nodes appeared: {}; alive, with this one: 2", ids[1]));
    let people = ["r", "s"].map(|room| {
        let ada = one.join(room, "Ada");
        let mut bob = other.join(room, "Bob");
        bob.sees_users(&["Ada", "Bob"]);
        (ada, bob)
    });
    assert!(one.kill().contains(&format!("this is node {}, ", ids[0])));
    other.until_logged(&format!("nodes gone: {}; alive, with this one: 1", ids[0]));
    other.until_logged(&format!("taken over from node {}: 2", ids[0]));
    drop(people);
}

pub(crate) fn without_a_cluster_health_says_nothing_of_nodes() {
    let program = Program::start(&mut server());
    assert_eq!(health(&program).get("nodes"), None);
    assert_eq!(get(&program, "/readyz").0, 200);
}

pub(crate) fn the_guide_lists_every_metric_of_a_node_and_no_other() {
    let cluster = Cluster::start();
    let [mut node, other] = [(); 2].map(|()| cluster.node_with(&["--metrics-listen", "127.0.0.1:0"]));
    let address = node.metrics();
    wait_until("two nodes", || Metrics::of(address).get("nodes") == 2.0);
    drop(other.kill());
    let metrics = Metrics::of(address);
    assert_eq!(metrics.get("linked"), 1.0);
    let of_guide = of_guide(|name| !name.starts_with("typewall_store_"));
    assert!(OF_NODES.iter().all(|name| of_guide.contains_key(*name)));
    assert_eq!(metrics.kinds_and_labels(), of_guide);
}

pub(crate) fn a_log_is_read_from_redis_by_the_command_and_over_http() {
    let cluster = Cluster::start();
    let node = cluster.node();
    let mut ada = node.join("r", "Ada");
    for n in 1..=30 {
        ada.post_and_wait(&format!("post {n}"));
    }
    let printed = |arguments: &[&str]| {
        let log = output(typewall().args(["log", &cluster.redis.url()]).args(arguments));
        assert_eq!(log.status.code(), Some(0), "{log:?}");
        String::from_utf8(log.stdout).unwrap()
    };
    let text = printed(&["--room", "r"]);
    assert!(
        text.lines().enumerate().all(|(n, line)| line.ends_with(&format!("Z Ada: post {}", n + 1))),
        "{text}"
    );
    assert_eq!(text.lines().count(), 30);
    let posts: Value =
        serde_json::from_str(&printed(&["--room", "r", "--format", "json", "--after", "10"])).unwrap();
    assert_eq!((posts.as_array().unwrap().len(), &posts[0]["n"]), (20, &json!(11)));
    let rooms = printed(&[]);
    assert!(rooms.lines().count() == 2 && rooms.contains(" 30 ") && rooms.ends_with(" r\n"), "{rooms}");
    assert_eq!(get(&node, "/log?room=r").1, text);
    // Of a room that nobody is in, from another node.
    ada.leave();
    let other = cluster.node();
    assert_eq!(get(&other, "/log?room=r").1, text);
    let nothing = fails(typewall().args(["log", &cluster.redis.url(), "--room", "nosuch"]));
    assert_eq!(nothing, (1, "typewall: Nothing has been posted in the room nosuch.\n".to_owned()));
}

pub(crate) fn posts_that_are_older_than_keep_says_are_swept() {
    let cluster = Cluster::start();
    let node = cluster.node();
    let mut ada = node.join("r", "Ada");
    ada.post_and_wait("old");
    ada.post_and_wait("new");
    drop(node.kill());
    age_first_post(&cluster.redis);
    let node = cluster.node_with(&["--keep", "1"]);
    wait_until("the end of the old post", || cluster.redis.posts("r") == 1);
    let mut viewer = node.watch("r");
    assert_eq!(viewer.page.posts(), ["new"]);
    node.join("r", "Bob").post_and_wait("third");
    viewer.until("the third post", |page| page.received == [2, 3]);
}

/// Makes the first post of the room look as if it were posted in 1970.
fn age_first_post(redis: &Redis) {
    let key = format!("{}l:r", crate::redis::PREFIX);
    let posts: Vec<String> = redis.ask(&["ZRANGE", &key, "0", "0"]);
    let mut post: Value = serde_json::from_str(&posts[0]).unwrap();
    post["at"] = json!("1000");
    redis.tell(&["ZREM", &key, &posts[0]]);
    redis.tell(&["ZADD", &key, "1", &post.to_string()]);
}

pub(crate) fn without_a_key_file_nobody_can_be_a_host_and_the_log_says_so() {
    let cluster = Cluster::start();
    let node = Program::start(server().args(["--redis", &cluster.redis.url()]));
    let mut ada = node.join("r", "Ada");
    ada.send("host", json!({"key": "any"}));
    assert_eq!(ada.next_error(), "no_hosts");
    let (_, logged) = node.terminate();
    assert!(logged.contains("--host-key-file"), "{logged}");
}
