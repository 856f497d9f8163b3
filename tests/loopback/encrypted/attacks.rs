//! Clients that misuse encryption. Each harms only itself.

use crate::encrypted::Wall;
use crate::support::client::Client;
use crate::support::http::Response;
use crate::support::tls::{Encrypted, client_hello};
use crate::support::wait_until;
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::TcpStream;
use typewall::Limits;
use typewall::internals::SPARE_CONNECTIONS;

/// What the server sends on a connection until it ends, however it ends.
fn rest(mut socket: TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest);
    rest
}

#[test]
fn handshakes_that_are_not_finished_delay_nobody() {
    let wall = Wall::start();
    let hello = client_hello(&wall.authority);
    let halves: Vec<TcpStream> = (0..200)
        .map(|n| {
            let mut socket = wall.server.dial();
            // Some send nothing at all, others all but the last byte.
            socket.write_all(&hello[..(hello.len() - 1) * (n % 3) / 2]).unwrap();
            socket
        })
        .collect();
    let (mut ada, mut ben) = (wall.join("r", "Ada"), wall.join("r", "Ben"));
    ada.write("typed meanwhile");
    ben.sees("Ada", "typed meanwhile");
    drop(halves);
}

#[test]
fn what_is_not_tls_is_told_so_or_ends() {
    let wall = Wall::start();
    let answer = |bytes: &[u8]| {
        let mut socket = wall.server.dial();
        socket.write_all(bytes).unwrap();
        rest(socket)
    };
    // The greeting of a client, without content.
    let alert = answer(&[22, 3, 1, 0, 5, 1, 0, 0, 1, 0xff]);
    assert_eq!(alert.first(), Some(&21), "an alert");
    assert!(answer(b"SSH-2.0-OpenSSH\r\n").starts_with(b"HTTP/1.1 400 "));
    assert!(answer(&[0xff; 4096]).starts_with(b"HTTP/1.1 400 "));
    assert_eq!(wall.get("/healthz").0, 200);
}

#[test]
fn a_browser_that_does_not_encrypt_is_sent_to_the_right_address() {
    let wall = Wall::start();
    let response = |request: &str| {
        let mut socket = wall.server.dial();
        socket.write_all(request.as_bytes()).unwrap();
        Response::read(&mut socket)
    };
    let page = response("GET /?room=r HTTP/1.1\r\nHost: localhost:8443\r\n\r\n");
    assert_eq!((page.status, page.header("Location")), (307, Some("https://localhost:8443/?room=r")));
    for request in [
        "POST /post?room=r&name=n HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx",
        "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
    ] {
        let response = response(request);
        assert_eq!((response.status, response.header("Location")), (400, None), "{request}");
        assert!(response.text().contains("https://"), "{}", response.text());
    }
}

#[test]
fn records_without_content_end_a_connection() {
    let wall = Wall::start();
    let mut socket = wall.dial();
    // Nobody can make valid records without the key, so these end the connection as any that were forged.
    socket.sock.write_all(&[23, 3, 3, 0, 17].repeat(5000)).unwrap();
    assert_eq!(rest(socket.sock).first(), Some(&23), "an alert, which is encrypted");
    assert_eq!(wall.get("/healthz").0, 200);
}

#[test]
fn keys_that_change_again_and_again_end_a_connection() {
    let wall = Wall::start();
    let (mut ben, mut ada) = (wall.join("r", "Ben"), wall.join("r", "Ada"));
    ben.sees_users(&["Ben", "Ada"]);
    let stream = ada.socket.get_mut();
    for _ in 0..100 {
        stream.conn.refresh_traffic_keys().unwrap();
        if stream.conn.complete_io(&mut stream.sock).is_err() {
            break;
        }
    }
    ben.sees_users(&["Ben"]);
}

/// Far more posts than the backlog and all buffers hold: those of both sockets, of the pair and of the pump.
const POSTS: usize = 250;

/// A client whose socket buffers little.
fn stalled(wall: &Wall, name: &str) -> Client<Encrypted> {
    let socket = wall.server.dial();
    SockRef::from(&socket).set_recv_buffer_size(64 * 1024).unwrap();
    let mut client = Client::open(wall.authority.try_dial(socket).unwrap(), "r");
    client.join(name);
    client
}

#[test]
fn a_client_that_does_not_read_is_closed_with_4002_and_gets_whole_posts_until_then() {
    let wall = Wall::start();
    let mut ada = wall.join("r", "Ada");
    let mut sleeper = stalled(&wall, "Sleeper");
    for n in 0..POSTS {
        ada.post_and_wait(&format!("{n} {}", "x".repeat(9_000)));
    }
    assert_eq!(sleeper.receive_to_close(), 4002);
    let posts = sleeper.page.received;
    assert!((1..).zip(&posts).all(|(n, post)| *post == n), "a post was skipped: {posts:?}");
    assert!(posts.len() < POSTS);
}

#[test]
fn a_client_that_does_not_read_gets_only_the_latest_texts() {
    let wall = Wall::start();
    let mut ada = wall.join("r", "Ada");
    let mut sleeper = stalled(&wall, "Sleeper");
    let text = |n: usize| format!("{n} {}", "x".repeat(9_000));
    for n in 0..=200 {
        ada.write(&text(n));
        ada.catch_up();
    }
    let mut received = 0;
    while sleeper.page.text_of("Ada") != Some(&text(200)) {
        received += usize::from(sleeper.next_event().0 == "text_update");
    }
    assert!(received < 100, "{received} of 200 texts were kept for a client that did not read");
}

#[test]
fn connections_are_as_many_as_the_limits_say() {
    let wall = Wall::with(Limits { max_clients: 2, max_per_address: Some(2), ..Limits::DEFAULT });
    let mut open = Vec::new();
    while let Ok(connection) = wall.authority.try_dial(wall.server.dial()) {
        open.push(connection);
        assert!(open.len() <= SPARE_CONNECTIONS, "the limit of one address is far lower");
    }
    assert!(open.len() > 2);
    drop(open);
    wait_until("a free place", || wall.authority.try_dial(wall.server.dial()).is_ok());
}
