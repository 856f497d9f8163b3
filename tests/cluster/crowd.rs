//! One who types, and many who read on three nodes.

use crate::cluster::Cluster;
use crate::support::client::Client;
use crate::support::program::Program;
use crate::tab::Tab;
use std::thread;

/// Readers of each node.
const READERS: usize = if cfg!(feature = "soak") { 1_000 } else { 100 };

/// Does something with the readers of each node, of all nodes at once. A server cuts off who reads nothing for long.
fn for_each(readers: &mut [Vec<Client>], what: impl Fn(&mut Client) + Sync) {
    let what = &what;
    thread::scope(|scope| {
        readers.iter_mut().for_each(|of_node| _ = scope.spawn(move || of_node.iter_mut().for_each(what)));
    });
}

/// Readers of this node.
fn readers(node: &Program) -> Vec<Client> {
    (0..READERS).map(|_| node.watch("r")).collect()
}

pub(crate) fn a_crowd_on_three_nodes_reads_along() {
    let cluster = Cluster::start();
    let max = (READERS + 10).to_string();
    let nodes = [(); 3].map(|()| cluster.node_with(&["--max-clients", &max]));
    let mut ada = Tab::open(&nodes[0], "r", "Ada");
    ada.write("before");
    let mut readers: Vec<Vec<Client>> = thread::scope(|scope| {
        let connecting = nodes.each_ref().map(|node| scope.spawn(move || readers(node)));
        connecting.into_iter().map(|readers| readers.join().unwrap()).collect()
    });
    for n in 1..=50 {
        ada.write(&format!("text {n}"));
        ada.post(&format!("post {n}"));
    }
    ada.write("the last one");
    ada.until_posted();
    for_each(&mut readers, |reader| {
        reader.sees("Ada", "the last one");
        reader.until("all posts", |page| page.log.len() == 50);
        assert!(reader.page.received.iter().copied().eq(1..=50));
    });
    // Another node takes over, and its readers and those of the third see only that Ada is away.
    let [owner, ..] = nodes;
    owner.kill();
    for_each(&mut readers[1..], |reader| {
        reader.sees_away("Ada", true);
        reader.until("the number of viewers", |page| page.viewers == 2 * READERS as u64);
    });
}
