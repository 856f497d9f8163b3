//! The mailbox of a session that polls: its polls, its posted payloads, and the WebSocket that it upgrades to.

use crate::base::memory::Charge;
use crate::client::outlet::{End, Outlet};
use crate::client::socketio::output::{Output, text_frame};
use crate::client::teller::{Membership, Source};
use crate::delivery::client_transport::ClientTransport;
use crate::delivery::polling::{Poll, Polling};
use crate::delivery::transport::SocketTransport;
use crate::hub::event::{Event, FromClient};
use crate::protocol::socketio::engine::EnginePacket;
use crossbeam_channel::{Receiver, Sender, bounded, select};
use std::io::{self, ErrorKind};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tungstenite::protocol::frame::coding::CloseCode;

/// Mail that waits. A client that follows the protocol has a poll, a payload and a probe under way at most.
pub(crate) const CAPACITY: usize = 8;

/// The end of a session whose client breaks the protocol.
pub(crate) const PROTOCOL_ERROR: End = Some((CloseCode::Protocol, "not an Engine.IO packet"));

/// The end of a session whose client has two requests of a kind under way.
const OVERLAP: End = Some((CloseCode::Protocol, "two requests at once"));

/// How long polls are held once a WebSocket has connected, and once it has been probed. If it takes over meanwhile,
/// they came too late and are refused, whichever thread was faster. A client that waits for its last poll before it
/// goes on over the WebSocket waits so long at most.
const HOLD: Duration = Duration::from_millis(50);

/// How long the end of a session waits for a poll that is on its way. Nobody notices so short a time.
const LAST_POLL_TIMEOUT: Duration = Duration::from_millis(20);

/// What requests tell a session.
#[derive(Debug)]
pub(crate) enum Mail {
    /// A GET, whose thread waits for output.
    Poll(Poll),
    /// A POST has begun, and is under way until no strong reference is left.
    Post(Weak<()>),
    /// The payload of that POST.
    Payload(Payload),
    /// The response to a poll could not be written, and what it held is lost.
    Broken,
    /// A WebSocket asks whether it may take over. It has gone when no strong reference is left. Dropped if another one
    /// may.
    Candidate(Weak<()>, Sender<()>),
    /// That WebSocket has been probed.
    Probe,
    /// That WebSocket has ended before it took over.
    CandidateEnded,
    /// The client goes on over that WebSocket.
    Upgrade(Upgrade),
}

/// A posted payload.
#[derive(Debug)]
pub(crate) struct Payload {
    /// The packets.
    pub body: String,
    /// Its memory.
    pub charge: Charge,
    /// Dropped before the reply: by the time the client has it and posts again, its session must see that this POST has
    /// ended.
    pub is_open: Arc<()>,
    /// Whether the payload is valid.
    pub reply_to: Sender<bool>,
}

/// A WebSocket that a session goes on over.
#[derive(Debug)]
pub(crate) struct Upgrade {
    /// The connection.
    pub transport: SocketTransport,
    /// The bytes that followed the packet by which it took over.
    pub already_read: Vec<u8>,
}

/// What a session does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// It handles a payload.
    Payload(Payload),
    /// It goes on over a WebSocket.
    Upgrade(Upgrade),
    /// The time is over.
    Timeout,
}

/// A WebSocket that may take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Candidate {
    None,
    Connected,
    Probed,
}

/// The mailbox, and how far the client has come.
#[derive(Debug)]
pub(crate) struct Mailbox {
    mail: Receiver<Mail>,
    /// For each new transport, to tell when the hub ends the connection.
    end: Sender<()>,
    ended: Receiver<()>,
    has_ended: bool,
    /// Whether the last poll is still open.
    poll: Weak<()>,
    /// Whether the last POST is still under way.
    post: Weak<()>,
    candidate: Candidate,
    /// Whether that WebSocket still waits for its answer, or for its probe.
    candidate_open: Weak<()>,
    /// Until when polls are held.
    hold_until: Instant,
    held: Option<Poll>,
    /// Mail that came after the time until which it was waited for.
    late: Option<Mail>,
    payload: Option<Payload>,
    upgrade: Option<Upgrade>,
    /// When the client last gave a sign of life.
    pub last_sign: Instant,
}

impl Mailbox {
    /// A mailbox, and where its mail comes from.
    pub(crate) fn new(mail: Receiver<Mail>) -> Self {
        let (end, ended) = bounded(1);
        Self {
            mail,
            end,
            ended,
            has_ended: false,
            poll: Weak::new(),
            post: Weak::new(),
            candidate: Candidate::None,
            candidate_open: Weak::new(),
            hold_until: Instant::now(),
            held: None,
            late: None,
            payload: None,
            upgrade: None,
            last_sign: Instant::now(),
        }
    }

    /// A transport with this poll.
    pub(crate) fn transport(&self, poll: Option<Poll>) -> ClientTransport {
        ClientTransport::Polling(Polling::new(poll, self.end.clone()))
    }

    /// Waits for what the session does next, and meanwhile passes polls on.
    pub(crate) fn next(&mut self, until: Instant, outlet: &mut Outlet) -> Result<Next, End> {
        loop {
            if let Some(payload) = self.payload.take() {
                return Ok(Next::Payload(payload));
            }
            if let Some(upgrade) = self.upgrade.take() {
                return Ok(Next::Upgrade(upgrade));
            }
            let is_late = self.late.is_some();
            let Some(mail) = self.late.take().map_or_else(|| self.receive(until), |mail| Ok(Some(mail)))?
            else {
                return Ok(Next::Timeout);
            };
            // First the session handles that it is late.
            if !is_late && until <= Instant::now() {
                self.late = Some(mail);
                return Ok(Next::Timeout);
            }
            self.take(mail, &mut Target::of(outlet))?;
        }
    }

    /// The next mail; `None` at that time.
    fn receive(&mut self, until: Instant) -> Result<Option<Mail>, End> {
        while !self.has_ended {
            let due = if self.held.is_some() { until.min(self.hold_until) } else { until };
            select! {
                recv(self.mail) -> mail => return mail.map(Some).map_err(|_| None),
                recv(self.ended) -> _ => self.has_ended = true,
                default(due.saturating_duration_since(Instant::now())) => {}
            }
            let now = Instant::now();
            match self.held.take_if(|_| self.hold_until <= now) {
                Some(poll) => return Ok(Some(Mail::Poll(poll))),
                None if until <= now => return Ok(None),
                None => {}
            }
        }
        Err(None)
    }

    fn take(&mut self, mail: Mail, target: &mut Target<'_>) -> Result<(), End> {
        self.last_sign = Instant::now();
        match mail {
            Mail::Poll(_) if self.poll.strong_count() > 0 || self.held.is_some() => return Err(OVERLAP),
            Mail::Poll(poll) if self.candidate != Candidate::None && self.last_sign < self.hold_until => {
                self.held = Some(poll);
            }
            // While a WebSocket is about to take over, what waits is left to it.
            Mail::Poll(poll) if self.candidate == Candidate::Probed => poll.answer(&EnginePacket::Noop),
            Mail::Poll(poll) => self.open_poll(poll, target)?,
            Mail::Post(_) if self.post.strong_count() > 0 => return Err(OVERLAP),
            Mail::Post(post) => self.post = post,
            Mail::Payload(_) if self.payload.is_some() => return Err(OVERLAP),
            Mail::Payload(payload) => self.payload = Some(payload),
            Mail::Broken => return Err(None),
            Mail::Candidate(..) if self.has_candidate() => {}
            Mail::Candidate(is_open, reply_to) => {
                (self.candidate, self.candidate_open) = (Candidate::Connected, is_open);
                self.hold_until = self.last_sign + HOLD;
                let _ = reply_to.try_send(()); // the WebSocket may have ended
            }
            Mail::Probe => {
                self.candidate = Candidate::Probed;
                self.hold_until = self.last_sign + HOLD;
                if self.poll.strong_count() > 0 {
                    target.send(EnginePacket::Noop).map_err(|_| None)?;
                }
            }
            Mail::CandidateEnded => {
                self.candidate = Candidate::None;
                if let Some(poll) = self.held.take() {
                    self.open_poll(poll, target)?;
                }
            }
            Mail::Upgrade(upgrade) => {
                target.replace_transport(upgrade.transport.clone().into()).map_err(|_| None)?;
                self.upgrade = Some(upgrade);
            }
        }
        Ok(())
    }

    /// Whether a WebSocket may take over. One that has gone before it had its answer does not say so.
    fn has_candidate(&self) -> bool {
        match self.candidate {
            Candidate::None => false,
            Candidate::Connected => self.candidate_open.strong_count() > 0,
            Candidate::Probed => true,
        }
    }

    /// Takes the mail that comes until then.
    fn take_until(&mut self, until: Instant, target: &mut Target<'_>) -> Result<(), End> {
        while let Some(mail) = self.receive(until)? {
            self.take(mail, target)?;
        }
        Ok(())
    }

    /// Waits for the poll that may be on its way from a client that ends its session. Its thread may be slower than
    /// that of the payload, but the client sent it first.
    pub(crate) fn wait_for_poll(&mut self, outlet: &mut Outlet) -> Result<(), End> {
        let until = Instant::now() + LAST_POLL_TIMEOUT;
        while self.poll.strong_count() == 0 {
            let Some(mail) = self.receive(until)? else { break };
            self.take(mail, &mut Target::of(outlet))?;
        }
        Ok(())
    }

    fn open_poll(&mut self, poll: Poll, target: &mut Target<'_>) -> Result<(), End> {
        self.poll = poll.watch();
        target.replace_transport(self.transport(Some(poll))).map_err(|_| None)
    }

    /// Answers polls until the connection has ended, or that time has come.
    pub(crate) fn drain(&mut self, until: Instant, outlet: &mut Outlet) {
        while let Ok(Some(mail)) = self.receive(until) {
            if let Mail::Poll(poll) = mail {
                let _ = self.open_poll(poll, &mut Target::of(outlet));
            }
        }
    }
}

impl Source for Mailbox {
    fn pause(&mut self, wait: Duration, membership: &Membership) -> io::Result<()> {
        if wait.is_zero() {
            return Ok(());
        }
        let taken = self.take_until(Instant::now() + wait, &mut Target::Hub(membership));
        taken.map_err(|_| ErrorKind::ConnectionAborted.into())
    }

    /// Passes polls on, so that the client gets its output, and the pings among it, while its input waits.
    fn is_over(&mut self, membership: &Membership) -> bool {
        self.take_until(Instant::now(), &mut Target::Hub(membership)).is_err()
    }
}

/// Who writes to the client.
enum Target<'a> {
    Hub(&'a Membership),
    Own(&'a mut Output),
}

impl<'a> Target<'a> {
    fn of(outlet: &'a mut Outlet) -> Self {
        match outlet {
            Outlet::Hub(teller) => Self::Hub(&teller.membership),
            Outlet::Own(output) => Self::Own(output),
        }
    }

    fn replace_transport(&mut self, transport: ClientTransport) -> io::Result<()> {
        match self {
            Self::Hub(membership) => {
                membership.send(Event::NewTransport { client: membership.client, transport })
            }
            Self::Own(output) => output.replace_transport(transport),
        }
    }

    fn send(&mut self, packet: EnginePacket<'static>) -> io::Result<()> {
        match self {
            Self::Hub(membership) => membership.tell(FromClient::Frames(text_frame(&packet))),
            Self::Own(output) => {
                output.send(packet);
                output.flush()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::counter::Counter;
    use crate::base::ids::ClientId;
    use crate::base::limits::Limits;
    use crate::base::memory::MemoryLimit;
    use crate::client::teller::Teller;
    use std::thread;

    #[test]
    fn a_websocket_that_has_gone_before_its_answer_leaves_its_place_to_the_next_one() {
        let (mail, receiver) = bounded(CAPACITY);
        let mut mailbox = Mailbox::new(receiver);
        let mut output = Output::new(mailbox.transport(None));
        let mut may_take_over = |is_open: &Arc<()>| {
            let (reply_to, reply) = bounded(1);
            mail.send(Mail::Candidate(Arc::downgrade(is_open), reply_to)).unwrap();
            mailbox.take_until(Instant::now(), &mut Target::Own(&mut output)).unwrap();
            reply.try_recv().is_ok()
        };
        may_take_over(&Arc::default());
        let second = Arc::default();
        assert!(may_take_over(&second));
        assert!(!may_take_over(&Arc::default()), "there is one");
        drop(second);
    }

    #[test]
    fn polls_are_passed_on_while_input_waits_for_the_hub() {
        let (hub, events) = bounded(16);
        let (mailbox, mail) = bounded(CAPACITY);
        let reader = thread::spawn(move || {
            let teller = Teller::new(Membership::new(ClientId(1), hub), &Limits::DEFAULT);
            let mut mailbox = Mailbox::new(mail);
            let mut tell = |_| teller.tell(FromClient::ReadTimeout, None, None, &mut mailbox);
            (0..3).try_for_each(&mut tell)
        });
        let memory = MemoryLimit::new(Counter::default(), usize::MAX, 1).into();
        mailbox.send(Mail::Poll(Poll::open(memory).0)).unwrap();
        let mut unhandled = Vec::new();
        loop {
            match events.recv_timeout(Duration::from_secs(10)).expect("the poll is passed on") {
                Event::NewTransport { .. } => break,
                event => unhandled.push(event),
            }
        }
        assert!(!reader.is_finished(), "the hub has handled nothing yet");
        drop(unhandled);
        assert!(reader.join().unwrap().is_ok());
    }
}
