//! Viewers who ask for snapshots of a full room and read nothing.

use super::attackers::{Attackers, Conduct, users, viewers};
use super::victims::Victims;
use super::{ATTACKED, OTHER, measure, size, start};
use crate::support::frame::text;
use crate::support::program::Program;

/// Bytes that one client takes, including its thread; and bytes of a part of a snapshot, of which one that reads
/// nothing holds one at most. The last text in a part may exceed it.
const OF_CLIENT: u64 = 12 * 1024;
const OF_PART: u64 = 16 * 1024;

/// Bytes that the program may take beside that: for the room, for what it encodes in one write, and what its allocator
/// keeps.
const OF_PROGRAM: u64 = 32 << 20;

/// Lets viewers ask again and again for the snapshot of a room with these full boxes, and read nothing. Returns the
/// program.
fn viewers_who_read_nothing(
    name: &str,
    arguments: &[&str],
    (boxes, characters): (usize, usize),
    count: usize,
) -> Program {
    let program = start(count + 200, arguments);
    let address = program.address;
    let mut victims = Victims::none().and_typing(address, ATTACKED, 3).and_typing(address, OTHER, 3);
    let asks = [text(r#"["watch",{}]"#), text(r#"["resync",{}]"#)].concat();
    measure(name, &program, &mut victims, move || {
        let full = users(address, ATTACKED, boxes, &"😀".repeat(characters));
        let attackers = Attackers::none().and(full, &Conduct::quiet());
        attackers.and(viewers(address, ATTACKED, count), &Conduct::flood(asks).deaf())
    });
    program
}

/// The most memory of a program with this many viewers who hold a part each, and texts of this size, in bytes.
fn bound(viewers: usize, text: u64) -> u64 {
    OF_PROGRAM + viewers as u64 * (OF_CLIENT + OF_PART + text)
}

#[test]
fn viewers_of_full_boxes_who_read_nothing() {
    let (boxes, count) = (size(100, 20), size(180, 40));
    let program = viewers_who_read_nothing("snapshots of 4 MB", &[], (boxes, 10_000), count);
    assert!(program.memory("VmHWM") < bound(count, 40_000));
}

#[test]
fn many_viewers_who_read_nothing() {
    let count = size(4_000, 100);
    let program = viewers_who_read_nothing("snapshots of 180 KB", &[], (45, 1_000), count);
    assert!(program.memory("VmHWM") < bound(count, 4_000));
}

/// With little memory for what waits, viewers are closed instead. While they end, each has its thread.
#[test]
fn viewers_who_read_nothing_and_little_memory() {
    const MEBIBYTES: u64 = size(16, 1) as u64;
    for (name, boxes, count) in [
        ("snapshots of 180 KB, little memory", (45, 1_000), size(4_000, 100)),
        ("snapshots of 4 MB, little memory", (size(100, 20), 10_000), size(180, 40)),
    ] {
        let arguments = ["--waiting-memory", &MEBIBYTES.to_string()];
        let program = viewers_who_read_nothing(name, &arguments, boxes, count);
        let most = OF_PROGRAM + (MEBIBYTES << 20) + count as u64 * OF_CLIENT;
        assert!(program.memory("VmHWM") < most);
    }
}
