//! Nodes are suspended for longer than the others wait for them, and go on afterwards.

use crate::cluster::Cluster;
use crate::support::program::Program;
use crate::tab::Tab;
use nix::sys::signal::Signal;

/// Ada on the node that owns the room, and Bob on the other one.
fn start(cluster: &Cluster, options: &[&str]) -> ([Program; 2], [Tab; 2]) {
    let nodes = [(); 2].map(|()| cluster.node_with(options));
    let mut ada = Tab::open(&nodes[0], "r", "Ada");
    let mut bob = Tab::open(&nodes[1], "r", "Bob");
    for tab in [&mut ada, &mut bob] {
        tab.client.sees_users(&["Ada", "Bob"]);
        let name = tab.name().to_owned();
        tab.write(&format!("{name}, before"));
        tab.post(&format!("{name} was here"));
        tab.until_posted();
    }
    bob.client.sees("Ada", "Ada, before");
    (nodes, [ada, bob])
}

pub(crate) fn a_suspended_owner_comes_back_as_a_mirror_with_its_people() {
    let cluster = Cluster::start();
    let (nodes, [mut ada, mut bob]) = start(&cluster, &[]);
    let id = ada.id();
    nodes[0].suspend();
    // The system takes this for the node, as long as there is space.
    ada.write("written to a node that does nothing");
    ada.post("posted to it");
    bob.client.sees_away("Ada", true);
    bob.write("written meanwhile");
    bob.post("posted meanwhile");
    bob.until_posted();
    nodes[0].signal(Signal::SIGCONT);
    bob.client.sees_away("Ada", false);
    bob.client.sees("Ada", "written to a node that does nothing");
    ada.until_posted_in_the_end();
    ada.client.sees("Bob", "written meanwhile");
    for tab in [&mut ada, &mut bob] {
        tab.client.until("all posts", |page| page.log.len() == 4);
        assert_eq!(tab.client.page.posts()[2..], ["posted meanwhile", "posted to it"]);
    }
    assert_eq!((ada.id(), cluster.redis.posts("r")), (id, 4));
    ada.write("live again");
    bob.client.sees("Ada", "live again");
}

pub(crate) fn a_suspended_mirror_comes_back_with_its_people() {
    let cluster = Cluster::start();
    let (nodes, [mut ada, mut bob]) = start(&cluster, &[]);
    let id = bob.id();
    nodes[1].suspend();
    bob.write("written to a node that does nothing");
    bob.post("posted to it");
    ada.client.sees_away("Bob", true);
    ada.write("written meanwhile");
    ada.post("posted meanwhile");
    ada.until_posted();
    nodes[1].signal(Signal::SIGCONT);
    ada.client.sees_away("Bob", false);
    ada.client.sees("Bob", "written to a node that does nothing");
    bob.until_posted_in_the_end();
    bob.client.sees("Ada", "written meanwhile");
    assert_eq!((bob.id(), cluster.redis.posts("r")), (id, 4));
    bob.write("live again");
    ada.client.sees("Bob", "live again");
}

pub(crate) fn people_whose_grace_is_over_while_their_node_is_suspended_get_a_new_seat_and_keep_their_texts() {
    let cluster = Cluster::start();
    let (nodes, [mut ada, mut bob]) = start(&cluster, &["--grace", "1"]);
    let id = ada.id();
    nodes[0].suspend();
    bob.client.sees_users(&["Bob"]);
    ada.write("not forgotten");
    nodes[0].signal(Signal::SIGCONT);
    bob.client.sees("Ada", "not forgotten");
    ada.client.until("another seat", |page| page.you.as_ref().is_some_and(|you| *you != id));
    let new = ada.id();
    assert_eq!(
        bob.client.page.users.keys().collect::<Vec<_>>(),
        ada.client.page.users.keys().collect::<Vec<_>>()
    );
    ada.write("live again");
    bob.client.sees("Ada", "live again");
    assert!(bob.client.page.users.contains_key(&new));
}

pub(crate) fn the_rest_of_three_nodes_agree_while_one_is_suspended() {
    let cluster = Cluster::start();
    let nodes = [(); 3].map(|()| cluster.node());
    let mut tabs: Vec<Tab> = ["Ada", "Bob", "Cleo"]
        .into_iter()
        .zip(&nodes)
        .map(|(name, node)| Tab::open(node, "r", name))
        .collect();
    tabs.iter_mut().for_each(|tab| tab.client.sees_users(&["Ada", "Bob", "Cleo"]));
    tabs[0].write("worth a seat");
    tabs[1].client.sees("Ada", "worth a seat");
    nodes[0].suspend();
    let [ada, bob, cleo] = &mut tabs[..] else { unreachable!() };
    for tab in [&mut *bob, &mut *cleo] {
        tab.client.sees_away("Ada", true);
        let name = tab.name().to_owned();
        tab.post(&format!("{name} goes on"));
        tab.write(&format!("{name} writes"));
        tab.until_posted();
    }
    cleo.client.sees("Bob", "Bob writes");
    bob.client.sees("Cleo", "Cleo writes");
    nodes[0].signal(Signal::SIGCONT);
    ada.client.sees("Bob", "Bob writes");
    ada.client.sees("Cleo", "Cleo writes");
    for tab in [ada, bob, cleo] {
        tab.client.until("both posts", |page| page.log.len() == 2);
        assert_eq!(tab.client.page.received, [1, 2]);
        tab.client.sees_away("Ada", false);
    }
}
