//! The command line: every option with its variable, its unit and its line of help.

use clap::builder::{BoolishValueParser, PossibleValuesParser, RangedU64ValueParser};
use clap::{Parser, Subcommand};
use std::fs;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use typewall::base::passphrase::Passphrase;
use typewall::http::origin::Origin;
use typewall::hub::shards::MAX_HUBS;
use typewall::server::StartError;
use typewall::store::export::Format;
use typewall::{Access, Limits, StoreOptions};

const DEFAULT: Limits = Limits::DEFAULT;

/// A wall of live text boxes: everyone in the room sees what you write as you write it.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, next_line_help = true, args_conflicts_with_subcommands = true)]
pub struct Options {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Where to listen; 0.0.0.0:8080 is every network, port 0 any free port
    #[arg(long, value_name = "ADDR:PORT", env = "TYPEWALL_LISTEN", hide_env_values = true)]
    #[arg(default_value = "127.0.0.1:8080", value_parser = parse_listen)]
    pub listen: Addresses,

    /// Users and viewers at once; more are told that the server is full. Fewer where the system allows no
    /// more, which is said at the start
    #[arg(long, value_name = "CLIENTS", env = "TYPEWALL_MAX_CLIENTS", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.max_clients, value_parser = within(1..=100_000))]
    max_clients: usize,

    /// Users and viewers at once from one address, or IPv6 network of 64 bits; without it any number
    #[arg(long, value_name = "CLIENTS", env = "TYPEWALL_MAX_PER_ADDRESS", hide_env_values = true)]
    #[arg(value_parser = within(1..=100_000))]
    max_per_address: Option<usize>,

    /// Rooms at once
    #[arg(long, value_name = "ROOMS", env = "TYPEWALL_MAX_ROOMS", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.max_rooms, value_parser = within(1..=100_000))]
    max_rooms: usize,

    /// Threads that rooms are spread over; without it one for each core, at most 8
    #[arg(long, value_name = "THREADS", env = "TYPEWALL_HUBS", hide_env_values = true)]
    #[arg(value_parser = within(1..=MAX_HUBS as u64))]
    hubs: Option<usize>,

    /// Users in a room; more may watch
    #[arg(long, value_name = "USERS", env = "TYPEWALL_MAX_USERS", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.max_users, value_parser = within(1..=100_000))]
    max_users: usize,

    /// Characters in a box or a post
    #[arg(long, value_name = "CHARACTERS", env = "TYPEWALL_MAX_TEXT", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.max_text, value_parser = within(1..=1_000_000))]
    max_text: usize,

    /// Characters in a name
    #[arg(long, value_name = "CHARACTERS", env = "TYPEWALL_MAX_NAME", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.max_name, value_parser = within(10..=200))]
    max_name: usize,

    /// Posts that a room's log keeps
    #[arg(long, value_name = "POSTS", env = "TYPEWALL_LOG_LENGTH", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.log_length, value_parser = within(0..=10_000))]
    log_length: usize,

    /// How long the seat of somebody is kept whose connection broke; 0 keeps none
    #[arg(long, value_name = "SECONDS", env = "TYPEWALL_GRACE", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.grace.as_secs(), value_parser = clap::value_parser!(u64).range(0..=86_400))]
    grace: u64,

    /// An SQLite file for posts, made if it is not there; without it they are kept in memory only
    #[arg(long, value_name = "FILE", env = "TYPEWALL_STORE", hide_env_values = true)]
    store: Option<PathBuf>,

    /// Drop stored posts after so many days; without it they are kept
    #[arg(long, value_name = "DAYS", env = "TYPEWALL_KEEP", hide_env_values = true, requires = "store")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=36_500))]
    keep: Option<u32>,

    /// Let nobody see any room who does not give the passphrase in this file
    #[arg(long, value_name = "FILE", env = "TYPEWALL_PASSPHRASE_FILE", hide_env_values = true)]
    passphrase_file: Option<PathBuf>,

    /// Pages of this origin may talk to the server too; for a proxy, its own: https://wall.example
    #[arg(long, value_name = "ORIGIN", env = "TYPEWALL_ALLOW_ORIGIN", hide_env_values = true)]
    #[arg(value_delimiter = ',', value_parser = parse_origin)]
    allow_origin: Vec<Origin>,

    /// Believe X-Forwarded-For, -Host and -Proto; only where nobody reaches the server but by a proxy
    #[arg(long, env = "TYPEWALL_TRUST_PROXY", hide_env_values = true)]
    #[arg(value_parser = BoolishValueParser::new())]
    trust_proxy: bool,

    /// Whose pages may show this one in a frame: an origin, any, none or self, which is the default
    #[arg(long, value_name = "ORIGIN", env = "TYPEWALL_FRAME_ANCESTORS", hide_env_values = true)]
    #[arg(value_delimiter = ',', value_parser = parse_ancestor)]
    frame_ancestors: Vec<String>,
}

/// What else can be done than to serve.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Print a room's log from a store, also while it is being served
    Log {
        /// The store
        file: PathBuf,

        /// The room
        #[arg(long, default_value = "lobby")]
        room: String,

        /// What the log is written as
        #[arg(long, default_value = "txt", value_parser = PossibleValuesParser::new(Format::NAMES.map(|(name, _)| name)))]
        format: String,

        /// Only posts with higher numbers
        #[arg(long, value_name = "N", default_value_t = 0)]
        #[arg(value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
        after: u64,
    },
}

/// The addresses that `--listen` stands for, of which the first that works is used.
pub type Addresses = Box<[SocketAddr]>;

fn parse_listen(value: &str) -> Result<Addresses, String> {
    let addresses = value.to_socket_addrs().map(Iterator::collect);
    addresses.map_err(|_| "give an address of this machine and a port, such as 127.0.0.1:8080".to_owned())
}

fn parse_origin(value: &str) -> Result<Origin, String> {
    value.parse().map_err(|_| "give a scheme and a host, such as https://wall.example".to_owned())
}

/// A source as a CSP has it.
fn parse_ancestor(value: &str) -> Result<String, String> {
    match value {
        "any" => Ok("*".to_owned()),
        "none" | "self" => Ok(format!("'{value}'")),
        origin => parse_origin(origin).map(|origin| origin.to_string()),
    }
}

fn read_passphrase(file: &Path) -> Result<Passphrase, String> {
    if fs::metadata(file).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        log::warn!("others on this machine may read the passphrase; chmod 600 {} ends that", file.display());
    }
    Passphrase::read(file).map_err(|error| format!("{} holds no passphrase: {error}.", file.display()))
}

fn within(range: RangeInclusive<u64>) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(range)
}

impl Options {
    /// The limits that the options set.
    pub fn limits(&self) -> Limits {
        Limits {
            max_clients: self.max_clients,
            max_per_address: self.max_per_address,
            max_rooms: self.max_rooms,
            hubs: self.hubs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)),
            max_users: self.max_users,
            max_text: self.max_text,
            max_name: self.max_name,
            log_length: self.log_length,
            grace: Duration::from_secs(self.grace),
            ..Limits::DEFAULT
        }
    }

    /// Who the options let in.
    pub fn access(&self) -> Result<Access, String> {
        Ok(Access {
            allowed: self.allow_origin.clone(),
            trusts_proxy: self.trust_proxy,
            frame_ancestors: self.frame_ancestors.clone(),
            passphrase: self.passphrase_file.as_deref().map(read_passphrase).transpose()?,
        })
    }

    /// Where posts are stored, if they are.
    pub fn store(&self) -> Option<StoreOptions> {
        self.store.clone().map(|file| StoreOptions { keep_days: self.keep, ..StoreOptions::new(file) })
    }

    /// Why the server does not start.
    pub fn start_error(&self, error: &StartError) -> String {
        match (error, &self.store) {
            (StartError::Store(error), Some(file)) => {
                format!("Posts cannot be stored in {}: {error}.", file.display())
            }
            (error, _) => format!("The server cannot start: {error}."),
        }
    }

    /// Why there is no listening, and what to do about it.
    pub fn bind_error(&self, error: &io::Error) -> String {
        let listen = self.listen.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" or ");
        let advice = match error.kind() {
            ErrorKind::AddrInUse => "another program has this port; choose another with --listen ADDR:PORT",
            ErrorKind::PermissionDenied => {
                "ports below 1024 need rights; choose another with --listen ADDR:PORT"
            }
            ErrorKind::AddrNotAvailable => {
                "this machine does not have that address; 0.0.0.0 stands for all it has"
            }
            _ => return format!("Cannot listen on {listen}: {error}."),
        };
        format!("Cannot listen on {listen}: {advice}.")
    }
}
