//! The command line: every option with its variable, its unit and its line of help.

use clap::Parser;
use clap::builder::RangedU64ValueParser;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::time::Duration;
use typewall::Limits;

const DEFAULT: Limits = Limits::DEFAULT;

/// A wall of live text boxes: everyone in the room sees what you write as you write it.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, next_line_help = true)]
pub struct Options {
    /// Where to listen; 0.0.0.0:8080 is every network, port 0 any free port
    #[arg(long, value_name = "ADDR:PORT", env = "TYPEWALL_LISTEN", hide_env_values = true)]
    #[arg(default_value = "127.0.0.1:8080", value_parser = parse_listen)]
    pub listen: Addresses,

    /// Users and viewers at once; more are told that the server is full
    #[arg(long, value_name = "CLIENTS", env = "TYPEWALL_MAX_CLIENTS", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.max_clients, value_parser = within(1..=100_000))]
    max_clients: usize,

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
}

/// The addresses that `--listen` stands for, of which the first that works is used.
pub type Addresses = Box<[SocketAddr]>;

fn parse_listen(value: &str) -> Result<Addresses, String> {
    let addresses = value.to_socket_addrs().map(Iterator::collect);
    addresses.map_err(|_| "give an address of this machine and a port, such as 127.0.0.1:8080".to_owned())
}

fn within(range: RangeInclusive<u64>) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(range)
}

impl Options {
    /// The limits that the options set.
    pub fn limits(&self) -> Limits {
        Limits {
            max_clients: self.max_clients,
            max_text: self.max_text,
            max_name: self.max_name,
            log_length: self.log_length,
            grace: Duration::from_secs(self.grace),
            ..Limits::DEFAULT
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
