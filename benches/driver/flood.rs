//! Clients that send as fast as the server reads. One floods the first room with long texts, and reads everything that
//! the room is sent. The others flood a room of their own with splices of long texts, and read nothing: reading would
//! take time from the driver, with which they share a core.

use crate::driver::frame::first_frame;
use crate::driver::scenario::Scenario;
use crate::driver::text::Edit;
use crate::driver::wire::{self, Carrier};
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};

/// The name of the client.
pub(crate) const NAME: &str = "flood";

/// The characters of its texts, in turn, so that each update changes the whole text.
const FILLERS: [u8; 2] = [b'~', b'^'];

/// Characters of a text: almost as many as the server allows.
const CHARACTERS: usize = 9_000;

/// Whether a text, or a part of one, comes from this client.
pub(crate) fn is_flood(text: &[u8]) -> bool {
    text.first().is_some_and(|first| FILLERS.contains(first))
}

/// Splices that each client in the other room sends again and again.
const SPLICES: usize = 64;

/// The threads of the clients that flood. They end only if the server closes a connection.
pub(crate) type Threads = Vec<JoinHandle<()>>;

/// Starts the clients of a scenario that flood, until this process ends.
pub(crate) fn start(address: SocketAddr, scenario: &Scenario) -> io::Result<Threads> {
    let mut threads = Threads::new();
    if scenario.flooded {
        threads.extend(flood_texts(scenario.carrier, join(address, scenario, 0)?)?);
    }
    if scenario.attackers > 0 {
        let other = scenario.rooms;
        let splicing = Scenario { splice: true, ..scenario.clone() };
        let sockets: io::Result<_> =
            (0..scenario.attackers).map(|_| join(address, &splicing, other)).collect();
        threads.push(flood_splices(scenario.carrier, sockets?)?);
    }
    Ok(threads)
}

/// Joins a room.
fn join(address: SocketAddr, scenario: &Scenario, room: usize) -> io::Result<TcpStream> {
    let Scenario { carrier, splice, .. } = *scenario;
    let mut socket = TcpStream::connect(address)?;
    socket.write_all(&carrier.handshake(room, splice))?;
    let mut answer = vec![0; wire::accepted().len()];
    socket.read_exact(&mut answer)?;
    if carrier == Carrier::SocketIo {
        skip_frame(&mut socket)?;
        socket.write_all(&Carrier::connect())?;
        skip_frame(&mut socket)?;
    }
    socket.write_all(&carrier.join(NAME))?;
    Ok(socket)
}

/// Reads a frame, and no byte after it.
fn skip_frame(socket: &mut TcpStream) -> io::Result<()> {
    let (mut frame, mut byte) = (Vec::new(), [0]);
    while first_frame(&frame).is_none() {
        socket.read_exact(&mut byte)?;
        frame.extend(byte);
    }
    Ok(())
}

/// Sends whole texts on one thread, and reads on another.
fn flood_texts(carrier: Carrier, mut socket: TcpStream) -> io::Result<[JoinHandle<()>; 2]> {
    let mut reader = socket.try_clone()?;
    let reads = thread::spawn(move || drop(io::copy(&mut reader, &mut io::sink())));
    let texts = FILLERS.map(|filler| carrier.whole(&[filler; CHARACTERS]));
    let floods = move || while texts.iter().all(|text| socket.write_all(text).is_ok()) {};
    Ok([reads, thread::spawn(floods)])
}

/// Sends splices that each replace one character of a long text, far from the one before.
fn flood_splices(carrier: Carrier, mut sockets: Vec<TcpStream>) -> io::Result<JoinHandle<()>> {
    let splice = |n: usize| {
        let put = vec![FILLERS[n % FILLERS.len()]];
        carrier.splice(&Edit { at: n * 7_919 % CHARACTERS, cut: 1, put }, CHARACTERS)
    };
    let splices: Vec<u8> = (0..SPLICES).flat_map(splice).collect();
    for socket in &mut sockets {
        socket.write_all(&carrier.whole(&[FILLERS[0]; CHARACTERS]))?;
        socket.set_nonblocking(true)?;
    }
    let mut sent = vec![0; sockets.len()];
    Ok(thread::spawn(move || while send_some(&mut sockets, &mut sent, &splices).is_ok() {}))
}

/// Waits until connections take more, and sends as much as they take. `sent` holds how much of the bytes each has sent.
fn send_some(sockets: &mut [TcpStream], sent: &mut [usize], bytes: &[u8]) -> io::Result<()> {
    let ready: Vec<bool> = {
        let mut fds: Vec<_> = sockets.iter().map(|socket| PollFd::new(socket, PollFlags::OUT)).collect();
        poll(&mut fds, None)?;
        fds.iter().map(|fd| !fd.revents().is_empty()).collect()
    };
    for n in (0..sockets.len()).filter(|&n| ready[n]) {
        match sockets[n].write(&bytes[sent[n]..]) {
            Ok(written) => sent[n] = (sent[n] + written) % bytes.len(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
