//! A seat is one seat on all nodes: whoever comes back through another one has it, with text and log.

use crate::cluster::Cluster;
use crate::support::client::Client;
use crate::support::page::Page;
use crate::tab::Tab;
use serde_json::json;

pub(crate) fn a_tab_that_comes_back_through_another_node_has_its_seat() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    let mut eve = nodes[0].watch("r");
    let mut ada = Tab::open(&nodes[0], "r", "Ada");
    let id = ada.id();
    ada.write("half a sen");
    ada.post("first");
    ada.until_posted();
    for (n, node) in [&nodes[1], &nodes[0], &nodes[1]].into_iter().enumerate() {
        ada.write(&format!("text {n}"));
        eve.sees("Ada", &format!("text {n}"));
        cluster.redis.until_later();
        ada.drop_and_go_on_at(node);
        assert_eq!((ada.id(), ada.client.page.text_of("Ada")), (id.clone(), Some(&*format!("text {n}"))));
        assert_eq!(ada.client.page.posts().len(), n + 1, "the log");
        ada.post(&format!("from node {n}"));
        ada.until_posted();
    }
    eve.until("all posts", |page| page.log.len() == 4);
    assert!(eve.page.removed.is_empty() && eve.page.names() == ["Ada"]);
    assert!(eve.page.log.iter().all(|post| post["id"] == *id));
}

pub(crate) fn somebody_who_drops_is_away_on_both_nodes_and_then_gone() {
    let cluster = Cluster::start();
    let nodes = [(); 2].map(|()| cluster.node_with(&["--grace", "1"]));
    for from in [1, 0] {
        let room = format!("room-{from}");
        let mut viewers = [&nodes[1 - from], &nodes[from]].map(|node| node.watch(&room));
        let mut ada = nodes[from].join(&room, "Ada");
        ada.write("unfinished");
        viewers[0].sees("Ada", "unfinished");
        drop(ada);
        for viewer in &mut viewers {
            viewer.sees_away("Ada", true);
            viewer.sees_users(&[]);
        }
    }
}

pub(crate) fn a_later_tab_with_the_same_session_takes_the_seat_whichever_node_it_is_on() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    for from in [1, 0] {
        let mut ada = Tab::open(&nodes[from], &format!("room-{from}"), "Ada");
        let (id, session) = (ada.id(), ada.session().to_owned());
        ada.write("in the first tab");
        ada.client.catch_up();
        cluster.redis.until_later();
        let mut again = Client::connect(nodes[1 - from].address, &format!("room-{from}"));
        again.rejoin("Ada", &session);
        assert_eq!(again.page.you, Some(id));
        assert_eq!(ada.client.closed(), 4001);
        again.write("in the second tab");
        let late = nodes[from].watch(&format!("room-{from}"));
        assert_eq!(late.page.names(), ["Ada"]);
    }
}

pub(crate) fn a_goodbye_is_heard_by_all_nodes() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    for from in [1, 0] {
        let room = format!("room-{from}");
        let mut viewer = nodes[1 - from].watch(&room);
        let mut ada = nodes[from].join(&room, "Ada");
        let session = ada.page.session.clone().unwrap();
        ada.write("written");
        viewer.sees("Ada", "written");
        let id = ada.page.you.clone();
        ada.leave();
        viewer.sees_users(&[]);
        let mut again = Client::connect(nodes[1 - from].address, &room);
        again.page = Page::of_cluster();
        again.rejoin("Ada", &session);
        assert_ne!(again.page.you, id, "the seat went with the goodbye");
    }
}

pub(crate) fn a_locked_room_takes_its_people_back_through_any_node() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    let mut host = nodes[0].watch("r");
    crate::cluster::host(&mut host);
    let mut ada = Tab::open(&nodes[0], "r", "Ada");
    ada.write("hers");
    host.send("set_room", json!({"locked": true}));
    host.until("a locked room", |page| page.state.locked);
    let id = ada.id();
    cluster.redis.until_later();
    ada.drop_and_go_on_at(&nodes[1]);
    assert_eq!(ada.id(), id);
    host.sees_away("Ada", false);
}

pub(crate) fn a_connection_has_one_seat_whichever_node_it_is_on() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    let mut owner = nodes[0].join("r", "Owner");
    let mut ada = Client::connect(nodes[1].address, "r");
    for name in ["Ada", "Bea", "Cleo"] {
        ada.send("got_a_new_user", json!({ "name": name }));
    }
    ada.until("a seat", |page| page.you.is_some() && page.errors.len() == 2);
    assert_eq!(ada.page.errors, ["already_joined"; 2]);
    ada.write("one box");
    owner.sees("Ada", "one box");
    assert_eq!(owner.page.names(), ["Owner", "Ada"]);
}

pub(crate) fn whoever_gets_no_seat_from_another_node_is_told_so_and_so_are_their_posts_and_texts() {
    let cluster = Cluster::start();
    let nodes = cluster.pair();
    let mut host = nodes[0].join("r", "Host");
    super::cluster::host(&mut host);
    host.send("set_room", json!({"locked": true}));
    host.until("a lock", |page| page.state.locked);
    let mut late = Client::connect(nodes[1].address, "r");
    late.send("got_a_new_user", json!({ "name": "Late" }));
    late.send("updated_text", json!({"text": "hello"}));
    late.send("message", json!({"text": "hello", "ref": "1"}));
    late.until("an answer to each", |page| page.errors.len() == 3);
    assert_eq!(late.page.errors, ["locked", "not_joined", "not_joined"]);
}
