//! Somebody guesses the passphrase all the time from the address of those who know it. The tests print how long these
//! take to get in; that they do is asserted.

#![allow(clippy::print_stderr, reason = "the figures are for people")]

use crate::support::client::{Client, dial};
use crate::support::program::{Program, server};
use serde_json::json;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

/// The guesser's connection guesses this often.
const GUESS_EVERY: Duration = Duration::from_millis(20);

/// How long somebody with the passphrase tries to get in.
const PATIENCE: Duration = Duration::from_secs(240);

/// The program with a passphrase, and its file.
fn start() -> (Program, NamedTempFile) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(b"correct horse\n").unwrap();
    (Program::start(server().arg("--passphrase-file").arg(file.path())), file)
}

/// Guesses until the attack is over, on one connection after the other if the server closes them.
fn guess_on(address: SocketAddr, is_over: &AtomicBool, wrong: &AtomicUsize) {
    while !is_over.load(Ordering::Relaxed) {
        let Some(mut guesser) = Client::try_open(dial(address), "r") else { continue };
        let mut reading = Client::new(tungstenite::WebSocket::from_raw_socket(
            guesser.socket.get_ref().try_clone().unwrap(),
            tungstenite::protocol::Role::Client,
            None,
        ));
        thread::scope(|scope| {
            scope.spawn(move || {
                while let Ok(message) = reading.socket.read() {
                    let is_wrong = message.to_text().is_ok_and(|text| text.contains("passphrase_wrong"));
                    wrong.fetch_add(usize::from(is_wrong), Ordering::Relaxed);
                }
            });
            while !is_over.load(Ordering::Relaxed)
                && guesser.try_send("unlock", json!({ "passphrase": "guess" })).is_ok()
            {
                thread::sleep(GUESS_EVERY);
            }
            let _ = guesser.socket.get_ref().shutdown(std::net::Shutdown::Both);
        });
    }
}

/// Tries to get in as a page does: again after the seconds that the server says. Returns how long that takes, and a
/// token.
fn get_in(address: SocketAddr, token: Option<&str>) -> Option<(Duration, String)> {
    let start = Instant::now();
    let mut client = Client::connect(address, "r");
    client.socket.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    while start.elapsed() < PATIENCE {
        let sent = client.try_send("unlock", json!({ "passphrase": "correct horse", "token": token }));
        let message = sent.and_then(|()| {
            loop {
                let message = client.try_next()?;
                if message.is_text() || message.is_close() {
                    break Ok(message);
                }
            }
        });
        match message {
            Ok(message) if message.is_text() => {
                let (event, data) = client.take(message)?;
                if event == "unlocked" {
                    return Some((start.elapsed(), data["token"].as_str()?.to_owned()));
                }
                thread::sleep(Duration::from_secs(data["wait"].as_u64()?));
            }
            _ => client = Client::connect(address, "r"), // it took too long
        }
    }
    None
}

fn report(when: &str, times: &[Option<(Duration, String)>]) {
    let mut got: Vec<Duration> = times.iter().flatten().map(|(time, _)| *time).collect();
    got.sort_unstable();
    let (count, of) = (got.len(), times.len());
    eprintln!("{when}: {count} of {of} got in; median {:?}, slowest {:?}", got.get(count / 2), got.last());
    assert_eq!(count, of, "{when}");
}

/// Has `victims` get in one after the other before, during and after an attack by `guessers` connections.
fn attack(guessers: usize, victims: usize) {
    let (program, _file) = start();
    let address = program.address;
    let in_turn = |token: Option<&str>| (0..victims).map(|_| get_in(address, token)).collect::<Vec<_>>();
    let before = in_turn(None);
    report("before", &before);
    let (is_over, wrong, start) = (AtomicBool::new(false), AtomicUsize::new(0), Instant::now());
    thread::scope(|scope| {
        for _ in 0..guessers {
            scope.spawn(|| guess_on(address, &is_over, &wrong));
        }
        while wrong.load(Ordering::Relaxed) < 7 {
            thread::sleep(GUESS_EVERY);
        }
        // The guessers end even if an assertion fails.
        let during = in_turn(None);
        let token = before[0].as_ref().map(|(_, token)| token.as_str());
        let with_token = in_turn(token);
        is_over.store(true, Ordering::Relaxed);
        let rate = (wrong.load(Ordering::Relaxed) - 5) as f64 / start.elapsed().as_secs_f64();
        eprintln!("{guessers} connections guess: {rate:.2} guesses/s");
        report("during", &during);
        report("during, with a token", &with_token);
        assert!(rate <= 1.0, "{rate} guesses/s");
    });
    report("after", &in_turn(None));
}

#[test]
fn one_guesser() {
    attack(1, 10);
}

#[test]
fn a_full_queue() {
    attack(30, 3);
}
