//! macOS, the BSDs, and other Unix systems.

pub(crate) use crate::platform::nonblocking as socket;
pub(crate) use crate::platform::posix::{
    FileId, HangUp, file_id, is_exhaustion, is_out_of_buffers, lock_of, private, socket_pair,
    spare_descriptor,
};
pub use crate::platform::posix::{
    StopSignal, has_own_console, inherited_listener, is_open_to_others, shows_unicode,
};

use crate::platform::{SystemLimits, posix};
use rustix::time::ClockId;
use std::io;
use std::time::Duration;

/// Prepares the process for serving: many files may be open, and nothing about users is in a core file.
pub fn set_up_process(core_dumps: bool) {
    posix::set_limits(core_dumps);
}

/// The time by a clock that also runs while the machine is suspended, if the system has one: on macOS, this one does. On
/// the BSDs it stands still meanwhile.
pub(crate) fn boot_time() -> Duration {
    posix::time(ClockId::Monotonic)
}

/// Does nothing: a priority belongs to the whole process.
pub(crate) fn lower_priority() -> io::Result<()> {
    Ok(())
}

/// The memory of the machine, in bytes. `None` if the system does not tell.
#[expect(unsafe_code, reason = "there is no safe interface to sysconf in what we use")]
pub fn system_memory() -> Option<u64> {
    // SAFETY: sysconf takes no pointers and checks its argument.
    let values = unsafe { [libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)] };
    let [pages, page_size] = values.map(|value| u64::try_from(value).ok().filter(|value| *value > 0));
    pages?.checked_mul(page_size?)
}

/// The system's limits. Those on threads have no common interface; a client for whom there is no thread is refused.
pub(crate) fn limits() -> SystemLimits {
    SystemLimits { open_files: posix::open_files(), ..SystemLimits::default() }
}
