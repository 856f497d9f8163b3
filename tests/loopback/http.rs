//! HTTP: every route but the page, malformed requests, and how many connections there may be.

use crate::server::TestServer;
use crate::support::frame::{KEY, handshake, text};
use crate::support::http::{Response, read_to_end};
use crate::support::wait_until;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use typewall::internals::{MAX_DOWNLOADS, MAX_DOWNLOADS_PER_ADDRESS, SPARE_CONNECTIONS};
use typewall::{Access, Limits};

#[test]
fn the_health_check_counts_clients_and_rooms() {
    let server = TestServer::start();
    assert_eq!(
        server.get("/healthz").text(),
        "{\"healthy\":true,\"clients\":0,\"rooms\":0,\"texts\":0,\"waiting\":0}\n"
    );
    let _ada = server.join("r", "Ada");
    let _bob = server.join("s", "Bob");
    let health: Value = serde_json::from_str(server.get("/healthz").text()).unwrap();
    assert_eq!([&health["clients"], &health["rooms"], &health["waiting"]], [2, 2, 0]);
    assert!(health["texts"].as_u64() > Some(0), "what snapshots begin with is kept");
}

#[test]
fn every_other_request_is_answered_with_a_status_and_a_sentence() {
    let server = TestServer::start();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let version = "Sec-WebSocket-Version: 13\r\n";
    let key = format!("Sec-WebSocket-Key: {KEY}\r\n");
    let long = "x".repeat(65);
    for (request, status, header) in [
        ("GET /nothing HTTP/1.1".to_owned(), 404, ""),
        ("GET /index.html HTTP/1.1".to_owned(), 404, ""),
        ("GET /ws/ HTTP/1.1".to_owned(), 404, ""),
        ("POST / HTTP/1.1".to_owned(), 405, "Allow: GET, HEAD\r\n"),
        ("DELETE /healthz HTTP/1.1".to_owned(), 405, "Allow: GET, HEAD\r\n"),
        ("POST /log HTTP/1.1".to_owned(), 405, "Allow: GET, HEAD\r\n"),
        ("PUT /invite HTTP/1.1".to_owned(), 405, "Allow: GET, HEAD\r\n"),
        ("POST /qr.svg?link=x HTTP/1.1".to_owned(), 405, "Allow: GET, HEAD\r\n"),
        ("POST /ws HTTP/1.1".to_owned(), 405, "Allow: GET\r\n"),
        ("GET /ws HTTP/1.1".to_owned(), 426, "Upgrade: websocket\r\n"),
        (
            format!("GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n{version}{key}"),
            426,
            "Upgrade: websocket\r\n",
        ),
        (format!("GET /ws HTTP/1.1\r\n{upgrade}{key}"), 426, "Sec-WebSocket-Version: 13\r\n"),
        (
            format!("GET /ws HTTP/1.1\r\n{upgrade}Sec-WebSocket-Version: 8\r\n{key}"),
            426,
            "Sec-WebSocket-Version: 13\r\n",
        ),
        (format!("GET /ws HTTP/1.1\r\n{upgrade}{version}"), 400, ""),
        (format!("GET /ws HTTP/1.1\r\n{upgrade}{version}Sec-WebSocket-Key: short"), 400, ""),
        (format!("GET /ws?room={long} HTTP/1.1\r\n{upgrade}{version}{key}"), 400, ""),
        ("GET / HTTP/2.0".to_owned(), 400, ""),
        ("nonsense".to_owned(), 400, ""),
        (format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(9000)), 431, ""),
        (format!("GET / HTTP/1.1\r\n{}", "X: x\r\n".repeat(101)), 431, ""),
    ] {
        let request = request.trim_end();
        // The body ends the connection; an upgrade request has no room for `Connection: close`.
        let rest = "Host: localhost\r\nContent-Length: 5\r\n\r\nhello";
        let response = server.request(&format!("{request}\r\n{rest}"));
        assert_eq!(response.status, status, "{request}");
        assert!(response.head.contains(header), "{request}: {}", response.head);
        let sentence = response.text().trim_end();
        assert!(sentence.ends_with('.') && sentence.contains(' '), "{request}: {sentence}");
    }
}

#[test]
fn a_body_of_any_announced_length_is_not_waited_for() {
    let server = TestServer::start();
    for length in ["Content-Length: 100000000000000", "Content-Length: x", "Transfer-Encoding: chunked"] {
        let response =
            server.request(&format!("GET /healthz HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n"));
        assert_eq!(response.status, 200, "{length}");
    }
}

#[test]
fn a_connection_is_kept_for_more_requests_and_a_websocket() {
    let server = TestServer::start();
    let mut viewer = server.watch("r");
    let mut socket = server.dial();
    for _ in 0..3 {
        socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        assert_eq!(Response::read(&mut socket).status, 200);
    }
    // Requests may come all at once.
    let two = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nHEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let join = text(r#"["got_a_new_user",{"name":"Ada"}]"#);
    socket.write_all(&[two.to_vec(), handshake("/ws?room=r"), join].concat()).unwrap();
    assert_eq!(Response::read(&mut socket).status, 200);
    assert_eq!(Response::read_head(&mut socket).status, 200);
    assert_eq!(Response::read_head(&mut socket).status, 101);
    viewer.sees_users(&["Ada"]);
}

#[test]
fn an_http_1_0_client_is_answered_and_closed() {
    let server = TestServer::start();
    let response = server.request("GET /healthz HTTP/1.0\r\n\r\n");
    assert_eq!(response.status, 200);
}

#[test]
fn an_invitation_is_a_list_of_links_and_a_qr_code_of_each() {
    let server = TestServer::start();
    let invite = server.get("/invite?room=physics");
    assert_eq!(
        (invite.status, invite.text()),
        (200, "{\"links\":[]}\n"),
        "nobody can reach a server on loopback"
    );
    let picture = server.get("/qr.svg?link=http%3A%2F%2F192.168.1.20%3A8080%2F%3Froom%3Dphysics");
    assert_eq!(picture.status, 200);
    assert!(picture.head.contains("Content-Type: image/svg+xml\r\n") && picture.text().contains("<svg"));
    let header = "Host: localhost\r\nTypewall-Link: http://192.168.1.20:8080/?room=physics\r\n";
    assert_eq!(server.get_with("/qr.svg", header).text(), picture.text(), "the link may be in a header");
    let head =
        server.request("HEAD /qr.svg?link=http://a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!((head.status, head.header("Content-Type")), (200, Some("image/svg+xml")));
    assert_eq!(server.get("/qr.svg").status, 400);
    assert_eq!(server.get(&format!("/qr.svg?link={}", "x".repeat(1001))).status, 400);
    let refused = server.get(&format!("/invite?room={}", "x".repeat(65)));
    assert_eq!((refused.status, refused.text()), (400, "A room name can have at most 64 characters.\n"));
}

#[test]
fn the_log_is_served_as_text_markdown_or_json() {
    let server = TestServer::start();
    let mut ada = server.join("r", "Ada");
    ada.post_and_wait("one");
    ada.post_and_wait("two");
    let log = |query: &str| server.get_chunked(&format!("/log?{query}"), "");
    assert_eq!(log("room=r").lines().count(), 2);
    let after_one = log("room=r&after=1");
    assert!(after_one.ends_with(" Ada: two\n") && after_one.lines().count() == 1, "{after_one}");
    assert!(log("room=r&format=md").starts_with("**Ada**"));
    let posts: Vec<serde_json::Value> = serde_json::from_str(&log("room=r&format=json")).unwrap();
    assert_eq!(posts, ada.page.log);
    assert_eq!(log("room=empty"), "");
    for bad in ["/log?format=pdf", "/log?after=x", "/log?after=99999999999999999999"] {
        assert_eq!(server.get(bad).status, 400, "{bad}");
    }
}

#[test]
fn one_download_of_a_log_too_many_is_refused_in_all_or_from_one_address() {
    let access = Access { trusts_proxy: true, ..Access::default() };
    let server = TestServer::with_access(Limits::DEFAULT, access, None);
    let mut ada = server.join("r", "Ada");
    // Escaped, more than the buffers between the server and a client that does not read hold.
    let post = "\\".repeat(10_000);
    (0..100).for_each(|_| ada.post_and_wait(&post));
    let download = |network: usize| {
        let mut socket = server.dial();
        let headers = format!("Host: localhost\r\nX-Forwarded-For: 192.0.2.{network}\r\n");
        write!(socket, "GET /log?room=r&format=json HTTP/1.1\r\n{headers}\r\n").unwrap();
        let status = Response::read_head(&mut socket).status;
        (socket, status)
    };
    let networks = MAX_DOWNLOADS / MAX_DOWNLOADS_PER_ADDRESS;
    let mut stalled: Vec<Vec<(TcpStream, u16)>> = Vec::new();
    for network in 0..networks {
        stalled.push((0..MAX_DOWNLOADS_PER_ADDRESS).map(|_| download(network)).collect());
        assert!(stalled[network].iter().all(|(_, status)| *status == 200));
        assert_eq!(download(network).1, 503, "it is one too many from this address");
    }
    assert_eq!(download(networks).1, 503, "it is one too many in all");
    stalled.pop();
    // Their threads have to notice it first.
    wait_until("a download after others have ended", || download(networks).1 == 200);
}

#[test]
fn a_connection_that_makes_too_many_requests_has_to_wait() {
    let server = TestServer::start();
    let mut socket = server.dial();
    // It would take 18 s to answer all of them. The client stops waiting when it has sent them.
    let request = "HEAD /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";
    socket.write_all(request.repeat(1_000).as_bytes()).unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    let mut responses = Vec::new();
    // The server has not read all requests, so that the connection may end with a reset.
    let _ = socket.read_to_end(&mut responses);
    let answered = String::from_utf8(responses).unwrap().matches("HTTP/1.1 404 ").count();
    assert!(answered < 1_000, "{answered}");
}

#[test]
fn a_response_is_not_lost_while_the_client_is_still_sending() {
    let server = TestServer::start();
    let mut socket = server.dial();
    write!(socket, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n").unwrap();
    socket.write_all(&[b'x'; 1_000_000]).expect("the server reads on");
    assert_eq!(Response::read(&mut socket).status, 405);
    assert_eq!(read_to_end(&mut socket), 0);
}

#[test]
fn one_connection_too_many_is_answered_with_503() {
    let server = TestServer::with(Limits { max_clients: 1, ..Limits::DEFAULT });
    let kept: Vec<TcpStream> = (0..SPARE_CONNECTIONS + 1).map(|_| server.dial()).collect();
    assert_eq!(Response::read(&mut server.dial()).status, 503);
    drop(kept);
    // Their threads have to notice it first.
    wait_until("a connection after the others have ended", || {
        let mut socket = server.dial();
        // A refused one may be closed before it asks.
        let _ = socket.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        Response::read(&mut socket).status == 200
    });
}
