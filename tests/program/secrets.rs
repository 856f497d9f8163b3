//! What the program logs, even with every log line there is.

use crate::support::client::Client;
use crate::support::http::Response;
use crate::support::program::{Program, server};
use data_encoding::BASE64;
use serde_json::json;
use std::io::Write;

/// Parts of what people type and of the secrets that are the same in every run. The third and the fourth are parts of
/// the credentials.
const SECRETS: [&str; 10] = [
    "horse",
    "stable",
    "b25nIHN0",
    "Y3QgaG9y",
    "0123456789abcdef",
    "posted",
    "reference",
    "Lovelace",
    "wrong link",
    "question",
];

/// Gives a wrong passphrase and the right one, and then the token from it. Returns that client, and both tokens.
fn unlock(program: &Program) -> (Client, [String; 2]) {
    let mut client = Client::connect(program.address, "r");
    client.send_passphrase("wrong stable");
    assert_eq!(client.next_error(), "passphrase_wrong");
    client.unlock("correct horse");
    let token = client.page.token.clone().expect("a token");
    let mut again = Client::connect(program.address, "r");
    again.send("unlock", json!({ "passphrase": "", "token": token }));
    again.until("unlocked", |page| page.unlocked);
    (client, [token, again.page.token.expect("another token")])
}

/// Gives a wrong host key and the right one, and asks a question.
fn ask_as_host(client: &mut Client, key: &str) {
    client.send("host", json!({"key": "wrong link"}));
    assert_eq!(client.next_error(), "host_key_wrong");
    client.send("host", json!({ "key": key }));
    client.until("hosting", |page| page.hosting);
    client.send("set_room", json!({"prompt": "question"}));
    client.until("the prompt", |page| page.state.prompt == "question");
}

/// Makes a request that is refused and logged, and requests with a wrong passphrase and the right one.
fn make_requests(program: &Program, token: &str) {
    let mut socket = program.dial();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n").unwrap();
    assert_eq!(Response::read(&mut socket).status, 403);
    for passphrase in ["wrong stable", "correct horse"] {
        let credentials = BASE64.encode(format!(":{passphrase}").as_bytes());
        let headers = format!("Authorization: Basic {credentials}\r\nTypewall-Token: {token}");
        let request = format!("GET /invite HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n");
        socket.write_all(request.as_bytes()).unwrap();
        Response::read(&mut socket);
    }
}

#[test]
fn no_secret_and_no_text_is_logged() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"correct horse\n").unwrap();
    let mut command = server();
    command.arg("--passphrase-file").arg(file.path()).env("RUST_LOG", "trace");
    let mut program = Program::start(&mut command);
    let host_key = program.host_key();
    let (mut client, tokens) = unlock(&program);
    client.rejoin("Ada Lovelace", "0123456789abcdef0123456789abcdef");
    client.write("unposted");
    client.try_post("reference", "posted").unwrap();
    ask_as_host(&mut client, &host_key);
    make_requests(&program, &tokens[0]);
    let (status, logged) = program.terminate();
    assert_eq!(status, Some(0));
    assert!(logged.contains("evil.example"), "something is logged: {logged}");
    for secret in SECRETS.into_iter().chain(tokens.iter().map(String::as_str)).chain([host_key.as_str()]) {
        assert!(!logged.contains(secret), "{secret} in {logged}");
    }
}
