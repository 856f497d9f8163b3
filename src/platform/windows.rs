//! Windows.

pub(crate) use crate::platform::nonblocking as socket;

use crate::platform::SystemLimits;
use crossbeam_channel::{Receiver, bounded};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::Duration;
use windows_sys::Win32::Networking::WinSock::{WSAEMFILE, WSAENOBUFS};
use windows_sys::Win32::System::Console::GetConsoleProcessList;
use windows_sys::Win32::System::SystemInformation::{GetTickCount64, GlobalMemoryStatusEx, MEMORYSTATUSEX};

/// Connections of other processes that are dropped while a pair of sockets is made. The port is new, so there is none
/// unless somebody tries all ports.
const PAIR_ATTEMPTS: u32 = 16;

/// What asks the program to stop: Ctrl-C, Ctrl-Break, a closed console, the end of the user's session.
#[derive(Debug)]
pub struct StopSignal(Receiver<()>);

impl StopSignal {
    /// From now on, none of them ends the process by itself.
    pub fn register() -> io::Result<Self> {
        let (signal, signals) = bounded(1);
        // If a message waits there already, it says the same.
        let note = move || _ = signal.try_send(());
        ctrlc::set_handler(note).map_err(io::Error::other)?;
        Ok(Self(signals))
    }

    /// Blocks until one comes.
    pub fn wait(self) {
        let _ = self.0.recv();
    }
}

/// No signal asks the program to read its certificate again.
#[derive(Debug)]
pub(crate) struct HangUp;

impl HangUp {
    /// Does nothing.
    pub(crate) fn register() -> io::Result<Self> {
        Ok(Self)
    }

    /// Blocks for `duration`.
    pub(crate) fn wait(&mut self, duration: Duration) -> io::Result<bool> {
        thread::sleep(duration);
        Ok(false)
    }
}

/// Two connected sockets, for threads of this process.
pub(crate) fn socket_pair() -> io::Result<[TcpStream; 2]> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let one = TcpStream::connect(listener.local_addr()?)?;
    // Another process may connect first, and must not take the place.
    for _ in 0..PAIR_ATTEMPTS {
        let (other, peer) = listener.accept()?;
        if peer == one.local_addr()? {
            return Ok([one, other]);
        }
    }
    Err(ErrorKind::ConnectionRefused.into())
}

/// `None`: nothing opens sockets for other programs.
pub fn inherited_listener() -> io::Result<Option<TcpListener>> {
    Ok(None)
}

/// Consoles do.
pub fn shows_unicode() -> bool {
    true
}

/// Nothing to prepare: the limit of open files, core files and the signal of a limit of file sizes are Unix's.
pub fn set_up_process(_core_dumps: bool) {}

/// Whether the program has a console of its own, which closes when it ends: after a double click.
#[expect(unsafe_code, reason = "there is no safe interface to this in what we use")]
pub fn has_own_console() -> bool {
    let mut processes = [0; 2];
    // SAFETY: the pointer is valid for the call, and for as many ids as the second argument says.
    unsafe { GetConsoleProcessList(processes.as_mut_ptr(), processes.len() as u32) == 1 }
}

/// The time by a clock that also runs while the machine is suspended. It moves in steps of about 16 ms.
#[expect(unsafe_code, reason = "there is no safe interface to this clock")]
pub(crate) fn boot_time() -> Duration {
    // SAFETY: it takes no arguments, and cannot fail.
    Duration::from_millis(unsafe { GetTickCount64() })
}

/// Does nothing.
pub(crate) fn lower_priority() -> io::Result<()> {
    Ok(())
}

/// The memory of the machine, in bytes. `None` if the system does not tell.
#[expect(unsafe_code, reason = "there is no safe interface to this in what we use")]
pub fn system_memory() -> Option<u64> {
    let mut status =
        MEMORYSTATUSEX { dwLength: size_of::<MEMORYSTATUSEX>() as u32, ..MEMORYSTATUSEX::default() };
    // SAFETY: the pointer is valid for the call, and `dwLength` says how much may be written.
    let is_known = unsafe { GlobalMemoryStatusEx(&mut status) } != 0;
    is_known.then_some(status.ullTotalPhys)
}

/// Windows limits descriptors and threads only by its memory.
pub(crate) fn limits() -> SystemLimits {
    SystemLimits::default()
}

/// Leaves the options as they are: who may read a file follows from its folder.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// False: who may open a file follows from its folder, which the user's own folders keep from others.
pub fn is_open_to_others(_file: &Path) -> bool {
    false
}

/// Files have no number that the standard library tells. None is needed: SQLite opens its files so that they can be
/// neither moved nor deleted.
pub(crate) type FileId = ();

/// Fails if the path leads to no file.
pub(crate) fn file_id(path: &Path) -> io::Result<FileId> {
    path.metadata().map(drop)
}

/// The file whose lock protects a store: one beside it, because a lock keeps everyone from reading the file, SQLite too.
pub(crate) fn lock_of(_store: File, path: &Path) -> io::Result<File> {
    let mut lock = path.as_os_str().to_owned();
    lock.push("-lock");
    File::options().write(true).create(true).truncate(false).open(lock)
}

/// Whether this process has no descriptor left.
pub(crate) fn is_exhaustion(error: &io::Error) -> bool {
    error.raw_os_error() == Some(WSAEMFILE)
}

/// Whether the system has no memory for what is to be sent.
pub(crate) fn is_out_of_buffers(error: &io::Error) -> bool {
    error.raw_os_error() == Some(WSAENOBUFS)
}

/// A descriptor to hold in reserve.
pub(crate) fn spare_descriptor() -> Option<File> {
    File::open("NUL").ok()
}
