//! A client that sends more than the rate limit allows has to wait. The others do not.

use crate::process::start_server;
use std::thread;
use std::time::{Duration, Instant};
use tungstenite::Message;

/// Texts of the flood.
const FLOOD: u32 = if cfg!(feature = "soak") { 3_000 } else { 300 };

/// How many events each text counts as, by its bytes; and how many a client may send at once, and in each second.
const EVENTS: u32 = 3;
const BURST: u32 = 250;
const EVENTS_PER_SECOND: u32 = 250;

#[test]
fn a_flood_waits_and_nobody_else_does() {
    let program = start_server();
    let (mut ada, mut bob) = (program.join("r", "Ada"), program.watch("r"));
    let mut eve = program.join("r", "Eve");
    let flood_text = |n: u32| format!("flood {n} {}", "x".repeat(9_000));
    let start = Instant::now();
    let flood = thread::spawn(move || {
        for n in 1..=FLOOD {
            let event = format!(r#"["updated_text",{{"text":"{}"}}]"#, flood_text(n));
            eve.socket.send(Message::text(event)).expect("the server reads");
        }
        eve
    });
    // Keys of another user arrive all the time, until the server has read the flood.
    for key in 0.. {
        ada.write(&key.to_string());
        bob.sees("Ada", &key.to_string());
        // Ada reads as well, or she would be closed as too slow.
        if key % 100 == 0 {
            ada.catch_up();
        }
        if bob.page.text_of("Eve") == Some(&flood_text(FLOOD)) {
            break;
        }
    }
    // A slow machine can only take longer.
    let least = Duration::from_secs(1) * (EVENTS * FLOOD - BURST) / EVENTS_PER_SECOND;
    assert!(start.elapsed() >= least, "the flood was not slowed down: {:?}", start.elapsed());
    drop(flood.join().expect("all is sent"));
}
