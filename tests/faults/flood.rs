//! Clients that send more than they may: they wait, and nobody else does.

use crate::{Running, receive};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use tungstenite::{Message, WebSocket};

/// Events of one flood, which a client may send at 250 a second.
const FLOOD: usize = if cfg!(feature = "soak") { 3_000 } else { 1_000 };

/// Keys that somebody else types meanwhile.
const KEYS: usize = if cfg!(feature = "soak") { 1_000 } else { 100 };

/// Types keys, each as soon as the other has seen the one before, and returns how long each took.
fn type_keys(
    ada: &mut WebSocket<impl std::io::Read + std::io::Write>,
    bob: &mut WebSocket<std::net::TcpStream>,
) -> Vec<Duration> {
    let key = |n| {
        let start = Instant::now();
        ada.send(Message::text(format!(r#"["updated_text",{{"text":"{n}"}}]"#))).unwrap();
        while !receive(bob, "text_update").contains(&format!(r#""text":"{n}""#)) {}
        start.elapsed()
    };
    let mut took: Vec<Duration> = (0..KEYS).map(key).collect();
    took.sort_unstable();
    took
}

#[test]
fn a_flood_waits_and_nobody_else_does() {
    let running = Running::start(Command::new(env!("CARGO_BIN_EXE_typewall")));
    let (mut ada, mut bob, mut eve) = (running.connect(), running.connect(), running.connect());
    for (client, name) in [(&mut ada, "Ada"), (&mut eve, "Eve")] {
        client.send(Message::text(format!(r#"["got_a_new_user",{{"name":"{name}"}}]"#))).unwrap();
        receive(client, "existing_users");
    }
    let before = type_keys(&mut ada, &mut bob);
    let flood = thread::spawn(move || {
        let text = "x".repeat(9_000);
        let flood = |n| Message::text(format!(r#"["updated_text",{{"text":"flood {n} {text}"}}]"#));
        // Without soak the server is gone before all is sent.
        (0..FLOOD).all(|n| eve.send(flood(n)).is_ok()).then_some(eve)
    });
    let during = type_keys(&mut ada, &mut bob);
    assert!(!flood.is_finished(), "the flood has to wait while others type");
    let p99 = |took: &[Duration]| took[took.len() * 99 / 100];
    // For whoever runs it with --nocapture; no time is asserted.
    #[expect(clippy::print_stdout, reason = "a figure to be read")]
    {
        println!("a key takes at p99 {:?} before a flood and {:?} in it", p99(&before), p99(&during));
    }
    if cfg!(feature = "soak") {
        // All of it is taken in the end, by way of which Bob gets what is the latest each time.
        let last = format!("flood {} ", FLOOD - 1);
        while !receive(&mut bob, "text_update").contains(&last) {}
        assert!(flood.join().unwrap().is_some(), "the server has read all of it");
    }
}
