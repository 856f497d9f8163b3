//! Posts that a room's log does not have any more, but the server's store: a download over HTTP.

use crate::remote::connection::MAX_MESSAGE;
use crate::remote::entry::Visit;
use crate::remote::stream::Stream;
use crate::room::post::Post;
use chunked_transfer::Decoder;
use data_encoding::BASE64;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

/// A download may take this long, as on the server.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(300);

/// Bytes of the head of a response.
const MAX_HEAD: u64 = 16 * 1024;

/// Headers of a response. A proxy adds some.
const MAX_HEADERS: usize = 64;

/// The posts of a download, in order. It ends early if the connection does.
pub(crate) struct Older<R>(R);

impl Older<BufReader<Box<dyn Read>>> {
    /// Requests the posts with higher numbers than this. `None` if the server does not send them.
    pub(crate) fn request(visit: &Visit, after: u64) -> Option<Self> {
        let deadline = Instant::now() + DOWNLOAD_TIMEOUT;
        let mut stream = Stream::open(&visit.address, visit.tls.as_ref(), deadline).ok()?;
        stream.write_all(head(visit, after).as_bytes()).ok()?;
        stream.flush().ok()?;
        let mut stream = BufReader::new(stream);
        let is_chunked = read_head(&mut stream).ok()?;
        let body: Box<dyn Read> = if is_chunked { Box::new(Decoder::new(stream)) } else { Box::new(stream) };
        Some(Self(BufReader::new(body)))
    }
}

/// The head of the request.
fn head(visit: &Visit, after: u64) -> String {
    let (target, host) = (visit.address.log_target(after), &visit.address.authority);
    let mut head = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    if let Some(passphrase) = &visit.passphrase {
        let credentials = BASE64.encode(format!(":{}", passphrase.text()).as_bytes());
        head += &format!("Authorization: Basic {credentials}\r\n");
        if let Some(token) = passphrase.token() {
            head += &format!("Typewall-Token: {token}\r\n");
        }
    }
    head + "\r\n"
}

/// Reads the head of a response that has to be a success, and returns whether its body comes in chunks.
fn read_head(stream: &mut impl BufRead) -> io::Result<bool> {
    let mut head = Vec::new();
    let mut stream = stream.take(MAX_HEAD);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_until(b'\n', &mut head)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(&head).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
    if response.code != Some(200) {
        return Err(ErrorKind::InvalidData.into());
    }
    let is_chunked = |header: &httparse::Header<'_>| {
        header.name.eq_ignore_ascii_case("Transfer-Encoding") && header.value.eq_ignore_ascii_case(b"chunked")
    };
    Ok(response.headers.iter().any(is_chunked))
}

/// The server writes a JSON array with a line for each post, so no more than one has to be in memory.
impl<R: BufRead> Iterator for Older<R> {
    type Item = Post;

    fn next(&mut self) -> Option<Post> {
        loop {
            let mut line = Vec::new();
            let read = (&mut self.0).take(MAX_MESSAGE as u64).read_until(b'\n', &mut line);
            if read.ok()? == 0 {
                return None;
            }
            let object = line.trim_ascii();
            let object = object.strip_suffix(b",").unwrap_or(object);
            if let Ok(post) = serde_json::from_slice(object) {
                return Some(post);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::UserId;
    use crate::store::export::{Format, LogWriter};

    #[test]
    fn the_posts_of_a_log_are_read_one_by_one() {
        let posts = [1, 2, 3].map(|n| Post {
            n,
            id: UserId(1),
            name: "Ada".to_owned(),
            text: "one,\n]".to_owned(),
            at: n,
        });
        let mut log = Vec::new();
        let mut writer = LogWriter::new(&mut log, Format::Json);
        posts.iter().for_each(|post| writer.post(post).unwrap());
        writer.end().unwrap();
        assert_eq!(Older(&log[..]).collect::<Vec<_>>(), posts);
        assert_eq!(Older(&log[..log.len() - 10]).count(), 2, "a broken connection");
        assert_eq!(Older(&b"[]\n"[..]).count(), 0);
    }

    #[test]
    fn only_a_success_has_posts() {
        let read = |head: &str| read_head(&mut head.as_bytes()).ok();
        assert_eq!(read("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n[]"), Some(true));
        assert_eq!(read("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[]\n"), Some(false));
        assert_eq!(read("HTTP/1.1 401 Unauthorized\r\n\r\n"), None);
        assert_eq!(read("HTTP/1.1 200 OK\r\n"), None);
        assert_eq!(read(&format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(20_000))), None);
    }
}
