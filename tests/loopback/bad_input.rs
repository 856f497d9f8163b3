//! Text frames that are not valid: their sender gets an error, and nobody else notices. Frames that are not valid are
//! in `tests/faults/frames.rs`.

use crate::server::TestServer;
use crate::support::client::Client;

/// Lets a user attack the server, and checks that the room works for the others.
fn harmless(attack: impl FnOnce(Client)) {
    let server = TestServer::start();
    let mut witness = server.join("r", "Witness");
    let mut attacker = server.join("r", "Attacker");
    attacker.write("before");
    witness.sees("Attacker", "before");
    attack(attacker);
    witness.write("still here");
    let mut other = server.join("r", "Other");
    other.sees("Witness", "still here");
    witness.until("the other", |page| page.text_of("Other") == Some(""));
    assert!(witness.page.errors.is_empty() && witness.page.log.is_empty());
}

/// An attack by a text frame, which is answered with an error.
fn refused(text: &str, code: &str) {
    harmless(|mut attacker| {
        attacker.send_raw(text);
        assert_eq!(attacker.next_error(), code, "{text}");
        attacker.write("after");
        attacker.catch_up();
    });
}

#[test]
fn text_that_is_not_json() {
    for text in ["", "hello", "{", "[", r#"["watch",{}"#, "[\"watch\",{}]]"] {
        refused(text, "not_json");
    }
}

#[test]
fn json_that_is_not_an_event() {
    for text in
        ["{}", "[]", "null", "1e999", r#"["nonsense",{}]"#, r#"[1,{}]"#, r#"["data",{"text":"forged"}]"#]
    {
        refused(text, "unknown_event");
    }
}

#[test]
fn events_with_data_of_the_wrong_type() {
    for text in [
        r#"["updated_text"]"#,
        r#"["updated_text",{"text":"\ud800"}]"#,
        r#"["updated_text",{"text":"\udc00\ud800"}]"#,
        r#"["updated_text",{"text":1e999}]"#,
        r#"["updated_text",{"at":99999999999999999999,"cut":0,"put":"","length":0}]"#,
        r#"["updated_text",{"at":-1,"cut":0,"put":"","length":0}]"#,
        r#"["got_a_new_user",{"name":"Ada","name":"Bob"}]"#,
        r#"["updated_text",null]"#,
        r#"["updated_text",{"text":5}]"#,
        r#"["updated_text",{"text":null}]"#,
        r#"["updated_text",{"text":"a","text":"b"}]"#,
        r#"["updated_text",{"texts":"a"}]"#,
        r#"["updated_text",{"text":"a","at":0,"cut":0,"put":"a","length":1}]"#,
        r#"["updated_text",{"at":0,"cut":0,"put":"a"}]"#,
        r#"["updated_text",{"at":-1,"cut":0,"put":"a","length":1}]"#,
        r#"["updated_text",{"at":0,"cut":0,"put":"a","length":1e30}]"#,
        r#"["updated_text",{"text":"a"},{"text":"b"}]"#,
        r#"["got_a_new_user",{"name":["Ada"]}]"#,
        r#"["message",{"text":{}}]"#,
    ] {
        refused(text, "wrong_type");
    }
}

#[test]
fn deeply_nested_json() {
    refused(&format!(r#"["updated_text",{{"text":{}"#, "[".repeat(50_000)), "not_json");
    refused(&format!(r#"["updated_text",{}1{}]"#, "[".repeat(100), "]".repeat(100)), "wrong_type");
}

#[test]
fn unknown_fields_are_ignored() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.send_raw(r#"["message",{"text":"posted","colour":"red","more":[1e999,{"a":null,"a":-0}]}]"#);
    ada.until("the post", |page| page.posts() == ["posted"]);
}

#[test]
fn a_flood_is_delayed_and_not_lost() {
    let server = TestServer::start();
    let mut witness = server.join("r", "Witness");
    let mut attacker = server.join("r", "Attacker");
    for n in 0..700 {
        attacker.write(&n.to_string());
    }
    witness.sees("Attacker", "699");
    attacker.catch_up();
}

#[test]
fn names_and_texts_may_look_like_code() {
    let server = TestServer::start();
    let name = "<img src=x onerror=alert(1)>";
    let mut attacker = server.join("r", name);
    attacker.post("</script><script>alert(1)</script>");
    let mut other = server.join("r", "Other");
    attacker.write("\"],[\"data\",{}]");
    other.sees(name, "\"],[\"data\",{}]");
    assert_eq!(other.page.posts(), ["</script><script>alert(1)</script>"]);
}
