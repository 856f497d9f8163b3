//! Nodes end while people write and post: by SIGKILL and by SIGTERM. The others go on, and whoever was on the node
//! comes back through another one with all that their page had.

use crate::cluster::Cluster;
use crate::support::client::Client;
use crate::support::program::Program;
use crate::tab::Tab;
use std::thread;

/// Two nodes with two people each, on the first of which the room is owned, and a viewer on the one that stays.
struct Room {
    owner: Program,
    mirror: Program,
    of_owner: [Tab; 2],
    of_mirror: [Tab; 2],
}

impl Room {
    fn start(cluster: &Cluster, options: &[&str]) -> Self {
        let owner = cluster.node_with(options);
        let of_owner = ["Ada", "Bob"].map(|name| Tab::open(&owner, "r", name));
        let mirror = cluster.node_with(options);
        let of_mirror = ["Cleo", "Dan"].map(|name| Tab::open(&mirror, "r", name));
        let mut room = Self { owner, mirror, of_owner, of_mirror };
        for tab in room.of_owner.iter_mut().chain(&mut room.of_mirror) {
            tab.client.sees_users(&["Ada", "Bob", "Cleo", "Dan"]);
            let name = tab.name().to_owned();
            tab.write(&format!("{name} has written"));
            tab.post(&format!("{name} was here"));
            tab.until_posted();
        }
        for tab in room.of_owner.iter_mut().chain(&mut room.of_mirror) {
            tab.client.until("all posts", |page| page.log.len() == 4);
        }
        room
    }
}

/// Someone writes and posts, and the others see it.
fn goes_on(tab: &mut Tab, others: &mut [&mut Client]) {
    let name = tab.name().to_owned();
    let [text, post] = ["goes on", "posts again"].map(|what| format!("{name} {what}"));
    tab.write(&text);
    tab.post(&post);
    tab.until_posted();
    for other in others {
        other.sees(&name, &text);
        other.until("the post", |page| page.posts().contains(&&*post));
    }
    assert!(tab.client.page.received.windows(2).all(|pair| pair[0] + 1 == pair[1]), "no gap");
}

pub(crate) fn when_the_owner_is_killed_the_others_go_on_and_its_people_come_back_with_everything() {
    let cluster = Cluster::start();
    let Room { owner, mirror, of_owner: [mut ada, mut bob], of_mirror: [mut cleo, mut dan] } =
        Room::start(&cluster, &[]);
    let (ada_id, bob_id) = (ada.id(), bob.id());
    ada.write("the last that Ada wrote");
    cleo.client.sees("Ada", "the last that Ada wrote");
    owner.kill();
    goes_on(&mut cleo, &mut [&mut dan.client]);
    cleo.client.sees_away("Ada", true);
    ada.go_on_at(&mirror);
    assert_eq!((ada.id(), ada.client.page.posts().len()), (ada_id, 5));
    cleo.client.sees_away("Ada", false);
    goes_on(&mut ada, &mut [&mut cleo.client, &mut dan.client]);
    assert_eq!(cleo.client.page.text_of("Bob"), Some("Bob has written"), "of somebody who is away");
    // Bob's page comes back after it has written more than any node has heard of.
    bob.write("written while there was no connection");
    bob.post("posted while there was no connection");
    bob.go_on_at(&mirror);
    bob.until_posted();
    assert_eq!(bob.id(), bob_id);
    cleo.client.sees("Bob", "written while there was no connection");
    assert_eq!(cleo.client.page.names(), ["Ada", "Bob", "Cleo", "Dan"], "nobody has come or gone");
}

pub(crate) fn people_of_a_killed_owner_who_do_not_come_back_are_gone_after_their_grace() {
    let cluster = Cluster::start();
    let Room { owner, of_mirror: [mut cleo, mut dan], of_owner, mirror: _mirror } =
        Room::start(&cluster, &["--grace", "1"]);
    owner.kill();
    cleo.client.sees_away("Ada", true);
    cleo.client.sees_users(&["Cleo", "Dan"]);
    goes_on(&mut cleo, &mut [&mut dan.client]);
    drop(of_owner);
}

pub(crate) fn when_a_mirror_is_killed_its_people_are_away_until_they_come_back() {
    let cluster = Cluster::start();
    let Room { owner, mirror, of_owner: [mut ada, mut bob], of_mirror: [mut cleo, mut dan] } =
        Room::start(&cluster, &["--grace", "2"]);
    let id = cleo.id();
    mirror.kill();
    goes_on(&mut ada, &mut [&mut bob.client]);
    ada.client.sees_away("Cleo", true);
    cleo.write("written meanwhile");
    cleo.go_on_at(&owner);
    assert_eq!(cleo.id(), id);
    ada.client.sees_away("Cleo", false);
    goes_on(&mut cleo, &mut [&mut ada.client, &mut bob.client]);
    // Dan's page comes back too late.
    ada.client.sees_users(&["Ada", "Bob", "Cleo"]);
    let id = dan.id();
    dan.go_on_at(&owner);
    assert_ne!(dan.id(), id);
    ada.client.sees("Dan", "Dan has written");
}

pub(crate) fn at_sigterm_the_owner_hands_the_room_over() {
    let cluster = Cluster::start();
    let Room { owner, mirror, of_owner: [mut ada, bob], of_mirror: [mut cleo, mut dan] } =
        Room::start(&cluster, &[]);
    let (id, mut posts) = (ada.id(), 0);
    // People go on writing and posting throughout.
    let (status, logged) = thread::scope(|scope| {
        let ended = scope.spawn(|| owner.terminate());
        while !ended.is_finished() || posts < 20 {
            posts += 1;
            cleo.write(&format!("text {posts}"));
            cleo.post(&format!("post {posts}"));
            cleo.until_posted();
            dan.client.sees("Cleo", &format!("text {posts}"));
        }
        ended.join().unwrap()
    });
    assert_eq!(status, Some(0), "{logged}");
    assert_eq!(ada.client.receive_to_close(), 1001);
    assert_eq!(bob.client.closed(), 1001);
    ada.go_on_at(&mirror);
    assert_eq!((ada.id(), ada.client.page.text_of("Ada")), (id, Some("Ada has written")));
    goes_on(&mut ada, &mut [&mut cleo.client, &mut dan.client]);
    assert_eq!(dan.client.page.received, Vec::from_iter(1..=posts + 5));
    assert_eq!(dan.client.page.text_of("Bob"), Some("Bob has written"));
}

pub(crate) fn at_sigterm_of_a_mirror_nobody_else_notices_and_its_people_come_back() {
    let cluster = Cluster::start();
    let Room { owner, mirror, of_owner: [mut ada, mut bob], of_mirror: [mut cleo, dan] } =
        Room::start(&cluster, &[]);
    let id = cleo.id();
    assert_eq!(mirror.terminate().0, Some(0));
    assert_eq!(dan.client.closed(), 1001);
    assert_eq!(cleo.client.receive_to_close(), 1001);
    cleo.go_on_at(&owner);
    assert_eq!(cleo.id(), id);
    goes_on(&mut cleo, &mut [&mut ada.client, &mut bob.client]);
    assert_eq!(ada.client.page.names(), ["Ada", "Bob", "Cleo", "Dan"]);
    ada.client.sees_away("Dan", true);
}

pub(crate) fn at_sigterm_of_the_only_node_with_people_nothing_is_lost_that_pages_have() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    let mut tabs = ["Ada", "Bob"].map(|name| Tab::open(&nodes[0], "r", name));
    for tab in &mut tabs {
        let name = tab.name().to_owned();
        tab.write(&format!("{name} has written"));
        tab.post(&format!("{name} was here"));
        tab.until_posted();
    }
    let [node, other] = nodes;
    assert_eq!(node.terminate().0, Some(0));
    for tab in &mut tabs {
        assert_eq!(tab.client.receive_to_close(), 1001);
        tab.go_on_at(&other);
    }
    let [mut ada, mut bob] = tabs;
    bob.client.sees("Ada", "Ada has written");
    ada.client.sees("Bob", "Bob has written");
    goes_on(&mut ada, &mut [&mut bob.client]);
    assert_eq!(bob.client.page.received, [1, 2, 3]);
}

pub(crate) fn when_all_nodes_were_killed_the_log_and_what_hosts_set_are_in_redis() {
    let cluster = Cluster::start();
    let Room { owner, mirror, of_owner: [mut ada, _bob], .. } = Room::start(&cluster, &[]);
    crate::cluster::host(&mut ada.client);
    ada.client.send("set_room", serde_json::json!({"hidden": true, "prompt": "Why?"}));
    ada.client.until("hidden texts", |page| page.state.hidden);
    owner.kill();
    mirror.kill();
    let node = cluster.node();
    let mut eve = node.watch("r");
    assert_eq!(eve.page.log.len(), 4);
    assert_eq!((eve.page.state.hidden, &*eve.page.state.prompt), (true, "Why?"));
    ada.go_on_at(&node);
    eve.until("hidden texts", |page| page.wrote.len() == 1);
    ada.post("another");
    ada.until_posted();
    eve.until("the next number", |page| page.received.last() == Some(&5));
}
