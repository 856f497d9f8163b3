//! A client that sends long texts as fast as the server reads them, and reads everything that its room is sent.

use crate::wire;
use std::io::{self, Read, Write};
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

/// Joins the first room and floods it until this process ends. The threads end earlier only if the server closes the
/// connection.
pub(crate) fn start(address: SocketAddr, splice: bool) -> io::Result<[JoinHandle<()>; 2]> {
    let mut socket = TcpStream::connect(address)?;
    socket.write_all(&wire::handshake(0, splice))?;
    let mut answer = vec![0; wire::accepted().len()];
    socket.read_exact(&mut answer)?;
    socket.write_all(&wire::join(NAME))?;
    let mut reader = socket.try_clone()?;
    let reads = thread::spawn(move || drop(io::copy(&mut reader, &mut io::sink())));
    let texts = FILLERS.map(|filler| wire::whole(&[filler; CHARACTERS]));
    let floods = move || while texts.iter().all(|text| socket.write_all(text).is_ok()) {};
    Ok([reads, thread::spawn(floods)])
}
