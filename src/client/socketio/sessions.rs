//! The directory of the sessions: how each is reached, by its id.

use crate::base::address::Address;
use crate::client::socketio::early::{EarlySessions, Place};
use crate::client::socketio::mailbox::Mail;
use crate::client::socketio::session_id::SessionId;
use crate::delivery::polling::Poll;
use crate::delivery::transport::{SocketTransport, Transport};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::io;
use std::mem;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

/// Requests that wait for the directory. Each takes microseconds.
const QUEUE: usize = 1024;

/// How the directory reaches a session.
#[derive(Debug)]
pub(crate) enum Connection {
    /// By mail, if it polls.
    Polling(Sender<Mail>),
    /// Over its WebSocket, which only ends it.
    Socket(SocketTransport),
}

enum Request {
    Add(Address, SessionId, Connection),
    Pass(SessionId, Mail),
    PollEnded,
    Find(SessionId, Sender<Found>),
    Upgrade(SessionId, SocketTransport),
    Introduce(SessionId),
    Remove(SessionId),
    Stop(Sender<()>),
}

/// What the directory tells of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// It takes mail. Others have a WebSocket.
    pub is_polling: bool,
    /// Its client has not introduced itself.
    pub is_early: bool,
}

/// The directory. Its thread ends when all clones are gone.
#[derive(Debug, Clone)]
pub(crate) struct Sessions(Sender<Request>);

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Request")
    }
}

impl Sessions {
    /// Starts the thread that owns the directory. Of more than `max_early` clients that have not introduced themselves,
    /// one is disconnected: the oldest from the address that most of them have.
    pub(crate) fn start(max_early: usize) -> io::Result<Self> {
        let (requests, queue) = bounded(QUEUE);
        let directory = Directory { max_early, ..Directory::default() };
        thread::Builder::new().name("sessions".to_owned()).spawn(move || directory.run(&queue))?;
        Ok(Self(requests))
    }

    /// Adds the session of a client at this address, until what this returns is dropped.
    pub(crate) fn add(&self, address: Address, id: SessionId, connection: Connection) -> Entry {
        self.request(Request::Add(address, id, connection));
        Entry { id, is_introduced: false, sessions: self.clone() }
    }

    /// Passes mail to a session. Drops it if there is no such session, or if its mailbox is full, which a client that
    /// follows the protocol never brings about.
    pub(crate) fn pass(&self, id: SessionId, mail: Mail) {
        self.request(Request::Pass(id, mail));
    }

    /// Passes a poll to a session in the same way.
    pub(crate) fn open_poll(&self, id: SessionId, poll: Poll) -> OpenPoll {
        self.pass(id, Mail::Poll(poll));
        OpenPoll(self.clone())
    }

    /// Disconnects the clients that have not introduced themselves, and all others that come. Waits so long for the end
    /// of all polls, and returns whether they have ended.
    pub(crate) fn stop(&self, timeout: Duration) -> bool {
        let (end, ended) = bounded(0);
        self.request(Request::Stop(end));
        ended.recv_timeout(timeout) == Err(RecvTimeoutError::Disconnected)
    }

    /// Finds a session. `None` if there is no such session.
    pub(crate) fn find(&self, id: SessionId) -> Option<Found> {
        let (reply_to, reply) = bounded(1);
        self.request(Request::Find(id, reply_to));
        reply.recv().ok()
    }

    fn request(&self, request: Request) {
        // The thread lives as long as this sender.
        let _ = self.0.send(request);
    }
}

/// A poll that has been passed to its session. To be dropped when its response has been sent.
#[derive(Debug)]
pub(crate) struct OpenPoll(Sessions);

impl Drop for OpenPoll {
    fn drop(&mut self) {
        self.0.request(Request::PollEnded);
    }
}

/// A session's place in the directory. Dropping it removes the session.
#[derive(Debug)]
pub(crate) struct Entry {
    id: SessionId,
    is_introduced: bool,
    sessions: Sessions,
}

impl Entry {
    /// The session goes on over a WebSocket, and takes no mail. The directory still knows it.
    pub(crate) fn upgrade(&self, socket: SocketTransport) {
        self.sessions.request(Request::Upgrade(self.id, socket));
    }

    /// The client has introduced itself.
    pub(crate) fn introduce(&mut self) {
        if !mem::replace(&mut self.is_introduced, true) {
            self.sessions.request(Request::Introduce(self.id));
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.sessions.request(Request::Remove(self.id));
    }
}

/// What the thread knows.
#[derive(Debug, Default)]
struct Directory {
    sessions: HashMap<SessionId, Session, RandomState>,
    early: EarlySessions,
    max_early: usize,
    /// Polls whose responses are still to be sent.
    polls: usize,
    /// Dropped when there are none, if somebody waits for that.
    end: Option<Sender<()>>,
}

#[derive(Debug)]
struct Session {
    /// `None` over a WebSocket whose client has introduced itself: its socket must not be kept open here.
    connection: Option<Connection>,
    /// Its place among the sessions of clients that have not introduced themselves.
    place: Place,
}

impl Directory {
    fn run(mut self, queue: &Receiver<Request>) {
        for request in queue {
            self.handle(request);
            self.end.take_if(|_| self.polls == 0);
            if self.sessions.is_empty() {
                self.sessions.shrink_to_fit();
            }
        }
    }

    fn handle(&mut self, request: Request) {
        match request {
            Request::Add(address, id, connection) => {
                let place = self.early.add(address, id);
                self.sessions.insert(id, Session { connection: Some(connection), place });
                if self.early.len > self.max_early {
                    self.end_one();
                }
            }
            Request::Pass(id, mail) => {
                self.polls += usize::from(matches!(mail, Mail::Poll(_)));
                let connection = self.sessions.get(&id).and_then(|session| session.connection.as_ref());
                if let Some(Connection::Polling(mailbox)) = connection {
                    let _ = mailbox.try_send(mail);
                }
            }
            Request::PollEnded => self.polls -= 1,
            // An error means that the request has ended.
            Request::Find(id, reply_to) => _ = self.find(id).map(|found| reply_to.try_send(found)),
            Request::Upgrade(id, socket) => match self.sessions.get_mut(&id) {
                Some(Session { connection, place }) => {
                    *connection = self.early.has(*place).then_some(Connection::Socket(socket));
                }
                None => socket.shutdown(Shutdown::Both), // its session was ended meanwhile
            },
            Request::Introduce(id) => {
                if let Some(Session { connection, place }) = self.sessions.get_mut(&id) {
                    self.early.remove(*place);
                    connection.take_if(|connection| matches!(connection, Connection::Socket(_)));
                }
            }
            Request::Remove(id) => {
                if let Some(session) = self.sessions.remove(&id) {
                    self.early.remove(session.place);
                }
            }
            Request::Stop(end) => {
                (self.max_early, self.end) = (0, Some(end));
                while self.early.len > 0 {
                    self.end_one();
                }
            }
        }
    }

    fn find(&self, id: SessionId) -> Option<Found> {
        self.sessions.get(&id).map(|Session { connection, place }| Found {
            is_polling: matches!(connection, Some(Connection::Polling(_))),
            is_early: self.early.has(*place),
        })
    }

    /// Disconnects a client that has not introduced itself.
    fn end_one(&mut self) {
        let session = self.early.next_to_end().and_then(|id| self.sessions.remove(&id));
        let Some(Session { connection, place }) = session else { return };
        self.early.remove(place);
        // A session that polls ends with its mailbox.
        if let Some(Connection::Socket(socket)) = connection {
            socket.shutdown(Shutdown::Both);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter::Counter;
    use crate::base::memory::MemoryLimit;
    use std::io::Read;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    fn address(n: u8) -> Address {
        Address::of(Ipv4Addr::new(192, 0, 2, n).into())
    }

    #[test]
    fn mail_reaches_a_session_until_it_upgrades() {
        let (sessions, id) = (Sessions::start(1).unwrap(), SessionId::random());
        let (mailbox, mail) = bounded(8);
        let entry = sessions.add(address(1), id, Connection::Polling(mailbox));
        sessions.pass(id, Mail::Broken);
        assert!(matches!(mail.recv(), Ok(Mail::Broken)));
        sessions.pass(SessionId::random(), Mail::Broken);
        entry.upgrade(socket().0);
        sessions.pass(id, Mail::Broken);
        assert!(mail.recv().is_err(), "the directory has dropped the mailbox");
        assert_eq!(sessions.find(id), Some(Found { is_polling: false, is_early: true }));
        assert_eq!(sessions.find(SessionId::random()), None);
        drop(entry);
        assert_eq!(sessions.find(id), None);
    }

    /// A transport, and the other end of its connection.
    fn socket() -> (SocketTransport, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        (SocketTransport::new(listener.accept().unwrap().0), client)
    }

    #[test]
    fn of_too_many_clients_that_have_not_introduced_themselves_the_oldest_is_disconnected() {
        let sessions = Sessions::start(2).unwrap();
        let ids = [(); 6].map(|()| SessionId::random());
        let [(first, first_mail), (second, second_mail)] = [(); 2].map(|()| bounded(8));
        let add = |n: usize, connection| sessions.add(address(1), ids[n], connection);
        let mut entries = vec![add(0, Connection::Polling(first)), add(1, Connection::Polling(second))];
        entries[0].introduce();
        let [(third, mut third_end), (fourth, mut fourth_end)] = [(); 2].map(|()| socket());
        entries.push(add(2, Connection::Socket(third)));
        assert!(
            ids[..3].iter().all(|id| sessions.find(*id).is_some()),
            "two of three have not introduced themselves"
        );
        entries.push(add(3, Connection::Socket(fourth)));
        assert!(
            second_mail.recv().is_err() && sessions.find(ids[1]).is_none(),
            "the oldest of them was disconnected"
        );
        entries.push(add(4, Connection::Polling(bounded(8).0)));
        assert_eq!(third_end.read(&mut [0]).unwrap(), 0, "a WebSocket too");
        entries[3].introduce();
        entries.push(add(5, Connection::Polling(bounded(8).0)));
        assert!([0, 3, 4, 5].iter().all(|n| sessions.find(ids[*n]).is_some()) && first_mail.is_empty());
        assert_eq!(fourth_end.read(&mut [0]).unwrap(), 0, "the directory has let go of its socket");
    }

    #[test]
    fn a_stop_ends_who_has_not_introduced_themselves_and_waits_for_polls() {
        let sessions = Sessions::start(8).unwrap();
        let ids = [(); 3].map(|()| SessionId::random());
        let [(early, early_mail), (member, member_mail), (late, late_mail)] = [(); 3].map(|()| bounded(8));
        let _early = sessions.add(address(1), ids[0], Connection::Polling(early));
        let mut entry = sessions.add(address(1), ids[1], Connection::Polling(member));
        entry.introduce();
        let (poll, _chunks) = Poll::open(MemoryLimit::new(Counter::default(), 0, 1).into());
        let open = sessions.open_poll(ids[1], poll);
        assert!(!sessions.stop(Duration::ZERO), "a response is still to be sent");
        assert!(early_mail.recv().is_err());
        assert!(
            matches!(member_mail.recv(), Ok(Mail::Poll(_))) && sessions.find(ids[1]).is_some(),
            "its hub ends it"
        );
        let _late = sessions.add(address(1), ids[2], Connection::Polling(late));
        assert!(late_mail.recv().is_err());
        drop(open);
        assert!(sessions.stop(Duration::from_secs(10)));
    }
}
