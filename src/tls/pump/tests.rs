use super::*;
use crate::base::address::Address;
use crate::base::permits::ConnectionLimiter;
use crate::platform::socket_pair;
use crate::tls::handshake::{Turns, handshake};
use crate::tls::test_client::{Client, begin, config};
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use std::net::Ipv4Addr;

const TIMEOUT: Duration = Duration::from_secs(20);

/// How long nothing passes before a direction counts as full.
const QUIET: Duration = Duration::from_millis(200);

/// The most that a pump may hold, in bytes.
const MAX_HELD: usize = 64 * 1024;

/// More than a pump and two pairs hold, by far.
const FAR_TOO_MUCH: usize = 16 * 1024 * 1024;

/// Size of the pieces that are sent.
const PIECE: usize = 1000;

/// A connection: its client, and the server's end of the pair.
struct Connection {
    client: Client,
    server: SocketTransport,
    ended: Receiver<Infallible>,
}

impl Connection {
    /// A connection whose pump waits that long for the last bytes.
    fn new(timeout: Duration) -> Self {
        let [near, network] = transports();
        let (config, of_client) = config();
        let client = begin(near, of_client);
        let tls = handshake(&network, config, &Turns::new(), Instant::now() + TIMEOUT).expect("a handshake");
        let client = client.join().unwrap();
        let [server, pair] = transports();
        let permit =
            ConnectionLimiter::new(1, None).acquire(Address::of(Ipv4Addr::LOCALHOST.into())).unwrap();
        let (running, ended) = bounded(0);
        spawn(Pump { tls, network, pair, timeout, permit, running }, 1).unwrap();
        Self { client, server, ended }
    }

    /// Waits for the end of the pump.
    fn ended(&self) {
        assert_eq!(self.ended.recv_timeout(TIMEOUT), Err(RecvTimeoutError::Disconnected));
    }
}

/// Both ends of a pair with small buffers, which never wait for ever.
fn transports() -> [SocketTransport; 2] {
    let pair = socket_pair().unwrap().map(|socket| SocketTransport::with_buffers(socket, 4096, 4096));
    pair.iter().for_each(|transport| transport.set_read_timeout(Some(TIMEOUT)).unwrap());
    pair
}

/// Sends until nothing passes any more. Returns how many bytes have passed.
fn fill(mut send: impl FnMut(&[u8]) -> io::Result<usize>, socket: &SocketTransport) -> usize {
    let mut sent = 0;
    let space = Readiness { write: true, ..Readiness::default() };
    loop {
        while let Ok(count) = send(&[b'x'; PIECE]) {
            sent += count;
            assert!(sent < FAR_TOO_MUCH, "nothing limits what passes");
        }
        let [happened, _] = wait_for_either([(socket, Some(space)), (socket, None)], Some(QUIET)).unwrap();
        if !happened.write {
            return sent;
        }
    }
}

/// What one pair of sockets holds.
fn capacity_of_pair() -> usize {
    let [one, _other] = transports();
    fill(|bytes| one.send(&[IoSlice::new(bytes)]), &one)
}

#[test]
fn bytes_and_ends_pass_in_both_directions() {
    let mut connection = Connection::new(TIMEOUT);
    connection.client.write_all(b"to the server").unwrap();
    let mut buffer = [0; 64];
    let mut server = &connection.server;
    let read = server.read(&mut buffer).unwrap();
    assert_eq!(&buffer[..read], b"to the server");
    server.write_all(b"to the client").unwrap();
    connection.client.read_exact(&mut buffer[..13]).unwrap();
    assert_eq!(&buffer[..13], b"to the client");
    connection.client.close_notify();
    assert_eq!(server.read(&mut buffer).unwrap(), 0);
    server.write_all(b"last").unwrap();
    server.shutdown(Shutdown::Write);
    let mut rest = String::new();
    connection.client.read_to_string(&mut rest).expect("an end that TLS announces");
    assert_eq!(rest, "last");
    connection.ended();
}

#[test]
fn a_client_that_does_not_read_makes_its_pump_hold_little() {
    let Connection { server, client: _client, .. } = Connection::new(TIMEOUT);
    let passed = fill(|bytes| server.send(&[IoSlice::new(bytes)]), &server);
    assert!(passed <= 2 * capacity_of_pair() + MAX_HELD, "{passed} bytes");
}

#[test]
fn a_server_that_does_not_read_makes_its_pump_hold_little() {
    let mut connection = Connection::new(TIMEOUT);
    let socket = connection.client.socket().clone();
    // What the client's own side holds does not count.
    let passed = fill(|bytes| connection.client.try_write(bytes), &socket);
    assert!(passed <= 2 * capacity_of_pair() + MAX_HELD, "{passed} bytes");
}

#[test]
fn the_last_bytes_have_limited_time() {
    let connection = Connection::new(Duration::from_millis(50));
    let server = connection.server.clone();
    fill(|bytes| server.send(&[IoSlice::new(bytes)]), &server);
    server.shutdown(Shutdown::Both);
    connection.ended();
}

#[test]
fn a_client_that_reads_late_gets_the_last_bytes() {
    let mut connection = Connection::new(TIMEOUT);
    let server = connection.server.clone();
    let passed = fill(|bytes| server.send(&[IoSlice::new(bytes)]), &server);
    server.shutdown(Shutdown::Both);
    drop(server);
    let mut received = Vec::new();
    connection.client.read_to_end(&mut received).expect("an end that TLS announces");
    assert_eq!(received.len(), passed);
    connection.ended();
}

#[test]
fn a_pump_ends_with_its_client_and_says_so_to_the_server() {
    let connection = Connection::new(TIMEOUT);
    drop(connection.client.into_socket());
    let mut server = &connection.server;
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    server.shutdown(Shutdown::Both);
    assert_eq!(connection.ended.recv_timeout(TIMEOUT), Err(RecvTimeoutError::Disconnected));
}

#[test]
fn bytes_that_are_not_encrypted_end_a_connection() {
    for bytes in [&[0; 100][..], b"GET / HTTP/1.1\r\n\r\n", &[23, 3, 3, 0, 17].repeat(1000)] {
        let connection = Connection::new(TIMEOUT);
        let socket = connection.client.into_socket();
        let _ = (&socket).write_all(bytes);
        let mut server = &connection.server;
        assert_eq!(server.read(&mut [0]).unwrap(), 0);
        drop(connection.server);
        assert_eq!(connection.ended.recv_timeout(TIMEOUT), Err(RecvTimeoutError::Disconnected));
    }
}

/// Content types (RFC 8446, section 5.1), and a message of a handshake that says it is very long.
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;
const BEGINNING: [u8; 4] = [24, 0, 0xff, 0xff];

#[test]
fn a_client_may_send_little_without_content() {
    let connection = Connection::new(TIMEOUT);
    let (socket, mut sealer) = connection.client.into_sealer();
    socket.set_write_timeout(Some(TIMEOUT)).unwrap();
    let mut records = vec![sealer.record(b"first", DATA), sealer.record(&BEGINNING, HANDSHAKE)];
    // Less than what rustls itself would collect.
    records.extend((0..4).map(|_| sealer.record(&[0; 12_000], HANDSHAKE)));
    // It may have ended before all are sent.
    let _ = (&socket).write_all(&records.concat());
    let mut received = Vec::new();
    (&connection.server).read_to_end(&mut received).expect("an end");
    assert_eq!(received, b"first");
}

#[test]
fn records_with_content_are_as_many_as_a_client_likes() {
    let connection = Connection::new(TIMEOUT);
    let (socket, mut sealer) = connection.client.into_sealer();
    let sent = thread::spawn(move || {
        for _ in 0..20 {
            (&socket).write_all(&sealer.record(&[b'x'; 12_000], DATA)).expect("the server reads");
        }
        socket
    });
    (&connection.server).read_exact(&mut [0; 20 * 12_000]).expect("all of it");
    sent.join().unwrap();
}
