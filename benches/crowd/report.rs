//! Reports: tables and files with the median of each figure, and its spread over the rounds.

use crate::driver::job::Outcome;
use crate::driver::scenario::Scenario;
use crate::driver::table::{Figure, markdown};
use crate::floor;
use serde::Serialize;
use serde_json::{Value, json};

/// One measurement of a scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Round {
    /// What the driver measured.
    pub server: Outcome,
    /// What the floor measured.
    pub floor: Option<floor::Outcome>,
}

/// All rounds of a scenario.
#[derive(Debug)]
pub(crate) struct Row {
    /// What was measured.
    pub scenario: Scenario,
    /// The measurements.
    pub rounds: Vec<Round>,
}

/// A column: its heading, digits behind the point, whether its spread is printed, and its value in one round.
struct Column(&'static str, usize, bool, fn(&Scenario, &Round) -> Option<f64>);

/// Nanoseconds to microseconds.
const MICRO: f64 = 1e3;

const COLUMNS: [Column; 17] = [
    Column("joined s", 2, false, |_, round| Some(round.server.joined_s)),
    Column("all seen s", 2, true, |_, round| Some(round.server.met_s)),
    Column("conveyed/s", 0, false, |_, round| {
        typed(round).map(|conveyed| conveyed / round.server.measured_s)
    }),
    Column("p50 ms", 1, false, |_, round| typed(round).map(|_| round.server.p50_ms)),
    Column("p99 ms", 1, true, |_, round| typed(round).map(|_| round.server.p99_ms)),
    Column("max ms", 1, false, |_, round| typed(round).map(|_| round.server.max_ms)),
    Column("one p50 ms", 2, true, |scenario, round| {
        observed(scenario, round).map(|server| server.one_p50_ms)
    }),
    Column("one p99 ms", 2, true, |scenario, round| {
        observed(scenario, round).map(|server| server.one_p99_ms)
    }),
    Column("has all ms", 0, true, |scenario, round| scenario.shown.then_some(round.server.complete_p50_ms)),
    Column("CPU µs/conveyed", 2, true, |_, round| {
        typed(round).map(|conveyed| round.server.server_cpu() as f64 / MICRO / conveyed)
    }),
    Column("CPU µs/send", 2, false, |scenario, round| {
        sends(scenario, round).map(|sends| round.server.server_cpu() as f64 / MICRO / sends)
    }),
    Column("× floor", 2, true, |_, round| {
        let floor = round.floor.as_ref()?;
        Some(round.server.server_cpu() as f64 / floor.cpu as f64)
    }),
    Column("× floor and wakes", 2, true, |_, round| {
        let floor = round.floor.as_ref()?;
        let wakes = floor.wake * round.server.batches;
        Some(round.server.server_cpu() as f64 / (floor.cpu + wakes) as f64)
    }),
    Column("server cores", 3, false, |_, round| {
        Some(round.server.server_cpu() as f64 / 1e9 / round.server.measured_s)
    }),
    Column("driver busy", 2, false, |_, round| Some(round.server.driver_busy)),
    Column("KiB/client", 1, false, |scenario, round| {
        Some(round.server.resident as f64 / scenario.clients as f64)
    }),
    Column("bytes/conveyed", 0, false, |_, round| {
        typed(round).map(|conveyed| round.server.bytes as f64 / conveyed)
    }),
];

/// The number of conveyed updates; `None` if nobody typed.
fn typed(round: &Round) -> Option<f64> {
    (round.server.conveyed > 0).then_some(round.server.conveyed as f64)
}

/// The outcome, if one client's waiting times were counted alone.
fn observed<'a>(scenario: &Scenario, round: &'a Round) -> Option<&'a Outcome> {
    typed(round).filter(|_| !scenario.shown).map(|_| &round.server)
}

/// The number of writes of the server to a client, see [`floor`]. `None` if not all clients get the same.
fn sends(scenario: &Scenario, round: &Round) -> Option<f64> {
    let readers = scenario.clients - scenario.stalled;
    let sends = round.server.batches * readers as u64;
    typed(round).filter(|_| sends > 0 && !scenario.hidden).map(|_| sends as f64)
}

impl Row {
    /// The figure under a heading, if this scenario has it.
    pub(crate) fn figure(&self, heading: &str) -> Option<Figure> {
        self.figure_of(COLUMNS.iter().find(|column| column.0 == heading)?)
    }

    fn figure_of(&self, Column(_, _, _, value): &Column) -> Option<Figure> {
        let values = self.rounds.iter().map(|round| value(&self.scenario, round));
        Figure::of(values.collect::<Option<Vec<f64>>>()?)
    }

    fn cell(&self, column: &Column) -> String {
        let &Column(_, digits, spread, _) = column;
        match self.figure_of(column) {
            None => "–".to_owned(),
            Some(figure) if spread && self.rounds.len() > 1 => figure.with_spread(digits),
            Some(figure) => format!("{:.digits$}", figure.median),
        }
    }
}

/// A table in Markdown.
pub(crate) fn table(rows: &[Row]) -> String {
    let headings = COLUMNS.iter().map(|column| column.0.to_owned());
    let names = ["scenario", "clients"].map(str::to_owned);
    let mut lines = vec![names.into_iter().chain(headings).collect::<Vec<_>>()];
    let cells = |row: &Row| {
        let cells = COLUMNS.iter().map(|column| row.cell(column));
        let names = [row.scenario.name.clone(), row.scenario.carrier.name().to_owned()];
        names.into_iter().chain(cells).collect()
    };
    lines.extend(rows.iter().map(cells));
    markdown(lines)
}

/// A sentence about the sweep over sizes.
pub(crate) fn flatness(rows: &[Row]) -> Option<String> {
    let costs = rows.iter().filter(|row| row.scenario.is_size());
    let costs: Vec<f64> = costs.filter_map(|row| Some(row.figure("CPU µs/conveyed")?.median)).collect();
    let (min, max) = (costs.iter().copied().reduce(f64::min)?, costs.iter().copied().reduce(f64::max)?);
    let deviation = (max - min) / (max + min) * 100.0;
    Some(format!("A delivery costs {min:.2} to {max:.2} µs, whatever the size: ± {deviation:.0} %.\n"))
}

/// All figures and rounds as JSON.
pub(crate) fn to_json(rows: &[Row]) -> Value {
    let row = |row: &Row| {
        let figures: serde_json::Map<String, Value> = COLUMNS
            .iter()
            .filter_map(|column| Some((column.0.to_owned(), json!(row.figure_of(column)?))))
            .collect();
        json!({ "scenario": row.scenario, "figures": figures, "rounds": row.rounds })
    };
    json!({ "cores": std::thread::available_parallelism().map_or(1, usize::from),
            "rows": rows.iter().map(row).collect::<Vec<_>>() })
}
