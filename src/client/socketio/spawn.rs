//! The threads of sessions.

use crate::base::ids::ClientId;
use crate::base::memory::MemoryLimit;
use crate::base::permits::Permit;
use crate::client::outlet::{End, Outlet};
use crate::client::reader::{self, ClientSocket};
use crate::client::socketio::application::Application;
use crate::client::socketio::heartbeat::SessionOptions;
use crate::client::socketio::mailbox::{CAPACITY, Mailbox, Upgrade};
use crate::client::socketio::output::Output;
use crate::client::socketio::session::{Peer, Session};
use crate::client::socketio::session_id::SessionId;
use crate::client::socketio::sessions::{Connection, Sessions};
use crate::client::spawn::finish;
use crate::protocol::socketio::engine::EnginePacket;
use crossbeam_channel::bounded;
use std::io;
use std::sync::Arc;
use std::thread;

/// Stack of a session's thread, in bytes. Only the part in use takes memory.
const STACK_SIZE: usize = 64 * 1024;

/// What a session needs from the server.
#[derive(Debug, Clone)]
pub(crate) struct NewSession<A> {
    /// Who it is with.
    pub peer: Peer,
    /// The times.
    pub options: SessionOptions,
    /// Its id.
    pub id: SessionId,
    /// Where it is listed.
    pub sessions: Sessions,
    /// Handles the messages.
    pub app: A,
    /// The memory for what arrives and waits.
    pub memory: Arc<MemoryLimit>,
}

impl<A: Application> NewSession<A> {
    /// Lists the session. Its time begins before the client hears of it.
    fn begin(self, connection: Connection) -> Box<Session<A>> {
        let entry = self.sessions.add(self.peer.address, self.id, connection);
        Box::new(Session::new(self.app, self.peer, self.options, entry)) // each frame that it passes would hold a copy
    }
}

/// Starts a session that polls. Later requests find it by its id.
pub(crate) fn spawn_polling<A: Application>(new: NewSession<A>, permit: Permit) -> io::Result<()> {
    let (mailbox, mail) = bounded(CAPACITY);
    let (client, memory) = (new.peer.client, Arc::clone(&new.memory));
    let mut session = new.begin(Connection::Polling(mailbox));
    spawn(client, move || {
        let mut mailbox = Mailbox::new(mail);
        let mut outlet = Outlet::Own(Box::new(Output::new(mailbox.transport(None))));
        match session.run_polling(&mut mailbox, &mut outlet) {
            Ok(upgrade) => {
                session.upgrade(upgrade.transport.clone());
                drop(mailbox);
                read(session, outlet, upgrade, memory);
            }
            Err(end) => {
                session.end_polling(end, &mut mailbox, &mut outlet);
                drop(session);
            }
        }
        drop(permit);
    })
}

/// Starts a session over a WebSocket, whose handshakes are sent first: that of the WebSocket, and that of the session.
pub(crate) fn spawn_websocket<A: Application>(
    new: NewSession<A>,
    upgrade: Upgrade,
    handshake: Vec<u8>,
    open: EnginePacket<'static>,
    permit: Permit,
) -> io::Result<()> {
    let (client, memory) = (new.peer.client, Arc::clone(&new.memory));
    let session = new.begin(Connection::Socket(upgrade.transport.clone()));
    spawn(client, move || {
        let mut output = Output::new(upgrade.transport.clone().into());
        output.send(open);
        if output.write_frames(&handshake).is_ok() {
            read(session, Outlet::Own(Box::new(output)), upgrade, memory);
        }
        drop(permit);
    })
}

fn spawn(client: ClientId, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name(format!("client {}", client.0)).stack_size(STACK_SIZE);
    thread.spawn(run).map(drop)
}

/// Reads a WebSocket until it ends.
fn read<A: Application>(
    mut session: Box<Session<A>>,
    outlet: Outlet,
    upgrade: Upgrade,
    memory: Arc<MemoryLimit>,
) {
    let limits = session.limits();
    let Ok(websocket) = websocket(&session, outlet, upgrade, memory) else { return };
    let (mut stream, end) = reader::read(websocket, &limits, &mut *session);
    if let (Some((code, reason)), Outlet::Own(output)) = (end, &mut stream.outlet) {
        output.close(code, reason);
    }
    finish(&stream, end);
}

/// The WebSocket, whose reads end in time.
#[inline(never)] // its frame would stay on the stack
fn websocket<A: Application>(
    session: &Session<A>,
    outlet: Outlet,
    Upgrade { transport, already_read }: Upgrade,
    memory: Arc<MemoryLimit>,
) -> Result<ClientSocket, End> {
    let limits = session.limits();
    match &outlet {
        Outlet::Hub(_) => transport.set_read_timeout(Some(limits.max_silence)).map_err(|_| None)?,
        Outlet::Own(_) => session.set_read_timeout(&outlet)?,
    }
    Ok(reader::websocket(transport, outlet, already_read, &limits, memory))
}
