//! What the benches `crowd` and `nodes` share: scenarios, the driver that runs all clients of one, the ledger of what
//! they have received, and the processes that are measured.
//!
//! The load is an open loop: an update is sent when it is due, whether the one before has arrived or not, and its
//! waiting time counts from then. When a reader gets an update of a typist, all updates of this typist that the reader
//! has not seen are conveyed at that moment, each with its own waiting time. Skipped texts are therefore neither hidden
//! nor punished.

pub(crate) mod child;
pub(crate) mod drive;
pub(crate) mod event;
pub(crate) mod flood;
#[path = "../../tests/support/frame.rs"]
#[allow(dead_code, reason = "the tests need more kinds of frames")]
pub(crate) mod frame;
pub(crate) mod histogram;
pub(crate) mod job;
pub(crate) mod ledger;
pub(crate) mod meters;
pub(crate) mod options;
pub(crate) mod process;
pub(crate) mod recording;
pub(crate) mod scenario;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod wire;
