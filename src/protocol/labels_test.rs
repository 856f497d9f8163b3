//! The closed sets of labels under which things are counted have what the documents say goes over the wire.

use super::close::CLOSE_LABELS;
use super::post_refusal::REFUSAL_CODES;
use super::server_event::EVENT_NAMES;
use std::collections::BTreeSet;

const DOCUMENT: &str = include_str!("../../docs/protocol.md");

/// The words in backquotes in a column of the table under this heading, whose rows begin with a cell that has one of
/// them or a number.
fn column(head: &str, column: usize) -> BTreeSet<&'static str> {
    let table = DOCUMENT.split_once(head).expect("the table").1;
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.split('|').nth(column + 1));
    let words: BTreeSet<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert!(words.len() > 5, "{head}");
    words
}

#[test]
fn every_code_of_a_refusal_is_counted() {
    let mut codes = column("| `error` code | cause |", 0);
    codes.extend(column("| status | code | cause |", 1));
    // These only Socket.IO clients get.
    codes.extend(["binary", "seat_taken"]);
    assert_eq!(BTreeSet::from(REFUSAL_CODES), codes);
}

#[test]
fn every_event_of_the_server_is_counted() {
    let mut events = column("| event from the server | data | sent to |", 0);
    // This only Socket.IO clients get.
    events.insert("closed");
    assert_eq!(BTreeSet::from(EVENT_NAMES), events);
}

#[test]
fn every_reason_of_a_close_is_counted() {
    let counted = CLOSE_LABELS.map(|(_, reason)| reason).into_iter();
    let counted = counted.filter(|reason| !["protocol", "silent"].contains(reason));
    assert_eq!(counted.collect::<BTreeSet<_>>(), column("| close code | reason | cause |", 1));
}
