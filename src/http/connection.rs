//! One accepted connection: reads its requests and routes them to the page or into a room.

use crate::base::address::Address;
use crate::base::ids::ClientId;
use crate::base::limits::Limits;
use crate::base::passphrase::Passphrase;
use crate::base::permits::Permit;
use crate::client::spawn::{PendingUpgrade, spawn};
use crate::delivery::transport::{SocketTransport, Transport};
use crate::http::access::Access;
use crate::http::auth::from_authorization;
use crate::http::invite;
use crate::http::log_route::{Downloads, LogRequest};
use crate::http::page::Page;
use crate::http::request::{Head, Timed, Unread, read_head};
use crate::http::response::Answer;
use crate::hub::event::Event;
use crate::hub::shards::Shards;
use crate::protocol::encoding::Encoding;
use crate::protocol::error::EventError;
use crate::protocol::invitation::Invitation;
use crate::room::names::{RoomName, RoomNameTooLong};
use crossbeam_channel::bounded;
use std::borrow::Cow;
use std::io::{self, Read};
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tungstenite::error::{Error, ProtocolError};
use tungstenite::handshake::server::{Response, create_response, write_response};
use tungstenite::http::{Method, Version, header};

/// How long a connection may be silent before its next request: long enough to reload, short enough for many.
const IDLE_PATIENCE: Duration = Duration::from_secs(15);

/// How long a request's head may take in all, and an answer.
pub const REQUEST_PATIENCE: Duration = Duration::from_secs(10);

/// How long what a client still sends is thrown away after the last answer, so that a reset does not eat it.
const LINGER: Duration = Duration::from_secs(1);

/// A link to be shown as a QR code: in a header, for it may hold a secret, and addresses are written into logs.
const LINK_HEADER: &str = "typewall-link";

/// How long a hub may take to answer what is asked over HTTP.
pub const HUB_PATIENCE: Duration = Duration::from_secs(1);

/// What shows something of a room, and is for those who have the passphrase if there is one.
const SHOWS_ROOMS: [&str; 2] = ["/log", "/invite"];

/// How a request is asked for the passphrase: as the password of any name.
const CHALLENGE: &str = "Basic realm=\"Typewall\", charset=\"UTF-8\"";

/// One accepted connection, while it still speaks HTTP.
#[derive(Debug)]
pub struct Connection {
    /// The socket, on which reads block.
    pub transport: SocketTransport,
    /// The other end: a browser's or a proxy's.
    pub peer: IpAddr,
    /// Who it will be if it becomes a WebSocket.
    pub client: ClientId,
    /// What that client may send.
    pub limits: Limits,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Who may get in.
    pub access: Arc<Access>,
    /// The page and its words.
    pub page: Arc<Page>,
    /// The file that posts are stored in, if they are.
    pub store: Option<Arc<Path>>,
    /// The logs that are being sent to any connection.
    pub downloads: Downloads,
    /// Where its events go.
    pub shards: Shards,
    /// Its place among all, which it has as long as it lasts.
    pub permit: Permit,
}

/// Where a request leads.
enum Route {
    Answer(Answer),
    Log(LogRequest),
    Room(Response, RoomName, Encoding, Address),
}

impl Connection {
    /// Answers requests until the connection ends or becomes a WebSocket.
    pub fn serve(self) {
        let mut buffer = Vec::new();
        loop {
            let head = match read_head(&self.transport, &mut buffer, IDLE_PATIENCE, REQUEST_PATIENCE) {
                Ok(head) => head,
                Err(unread) => return self.refuse(&unread),
            };
            match self.route(&head) {
                Route::Room(response, room, encoding, address) => {
                    let mut handshake = Vec::new();
                    // A Vec takes every write.
                    let _ = write_response(&mut handshake, &response);
                    return self.upgrade(handshake, buffer, room, encoding, address);
                }
                Route::Log(request) => return self.send_log(&head, &request),
                Route::Answer(answer) => {
                    let last = is_last(&head);
                    if write(&self.transport, answer, head.method() == Method::HEAD, last).is_err() || last {
                        return linger(&self.transport);
                    }
                }
            }
        }
    }

    fn refuse(self, unread: &Unread) {
        let answer = match unread {
            Unread::Gone => return,
            Unread::Late => Answer::sentence(408, "The request took too long."),
            Unread::TooLarge => Answer::sentence(431, "The request's head is too large."),
            Unread::Malformed => Answer::sentence(400, "That was not an HTTP/1.1 request."),
        };
        if write(&self.transport, answer, false, true).is_ok() {
            linger(&self.transport);
        }
    }

    fn route(&self, head: &Head) -> Route {
        if let Err(denied) = self.access.check(head, self.listen) {
            log::debug!("client {} is denied: {denied}", self.client.0);
            return Route::Answer(Answer::sentence(denied.status(), denied.to_string()));
        }
        if SHOWS_ROOMS.contains(&head.uri().path())
            && let Err(answer) = self.unlock(head)
        {
            return Route::Answer(answer);
        }
        let method = head.method();
        let query = head.uri().query().unwrap_or_default();
        let readable = method == Method::GET || method == Method::HEAD;
        if let Some(answer) = self.page.answer(head.uri().path(), head.headers()) {
            return Route::Answer(if readable { answer } else { only_readable() });
        }
        let answer = match head.uri().path() {
            "/healthz" if readable => self.examine(self.unlock(head).is_ok()),
            "/log" if readable => match LogRequest::from_query(query) {
                Ok(request) => return Route::Log(request),
                Err(answer) => answer,
            },
            "/invite" if readable => {
                self.invite(query).unwrap_or_else(|error| Answer::sentence(400, error.to_string()))
            }
            "/qr.svg" if readable => picture(head, query),
            "/ws" if method == Method::GET => match enter(head) {
                Ok((response, room, form)) => {
                    return Route::Room(response, room, form, self.access.address(head, self.peer));
                }
                Err(answer) => answer,
            },
            "/ws" => Answer::sentence(405, "A WebSocket is opened with GET.").with("Allow", "GET"),
            "/healthz" | "/invite" | "/log" | "/qr.svg" => only_readable(),
            _ => Answer::sentence(404, "Not found; the wall is at /."),
        };
        Route::Answer(answer)
    }

    /// Checks the passphrase of a request that shows something of a room.
    fn unlock(&self, head: &Head) -> Result<(), Answer> {
        if self.access.passphrase.is_none() {
            return Ok(());
        }
        let given = head.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let checked = match given.and_then(from_authorization) {
            Some(passphrase) => self.knock(self.access.address(head, self.peer), passphrase)?,
            None => Err(EventError::PassphraseNeeded),
        };
        checked.map_err(|refusal| match refusal {
            EventError::PassphraseWait(wait) => {
                Answer::sentence(429, refusal.to_string()).with("Retry-After", wait.to_string())
            }
            EventError::PassphraseNeeded => {
                Answer::sentence(401, "This needs the passphrase, as the password of any user name.")
                    .with("WWW-Authenticate", CHALLENGE)
            }
            _ => Answer::sentence(401, refusal.to_string()).with("WWW-Authenticate", CHALLENGE),
        })
    }

    /// Asks the hub, which remembers who has given wrong ones.
    fn knock(&self, address: Address, passphrase: Passphrase) -> Result<Result<(), EventError>, Answer> {
        let (reply_to, answer) = bounded(1);
        let asked = self
            .shards
            .only()
            .send_timeout(Event::PassphraseCheck { address, passphrase, reply_to }, HUB_PATIENCE);
        let answer = asked.ok().and_then(|()| answer.recv_timeout(HUB_PATIENCE).ok());
        answer.ok_or_else(|| Answer::sentence(503, "The server is too busy; please try again later."))
    }

    fn examine(&self, shows_rooms: bool) -> Answer {
        Answer::health(self.shards.health(HUB_PATIENCE), shows_rooms)
    }

    /// Answers with a log, and ends the connection.
    fn send_log(self, head: &Head, request: &LogRequest) {
        let sent = match request.open(self.store.as_deref(), &self.shards, &self.downloads) {
            Ok(log) => {
                let is_wanted = head.method() == Method::GET;
                Answer::stream(request.format.content_type())
                    .write(timed(&self.transport, REQUEST_PATIENCE), true, true)
                    .and_then(|()| if is_wanted { log.send(&self.transport) } else { Ok(()) })
            }
            Err(answer) => write(&self.transport, answer, head.method() == Method::HEAD, true),
        };
        match sent {
            Ok(()) => linger(&self.transport),
            // The client can tell, because the last chunk is missing.
            Err(error) => log::debug!("a log was not sent whole: {error}"),
        }
    }

    fn invite(&self, query: &str) -> Result<Answer, RoomNameTooLong> {
        let room = RoomName::from_query(query)?;
        Ok(Answer::json(&Invitation { links: invite::links(self.listen, &room) }))
    }

    /// Makes the connection a WebSocket. From here on only the hub writes to it.
    fn upgrade(
        self,
        handshake: Vec<u8>,
        already_read: Vec<u8>,
        room: RoomName,
        encoding: Encoding,
        address: Address,
    ) {
        let Self { transport, client, limits, shards, permit, .. } = self;
        let hub = shards.of_room(&room).clone();
        let pending = PendingUpgrade {
            transport: transport.clone(),
            client,
            address,
            room,
            encoding,
            handshake,
            already_read,
            limits,
            hub,
            permit,
        };
        if let Err(error) = spawn(pending) {
            log::warn!("a client is refused because no thread can be started: {error}");
            if write(&transport, Answer::exhausted(), false, true).is_ok() {
                linger(&transport);
            }
        }
    }
}

/// The answer to a request that would change what can only be read.
fn only_readable() -> Answer {
    Answer::sentence(405, "Only GET and HEAD are served here.").with("Allow", "GET, HEAD")
}

fn write(transport: &SocketTransport, answer: Answer, head_only: bool, last: bool) -> io::Result<()> {
    answer.write(timed(transport, REQUEST_PATIENCE), head_only, last)
}

/// Ends a connection so that the last answer arrives even if the client is still sending.
fn linger(transport: &SocketTransport) {
    transport.shutdown(Shutdown::Write);
    let mut rest = [0; 1024];
    let mut timed = timed(transport, LINGER);
    while matches!(timed.read(&mut rest), Ok(n) if n > 0) {}
}

fn timed(transport: &SocketTransport, patience: Duration) -> Timed<'_> {
    Timed { transport, deadline: Instant::now() + patience }
}

fn picture(head: &Head, query: &str) -> Answer {
    let in_header = head.headers().get(LINK_HEADER).and_then(|link| link.to_str().ok());
    let in_query = || form_urlencoded::parse(query.as_bytes()).find(|(field, _)| field == "link");
    let link = in_header.map(Cow::Borrowed).or_else(|| in_query().map(|(_, link)| link));
    match link.and_then(|link| invite::qr(&link)) {
        Some(svg) => Answer::picture(svg),
        None => {
            Answer::sentence(400, format!("Give a link of at most {} bytes: ?link=http…", invite::MAX_LINK))
        }
    }
}

/// Which room a request for a WebSocket leads to, and in which form it wants texts, or why it does not.
fn enter(head: &Head) -> Result<(Response, RoomName, Encoding), Answer> {
    let response = create_response(head).map_err(|error| match error {
        Error::Protocol(
            ProtocolError::MissingConnectionUpgradeHeader | ProtocolError::MissingUpgradeWebSocketHeader,
        ) => Answer::sentence(426, "This address is for WebSockets; the page is beside it.")
            .with("Connection", "Upgrade")
            .with("Upgrade", "websocket"),
        Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => {
            Answer::sentence(426, "Only version 13 of WebSocket is spoken here.")
                .with("Connection", "Upgrade")
                .with("Upgrade", "websocket")
                .with("Sec-WebSocket-Version", "13")
        }
        error => Answer::sentence(400, format!("That is no WebSocket handshake: {error}.")),
    })?;
    if has_body(head) {
        return Err(Answer::sentence(400, "A WebSocket handshake has no body."));
    }
    let query = head.uri().query().unwrap_or_default();
    let room = RoomName::from_query(query).map_err(|error| Answer::sentence(400, error.to_string()))?;
    let spliced =
        form_urlencoded::parse(query.as_bytes()).any(|(field, value)| field == "splice" && value == "1");
    Ok((response, room, if spliced { Encoding::PlainSpliced } else { Encoding::PlainWhole }))
}

/// True when nothing can follow a request on its connection: it asks for that, or it has a body, which is
/// not read because nothing here takes one.
fn is_last(head: &Head) -> bool {
    let asks = head.headers().get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let closes =
        asks.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case("close"));
    has_body(head) || closes || head.version() < Version::HTTP_11
}

fn has_body(head: &Head) -> bool {
    let lengths = head.headers().get_all(header::CONTENT_LENGTH);
    head.headers().contains_key(header::TRANSFER_ENCODING) || lengths.iter().any(|len| len != "0")
}
