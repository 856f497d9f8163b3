//! What happens when the hub does not keep up: readers wait, in order, and requests are told so.

use crate::http::Answer;
use crate::person::{PATIENCE, frame, handshake};
use crossbeam_channel::{Receiver, bounded};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread;
use typewall::base::address::Address;
use typewall::base::ids::ClientId;
use typewall::base::permits::ConnectionLimiter;
use typewall::http::connection::Connection;
use typewall::http::log_route::Downloads;
use typewall::http::page::Page;
use typewall::hub::event::Event;
use typewall::hub::shards::Shards;
use typewall::hub::shards::SocketEvent;
use typewall::room::action::Action;
use typewall::room::text::TextChange;
use typewall::{Access, Limits};

/// A connection to a hub that takes one event and then nothing, until its queue is read.
fn connection() -> (TcpStream, Receiver<SocketEvent>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let (socket, peer) = listener.accept().unwrap();
    let (hub, queue) = bounded(1);
    let connection = Connection {
        transport: typewall::delivery::transport::SocketTransport::new(socket),
        peer: peer.ip(),
        client: ClientId(1),
        limits: Limits::DEFAULT,
        listen: listener.local_addr().unwrap(),
        access: Access { allowed: vec!["http://wall".parse().unwrap()], ..Access::default() }.into(),
        page: Page::new("'self'").into(),
        store: None,
        downloads: Downloads::default(),
        shards: Shards::new(vec![hub]),
        permit: ConnectionLimiter::new(1, None).acquire(Address::of(peer.ip())).unwrap(),
    };
    thread::spawn(|| connection.serve());
    (client, queue)
}

#[test]
fn a_reader_waits_and_loses_nothing() {
    let (mut client, queue) = connection();
    let texts =
        (0..200).flat_map(|n| frame(0x81, format!(r#"["updated_text",{{"text":"{n}"}}]"#).as_bytes()));
    client.write_all(&[handshake("/ws").into_bytes(), texts.collect()].concat()).unwrap();
    let next = || queue.recv_timeout(PATIENCE).expect("an event");
    assert!(matches!(next(), Event::Connected { .. }));
    for n in 0..200 {
        match next() {
            Event::Acted { action: Action::Write(change), .. } => {
                assert_eq!(change, TextChange::Whole(n.to_string().into()));
            }
            event => panic!("{event:?}"),
        }
    }
    drop(client);
    assert!(matches!(next(), Event::Closed { goodbye: false, .. }));
}

#[test]
fn a_request_is_told_that_the_server_is_busy() {
    for path in ["/healthz", "/log"] {
        let (mut client, queue) = connection();
        write!(client, "GET {path} HTTP/1.1\r\nHost: wall\r\n\r\n").unwrap();
        let answer = Answer::read(&mut client, true);
        assert_eq!(answer.status, 503, "{path}");
        drop(queue);
    }
}
