//! Every option with a range, at both ends of it: the program starts, somebody writes and posts, and it stops.

use crate::support::program::{LISTEN, Program, fails, typewall};
use std::path::Path;

/// The options with a range, and its ends, as `--help` and docs/limits.md give them.
const RANGES: [(&str, [&str; 2]); 14] = [
    ("--max-clients", ["1", "100000"]),
    ("--max-per-address", ["1", "100000"]),
    ("--max-rooms", ["1", "100000"]),
    ("--hubs", ["1", "8"]),
    ("--max-users", ["1", "100000"]),
    ("--max-text", ["1", "1000000"]),
    ("--max-name", ["10", "200"]),
    ("--post-rate", ["1", "1000"]),
    ("--waiting-memory", ["1", "1048576"]),
    ("--text-memory", ["1", "1048576"]),
    ("--log-length", ["0", "10000"]),
    ("--grace", ["0", "86400"]),
    ("--keep", ["1", "36500"]),
    ("--store-limit", ["1", "1048576"]),
];

/// Lets somebody write and post the longest texts that a server accepts.
fn write_and_post(option: &str, value: &str, store: &Path) {
    let mut command = typewall();
    command.args(LISTEN).args([option, value, "--store"]).arg(store);
    let program = Program::start(&mut command);
    let length = if option == "--max-text" { value.parse().unwrap() } else { 10_000 };
    let text = "😀".repeat(length);
    let mut ada = program.join("lobby", "Ada");
    ada.write(&text);
    ada.catch_up();
    assert!(ada.try_post("a", &text).is_ok(), "{option} {value}");
    assert_eq!(ada.page.posts(), [text.as_str()], "{option} {value}");
    assert_eq!(ada.page.errors, [""; 0], "{option} {value}");
    ada.leave();
    let mut bob = program.join("lobby", "Bob");
    assert_eq!(bob.page.posts().len(), usize::from(value != "0" || option != "--log-length"));
    bob.write(&text);
    bob.leave();
    assert_eq!(program.terminate().0, Some(0), "{option} {value}");
}

#[test]
fn the_program_works_at_both_ends_of_every_range() {
    let folder = tempfile::tempdir().unwrap();
    for (n, (option, ends)) in RANGES.iter().enumerate() {
        for value in ends {
            write_and_post(option, value, &folder.path().join(format!("{n} {value}.sqlite")));
        }
    }
}

#[test]
fn a_value_beyond_a_range_is_an_error_that_names_the_option() {
    for (option, [least, most]) in RANGES {
        let [below, above] = [least, most].map(|end| end.parse::<i64>().unwrap());
        for value in [below - 1, above + 1] {
            let (status, error) = fails(typewall().args([&format!("{option}={value}"), "--store", "x"]));
            assert_eq!(status, 2, "{option} {value}");
            assert!(error.contains(option), "{option} {value}: {error}");
        }
    }
}
