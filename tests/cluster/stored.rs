//! What Redis keeps of a room: removed posts, a log that has lost its room, and rooms in several databases.

use crate::cluster::{Cluster, host};
use crate::redis::Redis;
use crate::support::program::{output, typewall};
use memchr::memmem;
use serde_json::json;

pub(crate) fn the_text_of_a_removed_post_is_gone_and_its_number_stays() {
    let cluster = Cluster::on(Redis::start(&["--rdbcompression", "no"]));
    let node = cluster.node();
    let mut ada = node.join("r", "Ada");
    ["one", "a secret", "three"].into_iter().for_each(|text| ada.post_and_wait(text));
    ada.send("remove_post", json!({"n": 2}));
    ada.wait_for("post_removed");
    // Nor is it in what Redis writes to its files.
    let kept: Vec<u8> = cluster.redis.ask(&["DUMP", "typewall:l:r"]);
    let has = |text: &str| memmem::find(&kept, text.as_bytes()).is_some();
    assert!(has("three") && !has("a secret"), "{kept:?}");
    let log = output(typewall().args(["log", &cluster.redis.url(), "--room", "r"]));
    let log = String::from_utf8(log.stdout).unwrap();
    let texts: Vec<&str> = log.lines().map(|line| line.rsplit_once(' ').unwrap().1).collect();
    assert_eq!(texts, ["one", "(removed)", "three"]);
    // A node that has not seen it posted reads the same, and so do its people.
    ada.leave();
    drop(node);
    let late = cluster.node().join("r", "Late");
    assert_eq!(late.page.posts(), ["one", "", "three"]);
}

pub(crate) fn an_owner_that_was_deposed_erases_no_post() {
    let cluster = Cluster::start();
    let node = cluster.node();
    let mut ada = node.join("r", "Ada");
    ada.post_and_wait("a text");
    cluster.redis.tell(&["HINCRBY", "typewall:r:r", "epoch", "1"]); // the next owner may have read the log already
    ada.send("remove_post", json!({"n": 1}));
    assert_eq!(ada.wait_for("error")["code"], "not_removed");
    let kept: Vec<String> = cluster.redis.ask(&["ZRANGE", "typewall:l:r", "0", "-1"]);
    assert!(kept[0].contains("a text"), "{kept:?}");
}

pub(crate) fn a_log_that_redis_has_kept_without_its_room_goes_on_after_its_last_post() {
    let cluster = Cluster::start();
    let node = cluster.node();
    let mut ada = node.join("r", "Ada");
    ["one", "two"].into_iter().for_each(|text| ada.post_and_wait(text));
    ada.leave();
    drop(node);
    // As by a policy that evicts keys.
    cluster.redis.tell(&["DEL", "typewall:r:r"]);
    let node = cluster.node();
    let mut bob = node.join("r", "Bob");
    bob.post_and_wait("three");
    let log: Vec<u64> = bob.page.log.iter().filter_map(|post| post["n"].as_u64()).collect();
    assert_eq!(log, [1, 2, 3]);
}

pub(crate) fn clusters_in_two_databases_share_nothing() {
    let cluster = Cluster::start();
    let nodes = [0, 2].map(|database| cluster.node_at(&format!("{}/{database}", cluster.redis.url()), &[]));
    let [mut ada, mut bob] = [nodes[0].join("r", "Ada"), nodes[1].join("r", "Bob")];
    ada.post_and_wait("in one");
    bob.post_and_wait("in the other");
    for client in [&mut ada, &mut bob] {
        client.catch_up();
        assert_eq!((client.page.names().len(), client.page.log.len()), (1, 1));
    }
}

pub(crate) fn of_settings_that_were_undone_redis_keeps_the_version_for_a_time() {
    let cluster = Cluster::start();
    let node = cluster.node();
    let mut ada = node.join("r", "Ada");
    host(&mut ada);
    for locked in [true, false] {
        ada.send("set_room", json!({"locked": locked}));
        ada.until("the settings", |page| page.state.locked == locked);
    }
    let kept: (Option<String>, Option<u64>) =
        cluster.redis.ask(&["HMGET", "typewall:r:r", "record", "version"]);
    assert_eq!(kept, (None, Some(2)), "a node that has not heard of it must not lock the room again");
    let left: i64 = cluster.redis.ask(&["PTTL", "typewall:r:r"]);
    assert!(left > 0, "it is not kept for ever: {left}");
}

pub(crate) fn a_room_whose_posts_are_all_gone_goes_on_after_its_last_number() {
    let cluster = Cluster::start();
    cluster.redis.tell(&["HSET", "typewall:r:r", "n", "57"]);
    let node = cluster.node();
    let mut ada = node.join("r", "Ada");
    ["one", "two"].into_iter().for_each(|text| ada.post_and_wait(text));
    let log: Vec<u64> = ada.page.log.iter().filter_map(|post| post["n"].as_u64()).collect();
    assert_eq!(log, [58, 59]);
}
