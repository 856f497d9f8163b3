//! Downloads: long bodies in chunks, whose clients may be slow, but not for ever.

use crate::base::address_slots::{AddressSlot, AddressSlots};
use crate::delivery::deadline_stream::DeadlineStream;
use crate::delivery::transport::SocketTransport;
use chunked_transfer::Encoder;
use std::io::{self, ErrorKind, Write};
use std::time::{Duration, Instant};

/// How long a download may take. A slower client keeps what it has received, and can request the posts after that.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(300);

/// Downloads at once. Each holds the store open, or a room's posts or a part of its wall in memory, until its client has read them.
pub const MAX_DOWNLOADS: usize = 64;

/// Downloads at once by clients at one address, so that an address whose clients read slowly does not use up all of
/// them. A client that reads takes a moment, even in a class that saves the log together.
pub const MAX_DOWNLOADS_PER_ADDRESS: usize = 8;

/// Issues permits for downloads, up to [`MAX_DOWNLOADS`], and [`MAX_DOWNLOADS_PER_ADDRESS`] of them for one address.
pub type DownloadLimiter = AddressSlots<MAX_DOWNLOADS, MAX_DOWNLOADS_PER_ADDRESS>;

/// Permission for one download.
pub(crate) type DownloadPermit = AddressSlot<MAX_DOWNLOADS>;

/// Sends what `write` writes as a chunked body. Fails if one write takes longer than `timeout`, or the download longer
/// than [`DOWNLOAD_TIMEOUT`].
pub(super) fn send_chunked(
    transport: &SocketTransport,
    timeout: Duration,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    send_until(transport, timeout, Instant::now() + DOWNLOAD_TIMEOUT, write)
}

fn send_until(
    transport: &SocketTransport,
    timeout: Duration,
    deadline: Instant,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut body = Encoder::new(DownloadStream { transport, timeout, deadline, is_aborted: false });
    let sent = write(&mut body);
    // The encoder writes the last chunk when it is dropped. After an error that would make the body look complete.
    body.get_mut().is_aborted = sent.is_err();
    sent
}

/// A socket whose writes may each take `timeout`, but none may end after the deadline.
struct DownloadStream<'a> {
    transport: &'a SocketTransport,
    timeout: Duration,
    deadline: Instant,
    /// Nothing more is written.
    is_aborted: bool,
}

impl Write for DownloadStream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_aborted {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let deadline = self.deadline.min(Instant::now() + self.timeout);
        DeadlineStream::new(self.transport, deadline).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    const TIMEOUT: Duration = Duration::from_secs(60);

    fn connection() -> (TcpStream, SocketTransport) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, SocketTransport::new(listener.accept().unwrap().0))
    }

    /// Writes far more than the system buffers.
    fn long(to: &mut dyn Write) -> io::Result<()> {
        (0..100).try_for_each(|_| to.write_all(&[b'x'; 100_000]))
    }

    #[test]
    fn a_download_fails_after_its_deadline_even_if_its_client_reads_fast() {
        let (mut reader, socket) = connection();
        let reads = std::thread::spawn(move || io::copy(&mut reader, &mut io::sink()));
        send_until(&socket, TIMEOUT, Instant::now() + TIMEOUT, long).unwrap();
        let late = send_until(&socket, TIMEOUT, Instant::now(), long);
        assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
        drop(socket);
        assert!(reads.join().unwrap().unwrap() > 10_000_000, "the first download is complete");
    }

    #[test]
    fn a_download_fails_if_its_client_reads_nothing() {
        let (_client, socket) = connection();
        let (done, outcome) = crossbeam_channel::bounded(1);
        std::thread::spawn(move || done.send(send_chunked(&socket, Duration::from_millis(50), long)));
        let sent = outcome.recv_timeout(TIMEOUT).expect("an end, though nobody reads");
        assert!(matches!(sent.unwrap_err().kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock));
    }
}
