//! Waits for two sockets at once.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::net::TcpStream;
use std::time::Duration;

/// What a thread waits for on a socket, or what has happened on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Readiness {
    /// Bytes to read, or the end.
    pub read: bool,
    /// Space to write.
    pub write: bool,
    /// The connection has ended in both directions, as far as the system tells. Nobody has to ask for it.
    pub ended: bool,
}

/// Blocks for `timeout`, or until one of the sockets is as wanted or ends. A socket for which nothing is given is not
/// watched at all.
pub(crate) fn wait(
    sockets: [(&TcpStream, Option<Readiness>); 2],
    timeout: Option<Duration>,
) -> io::Result<[Readiness; 2]> {
    let watched = || sockets.iter().filter_map(|(socket, wanted)| Some((socket, (*wanted)?)));
    let mut polled: Vec<PollFd<'_>> =
        watched().map(|(socket, wanted)| PollFd::new(*socket, flags(wanted))).collect();
    let timeout = timeout.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
    match poll(&mut polled, timeout.as_ref()) {
        // The process was suspended: look again.
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut happened = polled.iter().map(|socket| readiness(socket.revents()));
    Ok(sockets.map(|(_, wanted)| wanted.and_then(|_| happened.next()).unwrap_or_default()))
}

fn flags(wanted: Readiness) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, wanted.read);
    flags.set(PollFlags::OUT, wanted.write);
    flags
}

fn readiness(events: PollFlags) -> Readiness {
    let ended = events.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL);
    // On Windows, each is several flags, of which one is set.
    let [read, write] = [PollFlags::IN, PollFlags::OUT].map(|flags| events.intersects(flags));
    Readiness { read, write, ended }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::socket_pair;
    use std::io::{Read, Write};

    const READ: Readiness = Readiness { read: true, write: false, ended: false };
    const NOTHING: Readiness = Readiness { read: false, write: false, ended: false };

    #[test]
    fn each_socket_is_watched_for_what_is_wanted_of_it() {
        let [mut one, mut other] = socket_pair().unwrap();
        let [near, _far] = socket_pair().unwrap();
        let now = Some(Duration::ZERO);
        assert_eq!(wait([(&one, Some(READ)), (&near, Some(READ))], now).unwrap(), [NOTHING; 2]);
        let writable = Readiness { read: true, write: true, ended: false };
        other.write_all(b"x").unwrap();
        assert_eq!(wait([(&one, Some(READ)), (&near, Some(READ))], None).unwrap(), [READ, NOTHING]);
        let happened = wait([(&near, None), (&one, Some(writable))], None).unwrap();
        assert_eq!(happened, [NOTHING, writable]);
        assert_eq!(one.read(&mut [0; 2]).unwrap(), 1);
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "freebsd"))]
    fn the_end_of_a_socket_is_seen_unless_it_is_not_watched() {
        let [one, other] = socket_pair().unwrap();
        let [near, _far] = socket_pair().unwrap();
        drop(other);
        let happened = wait([(&one, Some(NOTHING)), (&near, Some(READ))], None).unwrap();
        assert_eq!(happened, [Readiness { ended: true, ..NOTHING }, NOTHING]);
        let now = Some(Duration::ZERO);
        assert_eq!(wait([(&one, None), (&near, Some(READ))], now).unwrap(), [NOTHING; 2]);
    }
}
