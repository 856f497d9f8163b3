//! Posters who post the longest posts as fast as they can.

use super::attackers::{Attackers, Conduct, users};
use super::victims::Victims;
use super::{ATTACKED, OTHER, SOAK, measure, size, start};
use crate::support::frame::text;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Characters of a post.
const CHARACTERS: usize = 10_000;

/// Bytes per second of a reader whose line carries 100 Mbit/s.
const RATE: u32 = 12_500_000;

/// Lets some users post this as often as they can, in a room whose readers have such a line. Nobody is closed, and
/// everyone gets every post.
fn flood_of(name: &str, character: &str, posters: usize, rate: Option<u32>) {
    let program = start(200, &[]);
    let address = program.address;
    let mut victims = Victims::none()
        .and_typing(address, ATTACKED, 3)
        .and_typing(address, OTHER, 3)
        .and_reading(address, ATTACKED, "readers", size(50, 10), rate);
    let post = text(format!(r#"["message",{{"text":"{}"}}]"#, character.repeat(CHARACTERS)));
    measure(name, &program, &mut victims, move || {
        Attackers::none().and(users(address, ATTACKED, posters, ""), &Conduct::flood(post))
    });
    assert!(victims.posts(ATTACKED) >= posters as u64, "they are posted");
}

#[test]
fn posts_of_control_characters_to_readers_with_slow_lines() {
    flood_of("posts of U+0001, 100 Mbit/s", "\\u0001", 5, Some(RATE));
}

#[test]
fn posts_of_emoji_to_readers_with_slow_lines() {
    flood_of("posts of 😀, 100 Mbit/s", "😀", 5, Some(RATE));
}

#[test]
fn posts_of_control_characters_to_readers_with_fast_lines() {
    flood_of("posts of U+0001, loopback", "\\u0001", 10, None);
}

#[test]
fn a_paste_of_a_million_characters() {
    const MILLION: usize = 1_000_000;
    let program = start(200, &["--max-text", &MILLION.to_string()]);
    let address = program.address;
    let mut victims = Victims::none()
        .and_typing(address, ATTACKED, 3)
        .and_typing(address, OTHER, 3)
        .and_reading(address, ATTACKED, "readers", size(50, 10), Some(RATE));
    measure("a paste of a million characters", &program, &mut victims, move || {
        let content = if SOAK { "\\u0001" } else { "x" }.repeat(MILLION);
        let mut pasted = users(address, ATTACKED, 1, &content);
        let post = text(format!(r#"["message",{{"text":"{content}"}}]"#));
        pasted[0].write_all(&post).expect("it is read");
        read_to_post(&mut pasted[0]);
        Attackers::none().and(pasted, &Conduct::flood(post))
    });
    assert!(victims.posts(ATTACKED) > 0, "the paste is posted");
    if cfg!(target_env = "gnu") {
        assert!(program.memory("VmRSS") < 20 << 20, "free memory goes back to the system");
    }
}

/// Reads up to the first post.
fn read_to_post(socket: &mut TcpStream) {
    const POST: &[u8] = br#"["data","#;
    let (mut buffer, mut tail) = (vec![0; 64 * 1024], Vec::new());
    while !tail.windows(POST.len()).any(|bytes| bytes == POST) {
        tail.drain(..tail.len().saturating_sub(POST.len()));
        let read = socket.read(&mut buffer).expect("the post in time");
        assert!(read > 0, "it is not closed");
        tail.extend_from_slice(&buffer[..read]);
    }
}
