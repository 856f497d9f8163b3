//! Posts are in the log once, numbered without a gap, whichever node takes them and whatever ends meanwhile.

use crate::cluster::{Cluster, post};
use crate::support::page::numbered;
use crate::support::relay::{Relay, Way};
use crate::support::wait_until;
use crate::tab::Tab;
use std::thread;

pub(crate) fn a_post_that_is_sent_to_two_nodes_is_posted_once() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    let mut viewer = nodes[0].watch("r");
    let mut ada = Tab::open(&nodes[0], "r", "Ada");
    for (n, node) in [&nodes[1], &nodes[0], &nodes[1]].into_iter().enumerate() {
        // Its answer may be under way when the connection ends: then the post comes again, through the other node.
        cluster.redis.until_later();
        ada.post(&format!("post {n}"));
        ada.drop_and_go_on_at(node);
        ada.until_posted();
    }
    let mut first = nodes[0].join("r", "Bob");
    let answer = first.try_post("the ref", "once");
    let session = first.page.session.clone().unwrap();
    cluster.redis.until_later();
    let mut second = crate::support::client::Client::connect(nodes[1].address, "r");
    second.rejoin("Bob", &session);
    assert_eq!((answer.clone(), second.try_post("the ref", "once")), (Ok(4), answer));
    viewer.until("four posts", |page| page.log.len() == 4);
    assert_eq!(viewer.page.received, [1, 2, 3, 4]);
    assert_eq!(cluster.redis.posts("r"), 4);
}

pub(crate) fn posts_over_http_reach_a_room_that_nobody_is_in() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    for (n, node) in nodes.iter().enumerate() {
        let answer = post(node, "r", "Ada", &format!("post {n}"));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(cluster.redis.posts("r"), 2);
}

pub(crate) fn posts_from_all_nodes_at_once_have_one_order() {
    let cluster = Cluster::start();
    let nodes = [(); 3].map(|()| cluster.node());
    let mut tabs: Vec<Tab> = (0..9).map(|n| Tab::open(&nodes[n % 3], "r", &format!("user {n}"))).collect();
    let logs: Vec<_> = thread::scope(|scope| {
        let post = |tab: &mut Tab| {
            let name = tab.name().to_owned();
            (0..10).for_each(|n| tab.post(&format!("{name}: {n}")));
            tab.client.until("all posts", |page| page.log.len() == 90);
            tab.client.page.log.iter().map(numbered).collect::<Vec<_>>()
        };
        let posting: Vec<_> = tabs.iter_mut().map(|tab| scope.spawn(move || post(tab))).collect();
        posting.into_iter().map(|log| log.join().unwrap()).collect()
    });
    assert!(logs.iter().all(|log| *log == logs[0]));
    assert!(logs[0].iter().map(|(n, _)| *n).eq(1..=90));
    for user in 0..9 {
        let own =
            logs[0].iter().map(|(_, text)| text).filter(|text| text.starts_with(&format!("user {user}: ")));
        assert!(own.cloned().eq((0..10).map(|n| format!("user {user}: {n}"))), "in their order");
    }
}

pub(crate) fn a_post_that_redis_has_and_nobody_was_told_of_is_not_posted_again() {
    let cluster = Cluster::start();
    let relay = Relay::to(cluster.redis.address());
    let owner = cluster.node_at(&format!("redis://{}", relay.address), &[]);
    let mut ada = Tab::open(&owner, "r", "Ada");
    let other = cluster.node();
    let mut bob = Tab::open(&other, "r", "Bob");
    ada.post("before");
    ada.until_posted();
    bob.client.until("the post", |page| page.posts() == ["before"]);
    // Redis takes the next post, and the owner does not learn of it before it dies.
    relay.hold(Way::ToClient);
    ada.post("taken");
    wait_until("the post", || cluster.redis.posts("r") == 2);
    owner.kill();
    ada.go_on_at(&other);
    ada.until_posted();
    bob.post("after");
    for tab in [&mut ada, &mut bob] {
        tab.client.until("all posts", |page| page.log.len() == 3);
        assert_eq!(tab.client.page.posts(), ["before", "taken", "after"]);
    }
    assert_eq!((cluster.redis.posts("r"), bob.client.page.received), (3, vec![1, 2, 3]));
}

pub(crate) fn a_post_of_a_mirror_that_the_owner_did_not_live_to_number_is_posted_once() {
    let cluster = Cluster::start();
    let relay = Relay::to(cluster.redis.address());
    let owner = cluster.node_at(&format!("redis://{}", relay.address), &[]);
    let mut eve = Tab::open(&owner, "r", "Eve");
    let [one, other] = cluster.pair();
    let mut ada = Tab::open(&one, "r", "Ada");
    let mut bob = Tab::open(&other, "r", "Bob");
    eve.post("before");
    for tab in [&mut ada, &mut bob] {
        tab.client.until("the post", |page| page.posts() == ["before"]);
    }
    // The owner hears of it no more.
    relay.hold(Way::ToClient);
    ada.post("from a mirror");
    ada.client.catch_up();
    owner.kill();
    ada.until_posted();
    // As if the answer had been lost with the connection.
    assert_eq!(ada.client.try_post("1", "from a mirror"), Ok(2));
    bob.client.until("the post", |page| page.posts() == ["before", "from a mirror"]);
    assert_eq!(cluster.redis.posts("r"), 2);
}
