//! The commands that use a server over the network, against the program itself.

mod examples;
mod hostile;
mod read;
mod tls;
mod write;

use crate::support::program::typewall;
use crate::support::{TIMEOUT, bounded, wait_until};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// The address of the room `r`.
fn room(address: SocketAddr) -> String {
    format!("http://{address}/?room=r")
}

/// `typewall write`, as `build` in the room `r`.
fn write(address: SocketAddr) -> Command {
    let mut command = typewall();
    command.args(["write", "--name", "build"]).arg(room(address));
    command
}

/// `typewall read` of the room `r`.
fn read(address: SocketAddr) -> Command {
    let mut command = typewall();
    command.arg("read").arg(room(address));
    command
}

/// A running command, which is killed with all that it has started when this is dropped.
struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    /// The lines that it prints.
    lines: Receiver<String>,
    /// The lines that it says on standard error.
    said: Receiver<String>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        // A group of its own, so that what a shell has started ends with it.
        let mut child = command.stdin(Stdio::piped()).process_group(0).spawn().expect("it runs");
        let lines = lines_of(child.stdout.take().expect("a pipe"));
        let said = lines_of(child.stderr.take().expect("a pipe"));
        Self { stdin: child.stdin.take(), child, lines, said }
    }

    /// Starts it with this input, which then ends.
    fn with_input(command: &mut Command, input: &str) -> Self {
        let mut running = Self::start(command);
        running.input(input);
        running.end_input();
        running
    }

    fn input(&mut self, text: &str) {
        let mut stdin = self.stdin.take().expect("an input");
        let text = text.to_owned();
        self.stdin = Some(bounded(move || {
            stdin.write_all(text.as_bytes()).expect("it reads");
            stdin
        }));
    }

    fn end_input(&mut self) {
        self.stdin = None;
    }

    fn interrupt(&self) {
        kill(self.pid(), Signal::SIGINT).expect("it has not ended");
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// The next line that it prints.
    fn line(&self) -> String {
        self.lines.recv_timeout(TIMEOUT).expect("a line")
    }

    /// Waits for its end, and returns its status and what it said.
    fn ended(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        while let Ok(line) = self.said.recv_timeout(TIMEOUT) {
            said += &(line + "\n");
        }
        wait_until("the end of the command", || self.child.try_wait().unwrap().is_some());
        (self.child.wait().unwrap().code(), said)
    }

    /// Waits for its end, which has to be without a word.
    fn succeeds(self) {
        assert_eq!(self.ended(), (Some(0), String::new()));
    }
}

/// The lines that come from a pipe. It is closed when the test does not want them any more.
fn lines_of(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (send, lines) = mpsc::channel();
    let mut read = BufReader::new(pipe).lines().map_while(Result::ok);
    thread::spawn(move || read.try_for_each(|line| send.send(line)));
    lines
}

impl Drop for Running {
    fn drop(&mut self) {
        // They may have ended already.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}
