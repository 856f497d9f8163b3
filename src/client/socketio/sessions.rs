//! The directory of the sessions: how each is reached, by its id.

use crate::base::ids::ClientId;
use crate::base::random;
use crate::client::socketio::mailbox::Mail;
use crate::delivery::polling::Poll;
use crate::delivery::transport::{SocketTransport, Transport};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use data_encoding::BASE64URL_NOPAD;
use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Write};
use std::io;
use std::mem;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

/// Requests that wait for the directory. Each takes microseconds.
const QUEUE: usize = 1024;

/// Random bytes of an id, enough that nobody guesses one.
const ID_LENGTH: usize = 15;

/// Characters of an id in Base64.
const TEXT_LENGTH: usize = 20;

/// The id of a session, `sid` on the wire. Whoever knows it can send and receive in the client's place.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SessionId([u8; ID_LENGTH]);

impl SessionId {
    /// A new id.
    pub(crate) fn random() -> Self {
        let mut bytes = [0; ID_LENGTH];
        random::fill(&mut bytes);
        Self(bytes)
    }

    /// Parses what a client sent; `None` if it is not an id.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; ID_LENGTH];
        let is_complete = BASE64URL_NOPAD.decode_len(text.len()) == Ok(ID_LENGTH);
        (is_complete && BASE64URL_NOPAD.decode_mut(text.as_bytes(), &mut bytes).is_ok())
            .then_some(Self(bytes))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; TEXT_LENGTH];
        BASE64URL_NOPAD.encode_mut(&self.0, &mut text);
        text.iter().try_for_each(|byte| f.write_char((*byte).into()))
    }
}

/// Hides the id, so that no log shows it.
impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

/// How the directory reaches a session.
#[derive(Debug)]
pub(crate) enum Connection {
    /// By mail, if it polls.
    Polling(Sender<Mail>),
    /// Over its WebSocket, which only ends it.
    Socket(SocketTransport),
}

enum Request {
    Add(ClientId, SessionId, Connection),
    Pass(SessionId, Mail),
    PollEnded,
    Find(SessionId, Sender<bool>),
    Upgrade(ClientId, SessionId, SocketTransport),
    Introduce(ClientId, SessionId),
    Remove(ClientId, SessionId),
    Stop(Sender<()>),
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
    /// the oldest are disconnected.
    pub(crate) fn start(max_early: usize) -> io::Result<Self> {
        let (requests, queue) = bounded(QUEUE);
        let directory = Directory { max_early, ..Directory::default() };
        thread::Builder::new().name("sessions".to_owned()).spawn(move || directory.run(&queue))?;
        Ok(Self(requests))
    }

    /// Adds the session of a client, until what this returns is dropped.
    pub(crate) fn add(&self, client: ClientId, id: SessionId, connection: Connection) -> Entry {
        self.request(Request::Add(client, id, connection));
        Entry { client, id, is_introduced: false, sessions: self.clone() }
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

    /// Whether there is such a session. It may have upgraded.
    pub(crate) fn knows(&self, id: SessionId) -> bool {
        let (reply_to, reply) = bounded(1);
        self.request(Request::Find(id, reply_to));
        reply.recv() == Ok(true)
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
    client: ClientId,
    id: SessionId,
    is_introduced: bool,
    sessions: Sessions,
}

impl Entry {
    /// The session goes on over a WebSocket, and takes no mail. The directory still knows it.
    pub(crate) fn upgrade(&self, socket: SocketTransport) {
        self.sessions.request(Request::Upgrade(self.client, self.id, socket));
    }

    /// The client has introduced itself.
    pub(crate) fn introduce(&mut self) {
        if !mem::replace(&mut self.is_introduced, true) {
            self.sessions.request(Request::Introduce(self.client, self.id));
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.sessions.request(Request::Remove(self.client, self.id));
    }
}

/// What the thread knows.
#[derive(Debug, Default)]
struct Directory {
    /// `None` for a session over a WebSocket whose client has introduced itself: its socket must not be kept open here.
    sessions: HashMap<SessionId, Option<Connection>, RandomState>,
    /// The sessions of clients that have not introduced themselves, the oldest first.
    early: BTreeMap<ClientId, SessionId>,
    max_early: usize,
    /// Polls whose responses are still to be sent.
    polls: usize,
    /// Dropped when there are none, if somebody waits for that.
    end: Option<Sender<()>>,
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
            Request::Add(client, id, connection) => {
                self.sessions.insert(id, Some(connection));
                self.early.insert(client, id);
                if self.early.len() > self.max_early {
                    self.end_oldest();
                }
            }
            Request::Pass(id, mail) => {
                self.polls += usize::from(matches!(mail, Mail::Poll(_)));
                if let Some(Some(Connection::Polling(mailbox))) = self.sessions.get(&id) {
                    let _ = mailbox.try_send(mail);
                }
            }
            Request::PollEnded => self.polls -= 1,
            // An error means that the request has ended.
            Request::Find(id, reply_to) => _ = reply_to.try_send(self.sessions.contains_key(&id)),
            Request::Upgrade(client, id, socket) => match self.sessions.get_mut(&id) {
                Some(session) => {
                    *session = self.early.contains_key(&client).then_some(Connection::Socket(socket));
                }
                None => socket.shutdown(Shutdown::Both), // its session was ended meanwhile
            },
            Request::Introduce(client, id) => {
                self.early.remove(&client);
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.take_if(|connection| matches!(connection, Connection::Socket(_)));
                }
            }
            Request::Remove(client, id) => {
                self.early.remove(&client);
                self.sessions.remove(&id);
            }
            Request::Stop(end) => {
                (self.max_early, self.end) = (0, Some(end));
                while !self.early.is_empty() {
                    self.end_oldest();
                }
            }
        }
    }

    /// Disconnects the client that has not introduced itself for the longest time.
    fn end_oldest(&mut self) {
        let session = self.early.pop_first().and_then(|(_, id)| self.sessions.remove(&id)).flatten();
        // A session that polls ends with its mailbox.
        if let Some(Connection::Socket(socket)) = session {
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
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn an_id_is_twenty_characters_and_only_those_are_one() {
        let id = SessionId::random();
        let text = id.to_string();
        assert_eq!((text.len(), SessionId::parse(&text)), (20, Some(id)));
        assert!(SessionId::random() != id);
        for bad in ["", "x", &text[1..], &format!("{text}x"), "????????????????????"] {
            assert_eq!(SessionId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn mail_reaches_a_session_until_it_upgrades() {
        let (sessions, id) = (Sessions::start(1).unwrap(), SessionId::random());
        let (mailbox, mail) = bounded(8);
        let entry = sessions.add(ClientId(1), id, Connection::Polling(mailbox));
        sessions.pass(id, Mail::Broken);
        assert!(matches!(mail.recv(), Ok(Mail::Broken)));
        sessions.pass(SessionId::random(), Mail::Broken);
        entry.upgrade(socket().0);
        sessions.pass(id, Mail::Broken);
        assert!(mail.recv().is_err(), "the directory has dropped the mailbox");
        assert!(sessions.knows(id) && !sessions.knows(SessionId::random()));
        drop(entry);
        assert!(!sessions.knows(id));
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
        let add = |n: usize, connection| sessions.add(ClientId(n as u64), ids[n], connection);
        let mut entries = vec![add(0, Connection::Polling(first)), add(1, Connection::Polling(second))];
        entries[0].introduce();
        let [(third, mut third_end), (fourth, mut fourth_end)] = [(); 2].map(|()| socket());
        entries.push(add(2, Connection::Socket(third)));
        assert!(ids[..3].iter().all(|id| sessions.knows(*id)), "two of three have not introduced themselves");
        entries.push(add(3, Connection::Socket(fourth)));
        assert!(
            second_mail.recv().is_err() && !sessions.knows(ids[1]),
            "the oldest of them was disconnected"
        );
        entries.push(add(4, Connection::Polling(bounded(8).0)));
        assert_eq!(third_end.read(&mut [0]).unwrap(), 0, "a WebSocket too");
        entries[3].introduce();
        entries.push(add(5, Connection::Polling(bounded(8).0)));
        assert!([0, 3, 4, 5].iter().all(|n| sessions.knows(ids[*n])) && first_mail.is_empty());
        assert_eq!(fourth_end.read(&mut [0]).unwrap(), 0, "the directory has let go of its socket");
    }

    #[test]
    fn a_stop_ends_who_has_not_introduced_themselves_and_waits_for_polls() {
        let sessions = Sessions::start(8).unwrap();
        let ids = [(); 3].map(|()| SessionId::random());
        let [(early, early_mail), (member, member_mail), (late, late_mail)] = [(); 3].map(|()| bounded(8));
        let _early = sessions.add(ClientId(0), ids[0], Connection::Polling(early));
        let mut entry = sessions.add(ClientId(1), ids[1], Connection::Polling(member));
        entry.introduce();
        let (poll, _chunks) = Poll::open(MemoryLimit::new(Counter::default(), 0, 1).into());
        let open = sessions.open_poll(ids[1], poll);
        assert!(!sessions.stop(Duration::ZERO), "a response is still to be sent");
        assert!(early_mail.recv().is_err());
        assert!(matches!(member_mail.recv(), Ok(Mail::Poll(_))) && sessions.knows(ids[1]), "its hub ends it");
        let _late = sessions.add(ClientId(2), ids[2], Connection::Polling(late));
        assert!(late_mail.recv().is_err());
        drop(open);
        assert!(sessions.stop(Duration::from_secs(10)));
    }
}
