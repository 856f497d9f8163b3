//! A strict reader of Prometheus's text format (version 0.0.4): what Prometheus would take only with luck is an error.

use crate::support::client::dial;
use crate::support::http::Response;
use crate::support::wait_until;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::SocketAddr;

/// The guide for operators.
pub(crate) const GUIDE: &str = include_str!("../../docs/operating.md");

/// The metrics that only a server with other nodes has.
pub(crate) const OF_NODES: [&str; 2] = ["typewall_linked", "typewall_nodes"];

/// The types and the labels of metrics, by name.
pub(crate) type KindsAndLabels = BTreeMap<String, (String, BTreeSet<String>)>;

/// The metrics with these names that the guide lists.
pub(crate) fn of_guide(is_wanted: impl Fn(&str) -> bool) -> KindsAndLabels {
    // The words in backquotes in a cell.
    let words = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let rows = GUIDE.lines().filter(|line| line.starts_with("| `typewall_"));
    let cells = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let listed =
        cells.map(|cells| (cells[1].trim_matches('`').to_owned(), (cells[2].to_owned(), words(cells[3]))));
    listed.filter(|(name, _)| is_wanted(name)).collect()
}

/// The answer of `/metrics`.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub families: BTreeMap<String, Family>,
}

/// A family of samples.
#[derive(Debug, Default)]
pub(crate) struct Family {
    pub kind: String,
    /// Samples by name and labels, as they stand in the text.
    samples: BTreeMap<String, f64>,
    /// The names of labels.
    pub labels: BTreeSet<String>,
    /// The samples of a histogram in their order: each bucket's bound, then `sum` and `count`.
    histogram: Vec<(String, f64)>,
}

impl Metrics {
    /// Asks for the metrics at this address.
    pub(crate) fn of(address: SocketAddr) -> Self {
        let ask = || {
            let mut socket = dial(address);
            socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
            Response::try_read(&mut socket).ok().filter(|response| response.status != 503)
        };
        let mut response = None;
        // The place of an earlier request may not be free yet.
        wait_until("a place for the request", || {
            response = ask();
            response.is_some()
        });
        let response = response.expect("a response");
        assert_eq!(response.status, 200, "{}", response.head);
        let content_type = response.header("Content-Type");
        assert_eq!(content_type, Some("text/plain; version=0.0.4; charset=utf-8"));
        Self::parse(response.text())
    }

    /// What the guide should say of them.
    pub(crate) fn kinds_and_labels(self) -> KindsAndLabels {
        let families = self.families.into_iter();
        families.map(|(name, family)| (name, (family.kind, family.labels))).collect()
    }

    /// Reads a text. Panics where it is not as it should be.
    pub(crate) fn parse(text: &str) -> Self {
        let mut metrics = Self::default();
        let mut lines = text.strip_suffix('\n').expect("a line break at the end").split('\n').peekable();
        while let Some(line) = lines.next() {
            let (name, help) =
                line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')).expect(line);
            assert!(is_name(name) && help.ends_with('.') && !help.contains('\\'), "{line}");
            let kind = lines.next().and_then(|line| line.strip_prefix(&format!("# TYPE {name} ")));
            let mut family = Family { kind: kind.expect(line).to_owned(), ..Family::default() };
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                family.read_sample(name, line);
            }
            family.check(name);
            assert!(metrics.families.insert(name.to_owned(), family).is_none(), "{name} stands twice");
        }
        metrics
    }

    /// The value of a sample, whose name is given without `typewall_`.
    pub(crate) fn get(&self, sample: &str) -> f64 {
        let sample = format!("typewall_{sample}");
        let mut values = self.families.values().filter_map(|family| family.samples.get(&sample));
        *values.next().unwrap_or_else(|| panic!("no {sample}"))
    }

    /// Panics if a counter is lower than it was before.
    pub(crate) fn follow(&self, before: &Self) {
        for (name, family) in self.families.iter().filter(|(_, family)| family.kind != "gauge") {
            for (sample, value) in &family.samples {
                let earlier = before.families[name].samples[sample];
                assert!(*value >= earlier, "{sample} was {earlier} and is {value}");
            }
        }
    }
}

impl Family {
    fn read_sample(&mut self, family: &str, line: &str) {
        let (sample, value) = line.rsplit_once(' ').expect(line);
        let value: f64 = value.parse().expect(line);
        assert!(value.is_finite() && value >= 0.0, "{line}");
        assert!(self.samples.insert(sample.to_owned(), value).is_none(), "{sample} stands twice");
        let (name, labels) = match sample.split_once('{') {
            Some((name, labels)) => (name, read_labels(labels.strip_suffix('}').expect(line))),
            None => (sample, Vec::new()),
        };
        let suffix = name.strip_prefix(family).expect(line);
        match (&*self.kind, suffix, &labels[..]) {
            ("histogram", "_bucket", [(label, bound)]) if label == "le" => {
                self.histogram.push((bound.clone(), value));
            }
            ("histogram", "_sum" | "_count", []) => self.histogram.push((suffix[1..].to_owned(), value)),
            ("counter" | "gauge", "", _) => self.labels.extend(labels.into_iter().map(|(label, _)| label)),
            _ => panic!("{line} in a {}", self.kind),
        }
    }

    /// Whether a sample has this label with this value.
    pub(crate) fn has_value(&self, label: &str, value: &str) -> bool {
        let pair = format!("{label}=\"{value}\"");
        self.samples.keys().any(|sample| sample.contains(&pair))
    }

    fn check(&self, name: &str) {
        assert!(!self.samples.is_empty(), "{name} has no samples");
        assert_eq!(name.ends_with("_total"), self.kind == "counter", "{name}");
        if self.kind != "histogram" {
            return;
        }
        let [buckets @ .., (sum, _), (count, total)] = &self.histogram[..] else { panic!("{name} is short") };
        assert_eq!((&**sum, &**count), ("sum", "count"), "{name}");
        let bounds: Vec<f64> = buckets.iter().map(|(bound, _)| bound.parse().expect(name)).collect();
        assert!(bounds.is_sorted_by(|a, b| a < b), "{name}: {bounds:?}");
        assert!(buckets.is_sorted_by_key(|(_, count)| *count), "{name} is not cumulative");
        assert_eq!(buckets.last(), Some(&("+Inf".to_owned(), *total)), "{name}");
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Reads `a="b",c="d"`. A label that stands twice is an error, and so is an unknown escape.
fn read_labels(text: &str) -> Vec<(String, String)> {
    let (mut labels, mut rest): (Vec<(String, String)>, _) = (Vec::new(), text);
    loop {
        let (name, quoted) = rest.split_once("=\"").expect(text);
        assert!(is_name(name) && labels.iter().all(|(other, _)| other != name), "{text}");
        let (mut value, mut chars) = (String::new(), quoted.char_indices());
        let end = loop {
            match chars.next().expect(text) {
                (at, '"') => break at + 1,
                (_, '\\') => value.push(match chars.next().expect(text).1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    _ => panic!("{text}"),
                }),
                (_, c) => value.push(c),
            }
        };
        labels.push((name.to_owned(), value));
        rest = match &quoted[end..] {
            "" => return labels,
            more => more.strip_prefix(',').expect(text),
        };
    }
}
