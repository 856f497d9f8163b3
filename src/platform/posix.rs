//! What Linux has in common with other Unix systems.

use listenfd::ListenFd;
use rlimit::Resource;
use rustix::time::{ClockId, clock_gettime};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::flag;
use signal_hook::iterator::Signals;
use signal_hook::low_level::pipe;
use socket2::{Domain, Socket, Type};
use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The signals that ask the program to stop: SIGINT and SIGTERM.
#[derive(Debug)]
pub struct StopSignal(Signals);

impl StopSignal {
    /// From now on, such a signal does not end the process by itself.
    pub fn register() -> io::Result<Self> {
        Signals::new([SIGINT, SIGTERM]).map(Self)
    }

    /// Blocks until one comes.
    pub fn wait(mut self) {
        self.0.forever().next();
    }
}

/// SIGHUP, which asks the program to read its certificate again.
#[derive(Debug)]
pub(crate) struct HangUp(UnixStream);

impl HangUp {
    /// From now on, the signal does not end the process.
    pub(crate) fn register() -> io::Result<Self> {
        let (signals, signal) = UnixStream::pair()?;
        pipe::register(SIGHUP, signal)?;
        Ok(Self(signals))
    }

    /// Blocks for `duration`, or until the signal comes. Returns whether it has come.
    pub(crate) fn wait(&mut self, duration: Duration) -> io::Result<bool> {
        self.0.set_read_timeout(Some(duration))?;
        // Several signals that came meanwhile ask for the same.
        match self.0.read(&mut [0; 64]) {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Two connected sockets, for threads of this process. Only the name of their type says that they are TCP's.
pub(crate) fn socket_pair() -> io::Result<[TcpStream; 2]> {
    let (one, other) = Socket::pair(Domain::UNIX, Type::STREAM, None)?;
    Ok([one.into(), other.into()])
}

/// The listening socket that systemd has opened for the program, which it passes in the way of sd_listen_fds(3).
pub fn inherited_listener() -> io::Result<Option<TcpListener>> {
    let mut sockets = ListenFd::from_env();
    if sockets.len() > 1 {
        let count = sockets.len();
        return Err(io::Error::other(format!("there are {count}, and Typewall listens on one")));
    }
    let listener = sockets.take_tcp_listener(0)?;
    // The acceptor waits in accept(2), whatever was set for the socket before.
    listener.iter().try_for_each(|listener| listener.set_nonblocking(false))?;
    Ok(listener)
}

/// Whether the user's terminal shows Unicode.
pub fn shows_unicode() -> bool {
    is_utf8(|name| env::var(name).ok())
}

/// Whether a user's texts are in UTF-8. The first variable that is not empty decides, as in locale(7).
fn is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let mut variables = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable);
    let locale = variables.find(|value| !value.is_empty()).unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Sets the limits and signals of the process: many files may be open, a limit of file sizes does not end it, and nothing
/// about users is in a core file.
pub(crate) fn set_limits(core_dumps: bool) {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        log::warn!("the limit of open files cannot be raised: {error}");
    }
    // A core file would hold texts that were never posted.
    let no_core = |(_, hard)| rlimit::setrlimit(Resource::CORE, 0, hard);
    if !core_dumps && let Err(error) = rlimit::getrlimit(Resource::CORE).and_then(no_core) {
        log::warn!("core dumps cannot be switched off: {error}");
    }
    // By default, this signal ends the process when the store reaches a limit of file sizes (ulimit -f). Once it is
    // handled, the write fails and posts are refused, as on a full disk.
    if let Err(error) = flag::register(SIGXFSZ, Arc::default()) {
        log::warn!("a limit of file sizes would end the server: {error}");
    }
}

/// Whether the program has a console of its own, which closes when it ends. Terminals stay.
pub fn has_own_console() -> bool {
    false
}

/// The limit of open files, which the program has raised as far as it may.
pub(crate) fn open_files() -> Option<u64> {
    Resource::NOFILE.get_soft().ok()
}

/// Makes a file that these options create one that only its owner can read and write.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Whether other users may open a file.
pub fn is_open_to_others(file: &Path) -> bool {
    file.metadata().is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
}

/// What tells a file from all others: the numbers of its device and its inode.
pub(crate) type FileId = (u64, u64);

/// The identity of the file that a path leads to.
pub(crate) fn file_id(path: &Path) -> io::Result<FileId> {
    path.metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// The file whose lock protects a store: the store itself.
pub(crate) fn lock_of(store: File, _path: &Path) -> io::Result<File> {
    Ok(store)
}

/// Whether this process or the system has no descriptor left.
pub(crate) fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Whether the system has no memory for what is to be sent.
pub(crate) fn is_out_of_buffers(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOBUFS)
}

/// The time of a clock, which counts from some time on.
pub(crate) fn time(clock: ClockId) -> Duration {
    // It is not negative.
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

/// A descriptor to hold in reserve.
pub(crate) fn spare_descriptor() -> Option<File> {
    File::open("/dev/null").ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_not_empty_says_whether_texts_are_in_utf_8() {
        for (variables, expected) in [
            (&[][..], false),
            (&[("LANG", "C")], false),
            (&[("LANG", "de_DE.UTF-8")], true),
            (&[("LANG", "en_GB.utf8")], true),
            (&[("LC_ALL", ""), ("LC_CTYPE", "C.UTF-8"), ("LANG", "C")], true),
            (&[("LC_ALL", "C"), ("LC_CTYPE", "C.UTF-8"), ("LANG", "C.UTF-8")], false),
        ] {
            let value = |name: &str| {
                let variable = variables.iter().find(|(known, _)| *known == name);
                variable.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(is_utf8(value), expected, "{variables:?}");
        }
    }
}
