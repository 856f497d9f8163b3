//! A client that sends more than it may: it has to wait, and nobody else does.

use crate::process::start_server;
use crate::support::client::Client;
use std::thread;
use tungstenite::Message;

/// Events of the flood. Each costs as much as three, of which a client may send 250 a second.
const FLOOD: usize = if cfg!(feature = "soak") { 3_000 } else { 1_000 };

/// Keys that another user types meanwhile.
const KEYS: usize = if cfg!(feature = "soak") { 1_000 } else { 100 };

/// Types keys, each as soon as the other user has seen the one before.
fn type_keys(ada: &mut Client, bob: &mut Client) {
    for n in 0..KEYS {
        ada.write(&n.to_string());
        bob.sees("Ada", &n.to_string());
    }
}

#[test]
fn a_flood_waits_and_nobody_else_does() {
    let program = start_server();
    let (mut ada, mut bob) = (program.join("r", "Ada"), program.watch("r"));
    let mut eve = program.join("r", "Eve");
    let flood_text = |n: usize| format!("flood {n} {}", "x".repeat(9_000));
    let flood = thread::spawn(move || {
        let event = |n| Message::text(format!(r#"["updated_text",{{"text":"{}"}}]"#, flood_text(n)));
        // Without soak the program is gone before all is sent.
        (0..FLOOD).all(|n| eve.socket.send(event(n)).is_ok()).then_some(eve)
    });
    type_keys(&mut ada, &mut bob);
    assert!(!flood.is_finished(), "the keys of others come before the end of the flood");
    if cfg!(feature = "soak") {
        // All of it is read in the end; Bob is sent the latest text each time.
        while bob.page.text_of("Eve") != Some(&flood_text(FLOOD - 1)) {
            bob.next_event();
        }
        assert!(flood.join().unwrap().is_some(), "the server has read all of it");
    }
}
