//! Users who change long texts at random places, as fast as they can.

use super::attackers::{Attackers, Conduct, users};
use super::victims::Victims;
use super::{ATTACKED, OTHER, measure, size, start};
use crate::support::frame::text;

/// Characters of each text.
const CHARACTERS: usize = 10_000;

/// Splices that each attacker sends again and again.
const SPLICES: usize = 64;

/// Splices that each replace one character of a long text, far from the one before.
fn splices(character: &str) -> Vec<u8> {
    let splice = |n: usize| {
        let at = n * 7_919 % CHARACTERS; // a prime number
        let put = if n.is_multiple_of(2) { character } else { "ü" };
        text(format!(r#"["updated_text",{{"at":{at},"cut":1,"put":"{put}","length":{CHARACTERS}}}]"#))
    };
    (0..SPLICES).flat_map(splice).collect()
}

fn flood_of(name: &str, character: &str, arguments: &[&str]) {
    let count = size(400, 40);
    let program = start(count + 50, arguments);
    let address = program.address;
    let mut victims = Victims::none().and_typing(address, ATTACKED, 3).and_typing(address, OTHER, 3);
    let splices = splices(character);
    let content = character.repeat(CHARACTERS);
    measure(name, &program, &mut victims, move || {
        Attackers::none().and(users(address, ATTACKED, count, &content), &Conduct::flood(splices))
    });
}

#[test]
fn splices_of_letters() {
    flood_of("splices of é", "é", &[]);
}

#[test]
fn splices_of_emoji() {
    flood_of("splices of 😀", "😀", &[]);
}

#[test]
fn splices_of_letters_on_the_hub_of_the_others() {
    flood_of("splices of é, one hub", "é", &["--hubs", "1"]);
}

#[test]
fn splices_of_emoji_on_the_hub_of_the_others() {
    flood_of("splices of 😀, one hub", "😀", &["--hubs", "1"]);
}
