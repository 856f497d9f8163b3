//! A user of Redis that may do no more than the guide says.

use crate::cluster::{Cluster, host};
use crate::redis::Redis;
use crate::support::program::{Program, fails, output, server, typewall};
use crate::support::wait_until;
use crate::tab::Tab;
use nix::sys::signal::Signal;
use serde_json::json;

const GUIDE: &str = include_str!("../../docs/nodes.md");

/// The rules of the user in the guide, without its name.
fn rules() -> Vec<&'static str> {
    let line = GUIDE.lines().find_map(|line| line.strip_prefix("user wall ")).expect("a line of a user");
    line.split(' ').map(|rule| if rule == ">PASSWORD" { ">secret" } else { rule }).collect()
}

/// Gives the user of a Redis these rules and no others. Returns a URL with the user, and a database that is not the
/// usual one.
fn user(redis: &Redis, rules: &[&str]) -> String {
    redis.tell(&["ACL", "SETUSER", "wall", "reset"]);
    redis.tell(&[&["ACL", "SETUSER", "wall"], rules].concat());
    format!("redis://wall:secret@{}/1", redis.address())
}

/// What a node says that does not start.
fn error(url: &str) -> String {
    let (status, error) = fails(server().args(["--hosts", "none", "--redis", url]));
    assert_eq!((status, error.lines().count()), (1, 1), "{error}");
    assert!(!error.contains("secret"), "{error}");
    error
}

pub(crate) fn the_rights_in_the_guide_are_enough() {
    let cluster = Cluster::start();
    let url = user(&cluster.redis, &rules());
    let start = |options: &[&str]| Program::start(cluster.command(&url).args(options));
    let mut nodes = [(); 2].map(|()| start(&["--keep", "1"]));
    let [mut ada, mut bob] = [("Ada", 0), ("Bob", 1)].map(|(name, node)| Tab::open(&nodes[node], "r", name));
    host(&mut ada.client);
    ada.client.send("set_room", json!({"hidden": true}));
    for tab in [&mut ada, &mut bob] {
        tab.post("posted");
        tab.until_posted();
    }
    ada.client.send("remove_post", json!({"n": 1}));
    bob.client.until("a hidden room without its first post", |page| {
        page.state.hidden && page.posts() == ["", "posted"]
    });
    cluster.redis.tell(&["FLUSHALL"]);
    wait_until("the posts", || output(typewall().args(["log", &url])).stdout.ends_with(b" r\n"));
    ada.post("after a loss");
    ada.until_posted();
    let log = output(typewall().args(["log", &url, "--room", "r"]));
    assert_eq!(String::from_utf8_lossy(&log.stdout).lines().count(), 3, "{log:?}");
    let rooms = output(typewall().args(["log", &url]));
    assert_eq!(String::from_utf8_lossy(&rooms.stdout).lines().count(), 2, "{rooms:?}");
    // Rooms that are handed over, given up and taken over; the last one has neither posts nor hosts.
    nodes[0].join("empty", "Eve").leave();
    nodes.swap(0, 1);
    for node in nodes {
        node.signal(Signal::SIGTERM);
        let (status, logged) = node.ended();
        assert!(status == Some(0) && !logged.contains("NOPERM"), "{logged}");
    }
    let denied: Vec<::redis::Value> = cluster.redis.ask(&["ACL", "LOG"]);
    assert_eq!(denied, []);
}

pub(crate) fn without_one_of_the_rights_in_the_guide_a_node_does_not_start_and_says_why() {
    let redis = Redis::start(&[]);
    let all = rules();
    let commands = all.iter().filter_map(|rule| rule.strip_prefix('+'));
    for command in commands {
        let fewer: Vec<&str> =
            all.iter().copied().filter(|rule| rule.strip_prefix('+') != Some(command)).collect();
        let error = error(&user(&redis, &fewer));
        let named = command.split('|').next().unwrap();
        assert!(error.to_lowercase().contains(named), "without {command}: {error}");
    }
}

pub(crate) fn without_its_keys_or_channels_a_node_does_not_start_and_says_why() {
    let redis = Redis::start(&[]);
    for (missing, other, named) in
        [("~typewall:*", "~other:*", "keys"), ("&typewall:*", "&other:*", "subscribe")]
    {
        let rules: Vec<&str> =
            rules().into_iter().map(|rule| if rule == missing { other } else { rule }).collect();
        let error = error(&user(&redis, &rules));
        assert!(error.contains(named) && error.contains("typewall:"), "{error}");
    }
}

pub(crate) fn a_right_that_is_taken_away_is_named_in_the_log() {
    let cluster = Cluster::start();
    let url = user(&cluster.redis, &rules());
    let node = Program::start(&mut cluster.command(&url));
    // Redis cuts off whoever listens to a channel without the right.
    cluster.redis.tell(&["ACL", "SETUSER", "wall", "resetchannels", "&other:*"]);
    node.until_logged("cut off from the other nodes, because Redis cannot be used: NOPERM");
    cluster.redis.tell(&["ACL", "SETUSER", "wall", "&typewall:*"]);
    node.until_logged("linked to the other nodes again");
    let logged = node.kill();
    assert!(logged.contains("docs/nodes.md, with keys and channels that begin with typewall:\n"), "{logged}");
}
