//! Outlets: what becomes of the messages of a client, and what the hub is told of them.

use crate::base::ids::AckId;
use crate::base::memory::Charge;
use crate::client::socketio::output::Output;
use crate::client::teller::{Source, Teller};
use crate::hub::event::FromClient;
use std::io;
use std::time::{Duration, Instant};
use tungstenite::protocol::frame::coding::CloseCode;

/// Where the messages of a client lead.
#[derive(Debug)]
pub(crate) enum Outlet {
    /// To the hub, which is the only one that writes to the client.
    Hub(Box<Teller>),
    /// To the client's own thread, which answers. Only Socket.IO clients that have not entered a room begin so.
    Own(Box<Output>),
}

/// Why reading ended: the code and the reason of a close frame if the client made an error; `None` if the connection
/// has ended, or is to end.
pub(crate) type End = Option<(CloseCode, &'static str)>;

/// What the hub is to be told of a message.
#[derive(Debug)]
pub(crate) struct Telling {
    /// What the client has done.
    pub event: FromClient,
    /// The acknowledgement that it asks for.
    pub ack: Option<AckId>,
    /// The client is to have a seat first, as a guest.
    pub as_guest: bool,
}

impl From<FromClient> for Telling {
    fn from(event: FromClient) -> Self {
        Self { event, ack: None, as_guest: false }
    }
}

impl Outlet {
    /// Counts bytes, and waits until the next ones may be read.
    pub(crate) fn count_bytes(&mut self, bytes: usize, source: &mut impl Source) -> io::Result<()> {
        self.wait(source, |teller| {
            teller.note_bytes(bytes);
            teller.pace.count_bytes(bytes, Instant::now())
        })
    }

    /// Counts a message, and waits until it may be handled.
    pub(crate) fn count_message(&mut self, source: &mut impl Source) -> io::Result<()> {
        self.wait(source, |teller| teller.pace.count_message(Instant::now()))
    }

    /// A client that has not entered a room need not wait: it may send little until then.
    fn wait(
        &mut self,
        source: &mut impl Source,
        count: impl FnOnce(&mut Teller) -> Duration,
    ) -> io::Result<()> {
        match self {
            Self::Own(_) => Ok(()),
            Self::Hub(teller) => {
                let wait = count(teller);
                source.pause(wait, &teller.membership)
            }
        }
    }

    /// Tells the hub what the client has done, at the pace that is allowed.
    #[inline(always)] // its frame would hold another copy of what is told
    pub(crate) fn tell(
        &mut self,
        telling: Option<Telling>,
        charge: Option<Box<Charge>>,
        source: &mut impl Source,
    ) -> io::Result<()> {
        let (Self::Hub(teller), Some(Telling { event, ack, as_guest })) = (self, telling) else {
            return Ok(());
        };
        if as_guest {
            teller.membership.tell(FromClient::SeatGuest)?;
        }
        teller.tell_in_time(event, ack, charge, source)
    }

    /// The client has sent nothing for too long. Only the hub knows whether it is busy reading.
    pub(crate) fn note_silence(&self) -> Result<(), End> {
        match self {
            Self::Own(_) => Err(None),
            Self::Hub(teller) => teller.membership.tell(FromClient::ReadTimeout).map_err(|_| None),
        }
    }

    /// The client says goodbye.
    pub(crate) fn note_goodbye(&mut self) {
        if let Self::Hub(teller) = self {
            teller.membership.goodbye = true;
        }
    }
}
