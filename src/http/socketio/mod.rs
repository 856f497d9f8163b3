//! Requests of Socket.IO clients: handshakes, [polls](poll), [posted payloads](payload) and [upgrades](probe).

mod payload;
mod poll;
mod probe;

use crate::base::counter::Counter;
use crate::base::limits::Limits;
use crate::base::memory::MemoryLimit;
use crate::base::permits::SPARE_CONNECTIONS;
use crate::client::socketio::application::Application;
use crate::client::socketio::heartbeat::SessionOptions;
use crate::client::socketio::session::Peer;
use crate::client::socketio::session_id::SessionId;
use crate::client::socketio::sessions::Sessions;
use crate::client::socketio::spawn::{NewSession, spawn_polling};
use crate::http::cors::preflight;
use crate::http::exchange::{Exchange, Served};
use crate::http::request::{Head, has_body};
use crate::http::response::Response;
use crate::hub::shards::Shards;
use crate::protocol::socketio::engine::EnginePacket;
use crate::protocol::socketio::handshake::{Handshake, RequestError};
use serde::Serialize;
use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tungstenite::http::Method;

/// Bytes of the longest payload that a client may post.
pub(crate) const MAX_PAYLOAD: usize = 1_000_000;

/// How long a client may take to enter a room.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// One in this many connections may belong to a client that has entered no room yet. If there are more such clients, one
/// of them is disconnected, so that strangers keep nobody out. A stock client enters at once, but after a restart many do
/// so together; because the spare connections count too, a small server has room for all of them.
const CONNECTIONS_PER_EARLY: usize = 4;

/// How long polls may take to be answered when the server stops: enough for clients that read, and little of the 5 s
/// after which the program ends in any case.
const STOP_TIMEOUT: Duration = Duration::from_millis(500);

/// The revision of Engine.IO.
const REVISION: &str = "4";

/// Serves the sessions of one application.
#[derive(Debug, Clone)]
pub struct Endpoint {
    sessions: Sessions,
    options: SessionOptions,
    limits: Limits,
    memory: Arc<MemoryLimit>,
}

/// Which transport a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TransportName {
    Polling,
    WebSocket,
}

/// What a request says of its session.
#[derive(Debug)]
struct Query {
    transport: TransportName,
    /// `None` if the request begins a session.
    id: Option<SessionId>,
}

impl Query {
    fn parse(head: &Head) -> Result<Self, RequestError> {
        let query = head.uri().query().unwrap_or_default();
        let field = |name: &str| {
            let mut fields = form_urlencoded::parse(query.as_bytes());
            fields.find(|(field, _)| field == name).map(|(_, value)| value)
        };
        let transport = match field("transport").as_deref() {
            Some("polling") => TransportName::Polling,
            Some("websocket") => TransportName::WebSocket,
            _ => return Err(RequestError::UnknownTransport),
        };
        if field("EIO").as_deref() != Some(REVISION) {
            return Err(RequestError::UnsupportedVersion);
        }
        let parse = |id: Cow<'_, str>| SessionId::parse(&id).ok_or(RequestError::UnknownSession);
        Ok(Self { transport, id: field("sid").map(parse).transpose()? })
    }
}

/// Whether requests for this path are served here.
pub(crate) fn serves(path: &str) -> bool {
    matches!(path, "/socket.io/" | "/socket.io")
}

/// Whether this is the path of a file of the client, which Socket.IO's own server has.
pub(crate) fn is_file(path: &str) -> bool {
    path.starts_with("/socket.io/")
}

impl Endpoint {
    /// Serves sessions with these times and limits, which may hold so much memory together. Starts a thread, which ends
    /// when all clones are gone.
    pub fn start(options: SessionOptions, limits: Limits, max_waiting: usize) -> io::Result<Self> {
        let memory = MemoryLimit::new(Counter::default(), max_waiting, 1).into();
        Ok(Self { sessions: Sessions::start(max_early(&limits))?, options, limits, memory })
    }

    /// Serves rooms: clients are pinged as often as pages, and dropped as soon. What they hold counts as input.
    pub fn for_rooms(limits: Limits, shards: &Shards) -> io::Result<Self> {
        let options = SessionOptions {
            ping_interval: limits.ping_every,
            ping_timeout: limits.max_silence.saturating_sub(limits.ping_every),
            connect_timeout: CONNECT_TIMEOUT,
        };
        let sessions = Sessions::start(max_early(&limits))?;
        Ok(Self { sessions, options, limits, memory: Arc::clone(&shards.input) })
    }

    /// Ends all sessions that belong to no hub, and waits until all polls are answered.
    pub(crate) fn stop(&self) {
        if !self.sessions.stop(STOP_TIMEOUT) {
            log::debug!("some clients that poll did not read why their sessions ended");
        }
    }

    /// Whether a request is of a session of rooms that polls, whose pace is its own: it ends when it has too many
    /// requests at once. Another request must not pass for one, because it would not wait for its turn.
    pub(crate) fn is_of_session(&self, head: &Head) -> bool {
        if !serves(head.uri().path()) || !matches!(head.method(), &Method::GET | &Method::POST) {
            return false;
        }
        let query = Query::parse(head).ok().filter(|query| query.transport == TransportName::Polling);
        let session = query.and_then(|query| query.id).and_then(|id| self.sessions.find(id));
        session.is_some_and(|session| session.is_polling)
    }

    /// Serves a request. If it begins a session, `app` is asked for what handles its messages.
    pub fn serve<A: Application>(
        &self,
        mut exchange: Exchange<'_>,
        app: impl FnOnce() -> A,
    ) -> io::Result<Served> {
        let head = exchange.head;
        // Only a posted payload is read. The bytes of another body would be taken for the next request.
        if head.method() != Method::POST && has_body(head) {
            return exchange.refuse(RequestError::BadRequest);
        }
        if head.method() == Method::OPTIONS {
            return exchange.respond(preflight(head), false);
        }
        let outcome = Query::parse(head).and_then(|query| match (query.transport, query.id, head.method()) {
            (TransportName::Polling, None, &Method::GET) => self.open(&exchange, app()),
            (_, None, method) if method != Method::GET => Err(RequestError::BadMethod),
            (TransportName::WebSocket, None, _) => Ok(self.open_websocket(&mut exchange, app())),
            (TransportName::WebSocket, Some(id), &Method::GET) => Ok(self.probe(&mut exchange, id)),
            (TransportName::Polling, Some(id), &Method::GET) => Ok(self.poll(&exchange, id)),
            (TransportName::Polling, Some(id), &Method::POST) => Ok(self.post(&mut exchange, id)),
            _ => Err(RequestError::BadRequest),
        });
        outcome.unwrap_or_else(|error| exchange.refuse(error))
    }

    /// Begins a session that polls.
    fn open<A: Application>(
        &self,
        exchange: &Exchange<'_>,
        app: A,
    ) -> Result<io::Result<Served>, RequestError> {
        let new = self.session(exchange, app);
        let id = new.id;
        let permit = exchange.permit.another().ok_or(io::ErrorKind::QuotaExceeded.into());
        let spawned = permit.and_then(|permit| spawn_polling(new, permit));
        if let Err(error) = spawned {
            log::debug!("client {} is refused: {error}", exchange.client.0);
            return Ok(exchange.respond(Response::too_many_connections(), true));
        }
        let mut payload = String::new();
        self.handshake(id, &["websocket"]).encode(&mut payload);
        // The id of the client is that of the connection, so each connection begins one session at most.
        Ok(exchange.respond(Response::payload(payload.into()), true))
    }

    fn session<A>(&self, exchange: &Exchange<'_>, app: A) -> NewSession<A> {
        let peer = Peer { client: exchange.client, address: exchange.address, limits: self.limits };
        let (id, sessions, memory) = (SessionId::random(), self.sessions.clone(), Arc::clone(&self.memory));
        NewSession { peer, options: self.options, id, sessions, app, memory }
    }

    /// The first packet of a session.
    fn handshake(&self, id: SessionId, upgrades: &'static [&'static str]) -> EnginePacket<'static> {
        let SessionOptions { ping_interval, ping_timeout, .. } = self.options;
        let sid = &id.to_string();
        let handshake = Handshake { sid, upgrades, ping_interval, ping_timeout, max_payload: MAX_PAYLOAD };
        EnginePacket::Open(json(&handshake).into())
    }
}

impl Exchange<'_> {
    fn refuse(&self, error: RequestError) -> io::Result<Served> {
        self.respond(Response::json(&error).with_status(400), true)
    }
}

/// How many clients may be in no room.
fn max_early(limits: &Limits) -> usize {
    limits.max_clients.saturating_add(SPARE_CONNECTIONS) / CONNECTIONS_PER_EARLY
}

fn json(data: &impl Serialize) -> String {
    serde_json::to_string(data).expect("wire types have string keys")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::address::Address;
    use crate::client::socketio::sessions::Connection;
    use crate::delivery::transport::SocketTransport;
    use crate::http::request::parse_head;
    use crate::hub::shards::Shard;
    use crossbeam_channel::bounded;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    #[test]
    fn only_polls_and_payloads_of_a_session_that_polls_pass_for_those_of_a_session() {
        let shards = Shards::new(vec![bounded(1).0], &Shard::single(), 0);
        let endpoint = Endpoint::for_rooms(Limits::DEFAULT, &shards).unwrap();
        let (address, id) = (Address::of(Ipv4Addr::LOCALHOST.into()), SessionId::random());
        let entry = endpoint.sessions.add(address, id, Connection::Polling(bounded(1).0));
        let is_of_session = |method: &str, path: &str, transport: &str| {
            let query = format!("EIO=4&transport={transport}&sid={id}");
            let head = format!("{method} {path}?{query} HTTP/1.1\r\n\r\n");
            endpoint.is_of_session(&parse_head(head.as_bytes()).unwrap().expect("a whole head").1)
        };
        assert!(
            is_of_session("GET", "/socket.io/", "polling") && is_of_session("POST", "/socket.io/", "polling")
        );
        assert!(!is_of_session("GET", "/socket.io/", "websocket") && !is_of_session("GET", "/", "polling"));
        assert!(!is_of_session("OPTIONS", "/socket.io/", "polling"), "it would end no session");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        entry.upgrade(SocketTransport::new(socket));
        assert!(!is_of_session("GET", "/socket.io/", "polling"), "it has upgraded");
    }
}
