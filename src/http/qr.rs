//! QR codes of links.
//!
//! A code takes milliseconds of a core, far longer than any other response, and anyone may ask for one. So one thread
//! draws all of them, one after the other, at the lowest priority: it takes only time that the hubs leave. The threads
//! of connections cannot lower their own priority, because those of WebSockets inherit it.

use crate::http::request::Head;
use crate::http::response::Response;
use crate::platform::lower_priority;
use crossbeam_channel::{Receiver, Sender, bounded};
use qrcode::QrCode;
use qrcode::render::svg;
use std::borrow::Cow;
use std::io;
use std::thread;
use std::time::Duration;
use tungstenite::http::Method;

/// Longest link in a QR code, in bytes. It has space for the longest room name in a script of three bytes a character,
/// percent-encoded. A code of that length always exists.
const MAX_LINK: usize = 1000;

/// Links that wait while another is drawn: as many people of a class as choose *Invite* at once. The last of them waits
/// for less than 0.1 s, unless the hubs need all cores.
const QUEUE: usize = 8;

/// How long a request may wait for its code.
const TIMEOUT: Duration = Duration::from_secs(1);

/// The name of the thread.
const THREAD: &str = "qr codes";

/// Stack of the thread, in bytes: as much as the thread of a connection has.
const STACK_SIZE: usize = 256 * 1024;

/// The header for the link of a QR code. A link may hold a secret, and proxies log the URL but not this header.
const LINK_HEADER: &str = "typewall-link";

/// A link, and where its code goes.
#[derive(Debug)]
struct QrRequest {
    link: String,
    reply_to: Sender<Option<String>>,
}

/// Draws QR codes. Its thread ends with the last clone.
#[derive(Debug, Clone)]
pub struct QrCodes(Sender<QrRequest>);

impl QrCodes {
    /// Starts the thread.
    pub fn start() -> io::Result<Self> {
        let (codes, queue) = Self::new();
        let thread = thread::Builder::new().name(THREAD.to_owned()).stack_size(STACK_SIZE);
        thread.spawn(move || draw_all(&queue))?;
        Ok(codes)
    }

    /// Both ends of the queue.
    fn new() -> (Self, Receiver<QrRequest>) {
        let (requests, queue) = bounded(QUEUE);
        (Self(requests), queue)
    }

    /// The response to `qr.svg?link=LINK`, or to the same request with the link in a header.
    pub(super) fn response(&self, head: &Head) -> Result<Response, Response> {
        let link = link(head).filter(|link| link.len() <= MAX_LINK).ok_or_else(invalid_link)?;
        // The length of the code is not worth the time that it takes to draw it.
        if head.method() == Method::HEAD {
            return Ok(Response::svg_head());
        }
        let (reply_to, reply) = bounded(1);
        self.0.try_send(QrRequest { link: link.into_owned(), reply_to }).map_err(|_| busy())?;
        let svg = reply.recv_timeout(TIMEOUT).map_err(|_| busy())?;
        svg.map(Response::svg).ok_or_else(invalid_link)
    }
}

/// The link that a request asks for.
fn link(head: &Head) -> Option<Cow<'_, str>> {
    let in_header = head.headers().get(LINK_HEADER).and_then(|link| link.to_str().ok());
    let query = head.uri().query().unwrap_or_default();
    let in_query = || form_urlencoded::parse(query.as_bytes()).find(|(field, _)| field == "link");
    in_header.map(Cow::Borrowed).or_else(|| in_query().map(|(_, link)| link))
}

fn invalid_link() -> Response {
    Response::text(400, format!("Give a link of at most {MAX_LINK} bytes: /qr.svg?link=http…"))
}

fn busy() -> Response {
    Response::text(503, "Too many QR codes are being drawn; please try again later.")
        .with_header("Retry-After", "1")
}

/// Runs the thread, until all senders are gone.
fn draw_all(queue: &Receiver<QrRequest>) {
    if let Err(error) = lower_priority() {
        log::debug!("the priority of the thread for QR codes cannot be lowered: {error}");
    }
    for QrRequest { link, reply_to } in queue {
        // The connection may have ended, or have waited for too long.
        let _ = reply_to.send(qr_code(&link));
    }
}

/// The QR code of a link, as SVG. `None` if no code holds as much.
fn qr_code(link: &str) -> Option<String> {
    Some(QrCode::new(link).ok()?.render::<svg::Color<'_>>().build())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request::parse_head;

    fn request(method: &str, link: &str) -> Head {
        let text = format!("{method} /qr.svg?link={link} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        parse_head(text.as_bytes()).unwrap().expect("a whole head").1
    }

    fn written(response: Response, head_only: bool) -> String {
        let mut bytes = Vec::new();
        response.write(&mut bytes, head_only, false).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn nothing_is_drawn_for_a_link_that_is_too_long_or_for_a_head() {
        let (codes, queue) = QrCodes::new();
        let long = "x".repeat(MAX_LINK + 1);
        for method in ["GET", "HEAD"] {
            let refused = codes.response(&request(method, &long)).unwrap_err();
            assert!(written(refused, false).starts_with("HTTP/1.1 400 "), "{method}");
        }
        let head = written(codes.response(&request("HEAD", "http://a")).unwrap(), true);
        assert!(head.starts_with("HTTP/1.1 200 ") && head.contains("\r\nContent-Type: image/svg+xml\r\n"));
        assert!(head.ends_with("\r\n\r\n"), "{head}");
        assert!(!head.contains("Content-Length") && !head.contains("Transfer-Encoding"), "{head}");
        assert!(queue.is_empty());
    }

    #[test]
    fn one_link_too_many_is_told_to_come_back() {
        let (codes, queue) = QrCodes::new();
        let (reply_to, _reply) = bounded(1);
        let fill = || codes.0.try_send(QrRequest { link: String::new(), reply_to: reply_to.clone() });
        assert_eq!((0..1_000).map_while(|_| fill().ok()).count(), QUEUE);
        let refused = written(codes.response(&request("GET", "a")).unwrap_err(), false);
        assert!(refused.starts_with("HTTP/1.1 503 ") && refused.contains("\r\nRetry-After: 1\r\n"));
        assert_eq!(queue.len(), QUEUE, "it is not queued");
    }

    #[test]
    fn a_code_exists_for_every_link_that_is_not_too_long() {
        let codes = QrCodes::start().unwrap();
        for link in
            ["http://192.168.1.20:8080/?room=physics", &"x".repeat(MAX_LINK), &"%FF".repeat(MAX_LINK / 3)]
        {
            let drawn = codes.response(&request("GET", link)).unwrap();
            assert!(written(drawn, false).contains("<svg"), "{link}");
        }
        assert!(qr_code(&"é".repeat(MAX_LINK / 2)).is_some());
    }
}
