//! A hub that does not keep up: readers wait and lose nothing, and HTTP requests are told that the server is busy.

use crate::support::TIMEOUT;
use crate::support::client::dial;
use crate::support::frame::{handshake, text};
use crate::support::http::Response;
use crossbeam_channel::{Receiver, bounded};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;
use typewall::internals::{
    Action, Address, ClientId, Connection, ConnectionLimiter, DownloadLimiter, Event, FromClient, Pending,
    QrCodes, Router, Shard, Shards, SharedRateLimit, SocketEvent, TextChange,
};
use typewall::{Access, Limits};

/// A connection to a hub whose queue holds one event, and which the test plays.
fn connection() -> (TcpStream, Receiver<SocketEvent>) {
    connection_to_queue(1)
}

fn connection_to_queue(capacity: usize) -> (TcpStream, Receiver<SocketEvent>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = dial(listener.local_addr().unwrap());
    let (socket, peer) = listener.accept().unwrap();
    let (hub, queue) = bounded(capacity);
    let shards = Shards::new(vec![hub], &Shard::single(), Limits::DEFAULT.max_waiting);
    let listen = listener.local_addr().unwrap();
    let router = Router::new(listen, Access::default(), shards, QrCodes::start().expect("a thread"));
    let connection = Connection {
        transport: typewall::internals::SocketTransport::new(socket),
        peer: peer.ip(),
        client: ClientId(1),
        limits: Limits::DEFAULT,
        router: router.into(),
        store: None,
        downloads: DownloadLimiter::default(),
        timeout: TIMEOUT,
        requests: SharedRateLimit::new(Instant::now()),
        permit: ConnectionLimiter::new(1, None).acquire(Address::of(peer.ip())).unwrap(),
    };
    thread::spawn(|| connection.serve());
    (client, queue)
}

#[test]
fn a_reader_waits_and_loses_nothing() {
    let (mut client, queue) = connection();
    let texts = (0..200).flat_map(|n| text(format!(r#"["updated_text",{{"text":"{n}"}}]"#)));
    client.write_all(&[handshake("/ws"), texts.collect()].concat()).unwrap();
    let next = || queue.recv_timeout(TIMEOUT).expect("an event");
    assert!(matches!(next(), Event::Connected { .. }));
    for n in 0..200 {
        match next() {
            Event::FromClient(Pending { event: FromClient::Acted(Action::Write(change)), .. }) => {
                assert_eq!(change, TextChange::Whole(n.to_string().into()));
            }
            event => panic!("{event:?}"),
        }
    }
    drop(client);
    assert!(matches!(
        next(),
        Event::FromClient(Pending { event: FromClient::Closed { goodbye: false }, .. })
    ));
}

/// A connection of a client that has sent many texts at once, and the hub's queue, which has space for all of them.
fn flood() -> (TcpStream, Receiver<SocketEvent>) {
    let (mut client, queue) = connection_to_queue(1_000);
    let texts = (0..200).flat_map(|n| text(format!(r#"["updated_text",{{"text":"{n}"}}]"#)));
    client.write_all(&[handshake("/ws"), texts.collect()].concat()).unwrap();
    assert!(matches!(queue.recv_timeout(TIMEOUT), Ok(Event::Connected { .. })));
    (client, queue)
}

#[test]
fn few_events_of_a_client_wait_for_the_hub_however_many_it_sends() {
    let (_client, queue) = flood();
    let mut waiting: Vec<SocketEvent> = Vec::new();
    for _ in 0..100 {
        waiting.push(queue.recv_timeout(TIMEOUT).expect("the next event"));
        waiting.extend(queue.try_iter());
        assert!(waiting.len() <= 2, "{waiting:?}");
        waiting.remove(0); // handled
    }
}

#[test]
fn a_reader_that_waits_for_the_hub_stops_when_its_client_has_gone() {
    let (client, queue) = flood();
    let waiting = [(); 2].map(|()| queue.recv_timeout(TIMEOUT).expect("an event"));
    drop(client);
    let next = queue.recv_timeout(TIMEOUT).expect("the end of the reader");
    let is_end =
        matches!(next, Event::FromClient(Pending { event: FromClient::Closed { goodbye: false }, .. }));
    assert!(is_end, "{next:?}");
    drop(waiting);
    assert!(queue.recv_timeout(TIMEOUT).is_err(), "nothing follows");
}

#[test]
fn a_request_is_answered_with_503() {
    for path in ["/healthz", "/log"] {
        let (mut client, queue) = connection();
        write!(client, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        assert_eq!(Response::read(&mut client).status, 503, "{path}");
        drop(queue);
    }
}
