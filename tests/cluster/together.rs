//! What people on two nodes see of each other: as much as on one.

use crate::cluster::{Cluster, get, host, post};
use crate::support::client::Client;
use crate::support::page::State;
use crate::support::poller::Poller;
use crate::support::program::Program;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::thread;

/// The room on both nodes: Ada on the node that owns it, Bob on the other.
fn ada_and_bob(nodes: &[Program; 2]) -> [Client; 2] {
    let mut ada = nodes[0].join("r", "Ada");
    let mut bob = nodes[1].join("r", "Bob");
    ada.sees_users(&["Ada", "Bob"]);
    bob.sees_users(&["Ada", "Bob"]);
    [ada, bob]
}

pub(crate) fn texts_posts_and_names_go_both_ways() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    let [mut ada, mut bob] = ada_and_bob(&nodes);
    ada.write("from Ada");
    bob.sees("Ada", "from Ada");
    bob.write("from Bob");
    ada.sees("Bob", "from Bob");
    for n in 0..5 {
        ada.post(&format!("Ada {n}"));
        bob.post(&format!("Bob {n}"));
    }
    for client in [&mut ada, &mut bob] {
        client.until("all posts", |page| page.log.len() == 10);
        assert_eq!(client.page.received, Vec::from_iter(1..=10), "numbered without a gap");
    }
    assert_eq!(ada.page.posts(), bob.page.posts());
    let authors: BTreeSet<String> = ada.page.log.iter().map(|post| post["id"].to_string()).collect();
    assert_eq!(authors.len(), 2);
    bob.send("change_name", json!({"name": "Bobby"}));
    ada.sees_users(&["Ada", "Bobby"]);
    let mut late = nodes[1].watch("r");
    assert_eq!((late.page.text_of("Ada"), late.page.posts()), (Some("from Ada"), ada.page.posts()));
    ada.leave();
    late.sees_users(&["Bobby"]);
}

pub(crate) fn rooms_that_are_on_one_node_stay_apart() {
    let cluster = Cluster::start();
    let [one, other] = cluster.pair();
    let mut ada = one.join("r", "Ada");
    let bob = other.join("elsewhere", "Bob");
    ada.post_and_wait("in r");
    assert_eq!((ada.page.names(), bob.page.names()), (vec!["Ada"], vec!["Bob"]));
    assert_eq!(other.watch("elsewhere").page.posts(), [""; 0]);
}

pub(crate) fn splices_are_applied_in_their_order() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    let [mut ada, mut bob] = ada_and_bob(&nodes);
    for (writer, name, reader) in [(0, "Ada", 1), (1, "Bob", 0)] {
        let clients = [&mut ada, &mut bob];
        for n in 0..200 {
            clients[writer].send(
                "updated_text",
                json!({"at": n, "cut": 0, "put": "é😀".chars().nth(n % 2), "length": n + 1}),
            );
        }
        clients[reader].sees(name, &"é😀".repeat(100));
    }
}

pub(crate) fn equal_names_at_once_are_made_different() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    let mut viewers = [nodes[0].watch("r"), nodes[1].watch("r")];
    let join = |n: usize| nodes[n % 2].join("r", "Ada");
    let clients: Vec<Client> = thread::scope(|scope| {
        let joining: Vec<_> = (0..10).map(|n| scope.spawn(move || join(n))).collect();
        joining.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let names: BTreeSet<&str> = clients.iter().map(|client| client.page.name.as_deref().unwrap()).collect();
    let ids: BTreeSet<&str> = clients.iter().map(|client| client.page.you.as_deref().unwrap()).collect();
    assert_eq!((names.len(), ids.len()), (10, 10));
    for viewer in &mut viewers {
        viewer.until("ten people", |page| page.users.len() == 10);
        assert_eq!(viewer.page.names().into_iter().collect::<BTreeSet<_>>(), names);
    }
}

pub(crate) fn viewers_of_all_nodes_are_counted() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    let mut viewers = [&nodes[0], &nodes[1], &nodes[1]].map(|node| node.watch("r"));
    for viewer in &mut viewers {
        viewer.until("three viewers", |page| page.viewers == 3);
    }
    let [mut first, second, third] = viewers;
    second.leave();
    third.leave();
    first.until("one viewer", |page| page.viewers == 1);
}

pub(crate) fn a_host_runs_the_room_from_any_node() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    for from in [1, 0] {
        let room = format!("room-{from}");
        let [mut ada, mut bob] = [nodes[1 - from].join(&room, "Ada"), nodes[from].join(&room, "Bob")];
        let mut viewer = nodes[1 - from].watch(&room);
        host(&mut bob);
        let bob_id = bob.page.you.clone().unwrap();
        ada.until("a host", |page| page.hosts.contains(&bob_id));
        ada.write("secret");
        bob.sees("Ada", "secret");
        bob.send("set_room", json!({"locked": true, "hidden": true, "prompt": "Why?", "spotlight": bob_id}));
        let state = State {
            locked: true,
            hidden: true,
            frozen: false,
            prompt: "Why?".to_owned(),
            spotlight: Some(bob_id),
        };
        viewer.until("the state", |page| page.state == state);
        ada.write("more secrets");
        bob.sees("Ada", "more secrets");
        viewer.catch_up();
        assert_eq!((viewer.page.text_of("Ada"), viewer.page.wrote.len()), (Some(""), 1));
        let mut late = Client::connect(nodes[1 - from].address, &room);
        late.send("got_a_new_user", json!({"name": "Late"}));
        assert_eq!(late.next_error(), "locked");
        bob.send("set_room", json!({"frozen": true, "hidden": false}));
        ada.until("a frozen room", |page| page.state.frozen);
        ada.write("too late");
        assert_eq!(ada.next_error(), "frozen");
        viewer.sees("Ada", "more secrets");
    }
}

pub(crate) fn a_host_clears_removes_and_appoints_people_of_other_nodes() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    for from in [1, 0] {
        let room = format!("room-{from}");
        let [mut ada, mut bob] = [nodes[1 - from].join(&room, "Ada"), nodes[from].join(&room, "Bob")];
        let mut eve = nodes[1 - from].join(&room, "Eve");
        let id = |client: &Client| client.page.you.clone().unwrap();
        host(&mut bob);
        ada.write("to be cleared");
        bob.sees("Ada", "to be cleared");
        bob.send("clear_box", json!({"id": id(&ada)}));
        ada.until("a clear", |page| page.clears == 1);
        eve.sees("Ada", "");
        bob.send("make_host", json!({"id": id(&ada)}));
        ada.until("to be a host", |page| page.is_host());
        eve.post_and_wait("to be removed");
        ada.send("remove_post", json!({"n": 1}));
        bob.until("the post's removal", |page| page.posts() == [""]);
        let session = eve.page.session.clone().unwrap();
        bob.send("remove_user", json!({"id": id(&eve)}));
        assert_eq!(eve.closed(), 4004);
        for client in [&mut ada, &mut bob] {
            client.until("Eve's end", |page| page.removed.len() == 1 && page.users.len() == 2);
        }
        for node in &nodes {
            let mut again = Client::connect(node.address, &room);
            again.send("got_a_new_user", json!({"name": "Eve", "session": session}));
            assert_eq!(again.next_error(), "removed");
        }
    }
}

pub(crate) fn a_socketio_client_and_a_page_on_another_node_see_each_other() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    for from in [1, 0] {
        let room = format!("room-{from}");
        let mut ada = nodes[1 - from].join(&room, "Ada");
        let mut bob = Poller::connect(nodes[from].address, &room);
        bob.emit("got_a_new_user", &json!({"name": "Bob"}));
        bob.wait_for("existing_users");
        bob.emit("updated_text", &json!({"text": "polled"}));
        ada.sees("Bob", "polled");
        ada.write("from a page");
        assert_eq!(bob.wait_for("text_update")["text"], "from a page");
        bob.emit("message", &json!({"text": "a post", "ref": "1"}));
        ada.until("the post", |page| page.posts() == ["a post"]);
        assert_eq!(bob.wait_for("data")["ref"], "1");
    }
}

pub(crate) fn posts_over_http_and_logs_are_the_same_at_every_node() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    let [mut ada, mut bob] = ada_and_bob(&nodes);
    for (n, node) in (1..).zip(&nodes) {
        let response = post(node, "r", "deploy", &format!("deployed {n}"));
        let answer: Value = serde_json::from_str(response.text()).expect("JSON");
        assert_eq!((response.status, answer), (200, json!({ "n": n })));
    }
    for client in [&mut ada, &mut bob] {
        client.until("both posts", |page| page.posts() == ["deployed 1", "deployed 2"]);
    }
    let logs = nodes.each_ref().map(|node| get(node, "/log?room=r&format=json"));
    assert_eq!((logs[0].0, &logs[0]), (200, &logs[1]));
    let posts: Value = serde_json::from_str(&logs[0].1).expect("JSON");
    assert_eq!((posts[0]["text"].as_str(), posts[1]["n"].as_u64()), (Some("deployed 1"), Some(2)));
}
