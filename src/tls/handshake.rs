//! The handshake of a connection: bounded in time, in bytes, and in what all handshakes take of the processor.

use crate::delivery::deadline_stream::DeadlineStream;
use crate::delivery::transport::SocketTransport;
use crossbeam_channel::{Receiver, Sender, bounded};
use rustls::{ServerConfig, ServerConnection};
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

/// The bytes that a client may send for its handshake. Browsers send one or two thousand.
const MAX_HANDSHAKE: usize = 32 * 1024;

/// Bytes of encrypted output that rustls may hold. More than one piece of a [pump](crate::tls::pump) takes.
const OUTPUT_LIMIT: usize = 16 * 1024;

/// Bytes that are read at once.
const CHUNK: usize = 4096;

/// The type of the first record (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// How many handshakes may compute at the same time: a part of the processors, so that clients who connect again and
/// again leave the rest to the hubs. The others wait for a turn.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    give_back: Sender<()>,
    free: Receiver<()>,
}

/// One turn. It is given back when this is dropped.
struct Turn<'a>(&'a Turns);

/// Why there is no encrypted connection.
#[derive(Debug)]
pub(crate) enum HandshakeError {
    /// The client does not speak TLS, and these are its first bytes: perhaps a request that is not encrypted.
    NotTls(Vec<u8>),
    /// The connection has ended, or the handshake did not end in time.
    Lost(io::Error),
    /// The client and the server cannot agree. The client was told why.
    Failed(rustls::Error),
}

impl Turns {
    /// Half of the processors, or the only one.
    pub(crate) fn new() -> Self {
        Self::with_count(thread::available_parallelism().map_or(1, |count| count.get().div_ceil(2)))
    }

    fn with_count(count: usize) -> Self {
        let (give_back, free) = bounded(count);
        // There is space for each of them.
        (0..count).for_each(|_| _ = give_back.try_send(()));
        Self { give_back, free }
    }

    fn take(&self, deadline: Instant) -> io::Result<Turn<'_>> {
        self.free.recv_deadline(deadline).map_err(|_| ErrorKind::TimedOut)?;
        Ok(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // There is space, because this turn was taken.
        let _ = self.0.give_back.try_send(());
    }
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

/// Does the handshake of a new connection.
pub(crate) fn handshake(
    transport: &SocketTransport,
    config: Arc<ServerConfig>,
    turns: &Turns,
    deadline: Instant,
) -> Result<Box<ServerConnection>, HandshakeError> {
    let mut stream = DeadlineStream::new(transport, deadline);
    let mut tls = Box::new(ServerConnection::new(config).map_err(HandshakeError::Failed)?);
    tls.set_buffer_limit(Some(OUTPUT_LIMIT));
    let mut buffer = [0; CHUNK];
    let mut total = 0;
    while tls.is_handshaking() {
        let read = stream.read(&mut buffer)?;
        let bytes = &buffer[..read];
        if total == 0 && bytes.first().is_some_and(|first| *first != HANDSHAKE_RECORD) {
            return Err(HandshakeError::NotTls(bytes.to_vec()));
        }
        total += read;
        if read == 0 || total > MAX_HANDSHAKE {
            return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        let outcome = advance(&mut tls, bytes, turns, deadline);
        while tls.wants_write() {
            tls.write_tls(&mut stream)?;
        }
        outcome?;
    }
    Ok(tls)
}

/// Takes in bytes of the client.
fn advance(
    tls: &mut ServerConnection,
    mut bytes: &[u8],
    turns: &Turns,
    deadline: Instant,
) -> Result<(), HandshakeError> {
    let _turn = turns.take(deadline)?;
    while !bytes.is_empty() {
        tls.read_tls(&mut bytes)?;
        tls.process_new_packets().map_err(HandshakeError::Failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::socket_pair;
    use crate::tls::test_client::{begin, config, config_of};
    use std::io::Write;
    use std::net::Shutdown;
    use std::time::Duration;

    const TIMEOUT: Duration = Duration::from_secs(20);

    fn transports() -> [SocketTransport; 2] {
        socket_pair().unwrap().map(SocketTransport::new)
    }

    /// What becomes of a client that sends these bytes, and perhaps ends.
    fn outcome(bytes: &[u8], ends: bool, timeout: Duration, turns: &Turns) -> HandshakeError {
        let [client, server] = transports();
        // The server may read no more than it has to.
        client.set_write_timeout(Some(TIMEOUT)).unwrap();
        (&client).write_all(bytes).unwrap();
        if ends {
            crate::delivery::transport::Transport::shutdown(&client, Shutdown::Write);
        }
        handshake(&server, config().0, turns, Instant::now() + timeout).expect_err("no handshake")
    }

    fn is_lost(error: &HandshakeError, kind: ErrorKind) -> bool {
        matches!(error, HandshakeError::Lost(error) if error.kind() == kind)
    }

    /// The beginning of a client's greeting that says it is this long.
    fn begun(length: u16) -> Vec<u8> {
        let [high, low] = length.to_be_bytes();
        vec![HANDSHAKE_RECORD, 3, 1, 0, 5, 1, 0, high, low, 3]
    }

    #[test]
    fn both_versions_of_tls_are_spoken() {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let [near, far] = transports();
            let (server, client) = config_of(&[version]);
            let client = begin(near, client);
            let tls = handshake(&far, server, &Turns::new(), Instant::now() + TIMEOUT).expect("a handshake");
            client.join().unwrap();
            assert_eq!(tls.protocol_version(), Some(version.version));
        }
    }

    #[test]
    fn a_handshake_that_does_not_end_is_given_up_at_the_deadline() {
        let short = Duration::from_millis(50);
        for bytes in [&[][..], &[HANDSHAKE_RECORD], &begun(200)] {
            let error = outcome(bytes, false, short, &Turns::new());
            let timed_out = [ErrorKind::TimedOut, ErrorKind::WouldBlock].map(|kind| is_lost(&error, kind));
            assert!(timed_out.contains(&true), "{error:?}");
            let error = outcome(bytes, true, TIMEOUT, &Turns::new());
            assert!(is_lost(&error, ErrorKind::UnexpectedEof), "{error:?}");
        }
    }

    #[test]
    fn a_handshake_that_is_too_long_is_given_up() {
        // One message in many records.
        let [high, low] = u16::MAX.to_be_bytes();
        let record = |content: &[u8]| [&[HANDSHAKE_RECORD, 3, 1, 0x10, 0][..], content].concat();
        let first = record(&[&[1, 0, high, low][..], &[0; 0x1000 - 4]].concat());
        let bytes = [first, record(&[0; 0x1000]).repeat(MAX_HANDSHAKE / 0x1000)].concat();
        let error = outcome(&bytes, false, TIMEOUT, &Turns::new());
        assert!(is_lost(&error, ErrorKind::UnexpectedEof), "{error:?}");
    }

    #[test]
    fn what_is_not_tls_is_handed_back() {
        let request = b"GET / HTTP/1.1\r\n";
        match outcome(request, false, TIMEOUT, &Turns::new()) {
            HandshakeError::NotTls(bytes) => assert_eq!(bytes, request),
            error => panic!("{error:?}"),
        }
    }

    #[test]
    fn handshakes_wait_for_a_turn() {
        let turns = Turns::with_count(1);
        let taken = turns.take(Instant::now() + TIMEOUT).unwrap();
        let error = outcome(&begun(200), false, Duration::from_millis(50), &turns);
        assert!(is_lost(&error, ErrorKind::TimedOut), "{error:?}");
        drop(taken);
        assert!(turns.take(Instant::now() + TIMEOUT).is_ok(), "it was given back");
    }
}
