//! A hub that does not keep up: readers wait and lose nothing, and HTTP requests are told that the server is busy.

use crate::support::TIMEOUT;
use crate::support::client::dial;
use crate::support::frame::{handshake, text};
use crate::support::http::Response;
use crossbeam_channel::{Receiver, Sender, bounded};
use data_encoding::BASE64;
use socket2::SockRef;
use std::io::Write;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};
use typewall::internals::{
    Action, Address, ClientId, Connection, ConnectionLimiter, DownloadLimiter, Endpoint, Event, FromClient,
    Health, QrCodes, QueuedEvent, RateLimit, Refusal, Router, Shard, Shards, SocketEvent, TextChange,
};
use typewall::{Access, Limits, SecretHash};

/// A connection to a hub whose queue holds one event, and which the test plays.
fn connection() -> (TcpStream, Receiver<SocketEvent>) {
    connection_to_queue(1)
}

fn connection_to_queue(capacity: usize) -> (TcpStream, Receiver<SocketEvent>) {
    connect(capacity, Access::default())
}

fn connect(capacity: usize, access: Access) -> (TcpStream, Receiver<SocketEvent>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = dial(listener.local_addr().unwrap());
    let (socket, peer) = listener.accept().unwrap();
    let (hub, queue) = bounded(capacity);
    let shards = Shards::new(vec![hub], &Shard::single(), Limits::DEFAULT.max_waiting);
    let endpoint = Endpoint::for_rooms(Limits::DEFAULT, &shards).expect("a thread");
    let listen = listener.local_addr().unwrap();
    let router = Router::new(listen, access, shards, QrCodes::start().expect("a thread"));
    let connection = Connection {
        transport: typewall::internals::SocketTransport::new(socket),
        peer: peer.ip(),
        client: ClientId(1),
        limits: Limits::DEFAULT,
        router: router.into(),
        endpoint,
        store: None,
        downloads: DownloadLimiter::default(),
        timeout: TIMEOUT,
        requests: RateLimit::new(Instant::now()),
        unanswered: None,
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
            Event::FromClient(QueuedEvent { event: FromClient::Acted(Action::Write(change)), .. }) => {
                assert_eq!(change, TextChange::Whole(n.to_string().into()));
            }
            event => panic!("{event:?}"),
        }
    }
    drop(client);
    assert!(matches!(
        next(),
        Event::FromClient(QueuedEvent { event: FromClient::Closed { goodbye: false }, .. })
    ));
}

/// A connection of a client that has sent many texts at once, and the hub's queue, which has space for all of them.
fn flood() -> (TcpStream, Receiver<SocketEvent>) {
    flood_of(200)
}

fn flood_of(count: usize) -> (TcpStream, Receiver<SocketEvent>) {
    let (mut client, queue) = connection_to_queue(1_000);
    let texts = (0..count).flat_map(|n| text(format!(r#"["updated_text",{{"text":"{n}"}}]"#)));
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
fn what_a_client_has_sent_before_it_closed_its_side_is_handled() {
    let (client, queue) = flood();
    client.shutdown(Shutdown::Write).unwrap();
    for n in 0..200 {
        match queue.recv_timeout(TIMEOUT) {
            Ok(Event::FromClient(QueuedEvent { event: FromClient::Acted(_), .. })) => {}
            other => panic!("after {n} texts: {other:?}"),
        }
    }
}

#[test]
fn of_a_flood_only_so_much_is_handled_after_the_client_has_closed_its_side() {
    let (client, queue) = flood_of(3_000);
    client.shutdown(Shutdown::Write).unwrap();
    let events = || queue.recv_timeout(TIMEOUT).expect("an event");
    let is_text =
        |event: &_| matches!(event, Event::FromClient(QueuedEvent { event: FromClient::Acted(_), .. }));
    let handled = std::iter::repeat_with(events).take_while(is_text).count();
    // 250 at once, and then 250 a second for 2 s. On a slow machine it may be fewer.
    assert!((255..1_000).contains(&handled), "{handled} of 3,000 texts");
}

#[test]
fn what_a_client_has_sent_before_its_connection_broke_is_handled_if_the_hub_is_quick() {
    let (client, queue) = flood();
    let mut waiting = [(); 2].map(|()| queue.recv_timeout(TIMEOUT).expect("a text"));
    SockRef::from(&client).set_linger(Some(Duration::ZERO)).unwrap(); // so that both directions end
    drop(client);
    for n in 0..20 {
        waiting.rotate_left(1);
        waiting[1] = Event::Stop; // which frees the slot of the text that was there
        waiting[1] = queue.recv_timeout(TIMEOUT).expect("the next event");
        let is_text =
            matches!(waiting[1], Event::FromClient(QueuedEvent { event: FromClient::Acted(_), .. }));
        assert!(is_text, "after {n} texts: {:?}", waiting[1]);
    }
}

#[test]
fn a_reader_that_waits_for_the_hub_stops_when_its_client_has_gone() {
    let (client, queue) = flood();
    let waiting = [(); 2].map(|()| queue.recv_timeout(TIMEOUT).expect("an event"));
    drop(client);
    let next = queue.recv_timeout(TIMEOUT).expect("the end of the reader");
    let is_end =
        matches!(next, Event::FromClient(QueuedEvent { event: FromClient::Closed { goodbye: false }, .. }));
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

/// A request with a passphrase, and where the hub's answer to it goes.
fn request_with_passphrase(path: &str) -> (TcpStream, Receiver<SocketEvent>, Sender<Result<(), Refusal>>) {
    let access = Access { passphrase: Some(SecretHash::new("right")), ..Access::default() };
    let (mut client, queue) = connect(1, access);
    let credentials = BASE64.encode(b":right");
    write!(client, "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\n\r\n")
        .unwrap();
    let event = queue.recv_timeout(TIMEOUT).expect("an event");
    let Event::PassphraseCheck { reply_to, .. } = event else { panic!("{event:?}") };
    (client, queue, reply_to)
}

#[test]
fn a_request_whose_passphrase_is_not_checked_is_told_when_to_try_again() {
    let (mut client, _queue, reply_to) = request_with_passphrase("/log");
    reply_to.send(Err(Refusal::Wait(7))).unwrap();
    let response = Response::read(&mut client);
    assert_eq!((response.status, response.header("Retry-After")), (429, Some("7")));
}

#[test]
fn health_does_not_wait_for_a_passphrase() {
    let (mut client, queue, _reply_to) = request_with_passphrase("/healthz");
    let event = queue.recv_timeout(TIMEOUT).expect("an event");
    let Event::HealthCheck { reply_to } = event else { panic!("{event:?}") };
    reply_to.send(Health::default()).unwrap();
    assert_eq!(Response::read(&mut client).text(), "{\"healthy\":true}\n");
}

#[cfg(feature = "soak")]
#[test]
fn a_request_does_not_wait_for_its_passphrase_for_ever() {
    let (mut client, _queue, _reply_to) = request_with_passphrase("/log");
    client.set_read_timeout(Some(2 * TIMEOUT)).unwrap();
    assert_eq!(Response::read(&mut client).status, 429);
}

#[test]
fn a_post_over_http_that_the_hub_does_not_answer_is_refused() {
    let post = "POST /post?room=r&name=deploy HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\ntext";
    for (is_dropped, code) in [(true, "server_busy"), (false, "unanswered")] {
        let (mut client, queue) = connection();
        client.write_all(post.as_bytes()).unwrap();
        let event = queue.recv_timeout(TIMEOUT).expect("an event");
        assert!(matches!(&event, Event::PostRequest { request, .. } if request.text == "text"), "{event:?}");
        let _kept = Some(event).filter(|_| !is_dropped);
        let response = Response::read(&mut client);
        assert_eq!(response.status, 503);
        assert!(response.text().starts_with(&format!("{{\"code\":\"{code}\"")), "{}", response.text());
    }
}
