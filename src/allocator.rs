//! The settings of the system's allocator.

/// Has large blocks of memory go back to the system when they are freed, for as long as the program runs.
///
/// By default glibc raises the size from which that is so, up to 32 MiB, each time a larger block is freed. After an
/// attack the program would keep most of the memory that it took (`man 3 mallopt`).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "there is no safe interface to the settings of the allocator")]
pub(crate) fn set_up() {
    use libc::{M_MMAP_MAX, M_MMAP_THRESHOLD, c_int, mallopt};
    /// The size, in bytes: longest texts and incoming messages are larger, parts of snapshots and most batches are not.
    const LARGE: c_int = 32 * 1024;
    /// Most large blocks at a time that are mapped. The system limits all mappings of a process, and a thread that gets
    /// none for its stack aborts the program.
    const MAX_MAPPED: c_int = 1024;
    // SAFETY: both settings are numbers, and the allocator may be told them at any time.
    let is_set = unsafe { mallopt(M_MMAP_THRESHOLD, LARGE) == 1 && mallopt(M_MMAP_MAX, MAX_MAPPED) == 1 };
    if !is_set {
        log::warn!("the allocator does not accept its settings, so it may keep memory that is free");
    }
}

/// Other allocators have no such setting.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn set_up() {}
