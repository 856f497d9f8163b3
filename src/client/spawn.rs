//! The thread of a client.
//!
//! A connection has one thread while it speaks HTTP, and another one once it is a WebSocket. Every client costs the pages
//! of its stack that were ever used, and the handshake uses four pages, the reader only two: 10,000 idle clients take
//! 11.4 KiB each instead of 19. For the same reason what needs a large stack frame is not inlined here.

use crate::base::address::Address;
use crate::base::ids::ClientId;
use crate::base::limits::Limits;
use crate::base::permits::Permit;
use crate::client::reader::{self, Membership, Stream};
use crate::delivery::transport::SocketTransport;
use crate::hub::event::{Event, NewClient};
use crate::hub::shards::SocketEvent;
use crate::protocol::encoding::Encoding;
use crate::room::names::RoomName;
use crossbeam_channel::Sender;
use std::io::{self, Read};
use std::thread;
use tungstenite::WebSocket;

/// Stack of a reader's thread, in bytes. Less than a quarter of a [connection's](crate::server), so that glibc, which keeps
/// the stacks of ended threads for new ones, does not give a reader one that a handshake has used.
const STACK_SIZE: usize = 48 * 1024;

/// A connection whose handshake is about to be answered.
#[derive(Debug)]
pub(crate) struct PendingUpgrade {
    /// The connection, on which reads block.
    pub transport: SocketTransport,
    /// Who it will be.
    pub client: ClientId,
    /// Where it comes from.
    pub address: Address,
    /// The room it wants to enter.
    pub room: RoomName,
    /// How it wants to be sent events.
    pub encoding: Encoding,
    /// The response to the handshake, which the hub sends.
    pub handshake: Vec<u8>,
    /// What came behind the handshake.
    pub already_read: Vec<u8>,
    /// What it may send.
    pub limits: Limits,
    /// The hub of its room.
    pub hub: Sender<SocketEvent>,
    /// Its permit, which it keeps. If no thread can be started it is free a moment before the connection ends.
    pub permit: Permit,
}

/// Starts a thread that tells the hub of the client and reads until its WebSocket ends. If no thread can be started the hub
/// has not heard of the client, and it can still be refused.
pub(crate) fn spawn(pending: PendingUpgrade) -> io::Result<()> {
    let thread = thread::Builder::new().name(format!("client {}", pending.client.0)).stack_size(STACK_SIZE);
    thread.spawn(move || run(pending)).map(drop)
}

fn run(pending: PendingUpgrade) {
    let (client, limits) = (pending.client, pending.limits);
    let Some((mut websocket, _permit)) = connect(pending) else { return };
    let Some((code, reason)) = reader::read(&mut websocket, &limits) else { return };
    let (transport, membership) = websocket.get_ref().parts();
    if membership.send(Event::ProtocolError { client, code, reason }).is_ok() {
        drain(transport);
    }
}

/// Tells the hub of a client; `None` if the connection or the server has ended.
#[inline(never)] // its stack frame would stay in use
fn connect(pending: PendingUpgrade) -> Option<(Box<WebSocket<Stream>>, Permit)> {
    let PendingUpgrade { transport, client, address, room, encoding, handshake, already_read, .. } = pending;
    let PendingUpgrade { limits, hub, permit, .. } = pending;
    // Without the time-out a client whose network is gone would stay for ever.
    transport.set_read_timeout(Some(limits.max_silence)).ok()?;
    let membership = Membership::new(client, hub);
    let new = NewClient { id: client, address, room, encoding, transport: transport.clone(), handshake };
    membership.send(Event::Connected(new)).ok()?;
    Some((reader::websocket(transport, membership, already_read, &limits), permit))
}

/// Reads on and discards, so that a close frame is not lost to the reset that unread bytes cause. Ends with the connection,
/// which the hub cuts in time.
#[inline(never)] // its buffer would be on the stack of every reader
fn drain(mut transport: &SocketTransport) {
    let mut rest = [0; 1024];
    while matches!(transport.read(&mut rest), Ok(n) if n > 0) {}
}
