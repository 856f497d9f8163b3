//! The command line: every option with its variable, its unit and its line of help.

use clap::Parser;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use typewall::Limits;

/// A wall of live text boxes: everyone in the room sees what you write as you write it.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Options {
    /// Where to listen; 0.0.0.0:8080 is every network of this machine, port 0 a free port
    #[arg(
        long,
        env = "TYPEWALL_LISTEN",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8080"
    )]
    #[arg(value_parser = parse_listen)]
    pub listen: Addresses,

    /// Users and viewers at once; more are told that the server is full
    #[arg(
        long,
        env = "TYPEWALL_MAX_CLIENTS",
        value_name = "CLIENTS",
        default_value_t = 10_000
    )]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100_000))]
    max_clients: u32,

    /// Characters in a box or a post
    #[arg(
        long,
        env = "TYPEWALL_MAX_TEXT",
        value_name = "CHARACTERS",
        default_value_t = 10_000
    )]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_text: u32,

    /// Characters in a name
    #[arg(
        long,
        env = "TYPEWALL_MAX_NAME",
        value_name = "CHARACTERS",
        default_value_t = 40
    )]
    #[arg(value_parser = clap::value_parser!(u32).range(10..=200))]
    max_name: u32,

    /// Posts that a room's log keeps
    #[arg(
        long,
        env = "TYPEWALL_LOG_LENGTH",
        value_name = "POSTS",
        default_value_t = 200
    )]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=10_000))]
    log_length: u32,
}

/// The addresses that `--listen` stands for, of which the first that works is used.
pub type Addresses = Box<[SocketAddr]>;

fn parse_listen(value: &str) -> Result<Addresses, String> {
    let addresses = value
        .to_socket_addrs()
        .map(|addresses| addresses.collect::<Addresses>());
    addresses.map_err(|_| {
        "give an address of this machine and a port, such as 127.0.0.1:8080".to_owned()
    })
}

impl Options {
    /// The limits that the options set.
    pub fn limits(&self) -> Limits {
        Limits {
            max_clients: self.max_clients as usize,
            max_text: self.max_text as usize,
            max_name: self.max_name as usize,
            log_length: self.log_length as usize,
        }
    }

    /// Why there is no listening, and what to do about it.
    pub fn bind_error(&self, error: &io::Error) -> String {
        let listen = self
            .listen
            .iter()
            .map(SocketAddr::to_string)
            .collect::<Vec<_>>()
            .join(" or ");
        let advice = match error.kind() {
            ErrorKind::AddrInUse => {
                "another program has this port; choose another with --listen ADDR:PORT"
            }
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
