//! Reports: the medians of all rounds, and their spread.

use crate::driver::job::{Outcome, Waits};
use crate::driver::table::{Figure, markdown};
use crate::plan::{OWNER, Setup};
use serde_json::{Value, json};

/// Nanoseconds to microseconds, and to milliseconds.
const MICRO: f64 = 1e3;
const MILLI: f64 = 1e6;

/// What a cell shows if there is no such figure.
const NONE: &str = "–";

/// All rounds of a setup.
#[derive(Debug)]
pub(crate) struct Row {
    /// What was measured.
    pub setup: Setup,
    /// The measurements.
    pub rounds: Vec<Outcome>,
}

impl Row {
    /// A row that was not measured yet.
    pub(crate) fn new(setup: Setup) -> Self {
        Self { setup, rounds: Vec::new() }
    }

    /// A figure, if all rounds have it, with its spread.
    fn cell(&self, digits: usize, value: impl Fn(&Outcome) -> Option<f64>) -> String {
        let values: Option<Vec<f64>> = self.rounds.iter().map(value).collect();
        values.and_then(Figure::of).map_or_else(|| NONE.to_owned(), |figure| figure.with_spread(digits))
    }

    /// CPU time of a process for each update, in microseconds.
    fn per_update(&self, nanos: Option<u64>) -> Option<f64> {
        Some(nanos? as f64 / MICRO / self.updates()?)
    }

    fn updates(&self) -> Option<f64> {
        Some(self.setup.updates() as f64).filter(|&updates| updates > 0.0)
    }

    fn redis(&self, outcome: &Outcome) -> Option<u64> {
        self.setup.nodes.and_then(|nodes| outcome.cpu.get(nodes).copied())
    }

    fn node(&self, outcome: &Outcome, node: usize) -> Option<u64> {
        outcome.cpu.get(node).copied().filter(|_| node < self.setup.servers())
    }
}

/// All tables.
pub(crate) fn report(rows: &[Row]) -> String {
    let typed = || rows.iter().filter(|row| row.updates().is_some());
    let waits = table("Milliseconds until readers have an update", WAITS, typed().flat_map(wait_lines));
    let costs = table("CPU µs per update, and bytes through Redis", COSTS, typed().map(cost_line));
    let returns = rows.iter().filter(|row| row.setup.scenario.reconnects).map(return_line);
    let returns = table("All connections break at once", RETURNS, returns);
    let idle = rows.iter().filter(|row| row.setup.scenario.typists == 0).map(idle_line);
    let idle = table("When nobody types", IDLE, idle);
    let ratios: String = rows.iter().filter_map(|row| ratio(row, rows)).collect();
    waits + &costs + &ratios + &returns + &idle
}

const WAITS: &[&str] = &["row", "readers on", "p50", "p99"];
const COSTS: &[&str] = &[
    "row",
    "updates",
    "node 1, the owner",
    "node 2",
    "node 3",
    "Redis",
    "bytes into Redis",
    "bytes out of Redis",
    "µs per delivery, all",
];
const RETURNS: &[&str] = &["row", "half back, ms", "all back, ms", "CPU ms, all nodes", "CPU ms, Redis"];
const IDLE: &[&str] =
    &["row", "CPU ms/s, a node", "CPU ms/s, Redis", "bytes/s into Redis", "bytes/s out of Redis"];

fn table(title: &str, heading: &[&str], lines: impl Iterator<Item = Vec<String>>) -> String {
    let heading = heading.iter().map(|&cell| cell.to_owned()).collect();
    let lines: Vec<_> = [heading].into_iter().chain(lines).collect();
    if lines.len() == 1 { String::new() } else { format!("{title}:\n\n{}\n", markdown(lines)) }
}

fn wait_lines(row: &Row) -> Vec<Vec<String>> {
    let typist = row.setup.scenario.node(0);
    let line = |node: usize| {
        let place = match node {
            _ if row.setup.nodes.is_none() => "the server",
            OWNER if row.setup.servers() == 1 => "the owner",
            OWNER if typist == OWNER => "the owner, as the typist",
            OWNER => "the owner",
            _ if node == typist => "a mirror, as the typist",
            _ => "a mirror",
        };
        let cell = |part: fn(&Waits) -> f64| row.cell(2, |outcome| outcome.by_node.get(node).map(part));
        vec![row.setup.name.clone(), place.to_owned(), cell(|waits| waits.p50_ms), cell(|waits| waits.p99_ms)]
    };
    let scenario = &row.setup.scenario;
    let mut nodes: Vec<usize> = (0..scenario.clients).map(|client| scenario.node(client)).collect();
    if !scenario.all_join {
        // The typist gets nothing of its own.
        nodes.drain(..scenario.typists);
    }
    nodes.sort_unstable();
    nodes.dedup();
    nodes.into_iter().map(line).collect()
}

fn cost_line(row: &Row) -> Vec<String> {
    let node = |node: usize| row.cell(0, |outcome| row.per_update(row.node(outcome, node)));
    let traffic = |part: fn(&Outcome) -> Option<u64>| {
        row.cell(0, |outcome| Some(part(outcome)? as f64 / row.updates()?))
    };
    let delivery =
        |outcome: &Outcome| Some(outcome.cpu.iter().sum::<u64>() as f64 / MICRO / outcome.conveyed as f64);
    vec![
        row.setup.name.clone(),
        row.setup.updates().to_string(),
        node(0),
        node(1),
        node(2),
        row.cell(0, |outcome| row.per_update(row.redis(outcome))),
        traffic(|outcome| Some(outcome.traffic.as_ref()?.received)),
        traffic(|outcome| Some(outcome.traffic.as_ref()?.sent)),
        row.cell(2, delivery),
    ]
}

/// What the node with a core of its own, or all nodes together, cost compared with the same clients without Redis.
fn ratio(row: &Row, rows: &[Row]) -> Option<String> {
    let baseline = rows.iter().find(|other| Some(&other.setup.name) == row.setup.baseline.as_ref())?;
    let nodes = |row: &Row| match row.setup.alone {
        Some(node) => node..node + 1,
        None => 0..row.setup.servers(),
    };
    let cost = |row: &Row, outcome: &Outcome| outcome.cpu[nodes(row)].iter().sum::<u64>() as f64;
    let pairs = row.rounds.iter().zip(&baseline.rounds);
    let ratios = pairs.map(|(ours, theirs)| cost(row, ours) / cost(baseline, theirs)).collect();
    let what = if row.setup.alone.is_some() { "the mirror costs" } else { "all nodes cost" };
    let figure = Figure::of(ratios)?.with_spread(3);
    Some(format!("{}, {what} {figure} times as much CPU time as without Redis.\n\n", row.setup.name))
}

fn return_line(row: &Row) -> Vec<String> {
    let nodes = |outcome: &Outcome| outcome.cpu[..row.setup.servers()].iter().sum::<u64>() as f64 / MILLI;
    vec![
        row.setup.name.clone(),
        row.cell(0, |outcome| Some(outcome.complete_p50_ms)),
        row.cell(0, |outcome| Some(outcome.behind_ms)),
        row.cell(1, |outcome| Some(nodes(outcome))),
        row.cell(1, |outcome| Some(row.redis(outcome)? as f64 / MILLI)),
    ]
}

fn idle_line(row: &Row) -> Vec<String> {
    let nodes = row.setup.servers();
    let per_node = |outcome: &Outcome| outcome.cpu[..nodes].iter().sum::<u64>() as f64 / nodes as f64;
    let second = |total: f64, outcome: &Outcome| total / outcome.measured_s;
    let traffic = |part: fn(&Outcome) -> Option<u64>| {
        row.cell(0, |outcome| Some(second(part(outcome)? as f64, outcome)))
    };
    vec![
        row.setup.name.clone(),
        row.cell(2, |outcome| Some(second(per_node(outcome) / MILLI, outcome))),
        row.cell(2, |outcome| Some(second(row.redis(outcome)? as f64 / MILLI, outcome))),
        traffic(|outcome| Some(outcome.traffic.as_ref()?.received)),
        traffic(|outcome| Some(outcome.traffic.as_ref()?.sent)),
    ]
}

/// All figures as JSON.
pub(crate) fn to_json(rows: &[Row]) -> Value {
    let row =
        |row: &Row| json!({ "row": row.setup.name, "scenario": row.setup.scenario, "rounds": row.rounds });
    json!({ "cores": std::thread::available_parallelism().map_or(1, usize::from),
            "rows": rows.iter().map(row).collect::<Vec<_>>() })
}
