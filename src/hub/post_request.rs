//! A post over HTTP, by somebody without a seat.

use crate::base::address::Address;
use crate::base::address_slots::{AddressSlot, AddressSlots};
use crate::base::memory::Charge;
use crate::protocol::post_refusal::PostRefusal;
use crate::room::names::Name;
use crate::room::room_name::RoomName;
use crossbeam_channel::Sender;
use std::time::Instant;

/// Posts over HTTP that may wait at once: for their rooms to be loaded, for the budgets of the rooms, for the store.
pub(crate) const MAX_POST_REQUESTS: usize = 256;

/// The same from one address: as many as it may post in the seconds for which a post may wait, with the default rate,
/// and some more.
pub const MAX_POST_REQUESTS_PER_ADDRESS: usize = 16;

/// The places of posts that wait.
pub(crate) type PostPlaces = AddressSlots<MAX_POST_REQUESTS, MAX_POST_REQUESTS_PER_ADDRESS>;

/// A request to post.
#[derive(Debug)]
pub struct PostRequest {
    /// The room.
    pub room: RoomName,
    /// The name under which to post.
    pub name: Name,
    /// The text, which the request's thread has checked.
    pub text: String,
    /// The `Idempotency-Key`. A second post under the same name with the same key is not posted.
    pub reference: Option<String>,
    /// Where it comes from.
    pub address: Address,
    /// After this time nobody waits for the answer, and nothing is posted.
    pub until: Instant,
    /// Who asks for it.
    pub from: PostRequester,
}

/// Who asks for a post. If it is dropped, the request is told that the server is busy.
#[derive(Debug)]
pub struct PostRequester {
    /// Where the number of the post goes, or the reason why it has none.
    pub reply_to: Sender<Result<u64, PostRefusal>>,
    /// The place that the request takes until it is answered.
    pub place: Option<AddressSlot<MAX_POST_REQUESTS>>,
    /// The memory that its text takes until then.
    pub charge: Option<Charge>,
}

impl PostRequester {
    /// Answers the request, which may have given up waiting. Whoever reads the answer may use the place at once.
    pub(crate) fn answer(self, outcome: Result<u64, PostRefusal>) {
        let Self { reply_to, place, charge } = self;
        drop((place, charge));
        let _ = reply_to.try_send(outcome);
    }
}
