//! Serves what the conformance suites of Engine.IO and Socket.IO ask for, with the modules that serve rooms:
//! `cargo run --example socketio_conformance`. At `/engine.io/` each message comes back; so do the events of two
//! namespaces at `/socket.io/`, with their attachments.

use clap::Parser;
use serde_json::Value;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::num::ParseIntError;
use std::thread;
use std::time::Duration;
use typewall::Limits;
use typewall::internals::{
    Address, Application, ClientId, ConnectionLimiter, Content, Endpoint, EnginePacket, Exchange,
    InvalidMessage, Message, Output, Permit, Reaction, ResponseCounters, Served, SessionOptions,
    SocketPacket, SocketTransport, linger, read_head,
};

/// The namespaces that a client may enter.
const NAMESPACES: [&str; 2] = ["/", "/custom"];

/// Attachments that a packet may announce. Each is kept until the last one has come.
const MAX_ATTACHMENTS: usize = 16;

/// Connections at a time: more than a suite opens.
const MAX_CONNECTIONS: usize = 1_000;

/// Pause between the packets that answer a CONNECT. The suites wait for one message at a time, so they miss one that
/// arrives together with another.
const GAP: Duration = Duration::from_millis(20);

/// Bytes of the longest text, enough for a WebSocket message as long as the longest payload.
const MAX_TEXT: usize = 200_000;

/// Bytes of posted payloads, and of what waits, at a time.
const MAX_WAITING: usize = 64 * 1024 * 1024;

/// How long a connection may be idle, and how long a request head, or a response, may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Pause after a connection could not be accepted, most often because descriptors are used up.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves what the conformance suites of Engine.IO and Socket.IO ask for.
#[derive(Debug, Parser)]
struct Options {
    /// Address to listen on.
    #[arg(long, default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3000))]
    listen: SocketAddr,
    /// Time between two pings, in milliseconds.
    #[arg(long, default_value = "300", value_parser = millis)]
    ping_interval: Duration,
    /// How long a pong may take, in milliseconds.
    #[arg(long, default_value = "200", value_parser = millis)]
    ping_timeout: Duration,
    /// How long a client may take to enter a namespace, in milliseconds.
    #[arg(long, default_value = "1000", value_parser = millis)]
    connect_timeout: Duration,
}

fn millis(number: &str) -> Result<Duration, ParseIntError> {
    number.parse().map(Duration::from_millis)
}

fn main() -> io::Result<()> {
    let Options { listen, ping_interval, ping_timeout, connect_timeout } = Options::parse();
    serve(&TcpListener::bind(listen)?, SessionOptions { ping_interval, ping_timeout, connect_timeout })
}

/// What serves all connections.
#[derive(Debug, Clone)]
struct Endpoints {
    engine_io: Endpoint,
    socket_io: Endpoint,
}

/// Serves every connection that the listener accepts, each in a thread. Returns only if it cannot start.
pub(crate) fn serve(listener: &TcpListener, options: SessionOptions) -> io::Result<()> {
    let limits = Limits::DEFAULT.with_max_text(MAX_TEXT);
    let start = || Endpoint::start(options, limits, MAX_WAITING);
    let endpoints = Endpoints { engine_io: start()?, socket_io: start()? };
    let mut limiter = ConnectionLimiter::new(MAX_CONNECTIONS, None);
    for number in 1.. {
        let Ok((socket, peer)) = listener.accept() else {
            thread::sleep(ACCEPT_PAUSE);
            continue;
        };
        let address = Address::of(peer.ip());
        let Some(permit) = limiter.acquire(address) else { continue };
        let connection = Connection {
            endpoints: endpoints.clone(),
            client: ClientId(number),
            address,
            permit,
            responses: ResponseCounters::default(),
        };
        // Without a thread the connection is closed.
        let _ = thread::Builder::new().spawn(move || connection.serve(socket));
    }
    Ok(())
}

/// One accepted connection.
struct Connection {
    endpoints: Endpoints,
    client: ClientId,
    address: Address,
    permit: Permit,
    responses: ResponseCounters,
}

impl Connection {
    /// Responds to requests until the connection ends or becomes a WebSocket.
    fn serve(self, socket: TcpStream) {
        // An error means that the connection has ended.
        let _ = socket.set_nodelay(true);
        let (transport, mut buffer) = (SocketTransport::new(socket), Vec::new());
        loop {
            match self.respond(&transport, &mut buffer) {
                Ok(Served::Open) => {}
                Ok(Served::Upgraded) => return,
                Ok(Served::Close) | Err(_) => return linger(&transport),
            }
        }
    }

    fn respond(&self, transport: &SocketTransport, buffer: &mut Vec<u8>) -> io::Result<Served> {
        let head = read_head(transport, buffer, TIMEOUT, TIMEOUT).map_err(|_| io::ErrorKind::InvalidData)?;
        let exchange = Exchange {
            head: &head,
            transport,
            buffer,
            permit: &self.permit,
            client: self.client,
            address: self.address,
            timeout: TIMEOUT,
            responses: &self.responses,
        };
        match head.uri().path() {
            "/engine.io/" => self.endpoints.engine_io.serve(exchange, || Echo),
            "/socket.io/" => self.endpoints.socket_io.serve(exchange, || Namespaces::new(self.client)),
            _ => Ok(Served::Close),
        }
    }
}

/// Sends each message back.
struct Echo;

impl Application for Echo {
    fn receive(&mut self, message: Message<'_>, output: &mut Output) -> Result<Reaction, InvalidMessage> {
        output.send(match message {
            Message::Text(text) => EnginePacket::Message(text.to_owned().into()),
            Message::Binary(bytes) => EnginePacket::Binary(bytes.to_vec().into()),
        });
        Ok(Reaction::Stay)
    }

    fn is_connected(&self) -> bool {
        true // there is nothing to enter
    }
}

/// An event.
struct Event {
    namespace: &'static str,
    ack: Option<u64>,
    json: String,
    attachments: Vec<Vec<u8>>,
    /// Attachments that are still to come.
    missing: usize,
}

/// The namespaces, for one client.
struct Namespaces {
    client: ClientId,
    entered: Vec<&'static str>,
    has_entered: bool,
    /// An event whose attachments have not all come.
    incomplete: Option<Event>,
}

impl Namespaces {
    fn new(client: ClientId) -> Self {
        Self { client, entered: Vec::new(), has_entered: false, incomplete: None }
    }

    fn receive_packet(&mut self, text: &str, output: &mut Output) -> Result<(), InvalidMessage> {
        let SocketPacket { namespace, content } = SocketPacket::decode(text).map_err(|_| InvalidMessage)?;
        let known = NAMESPACES.into_iter().find(|known| *known == namespace);
        match (content, known) {
            (Content::Connect(_), None) => {
                let error = Content::ConnectError(r#"{"message":"Invalid namespace"}"#);
                send(SocketPacket { namespace, content: error }, output);
            }
            (_, None) => return Err(InvalidMessage),
            (Content::Connect(data), Some(namespace)) => return self.enter(namespace, data, output),
            (_, Some(namespace)) if !self.entered.contains(&namespace) => return Err(InvalidMessage),
            (Content::Disconnect, Some(namespace)) => self.entered.retain(|entered| *entered != namespace),
            (Content::Event { ack, json }, Some(namespace)) => {
                return receive_event(Event::new(namespace, ack, json, 0), output);
            }
            (Content::BinaryEvent { attachments: missing, ack, json }, Some(namespace)) => {
                if missing > MAX_ATTACHMENTS {
                    return Err(InvalidMessage);
                }
                self.incomplete = Some(Event::new(namespace, ack, json, missing));
                return self.receive_if_complete(output);
            }
            // The server asks for no acknowledgements.
            (Content::Ack { .. } | Content::BinaryAck { .. } | Content::ConnectError(_), _) => {
                return Err(InvalidMessage);
            }
        }
        Ok(())
    }

    /// Lets the client in, and sends it what it has said of itself.
    fn enter(
        &mut self,
        namespace: &'static str,
        data: Option<&str>,
        output: &mut Output,
    ) -> Result<(), InvalidMessage> {
        let data: Value = serde_json::from_str(data.unwrap_or("{}")).map_err(|_| InvalidMessage)?;
        if self.entered.contains(&namespace) {
            return Err(InvalidMessage);
        }
        self.entered.push(namespace);
        self.has_entered = true;
        let accepted = format!(r#"{{"sid":"client-{}-{}"}}"#, self.client.0, self.entered.len());
        send(SocketPacket { namespace, content: Content::Connect(Some(&accepted)) }, output);
        output.flush().map_err(|_| InvalidMessage)?;
        thread::sleep(GAP);
        let event = serde_json::json!(["auth", data]).to_string();
        send(SocketPacket { namespace, content: Content::Event { ack: None, json: &event } }, output);
        Ok(())
    }

    fn receive_attachment(&mut self, bytes: &[u8], output: &mut Output) -> Result<(), InvalidMessage> {
        let event = self.incomplete.as_mut().ok_or(InvalidMessage)?;
        event.attachments.push(bytes.to_vec());
        event.missing -= 1;
        self.receive_if_complete(output)
    }

    fn receive_if_complete(&mut self, output: &mut Output) -> Result<(), InvalidMessage> {
        self.incomplete
            .take_if(|event| event.missing == 0)
            .map_or(Ok(()), |event| receive_event(event, output))
    }
}

impl Application for Namespaces {
    fn receive(&mut self, message: Message<'_>, output: &mut Output) -> Result<Reaction, InvalidMessage> {
        match message {
            Message::Text(_) if self.incomplete.is_some() => return Err(InvalidMessage),
            Message::Text(text) => self.receive_packet(text, output)?,
            Message::Binary(bytes) => self.receive_attachment(bytes, output)?,
        }
        Ok(Reaction::Stay)
    }

    fn is_connected(&self) -> bool {
        self.has_entered
    }
}

impl Event {
    fn new(namespace: &'static str, ack: Option<u64>, json: &str, missing: usize) -> Self {
        Self { namespace, ack, json: json.to_owned(), attachments: Vec::new(), missing }
    }
}

/// Sends an event back, or acknowledges it. Events with other names have no effect.
fn receive_event(event: Event, output: &mut Output) -> Result<(), InvalidMessage> {
    let Event { namespace, ack, json, attachments, .. } = event;
    let mut arguments: Vec<Value> = serde_json::from_str(&json).map_err(|_| InvalidMessage)?;
    let Some(Value::String(name)) = arguments.first() else { return Err(InvalidMessage) };
    let ack = match (&name[..], ack) {
        ("message", _) => {
            arguments[0] = "message-back".into();
            None
        }
        ("message-with-ack", Some(ack)) => {
            arguments.remove(0);
            Some(ack)
        }
        _ => return Ok(()), // nobody handles it
    };
    let json = &Value::from(arguments).to_string();
    let content = match (ack, attachments.len()) {
        (None, 0) => Content::Event { ack: None, json },
        (None, attachments) => Content::BinaryEvent { attachments, ack: None, json },
        (Some(ack), 0) => Content::Ack { ack, json },
        (Some(ack), attachments) => Content::BinaryAck { attachments, ack, json },
    };
    send(SocketPacket { namespace, content }, output);
    attachments.into_iter().for_each(|bytes| output.send(EnginePacket::Binary(bytes.into())));
    Ok(())
}

fn send(packet: SocketPacket<'_>, output: &mut Output) {
    let mut text = String::new();
    packet.encode(&mut text);
    output.send(EnginePacket::Message(text.into()));
}
