//! Socket.IO: every packet.

use crate::client::{Received, SLOW, TestServer};

const PLACEHOLDERS: &str = r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#;

#[test]
fn a_client_enters_namespaces_and_its_data_arrives() {
    let server = TestServer::start(SLOW);
    for (packet, prefix, then) in [
        ("40", "40", r#"42["auth",{}]"#),
        (r#"40{"token":"123"}"#, "40", r#"42["auth",{"token":"123"}]"#),
        ("40/custom,", "40/custom,", r#"42/custom,["auth",{}]"#),
        ("40/custom", "40/custom,", r#"42/custom,["auth",{}]"#),
        ("40/custom?key=value,", "40/custom,", r#"42/custom,["auth",{}]"#),
        (r#"40/custom,{"token":"abc"}"#, "40/custom,", r#"42/custom,["auth",{"token":"abc"}]"#),
    ] {
        server.session("/socket.io/").enter(packet, prefix, then);
    }
    let mut both = server.connected();
    both.enter("40/custom,", "40/custom,", r#"42/custom,["auth",{}]"#);
    both.send(r#"42/custom,["message",1]"#);
    both.receives(r#"42/custom,["message-back",1]"#);
    both.send(r#"42["message",2]"#);
    both.receives(r#"42["message-back",2]"#);
}

#[test]
fn the_id_in_a_namespace_is_not_that_of_the_session() {
    let mut client = TestServer::start(SLOW).websocket("/socket.io/?EIO=4&transport=websocket");
    let Received::Text(open) = client.next() else { panic!("no packet") };
    let main = client.enter("40", "40", r#"42["auth",{}]"#);
    let custom = client.enter("40/custom,", "40/custom,", r#"42/custom,["auth",{}]"#);
    assert!(main != custom && !open.contains(&main) && !open.contains(&custom));
}

#[test]
fn a_client_in_another_namespace_is_not_in_the_main_one() {
    let server = TestServer::start(SLOW);
    for packet in [r#"42["message"]"#, r#"421["message-with-ack"]"#, "41"] {
        let mut client = server.session("/socket.io/");
        client.enter("40/custom,", "40/custom,", r#"42/custom,["auth",{}]"#);
        client.send(packet);
        client.ends();
    }
}

#[test]
fn an_unknown_namespace_is_an_error_after_which_the_client_goes_on() {
    let mut client = TestServer::start(SLOW).session("/socket.io/");
    client.send("40/random");
    client.receives(r#"44/random,{"message":"Invalid namespace"}"#);
    client.send(r#"40/random,{"token":"123"}"#);
    client.receives(r#"44/random,{"message":"Invalid namespace"}"#);
    client.enter("40", "40", r#"42["auth",{}]"#);
}

#[test]
fn a_client_that_leaves_a_namespace_stays_in_the_others() {
    let server = TestServer::start(SLOW);
    let mut client = server.connected();
    client.enter("40/custom,", "40/custom,", r#"42/custom,["auth",{}]"#);
    client.send("41/custom,");
    client.send(r#"42["message","main"]"#);
    client.receives(r#"42["message-back","main"]"#);
    client.enter("40/custom,", "40/custom,", r#"42/custom,["auth",{}]"#);
    client.send("41");
    client.send(r#"42/custom,["message","custom"]"#);
    client.receives(r#"42/custom,["message-back","custom"]"#);
    client.send(r#"42["message","main"]"#);
    client.ends();
}

#[test]
fn events_and_acknowledgements_carry_any_json() {
    let mut client = TestServer::start(SLOW).connected();
    for (sent, expected) in [
        (r#"42["message"]"#, r#"42["message-back"]"#),
        (r#"42["message",1,"2",{"3":[true]}]"#, r#"42["message-back",1,"2",{"3":[true]}]"#),
        (r#"42["message",null,"é😀\n"]"#, r#"42["message-back",null,"é😀\n"]"#),
        (r#"4217["message",1]"#, r#"42["message-back",1]"#),
        (r#"42456["message-with-ack",1,"2",{"3":[false]}]"#, r#"43456[1,"2",{"3":[false]}]"#),
        (r#"420["message-with-ack"]"#, "430[]"),
        (r#"4218446744073709551615["message-with-ack"]"#, "4318446744073709551615[]"),
    ] {
        client.send(sent);
        client.receives(expected);
    }
    // Nobody handles these.
    client.send(r#"42["message-with-ack",1]"#);
    client.send(r#"427["unknown",1]"#);
    client.send(r#"42["message","then"]"#);
    client.receives(r#"42["message-back","then"]"#);
}

#[test]
fn binary_events_and_acknowledgements_have_their_attachments() {
    let mut client = TestServer::start(SLOW).connected();
    client.enter("40/custom,", "40/custom,", r#"42/custom,["auth",{}]"#);
    for (sent, expected) in [
        (r#"452-["message","#, r#"452-["message-back","#),
        (r#"452-/custom,["message","#, r#"452-/custom,["message-back","#),
        (r#"452-789["message-with-ack","#, "462-789["),
        (r#"452-/custom,789["message-with-ack","#, "462-/custom,789["),
    ] {
        client.send(&format!("{sent}{PLACEHOLDERS}]"));
        client.send_bytes(&[1, 2, 3]);
        client.send_bytes(&[4, 5, 6]);
        client.receives(&format!("{expected}{PLACEHOLDERS}]"));
        client.receives_bytes(&[1, 2, 3]);
        client.receives_bytes(&[4, 5, 6]);
    }
    client.send(r#"450-["message",1]"#);
    client.receives(r#"42["message-back",1]"#);
}

#[test]
fn all_of_it_works_over_polls() {
    let poller = TestServer::start(SLOW).poller("/socket.io/");
    poller.posts(r#"40/custom,{"token":"abc"}"#);
    let (status, packets) = poller.poll();
    assert!(status == 200 && packets.starts_with(r#"40/custom,{"sid":""#), "{packets}");
    if !packets.contains('\u{1e}') {
        poller.receives(&[r#"42/custom,["auth",{"token":"abc"}]"#]);
    }
    poller.posts("451-/custom,7[\"message-with-ack\",{\"_placeholder\":true,\"num\":0}]\u{1e}bAQID");
    poller.receives(&[r#"461-/custom,7[{"_placeholder":true,"num":0}]"#, "bAQID"]);
    poller.posts("4abc");
    poller.is_gone();
}

#[test]
fn an_invalid_packet_ends_the_connection() {
    let server = TestServer::start(SLOW);
    for packet in [
        "4",
        "4abc",
        "47",
        "40",
        "40[]",
        "40/custom,[]",
        "40/custom,{",
        "42",
        "42{}",
        "42[",
        "42[]",
        "42[1]",
        r#"42abc["message-with-ack",1,"2",{"3":[false]}]"#,
        r#"42-1["message"]"#,
        r#"42/custom,["message"]"#,
        r#"42/random,["message"]"#,
        "43[]",
        "44[]",
        r#"45["message"]"#,
        r#"4517-["message"]"#,
        r#"45x-["message"]"#,
        "461-[]",
    ] {
        let mut client = server.connected();
        client.send(packet);
        client.ends();
    }
}

#[test]
fn what_comes_out_of_order_ends_the_connection() {
    let server = TestServer::start(SLOW);
    for packet in ["4abc", r#"42["message"]"#, "41", "43[]"] {
        let mut client = server.session("/socket.io/");
        client.send(packet);
        client.ends();
        let poller = server.poller("/socket.io/");
        poller.posts(packet);
        while poller.poll().0 == 200 {}
        poller.is_gone();
    }
    let mut client = server.connected();
    client.send_bytes(&[1]);
    client.ends();
    let mut client = server.connected();
    client.send(&format!(r#"452-["message",{PLACEHOLDERS}]"#));
    client.send_bytes(&[1]);
    client.send(r#"42["message"]"#);
    client.ends();
}
