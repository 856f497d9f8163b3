//! Telling the hub what a client does, at the pace that the client is allowed.

use crate::base::ids::{AckId, ClientId};
use crate::base::limits::Limits;
use crate::base::memory::Charge;
use crate::base::window::Window;
use crate::client::pace::Pace;
use crate::hub::event::{Event, FromClient, QueuedEvent};
use crate::hub::shards::SocketEvent;
use crate::room::action::Action;
use crossbeam_channel::Sender;
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// A client's membership in a hub. It ends when this is dropped, however the client's thread ends.
#[derive(Debug)]
pub(crate) struct Membership {
    /// The client.
    pub client: ClientId,
    /// The client has said goodbye.
    pub goodbye: bool,
    hub: Sender<SocketEvent>,
}

impl Membership {
    /// The membership of a client that is about to connect to this hub.
    pub(crate) fn new(client: ClientId, hub: Sender<SocketEvent>) -> Self {
        Self { client, goodbye: false, hub }
    }

    /// Tells the hub what the client has done. Fails if the hub is gone.
    #[inline(never)]
    pub(crate) fn tell(&self, event: FromClient) -> io::Result<()> {
        self.send(Event::from_client(self.client, event))
    }

    /// Sends the hub an event. Fails if the hub is gone.
    #[inline(never)] // its frame would be in that of each caller
    pub(crate) fn send(&self, event: SocketEvent) -> io::Result<()> {
        self.connect(event)
    }

    /// The same for the first event of a client, which needs the most of its thread's stack already.
    #[inline(always)]
    pub(crate) fn connect(&self, event: SocketEvent) -> io::Result<()> {
        self.hub.send(event).map_err(|_| io::Error::from(ErrorKind::BrokenPipe))
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        // If the hub is gone, there is no membership to end.
        let _ = self.tell(FromClient::Closed { goodbye: self.goodbye });
    }
}

/// Where a client's input comes from, as far as the client has to wait.
pub(crate) trait Source {
    /// Waits. Fails if the connection ends meanwhile; what it still holds is discarded.
    fn pause(&mut self, wait: Duration, membership: &Membership) -> io::Result<()>;

    /// Whether the input is to be discarded, because the client has gone. Asked again and again while the hub is behind.
    fn is_over(&mut self, membership: &Membership) -> bool;
}

/// Tells the hub what one client does.
#[derive(Debug)]
pub(crate) struct Teller {
    /// How fast the client may send.
    pub pace: Pace,
    /// The client's place in the hub.
    pub membership: Membership,
    window: Window,
}

impl Teller {
    /// Belongs to the current thread.
    #[inline(never)] // its frame would be in that of its caller
    pub(crate) fn new(membership: Membership, limits: &Limits) -> Box<Self> {
        let (pace, window) = (Pace::new(limits, Instant::now()), Window::of_this_thread());
        Box::new(Self { pace, membership, window })
    }

    /// Bytes have come from the client. The hub is told of them with the next event.
    pub(crate) fn note_bytes(&self, bytes: usize) {
        self.window.note_bytes(bytes);
    }

    /// Tells the hub what the client has done, when the hub has handled most of what it was told before. Fails if the
    /// connection ends before that; what it still holds is discarded.
    #[inline(never)]
    pub(crate) fn tell(
        &self,
        event: FromClient,
        ack: Option<AckId>,
        charge: Option<Box<Charge>>,
        source: &mut impl Source,
    ) -> io::Result<()> {
        let slot =
            self.window.wait(|| source.is_over(&self.membership)).ok_or(ErrorKind::ConnectionAborted)?;
        let client = self.membership.client;
        self.membership.send(Event::FromClient(QueuedEvent { client, event, slot, charge, ack }))
    }

    /// The same, at the pace that is allowed for this kind of event. A user who has to wait is told.
    #[inline(never)] // its frame would stay on the stack while the reader waits for input
    pub(crate) fn tell_in_time(
        &mut self,
        event: FromClient,
        ack: Option<AckId>,
        charge: Option<Box<Charge>>,
        source: &mut impl Source,
    ) -> io::Result<()> {
        let wait = self.pace.count_event(&event, Instant::now());
        if !wait.is_zero() && matches!(event, FromClient::Acted(Action::Post { .. })) {
            self.tell(FromClient::Paced { wait }, None, None, source)?;
        }
        source.pause(wait, &self.membership)?;
        self.window.note_wait();
        self.tell(event, ack, charge, source)
    }
}
