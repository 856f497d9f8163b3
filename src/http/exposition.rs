//! Prometheus's text format, version 0.0.4.
//!
//! Our own, because the official crate counts by itself, with locks and atomics, and brings six crates for that. What is
//! needed here is these few lines.

use crate::base::histogram::{BOUNDS, Histogram};
use std::fmt::{Display, Write};

/// What precedes all names.
const PREFIX: &str = "typewall";

/// The type of a family.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// The text, as far as it is written.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

/// The samples of a family, which follow its head.
#[derive(Debug)]
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
}

impl Exposition {
    /// Begins a family. `help` is one line without backslashes.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        self.begin(name, if matches!(kind, Kind::Counter) { "counter" } else { "gauge" }, help)
    }

    /// Writes a family of one sample without labels.
    pub(super) fn single(&mut self, name: &'static str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help).sample(&[], value);
    }

    /// Writes a histogram of seconds.
    pub(super) fn histogram(&mut self, name: &'static str, help: &str, histogram: &Histogram) {
        let Family { text, .. } = self.begin(name, "histogram", help);
        let bounds = BOUNDS.map(|bound| bound.as_secs_f64().to_string());
        let bounds = bounds.iter().map(String::as_str).chain(["+Inf"]);
        let mut count = 0;
        for (bound, bucket) in bounds.zip(histogram.buckets) {
            count += bucket;
            push(text, format_args!("{PREFIX}_{name}_bucket{{le=\"{bound}\"}} {count}\n"));
        }
        push(text, format_args!("{PREFIX}_{name}_sum {}\n", histogram.sum.as_secs_f64()));
        push(text, format_args!("{PREFIX}_{name}_count {count}\n"));
    }

    fn begin(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        let text = &mut self.0;
        push(text, format_args!("# HELP {PREFIX}_{name} {help}\n# TYPE {PREFIX}_{name} {kind}\n"));
        Family { text, name }
    }

    /// The text.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// Writes a sample with these labels.
    pub(super) fn sample(&mut self, labels: &[(&str, &dyn Display)], value: impl Display) -> &mut Self {
        let pair = |(label, value): &(&str, &dyn Display)| format!("{label}=\"{}\"", escaped(value));
        let pairs = labels.iter().map(pair).collect::<Vec<_>>().join(",");
        let labels = if pairs.is_empty() { pairs } else { format!("{{{pairs}}}") };
        push(self.text, format_args!("{PREFIX}_{}{labels} {value}\n", self.name));
        self
    }
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    text.write_fmt(line).expect("writing to a String does not fail");
}

/// The value of a label as it stands between quotes.
fn escaped(value: &dyn Display) -> String {
    value.to_string().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn samples_follow_the_head_of_their_family_and_labels_are_escaped() {
        let mut exposition = Exposition::default();
        let mut family = exposition.family("things", Kind::Gauge, "Things.");
        family.sample(&[("a", &"x\"y\\z\n"), ("b", &7)], 1.5).sample(&[("a", &""), ("b", &0)], 2);
        exposition.single("done_total", Kind::Counter, "Done.", 3);
        let text = concat!(
            "# HELP typewall_things Things.\n# TYPE typewall_things gauge\n",
            "typewall_things{a=\"x\\\"y\\\\z\\n\",b=\"7\"} 1.5\ntypewall_things{a=\"\",b=\"0\"} 2\n",
            "# HELP typewall_done_total Done.\n# TYPE typewall_done_total counter\ntypewall_done_total 3\n",
        );
        assert_eq!(exposition.into_text(), text);
    }

    #[test]
    fn buckets_are_cumulative() {
        let (mut exposition, mut histogram) = (Exposition::default(), Histogram::default());
        for millis in [0, 1, 60_000] {
            histogram.note(Duration::from_millis(millis));
        }
        exposition.histogram("turn_seconds", "Turns.", &histogram);
        let text = exposition.into_text();
        for line in ["_bucket{le=\"0.0001\"} 1", "_bucket{le=\"0.0025\"} 2", "_bucket{le=\"2.5\"} 2"] {
            assert!(text.contains(&format!("\ntypewall_turn_seconds{line}\n")), "{line} is not in {text}");
        }
        let end = "_bucket{le=\"+Inf\"} 3\ntypewall_turn_seconds_sum 60.001\ntypewall_turn_seconds_count 3\n";
        assert!(text.ends_with(end), "{text}");
    }
}
