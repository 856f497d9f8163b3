//! The rows of the table: which nodes there are, and which clients are on them.

use crate::driver::scenario::{Scenario, Schedule};

/// The node that owns the room.
pub(crate) const OWNER: usize = 0;

/// A node with a mirror of the room, and another.
const MIRROR: usize = 1;
const OTHER: usize = 2;

/// All of them.
const ALL: [usize; 3] = [OWNER, MIRROR, OTHER];

/// Length of a measurement, in seconds, and with `--quick`.
const SECONDS: [f64; 2] = [4.0, 2.0];

/// Readers of the captions, and with `--quick`.
const READERS: [usize; 2] = [3_000, 600];

/// People in a storm, and with `--quick`. All of them type.
const PEOPLE: [usize; 2] = [300, 90];

/// Updates of each of them, per second.
const STORM_RATE: f64 = 2.0;

/// People who come back at once, and with `--quick`.
const RETURNING: [usize; 2] = [900, 150];

/// Updates of a typist of captions, per second.
const CAPTIONS_RATE: f64 = 10.0;

/// Updates per second where hops are measured. The next one does not wait for the one before.
const HOP_RATE: f64 = 50.0;

/// Readers on each node where hops are measured: so few that the time of a hop is not that of writing to them.
const HOP_READERS: usize = 10;

/// Readers in smaller rooms, in which a mirror is compared with a server that has no Redis.
const SMALL_ROOM: usize = 100;

/// One row.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    /// Its name.
    pub name: String,
    /// How many nodes are on Redis. `None` is one server without Redis.
    pub nodes: Option<usize>,
    /// The node that has a core of its own, if there are two. Redis, the driver and all other nodes share the other.
    pub alone: Option<usize>,
    /// The clients, and what they type.
    pub scenario: Scenario,
    /// The row of the same clients on a server without Redis.
    pub baseline: Option<String>,
}

/// All rows.
pub(crate) fn setups(quick: bool) -> Vec<Setup> {
    let quick = usize::from(quick);
    let mut setups = hops();
    setups.extend(captions(READERS[quick]));
    setups.extend([SMALL_ROOM, READERS[quick]].into_iter().flat_map(mirrors));
    setups.extend(storms(PEOPLE[quick]));
    setups.extend(reconnections(RETURNING[quick]));
    setups.push(idle());
    for setup in &mut setups {
        setup.scenario.seconds = SECONDS[quick];
    }
    setups
}

/// One typist on each kind of node, with a few readers on each.
fn hops() -> Vec<Setup> {
    let scenario = |nodes: &[usize]| Scenario {
        reader_nodes: nodes.to_vec(),
        ..Scenario::new("hop", 1 + HOP_READERS * nodes.len(), 1, HOP_RATE)
    };
    let from = |typist: usize| Scenario { typist_nodes: vec![typist], ..scenario(&ALL) };
    let row = |name: &str, nodes, scenario| Setup::new(&format!("hop: {name}"), nodes, scenario);
    vec![
        row("no Redis", None, scenario(&[OWNER])),
        row("typist on the owner", Some(3), from(OWNER)),
        row("typist on a mirror", Some(3), from(MIRROR)),
    ]
}

/// One typist and many readers, spread over one to three nodes.
fn captions(readers: usize) -> Vec<Setup> {
    let row = |nodes: Option<usize>| {
        let spread = ALL[..nodes.unwrap_or(1)].to_vec();
        let scenario =
            Scenario { reader_nodes: spread, ..Scenario::new("captions", readers + 1, 1, CAPTIONS_RATE) };
        Setup::new(&format!("captions: {}", count(nodes)), nodes, scenario)
    };
    let baseline = row(None);
    let name = baseline.name.clone();
    let others = [1, 2, 3].map(|nodes| row(Some(nodes)).against(&name));
    [baseline].into_iter().chain(others).collect()
}

/// A server without Redis, and a mirror with the same clients. Each has a core of its own. The typist is on the mirror,
/// or on the owner, where nobody else is.
fn mirrors(readers: usize) -> Vec<Setup> {
    let scenario = |typist: usize, node: usize| Scenario {
        typist_nodes: vec![typist],
        reader_nodes: vec![node],
        ..Scenario::new("mirror", readers + 1, 1, CAPTIONS_RATE)
    };
    let row = |name: &str, nodes, typist, node| Setup {
        alone: Some(node),
        ..Setup::new(&format!("mirror of {readers}: {name}"), nodes, scenario(typist, node))
    };
    let baseline = row("no Redis", None, OWNER, OWNER);
    let name = baseline.name.clone();
    let elsewhere = row("typist on the owner", Some(2), OWNER, MIRROR).against(&name);
    let here = row("typist on the mirror", Some(2), MIRROR, MIRROR).against(&name);
    vec![baseline, elsewhere, here]
}

/// All people of a room type.
fn storms(people: usize) -> [Setup; 2] {
    [None, Some(3)].map(|nodes| {
        let spread = ALL[..nodes.unwrap_or(1)].to_vec();
        let rate = people as f64 * STORM_RATE;
        let scenario = Scenario { typist_nodes: spread, ..Scenario::people("storm", people, people, rate) };
        Setup::new(&format!("storm: {}", count(nodes)), nodes, scenario)
    })
}

/// All connections of a room break, and everyone comes back through the next node.
fn reconnections(people: usize) -> [Setup; 2] {
    [None, Some(3)].map(|nodes| {
        let spread = ALL[..nodes.unwrap_or(1)].to_vec();
        let scenario = Scenario::people("reconnect", people, people, 0.0);
        let scenario = Scenario { typist_nodes: spread, reconnects: true, ..scenario };
        Setup::new(&format!("reconnect: {}", count(nodes)), nodes, scenario)
    })
}

/// Three nodes whose clients do nothing.
fn idle() -> Setup {
    let scenario = Scenario { reader_nodes: ALL.to_vec(), ..Scenario::new("idle", ALL.len(), 0, 0.0) };
    Setup::new("idle: 3 nodes", Some(3), scenario)
}

fn count(nodes: Option<usize>) -> String {
    match nodes {
        None => "no Redis".to_owned(),
        Some(1) => "1 node".to_owned(),
        Some(nodes) => format!("{nodes} nodes"),
    }
}

impl Setup {
    fn new(name: &str, nodes: Option<usize>, scenario: Scenario) -> Self {
        Self { name: name.to_owned(), nodes, alone: None, scenario, baseline: None }
    }

    fn against(self, baseline: &str) -> Self {
        Self { baseline: Some(baseline.to_owned()), ..self }
    }

    /// The number of processes of the program.
    pub(crate) fn servers(&self) -> usize {
        self.nodes.unwrap_or(1)
    }

    /// The updates that are measured.
    pub(crate) fn updates(&self) -> u64 {
        if self.scenario.reconnects {
            return 0;
        }
        self.scenario.typists as u64 * Schedule::new(&self.scenario).measured()
    }
}
