//! Rooms with full logs that are opened and left all the time. Nobody waits for logs that nobody needs any more.

use crate::support::frame::handshake;
use crate::support::program::{Program, server};
use crate::support::wait_until;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use typewall::internals::Database;

const ROOMS: usize = 40;

/// Connections that open rooms at the same time.
const OPENERS: usize = 8;

/// Rooms that are opened before others want to enter: more than may wait for their logs.
const OPENED_BEFORE: usize = 4_000;

/// Users who enter rooms of their own meanwhile.
const STRANGERS: usize = if cfg!(feature = "soak") { 1_000 } else { 30 };

/// Creates a store whose rooms have as many posts in their logs as the server keeps in memory.
fn fill(file: &Path) {
    drop(Database::open(file).unwrap());
    let connection = rusqlite::Connection::open(file).unwrap();
    let text = "x".repeat(9_000);
    for room in 0..ROOMS {
        connection.execute("INSERT INTO room VALUES (?1, 'full' || ?1, 110, 1, NULL)", [room]).unwrap();
        let posts =
            "WITH RECURSIVE number(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM number WHERE n < 110)
                     INSERT INTO post SELECT ?1, n, 1, 'Eve', ?2, 1, NULL FROM number";
        connection.execute(posts, (room, &text)).unwrap();
    }
}

/// Opens one full room after the other and leaves each at once.
fn reopen(program: &Program, opened: &AtomicUsize, ended: &AtomicBool) {
    while !ended.load(Ordering::Relaxed) {
        let room = opened.fetch_add(1, Ordering::Relaxed) % ROOMS;
        let mut socket = program.dial();
        // The server may be stopping already, or full.
        let _ = socket.write_all(&handshake(&format!("/ws?room=full{room}")));
        let _ = socket.read(&mut [0; 16]);
    }
}

#[test]
fn while_full_rooms_are_reopened_others_enter_and_post() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wall.sqlite");
    fill(&file);
    let program = Program::start(server().args(["--grace", "0", "--store"]).arg(&file));
    let (opened, ended) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..OPENERS {
            scope.spawn(|| reopen(&program, &opened, &ended));
        }
        wait_until("rooms are opened", || opened.load(Ordering::Relaxed) >= OPENED_BEFORE);
        // Ends the others even if this fails, or the scope would wait for them.
        let strangers = scope.spawn(|| {
            for n in 0..STRANGERS {
                let mut ada = program.join(&format!("stranger{n}"), "Ada");
                ada.post_and_wait("a post");
            }
        });
        let outcome = strangers.join();
        ended.store(true, Ordering::Relaxed);
        outcome.expect("nobody is refused");
    });
    assert_eq!(program.watch("full1").page.log.len(), 110);
}
