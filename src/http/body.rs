//! Bodies of requests: of a length that is announced and bounded, and within the memory for what arrives.

use crate::base::memory::{Charge, MemoryLimit};
use crate::delivery::deadline_stream::DeadlineStream;
use crate::delivery::transport::SocketTransport;
use crate::http::request::Head;
use crate::platform::Peer;
use std::io::{self, ErrorKind, Read};
use std::time::{Duration, Instant};
use tungstenite::http::header;

/// Pause before a body is read on while the memory for what arrives is used up.
const MEMORY_PAUSE: Duration = Duration::from_millis(50);

/// Bytes that are read at once.
const READ_LENGTH: usize = 16 * 1024;

/// Why a body is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LengthError {
    /// The request does not say how long its body is.
    Missing,
    /// `Content-Length` is not a length.
    Invalid,
    /// The body is too long.
    TooLong,
}

/// The length of a request's body, at most `max` bytes.
pub(crate) fn body_length(head: &Head, max: usize) -> Result<usize, LengthError> {
    let headers = head.headers();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(LengthError::Missing);
    }
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let length = match (lengths.next(), lengths.next()) {
        (Some(length), None) => length.to_str().map_err(|_| LengthError::Invalid)?,
        (None, _) => return Err(LengthError::Missing),
        (Some(_), Some(_)) => return Err(LengthError::Invalid),
    };
    // Rust's own parser would also accept a plus sign.
    let digits = Some(length).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
    let length: u64 = digits.and_then(|digits| digits.parse().ok()).ok_or(LengthError::Invalid)?;
    usize::try_from(length).ok().filter(|length| *length <= max).ok_or(LengthError::TooLong)
}

/// Reads a body of this length. The bytes of it that were read with the head are taken from `buffer`. While the memory
/// for what arrives is used up, the client has to wait. After the deadline, fails with [`ErrorKind::OutOfMemory`] if it
/// waited for memory, otherwise as a read of the socket does.
pub(crate) fn read_body(
    transport: &SocketTransport,
    buffer: &mut Vec<u8>,
    length: usize,
    memory: &MemoryLimit,
    deadline: Instant,
) -> io::Result<(Vec<u8>, Charge)> {
    let mut charge = memory.charge();
    let buffered = buffer.len().min(length);
    let mut body: Vec<u8> = buffer.drain(..buffered).collect();
    let mut stream = DeadlineStream::new(transport, deadline);
    while body.len() < length {
        charge.set(body.len() + READ_LENGTH);
        wait_for_memory(transport, memory, deadline)?;
        let (start, end) = (body.len(), length.min(body.len() + READ_LENGTH));
        body.resize(end, 0);
        let read = stream.read(&mut body[start..])?;
        body.truncate(start + read);
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    charge.set(body.capacity());
    Ok((body, charge))
}

fn wait_for_memory(transport: &SocketTransport, memory: &MemoryLimit, deadline: Instant) -> io::Result<()> {
    while memory.is_over() {
        // A client that has closed its side may have sent the rest before, so the wait goes on for it.
        if transport.wait_for_end(MEMORY_PAUSE)? == Peer::Gone {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        if Instant::now() > deadline {
            return Err(ErrorKind::OutOfMemory.into());
        }
    }
    Ok(())
}
