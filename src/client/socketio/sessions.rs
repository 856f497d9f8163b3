//! The directory of the sessions that poll: the mailbox of each, by its id.

use crate::base::random;
use crate::client::socketio::mailbox::Mail;
use crossbeam_channel::{Receiver, Sender, bounded};
use data_encoding::BASE64URL_NOPAD;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::io;
use std::thread;

/// Requests that wait for the directory. Each takes microseconds.
const QUEUE: usize = 1024;

/// Random bytes of an id, enough that nobody guesses one. They become 20 characters.
const ID_LENGTH: usize = 15;

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
        BASE64URL_NOPAD.encode_write(&self.0, f)
    }
}

/// Hides the id, so that no log shows it.
impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

enum Request {
    Add(SessionId, Sender<Mail>),
    Pass(SessionId, Mail),
    Find(SessionId, Sender<bool>),
    Close(SessionId),
    Remove(SessionId),
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
    /// Starts the thread that owns the directory.
    pub(crate) fn start() -> io::Result<Self> {
        let (requests, queue) = bounded(QUEUE);
        thread::Builder::new().name("sessions".to_owned()).spawn(move || run(&queue))?;
        Ok(Self(requests))
    }

    /// Adds a session, until what this returns is dropped.
    pub(crate) fn add(&self, id: SessionId, mailbox: Sender<Mail>) -> Entry {
        self.request(Request::Add(id, mailbox));
        Entry { id, sessions: self.clone() }
    }

    /// Passes mail to a session. Drops it if there is no such session, or if its mailbox is full, which a client that
    /// follows the protocol never brings about.
    pub(crate) fn pass(&self, id: SessionId, mail: Mail) {
        self.request(Request::Pass(id, mail));
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

/// A session's place in the directory. Dropping it removes the session.
#[derive(Debug)]
pub(crate) struct Entry {
    id: SessionId,
    sessions: Sessions,
}

impl Entry {
    /// Closes the mailbox of a session that has upgraded. The directory still knows the session.
    pub(crate) fn close(&self) {
        self.sessions.request(Request::Close(self.id));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.sessions.request(Request::Remove(self.id));
    }
}

fn run(queue: &Receiver<Request>) {
    let mut mailboxes: HashMap<SessionId, Option<Sender<Mail>>, RandomState> = HashMap::default();
    for request in queue {
        match request {
            Request::Add(id, mailbox) => _ = mailboxes.insert(id, Some(mailbox)),
            Request::Pass(id, mail) => {
                if let Some(Some(mailbox)) = mailboxes.get(&id) {
                    let _ = mailbox.try_send(mail);
                }
            }
            // An error means that the request has ended.
            Request::Find(id, reply_to) => _ = reply_to.try_send(mailboxes.contains_key(&id)),
            Request::Close(id) => _ = mailboxes.entry(id).and_modify(|mailbox| *mailbox = None),
            Request::Remove(id) => _ = mailboxes.remove(&id),
        }
        if mailboxes.is_empty() {
            mailboxes.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn mail_reaches_a_session_until_it_is_removed() {
        let (sessions, id) = (Sessions::start().unwrap(), SessionId::random());
        let (mailbox, mail) = bounded(8);
        let entry = sessions.add(id, mailbox);
        sessions.pass(id, Mail::Broken);
        assert!(matches!(mail.recv(), Ok(Mail::Broken)));
        sessions.pass(SessionId::random(), Mail::Broken);
        entry.close();
        sessions.pass(id, Mail::Broken);
        assert!(mail.recv().is_err(), "the directory has dropped the mailbox");
        assert!(sessions.knows(id) && !sessions.knows(SessionId::random()));
        drop(entry);
        assert!(!sessions.knows(id));
    }
}
