//! The thread of a client.
//!
//! A connection has one thread while it speaks HTTP, and another one once it is a WebSocket. Every page of a stack that
//! was ever used takes memory as long as its thread lasts, and the handshake uses more pages than the reader. For the
//! same reason, functions with large stack frames are not inlined here. Measured with 10,000 idle clients (`cargo bench
//! --bench crowd -- --scenario idle`): 11.4 KiB a client; 15.4 with inlining; 20.9 on the connection's own thread.

use crate::base::address::Address;
use crate::base::ids::ClientId;
use crate::base::limits::Limits;
use crate::base::memory::MemoryLimit;
use crate::base::permits::Permit;
use crate::client::outlet::{End, Outlet};
use crate::client::reader::{self, Plain, Stream};
use crate::client::teller::{Membership, Teller};
use crate::delivery::transport::SocketTransport;
use crate::hub::event::{Event, FromClient, NewClient};
use crate::hub::shards::SocketEvent;
use crate::protocol::encoding::Encoding;
use crate::room::room_name::RoomName;
use crossbeam_channel::Sender;
use std::io::{self, Read};
use std::sync::Arc;
use std::thread;
use tungstenite::WebSocket;

/// Stack of a reader's thread, in bytes. Less than a quarter of a [connection's](crate::server), so that glibc, which
/// keeps the stacks of ended threads for new ones, does not give a reader one that a handshake has used.
const STACK_SIZE: usize = 48 * 1024;

/// A connection whose handshake is about to be answered.
#[derive(Debug)]
pub(crate) struct PendingUpgrade {
    /// The connection, on which reads block.
    pub transport: SocketTransport,
    /// The id of the client that it becomes.
    pub client: ClientId,
    /// Where it comes from.
    pub address: Address,
    /// The room that it requests.
    pub room: RoomName,
    /// The encoding that it asks for.
    pub encoding: Encoding,
    /// The response to the handshake, which the hub sends.
    pub handshake: Vec<u8>,
    /// The bytes that followed the handshake.
    pub already_read: Vec<u8>,
    /// The limits that apply to it.
    pub limits: Limits,
    /// The memory for its large messages.
    pub memory: Arc<MemoryLimit>,
    /// The hub of its room.
    pub hub: Sender<SocketEvent>,
    /// Its permit. If no thread can be started, the permit is free a moment before the connection ends.
    pub permit: Permit,
}

/// Starts a thread that tells the hub about the client and reads until its WebSocket ends. If no thread can be started,
/// the hub does not know the client, and the caller can still refuse the connection.
pub(crate) fn spawn(pending: PendingUpgrade) -> io::Result<()> {
    let thread = thread::Builder::new().name(format!("client {}", pending.client.0)).stack_size(STACK_SIZE);
    thread.spawn(move || run(pending)).map(drop)
}

fn run(pending: PendingUpgrade) {
    let limits = pending.limits;
    let Some((websocket, _permit)) = connect(pending) else { return };
    let (stream, end) = reader::read(websocket, &limits, &mut Plain(&limits));
    finish(&stream, end);
}

/// Has the hub close a connection whose client made an error, and waits for its end.
pub(crate) fn finish(stream: &Stream, end: End) {
    let (Some((code, reason)), Outlet::Hub(teller)) = (end, &stream.outlet) else { return };
    if teller.membership.tell(FromClient::ProtocolError { code, reason }).is_ok() {
        drain(stream.transport());
    }
}

/// Tells the hub about a client. `None` if the connection or the server has ended.
#[inline(never)] // its frame would stay on the stack
fn connect(pending: PendingUpgrade) -> Option<(Box<WebSocket<Box<Stream>>>, Permit)> {
    let PendingUpgrade { transport, client, address, room, encoding, handshake, already_read, .. } = pending;
    let PendingUpgrade { limits, memory, hub, permit, .. } = pending;
    // Without the time-out a client whose network is gone would stay for ever.
    transport.set_read_timeout(Some(limits.max_silence)).ok()?;
    let membership = Membership::new(client, hub);
    let new = NewClient {
        id: client,
        address,
        room,
        encoding,
        transport: transport.clone().into(),
        handshake,
        admitted: false,
    };
    membership.connect(Event::Connected(new)).ok()?;
    let outlet = Outlet::Hub(Teller::new(membership, &limits));
    Some((reader::websocket(transport, outlet, already_read, &limits, memory), permit))
}

/// Reads on and discards, so that a close frame is not lost to the reset that unread bytes cause. Ends with the
/// connection, which the hub cuts in time.
#[inline(never)] // its buffer would be on the stack of every reader
fn drain(mut transport: &SocketTransport) {
    let mut rest = [0; 1024];
    while matches!(transport.read(&mut rest), Ok(n) if n > 0) {}
}
