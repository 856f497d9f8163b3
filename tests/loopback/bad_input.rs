//! What clients should not send: each gets its answer, and nobody else notices.

use crate::person::{Person, TestServer, frame};

/// Runs something against a client that has joined, and then has another find the room unharmed.
fn harmless(attack: impl FnOnce(Person)) {
    let server = TestServer::start();
    let mut witness = server.join("r", "Witness");
    let mut attacker = server.join("r", "Attacker");
    attacker.write("before");
    witness.sees("Attacker", "before");
    attack(attacker);
    witness.write("still here");
    let mut other = server.join("r", "Other");
    other.sees("Witness", "still here");
    witness.until("the other", |witness| witness.text_of("Other") == Some(""));
    assert!(witness.errors.is_empty() && witness.log.is_empty());
}

/// Sends a text frame, gets a refusal and can go on.
fn refused(text: &str, code: &str) {
    harmless(|mut attacker| {
        attacker.send_raw(text);
        assert_eq!(attacker.refused(), code, "{text}");
        attacker.write("after");
        attacker.catch_up();
    });
}

/// Sends bytes and is closed.
fn closed(bytes: &[u8], code: u16) {
    harmless(|mut attacker| {
        attacker.write_bytes(bytes);
        assert_eq!(attacker.closed(), code, "{bytes:?}");
    });
}

#[test]
fn not_json() {
    for text in ["", "hello", "{", "[", r#"["watch",{}"#, "[\"watch\",{}]]"] {
        refused(text, "not_json");
    }
}

#[test]
fn no_event() {
    for text in
        ["{}", "[]", "null", "1e999", r#"["nonsense",{}]"#, r#"[1,{}]"#, r#"["data",{"text":"forged"}]"#]
    {
        refused(text, "unknown_event");
    }
}

#[test]
fn wrong_type() {
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
fn json_nested_deep() {
    refused(&format!(r#"["updated_text",{{"text":{}"#, "[".repeat(50_000)), "not_json");
    refused(&format!(r#"["updated_text",{}1{}]"#, "[".repeat(100), "]".repeat(100)), "wrong_type");
}

#[test]
fn fields_that_are_not_known_are_passed_over() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.send_raw(r#"["message",{"text":"posted","colour":"red","more":[1e999,{"a":null,"a":-0}]}]"#);
    ada.until("the post", |ada| ada.posts() == ["posted"]);
}

#[test]
fn binary_frames() {
    closed(&frame(0x82, b"[]"), 1003);
}

#[test]
fn text_that_is_not_utf8() {
    closed(&frame(0x81, b"[\"\xFF\"]"), 1007);
    // A character cut in two by fragments is none of the client's fault; one that is never ended is.
    closed(&[frame(0x01, b"[\"\xC3"), frame(0x80, b"\"]")].concat(), 1007);
}

#[test]
fn frames_over_the_limit() {
    // The length alone is enough, no byte of it has to come.
    closed(&[0x81, 0xFF, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0], 1009);
    closed(&[0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0], 1009);
    let fragments: Vec<u8> =
        (0..10).flat_map(|n| frame(if n == 0 { 0x01 } else { 0 }, &[b' '; 60_000])).collect();
    closed(&fragments, 1009);
}

#[test]
fn broken_frames() {
    let unmasked = [0x81, 2, b'[', b']'];
    let reserved_bit = frame(0xC1, b"[]");
    let reserved_opcode = frame(0x83, b"[]");
    let reserved_control = frame(0x8B, b"");
    let long_ping = frame(0x89, &[0; 126]);
    let split_ping = frame(0x09, b"");
    let stray_continuation = frame(0x80, b"[]");
    let interleaved = [frame(0x01, b"["), frame(0x81, b"]")].concat();
    for bytes in [
        &unmasked[..],
        &reserved_bit,
        &reserved_opcode,
        &reserved_control,
        &long_ping,
        &split_ping,
        &stray_continuation,
        &interleaved,
    ] {
        closed(bytes, 1002);
    }
}

#[test]
fn broken_close_frames() {
    closed(&frame(0x88, &[0x03]), 1002);
    closed(&frame(0x88, &999_u16.to_be_bytes()), 1002);
    closed(&frame(0x88, &1005_u16.to_be_bytes()), 1002);
    closed(&frame(0x88, b"\x03\xE8\xFF"), 1007);
}

#[test]
fn nothing_of_a_flood_is_lost() {
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
fn names_and_texts_that_would_be_code() {
    let server = TestServer::start();
    let name = "<img src=x onerror=alert(1)>";
    let mut attacker = server.join("r", name);
    attacker.post("</script><script>alert(1)</script>");
    let mut other = server.join("r", "Other");
    attacker.write("\"],[\"data\",{}]");
    other.sees(name, "\"],[\"data\",{}]");
    assert_eq!(other.posts(), ["</script><script>alert(1)</script>"]);
}
