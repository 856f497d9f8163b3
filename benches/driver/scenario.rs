//! Scenarios: the clients in the rooms, how often they type, and when each update is due.

use crate::driver::process::{Core, has_two_cores};
use crate::driver::wire::Carrier;
use serde::{Deserialize, Serialize};

/// Nanoseconds in a second.
pub(crate) const SECOND: u64 = 1_000_000_000;

/// How long clients type before the measurement, in seconds, so that caches and buffers are warm.
pub(crate) const WARM_UP: f64 = 1.0;

/// Length of a measurement, in seconds.
const MEASURED: f64 = 5.0;

/// Length of a measurement with `--quick`, in seconds.
const MEASURED_QUICKLY: f64 = 2.0;

/// Length of a measurement without any activity, in seconds: two ping intervals.
const IDLE: f64 = 10.0;

/// The number of the texts in the boxes when hidden texts are shown to all, or all clients come back: 200 characters, the
/// average length.
const SHOWN: u32 = 19;

/// How a typist's text changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Growth {
    /// A word is appended; after forty words the box is emptied. 200 characters on average.
    Append,
    /// One of four hundred words, anywhere, is replaced. 4,000 characters.
    Edit,
}

/// One row of the table.
///
/// Client `i` is in room `i % rooms`; the first `typists` clients type, the last `stalled` stop reading.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Scenario {
    /// The name.
    pub name: String,
    /// Rooms, each with its share of the clients and the typists.
    pub rooms: usize,
    /// Connections in total.
    pub clients: usize,
    /// Clients who type.
    pub typists: usize,
    /// Whether all clients have a box, not only typists.
    pub all_join: bool,
    /// Clients that stop reading when the typing starts, and continue when it is over.
    pub stalled: usize,
    /// Updates per second, by all typists together.
    pub rate: f64,
    /// How their texts change.
    pub growth: Growth,
    /// Length of the measurement, in seconds.
    pub seconds: f64,
    /// Whether server and driver have a core each, if there are two.
    pub pinned: bool,
    /// Whether texts are sent as splices, in both directions.
    pub splice: bool,
    /// Whether one more client floods the first room while the others type.
    pub flooded: bool,
    /// Whether texts are hidden from all clients but the [observer](Self::observer), which is the host.
    pub hidden: bool,
    /// Whether the host shows the hidden texts to all at the end. That is measured, and not what is typed before.
    pub shown: bool,
    /// More clients, who flood a room of their own while the others type.
    pub attackers: usize,
    /// How events travel.
    pub carrier: Carrier,
    /// The nodes on which the typists are, in turn.
    pub typist_nodes: Vec<usize>,
    /// The nodes on which the other clients are, in turn.
    pub reader_nodes: Vec<usize>,
    /// Whether all connections break at the end, and all clients come back through the next node. That is measured.
    pub reconnects: bool,
}

impl Scenario {
    /// A scenario in which only typists have a box.
    pub(crate) fn new(name: &str, clients: usize, typists: usize, rate: f64) -> Self {
        Self {
            name: name.to_owned(),
            rooms: 1,
            clients,
            typists,
            all_join: false,
            stalled: 0,
            rate,
            growth: Growth::Append,
            seconds: MEASURED,
            pinned: true,
            splice: false,
            flooded: false,
            hidden: false,
            shown: false,
            attackers: 0,
            carrier: Carrier::Plain,
            typist_nodes: vec![0],
            reader_nodes: vec![0],
            reconnects: false,
        }
    }

    /// A scenario in which all clients have a box.
    pub(crate) fn people(name: &str, clients: usize, typists: usize, rate: f64) -> Self {
        Self { all_join: true, ..Self::new(name, clients, typists, rate) }
    }

    /// All scenarios but the sweep over sizes.
    pub(crate) fn all() -> Vec<Self> {
        vec![
            Self::people("meeting", 100, 10, 80.0),
            Self::people("class", 1_000, 50, 400.0),
            Self { hidden: true, ..Self::people("hidden class", 1_000, 50, 400.0) },
            Self { hidden: true, shown: true, ..Self::people("reveal", 1_001, 1_000, 0.0) },
            Self::people("storm", 1_000, 200, 4_000.0),
            Self::new("captions", 5_000, 1, 10.0),
            Self::new("hall", 10_000, 5, 40.0),
            Self { growth: Growth::Edit, splice: true, ..Self::people("notes", 200, 20, 160.0) },
            Self { growth: Growth::Edit, ..Self::people("whole notes", 200, 20, 160.0) },
            Self { seconds: 0.0, ..Self::people("arrivals", 5_000, 0, 0.0) },
            Self { stalled: 100, ..Self::people("stalled", 1_000, 50, 400.0) },
            Self { flooded: true, ..Self::people("flood", 1_000, 50, 400.0) },
            Self { attackers: 50, ..Self::people("hostile", 1_000, 50, 400.0) },
            Self { seconds: IDLE, ..Self::new("idle", 10_000, 0, 0.0) },
            Self { rooms: 10, pinned: false, ..Self::people("rooms", 1_000, 100, 800.0) },
        ]
    }

    /// The sweep over sizes, which shows what a delivery costs in rooms of different sizes. Each has the same number of
    /// deliveries per second.
    pub(crate) fn sizes() -> Vec<Self> {
        const DELIVERIES: f64 = 40_000.0;
        const SIZES: [usize; 5] = [100, 300, 1_000, 3_000, 10_000];
        let of_size = |size: usize| Self::new(&format!("size {size}"), size, 4, DELIVERIES / size as f64);
        SIZES.map(of_size).into()
    }

    /// Whether it belongs to the sweep over sizes.
    pub(crate) fn is_size(&self) -> bool {
        self.name.starts_with("size ")
    }

    /// The scenario with a shorter measurement, if somebody types.
    pub(crate) fn quick(self) -> Self {
        let seconds = if self.typists > 0 { MEASURED_QUICKLY } else { self.seconds };
        Self { seconds, ..self }
    }

    /// The scenario without the clients that stop reading.
    pub(crate) fn without_stalled(&self) -> Self {
        let clients = self.clients - self.stalled;
        Self { clients, stalled: 0, flooded: false, attackers: 0, ..self.clone() }
    }

    /// The core of the server or the floor, and the core of the driver.
    pub(crate) fn cores(&self) -> (Core, Core) {
        if self.pinned { (Core::First, Core::Second) } else { (Core::Any, Core::Any) }
    }

    /// Whether the driver polls without sleeping, because it has a core of its own.
    pub(crate) fn spins(&self) -> bool {
        self.pinned && self.typists > 0 && has_two_cores()
    }

    /// Whether a client has a box.
    pub(crate) fn joins(&self, client: usize) -> bool {
        self.all_join || client < self.typists
    }

    /// The client whose waiting times are also counted alone: the first one that does not type.
    pub(crate) fn observer(&self) -> usize {
        self.typists
    }

    /// Whether a client gets texts while people type.
    pub(crate) fn sees(&self, client: usize) -> bool {
        !self.hidden || client == self.observer()
    }

    /// Whether the waiting times of what a client gets are measured.
    pub(crate) fn measures(&self, client: usize) -> bool {
        let sees_at_last = if self.shown { !self.sees(client) } else { self.sees(client) };
        sees_at_last && !self.stalls(client)
    }

    /// Which node a client is on.
    pub(crate) fn node(&self, client: usize) -> usize {
        match client.checked_sub(self.typists) {
            None => self.typist_nodes[client % self.typist_nodes.len()],
            Some(reader) => self.reader_nodes[reader % self.reader_nodes.len()],
        }
    }

    /// The number of nodes.
    pub(crate) fn nodes(&self) -> usize {
        self.typist_nodes.iter().chain(&self.reader_nodes).max().map_or(1, |last| last + 1)
    }

    /// Whether all texts are typed at once before the measurement.
    pub(crate) fn is_typed_before(&self) -> bool {
        self.shown || self.reconnects
    }

    /// Which room a client is in.
    pub(crate) fn room(&self, client: usize) -> usize {
        client % self.rooms
    }

    /// Whether a client stops reading.
    pub(crate) fn stalls(&self, client: usize) -> bool {
        client >= self.clients - self.stalled
    }
}

/// When each update is due. Each typist types at a steady pace, independently of the others.
#[derive(Debug)]
pub(crate) struct Schedule {
    /// Nanoseconds between two updates of a typist.
    period: u64,
    /// When in a period each typist types.
    phases: Vec<u64>,
    /// The typists in the order in which they type.
    order: Vec<usize>,
    /// The first number of each typist that is measured.
    pub first_measured: u32,
    /// The last number of each typist.
    pub last: u32,
    /// When, in nanoseconds from the start, the measured time begins.
    pub measured_from: u64,
    /// When the measured time ends, in nanoseconds from the start.
    pub end: u64,
}

impl Schedule {
    /// The schedule of a scenario. It is the same in every round.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let nanos = |seconds: f64| (seconds * SECOND as f64) as u64;
        if scenario.typists == 0 {
            let end = nanos(scenario.seconds);
            return Self {
                period: SECOND,
                phases: Vec::new(),
                order: Vec::new(),
                first_measured: 0,
                last: 0,
                measured_from: 0,
                end,
            };
        }
        if scenario.is_typed_before() {
            return Self::at_once(scenario.typists);
        }
        let period = nanos(scenario.typists as f64 / scenario.rate);
        let phases: Vec<u64> = (0..scenario.typists).map(|typist| scatter(typist as u64) % period).collect();
        let mut order: Vec<usize> = (0..scenario.typists).collect();
        order.sort_by_key(|&typist| phases[typist]);
        let numbers = |seconds: f64| nanos(seconds).div_ceil(period) as u32;
        let first_measured = 1 + numbers(WARM_UP);
        let last = first_measured + numbers(scenario.seconds) - 1;
        let measured_from = u64::from(first_measured) * period;
        Self { period, phases, order, first_measured, last, measured_from, end: u64::from(last + 1) * period }
    }

    /// All typists' texts are due at the start.
    fn at_once(typists: usize) -> Self {
        // The nanoseconds only keep the updates in order.
        Self {
            period: 1,
            phases: vec![0; typists],
            order: (0..typists).collect(),
            first_measured: SHOWN,
            last: SHOWN,
            measured_from: u64::from(SHOWN),
            end: u64::from(SHOWN) + 1,
        }
    }

    /// When a typist's update is due, in nanoseconds from the start. Updates are numbered from 1.
    pub(crate) fn due(&self, typist: usize, number: u32) -> u64 {
        self.phases[typist] + u64::from(number) * self.period
    }

    /// The updates in the order in which they are due: typist and number.
    pub(crate) fn update(&self, n: usize) -> Option<(usize, u32)> {
        let typists = self.order.len();
        let number = 1 + u32::try_from(n.checked_div(typists)?).ok()?;
        (number <= self.last).then(|| (self.order[n % typists], number))
    }

    /// How many updates of each typist are measured.
    pub(crate) fn measured(&self) -> u64 {
        if self.order.is_empty() { 0 } else { u64::from(self.last - self.first_measured + 1) }
    }
}

/// Hashes a number (the finaliser of SplitMix64), so that neighbours get unrelated values.
pub(crate) fn scatter(n: u64) -> u64 {
    let mut mixed = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
