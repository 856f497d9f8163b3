//! The settings of the system's allocator.

/// Makes the allocator return large blocks of memory to the system when they are freed.
///
/// By default glibc does so only from a threshold on, which it raises to the size of each larger block that is freed,
/// up to 32 MiB (mallopt(3)). After an attack the program would keep most of the memory that it took.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "there is no safe interface to the settings of the allocator")]
pub(crate) fn set_up() {
    use libc::{M_MMAP_MAX, M_MMAP_THRESHOLD, c_int, mallopt};
    /// The threshold, in bytes. Long texts and incoming messages exceed it; parts of snapshots and most batches do not.
    const LARGE: c_int = 32 * 1024;
    /// Most large blocks at a time. Each is a memory mapping, which the system limits (`vm.max_map_count`), and a
    /// thread that gets none for its stack aborts the program.
    const MAX_MAPPED: c_int = 1024;
    // SAFETY: mallopt takes no pointers and checks its arguments.
    let is_set = unsafe { mallopt(M_MMAP_THRESHOLD, LARGE) == 1 && mallopt(M_MMAP_MAX, MAX_MAPPED) == 1 };
    if !is_set {
        log::warn!("the allocator refused its settings, so freed memory may not return to the system");
    }
}

/// Other allocators have no such setting.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn set_up() {}
