//! The commands that use a server over the network: their options, and how they end.

use crate::start_thread;
use clap::Args;
use crossbeam_channel::bounded;
use std::env;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::thread;
use std::time::Duration;
use typewall::{
    Destination, Ended, ReadOptions, RoomAddress, Since, StopSignal, Tls, WriteOptions, check_random_source,
    read_secret, say,
};

/// The command was used wrongly, or the server refused it.
const REFUSED: u8 = 1;

/// There is no connection to the server.
const LOST: u8 = 2;

/// How long a command that is stopped may take to deliver what it has, and to say goodbye.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// The server, and how to get in.
#[derive(Debug, Args)]
pub(crate) struct ServerArguments {
    /// Address of the room, as in a browser, such as http://192.168.1.20:8080/?room=physics
    #[arg(value_name = "URL", value_parser = RoomAddress::parse)]
    address: RoomAddress,

    /// File with the server's passphrase
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,

    /// File with the host key; hosts see hidden texts, and write in frozen rooms
    #[arg(long, value_name = "FILE")]
    host_key_file: Option<PathBuf>,

    /// Certificates of the authorities to trust, in PEM [default: those that the system trusts]
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Give up after this many seconds without a connection, or in which the server cannot store a post [default: 60
    /// after the end of the input, otherwise never]
    #[arg(long, value_name = "SECONDS")]
    retry: Option<u32>,
}

/// `typewall write`.
#[derive(Debug, Args)]
pub(crate) struct WriteArguments {
    #[command(flatten)]
    server: ServerArguments,

    /// Name of the user in the room
    #[arg(long)]
    name: String,

    /// Number of lines to show: the last ones
    #[arg(long, value_name = "LINES", default_value_t = 20, conflicts_with = "post")]
    #[arg(value_parser = super::within(1..=1_000))]
    lines: usize,

    /// Post each line, instead of showing it in the box
    #[arg(long)]
    post: bool,

    /// Stay in the room after the end of the input, until Ctrl-C
    #[arg(long)]
    keep_open: bool,
}

/// `typewall read`.
#[derive(Debug, Args)]
pub(crate) struct ReadArguments {
    #[command(flatten)]
    server: ServerArguments,

    /// Go on with what comes, until Ctrl-C
    #[arg(long)]
    follow: bool,

    /// Print posts numbered higher than N, also those that only the server's store has; with `now`, only those that come
    /// [default: the room's last posts]
    #[arg(long, value_name = "N", value_parser = parse_since, conflicts_with = "boxes")]
    since: Option<Since>,

    /// Print JSON: an object a line
    #[arg(long)]
    json: bool,

    /// Print the live texts instead of the posts: with --follow, each line once it is finished; with --json, each text
    /// as it changes
    #[arg(long)]
    boxes: bool,
}

fn parse_since(value: &str) -> Result<Since, String> {
    match value {
        "now" => Ok(Since::Now),
        number => number.parse().map(Since::Number).map_err(|_| "expected a number, or now".to_owned()),
    }
}

impl ServerArguments {
    fn destination(&self) -> Result<Destination, Ended> {
        let refused = |message| Ended::Refused(message);
        check_random_source().map_err(|error| refused(format!("Cannot connect to the server: {error}.")))?;
        let read = |file: &Path, what| {
            read_secret(file).map_err(|error| refused(super::secret_error(&error, what, file)))
        };
        let tls = self.address.is_secure().then(|| Tls::new(self.ca_file.as_deref())).transpose();
        Ok(Destination {
            address: self.address.clone(),
            tls: tls.map_err(refused)?,
            passphrase: self.passphrase_file.as_deref().map(|file| read(file, "passphrase")).transpose()?,
            host_key: self.host_key_file.as_deref().map(|file| read(file, "host key")).transpose()?,
            retry: self.retry.map(|seconds| Duration::from_secs(seconds.into())),
        })
    }
}

impl WriteArguments {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<(), Ended> {
        let cannot = |message| Ended::Refused(message);
        let (interrupt, interrupts) = bounded(1);
        let signal = StopSignal::register();
        let signal = signal.map_err(|error| cannot(format!("Cannot handle signals: {error}.")))?;
        let forward = move || {
            signal.wait();
            let _ = interrupt.send(());
            thread::sleep(STOP_TIMEOUT);
            say("Stopped before everything was delivered.");
            process::exit(REFUSED.into());
        };
        start_thread("signals", forward).map_err(cannot)?;
        let options = WriteOptions {
            name: self.name.clone(),
            lines: self.lines,
            posts: self.post,
            keeps_open: self.keep_open,
        };
        typewall::write(self.server.destination()?, &options, io::stdin(), interrupts)
    }
}

impl ReadArguments {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<(), Ended> {
        let options = ReadOptions {
            follows: self.follow,
            since: self.since.unwrap_or(Since::Log),
            is_json: self.json,
            reads_boxes: self.boxes,
        };
        typewall::read(self.server.destination()?, options, BufWriter::new(io::stdout().lock()))
    }
}

/// Says why a command has ended, and returns its status.
pub(crate) fn finish(outcome: Result<(), Ended>) -> ExitCode {
    let Err(ended) = outcome else { return ExitCode::SUCCESS };
    say(ended.message());
    match ended {
        Ended::Refused(_) => REFUSED.into(),
        Ended::Lost(_) => LOST.into(),
    }
}

/// Ends the program with the message of the options' parser. Its status for wrong options is 2, which for these commands
/// means something else.
pub(crate) fn exit(error: &clap::Error) -> ! {
    let command = env::args_os().nth(1).unwrap_or_default();
    let is_remote = ["write", "read"].iter().any(|name| command == *name);
    match error.use_stderr() && is_remote {
        true => {
            let _ = error.print();
            process::exit(REFUSED.into())
        }
        false => error.exit(),
    }
}
