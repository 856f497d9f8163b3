//! Boxes: a text reaches everyone except its author, whatever is in it.

use crate::server::TestServer;
use serde_json::json;

#[test]
fn a_text_reaches_everyone_except_its_author() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    let mut viewer = server.watch("r");
    for text in ["H", "Hi", "Hi!", ""] {
        ada.write(text);
        bob.sees("Ada", text);
        viewer.sees("Ada", text);
    }
    // The page fails when an author receives its own text.
    ada.catch_up();
}

#[test]
fn texts_keep_every_code_point() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    for text in [
        "👩\u{200D}👩\u{200D}👧 🏴\u{E0067}\u{E0062}\u{E007F}",
        "e\u{301}\u{327}\u{489}",
        "שלום עולם",
        "line\nbreak\r\n\ttab",
        "\u{2028}\u{2029}\u{FEFF}",
        "delete \u{7F} next line \u{85}",
        "\"quotes\" \\ </script> <img src=x onerror=alert(1)>",
        "\u{10FFFF}\u{FFFD}\u{FFFE}",
    ] {
        ada.write(text);
        bob.sees("Ada", text);
    }
    let latecomer = server.join("r", "Cem");
    assert_eq!(latecomer.page.text_of("Ada"), Some("\u{10FFFF}\u{FFFD}\u{FFFE}"));
}

#[test]
fn control_characters_are_replaced_and_splices_still_fit() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    ada.write("nul \0 bell \u{7} tab \t");
    bob.sees("Ada", "nul \u{FFFD} bell \u{FFFD} tab \t");
    ada.send("updated_text", json!({ "at": 18, "cut": 0, "put": "\u{1B}!", "length": 20 }));
    bob.sees("Ada", "nul \u{FFFD} bell \u{FFFD} tab \t\u{FFFD}!");
}

#[test]
fn the_longest_text_is_accepted_and_a_longer_one_changes_nothing() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    let mut bob = server.join("r", "Bob");
    let longest = "😀".repeat(10_000);
    ada.write(&longest);
    bob.sees("Ada", &longest);
    ada.write(&(longest.clone() + "x"));
    assert_eq!(ada.next_error(), "text_too_long");
    bob.catch_up();
    assert_eq!(bob.page.text_of("Ada"), Some(longest.as_str()));
    ada.write("short");
    bob.sees("Ada", "short");
}

#[test]
fn a_viewer_cannot_write() {
    let server = TestServer::start();
    let mut viewer = server.connect("r");
    viewer.write("x");
    assert_eq!(viewer.next_error(), "not_joined");
    viewer.post("x");
    assert_eq!(viewer.next_error(), "not_joined");
}
