//! The guide for operators lists every metric as it is, and its queries name metrics that exist.

use crate::support::metrics::{GUIDE, Metrics, OF_NODES, of_guide};
use crate::test_store::TestStore;
use std::collections::BTreeSet;

/// The metrics of a server that has all of the others.
fn metrics() -> Metrics {
    let store = TestStore::new();
    let mut server = store.serve();
    let address = server.serve_metrics();
    Metrics::of(address)
}

#[test]
fn the_guide_lists_every_metric_with_its_type_and_its_labels() {
    // Those of nodes are compared in tests/cluster.
    assert_eq!(metrics().kinds_and_labels(), of_guide(|name| !OF_NODES.contains(&name)));
}

#[test]
fn the_queries_of_the_guide_name_metrics_and_labels_that_exist() {
    let metrics = metrics();
    let queries: Vec<&str> =
        GUIDE.split("```promql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(queries.len(), 2);
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names: BTreeSet<&str> = queries
        .iter()
        .flat_map(|query| query.split(|c: char| !is_of_name(c)).filter(|word| word.starts_with("typewall_")))
        .collect();
    assert!(names.len() > 6, "{names:?}");
    for name in names {
        let is_served = |family: &str| metrics.families.contains_key(family);
        let of_histogram =
            ["_bucket", "_sum", "_count"].iter().filter_map(|suffix| name.strip_suffix(suffix));
        assert!(is_served(name) || of_histogram.into_iter().any(is_served), "{name} is not served");
    }
    let reasons =
        GUIDE.split_once("reason=~\"").and_then(|(_, rest)| rest.split_once('"')).expect("reasons").0;
    let closes = &metrics.families["typewall_closes_total"];
    for reason in reasons.split('|') {
        assert!(closes.has_value("reason", reason), "{reason}");
    }
}
