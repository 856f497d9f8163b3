//! The launcher of the program: starts the built binary, knows its address from the line that it prints when it is
//! ready, and ends it with the test.

use crate::support::client::{Client, dial};
use crate::support::{TIMEOUT, bounded, wait_until};
use crossbeam_channel::{Receiver, Sender, unbounded};
#[cfg(unix)]
use nix::sys::signal::{Signal, kill};
#[cfg(unix)]
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
#[cfg(unix)]
use nix::unistd::Pid;
use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
#[cfg(unix)]
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// The path of the built program.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_typewall");

/// A free port of this machine.
pub(crate) const LISTEN: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// Where else the system has programs: only root has all of these in its `PATH`.
const PROGRAMS: [&str; 3] = ["/usr/sbin", "/usr/local/bin", "/usr/bin"];

/// The variables that a runner of the program gets. `SystemRoot` is for Windows, whose sockets need it.
const KEPT_VARIABLES: [&str; 5] = ["HOME", "PATH", "SystemRoot", "WINEDEBUG", "WINEPREFIX"];

/// The program, without options and without the test's environment: the built one, unless `TYPEWALL_BINARY` names
/// another. `TYPEWALL_RUNNER` is a command that runs it, such as `wine64`, `qemu-aarch64` or `chroot FOLDER`.
pub(crate) fn typewall() -> Command {
    let binary = env::var("TYPEWALL_BINARY").unwrap_or_else(|_| BINARY.to_owned());
    let runner = env::var("TYPEWALL_RUNNER").unwrap_or_default();
    let words: Vec<&str> = runner.split_whitespace().chain([&*binary]).collect();
    let mut command = command(words[0]);
    command.args(&words[1..]);
    if words.len() > 1 || cfg!(windows) {
        command.envs(KEPT_VARIABLES.iter().filter_map(|name| Some((name, env::var_os(name)?))));
    }
    command
}

/// The program, to listen on a free port.
pub(crate) fn server() -> Command {
    let mut command = typewall();
    command.args(LISTEN);
    command
}

/// The program with a socket that is already open, as systemd starts it. It is told of this many.
#[cfg(unix)]
pub(crate) fn with_socket(socket: &impl AsFd, count: usize) -> Command {
    // Only the shell knows its process id, which the program keeps.
    let script = format!("export LISTEN_PID=$$ LISTEN_FDS={count}; exec \"$0\" \"$@\" 3<&0 4<&0 </dev/null");
    let mut shell = command("sh");
    shell.stdin(socket.as_fd().try_clone_to_owned().expect("a descriptor")).args(["-c", &script, BINARY]);
    shell
}

/// A program that is, or becomes, Typewall.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The path of a program. Without it, the test is skipped, and says so where no test runner hides it: `.ci/run` fails
/// then.
pub(crate) fn installed(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(PROGRAMS.map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        let test = thread::current().name().unwrap_or_default().to_owned();
        let why = format!("1 skipped: {test} needs {name}, which is not installed\n");
        io::stderr().write_all(why.as_bytes()).unwrap();
    }
    found
}

/// Runs a command to its end.
pub(crate) fn output(command: &mut Command) -> Output {
    let child = command.spawn().expect("it runs");
    bounded(|| child.wait_with_output().unwrap())
}

/// Runs a command that has to fail without printing anything, and returns its status and its errors.
pub(crate) fn fails(command: &mut Command) -> (i32, String) {
    let Output { status, stdout, stderr } = output(command);
    assert_eq!(String::from_utf8_lossy(&stdout), "");
    (status.code().expect("a status and not a signal"), String::from_utf8(stderr).unwrap())
}

/// A running program, which is killed when this is dropped.
pub(crate) struct Program {
    child: Child,
    pub address: SocketAddr,
    /// Kept open, as by a terminal. `None` while a line is read.
    stdout: Option<BufReader<ChildStdout>>,
    /// Reads its log lines, so that the program never waits for a reader, unless the test has its standard error.
    stderr: Option<JoinHandle<String>>,
    /// The lines that it logs.
    log: Receiver<String>,
}

impl Program {
    /// Starts a command, and waits until it is ready.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("it runs");
        let (lines, log) = unbounded();
        let stderr = child.stderr.take().map(|stderr| thread::spawn(move || read_log(stderr, &lines)));
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let (stdout, line) = read_line(stdout);
        let url = line.trim_end().strip_prefix("Typewall is at ");
        let address = url.and_then(|url| url.split_once("://")).map(|(_, address)| address.parse());
        let Some(Ok(address)) = address else {
            let _ = child.kill();
            panic!("{line:?} and not an address; it logged {:?}", stderr.map(JoinHandle::join));
        };
        Self { child, address, stdout: Some(stdout), stderr, log }
    }

    /// The next line that it prints; empty if it has ended.
    pub(crate) fn next_line(&mut self) -> String {
        let (stdout, line) = read_line(self.stdout.take().expect("its standard output"));
        self.stdout = Some(stdout);
        line
    }

    /// Waits until it logs a line with this in it.
    pub(crate) fn until_logged(&self, part: &str) {
        let deadline = Instant::now() + TIMEOUT;
        let next = || self.log.recv_deadline(deadline);
        while !next().unwrap_or_else(|_| panic!("nothing was logged with {part:?}")).contains(part) {}
    }

    /// The host key in the next line that it prints.
    pub(crate) fn host_key(&mut self) -> String {
        let line = self.next_line();
        let link = format!("Host: http://{}/#host=", self.address);
        line.trim_end()
            .strip_prefix(&link)
            .unwrap_or_else(|| panic!("{line:?} and not a host link"))
            .to_owned()
    }

    /// The address of its metrics, in the line that it prints after the host link.
    pub(crate) fn metrics(&mut self) -> SocketAddr {
        self.host_key();
        let line = self.next_line();
        let address = line.strip_prefix("Metrics: http://").and_then(|rest| rest.strip_suffix("/metrics\n"));
        address.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("{line:?}"))
    }

    #[cfg(unix)]
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// A connection with nothing sent yet.
    pub(crate) fn dial(&self) -> TcpStream {
        dial(self.address)
    }

    /// A viewer of a room, with its snapshot.
    pub(crate) fn watch(&self, room: &str) -> Client {
        let mut client = Client::connect(self.address, room);
        client.watch();
        client
    }

    /// A user in a room, with the snapshot.
    pub(crate) fn join(&self, room: &str, name: &str) -> Client {
        let mut client = Client::connect(self.address, room);
        client.join(name);
        client
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it has not ended");
    }

    /// Suspends it, until it gets SIGCONT.
    #[cfg(unix)]
    pub(crate) fn suspend(&self) {
        suspend(self.pid());
    }

    /// Ends it as a crash would, and returns what it logged.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().expect("it has not ended"); // SIGKILL
        self.wait().1
    }

    /// Has it stop, and returns its status and what it logged.
    #[cfg(unix)]
    pub(crate) fn terminate(self) -> (Option<i32>, String) {
        self.signal(Signal::SIGTERM);
        self.ended()
    }

    /// Waits for its end, and returns its status and what it logged.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let (status, logged) = self.wait();
        (status.code(), logged)
    }

    fn wait(&mut self) -> (ExitStatus, String) {
        let stderr = self.stderr.take();
        let logged = bounded(|| stderr.map(|stderr| stderr.join().expect("UTF-8")));
        // Usually it has closed its standard error by now.
        wait_until("the end of the program", || self.child.try_wait().unwrap().is_some());
        (self.child.wait().unwrap(), logged.unwrap_or_default())
    }
}

/// Suspends a child of this process, and waits until all of its threads are.
#[cfg(unix)]
pub(crate) fn suspend(pid: Pid) {
    kill(pid, Signal::SIGSTOP).expect("it has not ended");
    let stopped = bounded(move || waitpid(pid, Some(WaitPidFlag::WUNTRACED)).unwrap());
    assert_eq!(stopped, WaitStatus::Stopped(pid, Signal::SIGSTOP));
}

/// Passes on each line, and returns all of them at the end.
fn read_log(stderr: ChildStderr, lines: &Sender<String>) -> String {
    let mut stderr = BufReader::new(stderr);
    let (mut logged, mut end) = (String::new(), 0);
    while stderr.read_line(&mut logged).expect("UTF-8") > 0 {
        // Few tests look before the end, so perhaps nobody receives it.
        let _ = lines.send(logged[end..].to_owned());
        end = logged.len();
    }
    logged
}

fn read_line(mut stdout: BufReader<ChildStdout>) -> (BufReader<ChildStdout>, String) {
    bounded(move || {
        let mut line = String::new();
        stdout.read_line(&mut line).expect("UTF-8");
        (stdout, line)
    })
}

impl Drop for Program {
    #[expect(clippy::print_stderr, reason = "the harness keeps it with the output of the test that fails")]
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking()
            && let Some(Ok(logged)) = self.stderr.take().map(JoinHandle::join)
        {
            eprintln!("{} logged: {logged}", self.address);
        }
    }
}
