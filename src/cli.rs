//! The command line: options, their environment variables, units and help.

pub(crate) mod remote;
pub(crate) mod storage;
pub(crate) mod variables;

use crate::cli::storage::StorageArguments;
use crate::healthcheck::Target;
use clap::builder::{BoolishValueParser, PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use clap::{Parser, Subcommand};
use clap_complete::Shell;
use std::ffi::OsString;
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use typewall::{
    Access, Certificate, CertificateFiles, Format, Host, HostKey, HostMode, HostOptions, KeyPrefix, Limits,
    MAX_HUBS, Origin, SecretFileError, SecretHash, is_open_to_others, system_memory,
};

const DEFAULT: Limits = Limits::DEFAULT;

/// Bytes in a mebibyte.
const MIB: u64 = 1024 * 1024;

/// The version, with the commit of a release.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("TYPEWALL_COMMIT"), ")");

/// A wall of live text boxes: everyone in the room sees what you write as you write it.
#[derive(Debug, Parser)]
#[command(version = VERSION, max_term_width = 100, next_line_help = true, args_conflicts_with_subcommands = true)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Address to listen on; 0.0.0.0:8080 listens on all interfaces, port 0 picks a free port
    #[arg(long, value_name = "ADDR:PORT", env = "TYPEWALL_LISTEN", hide_env_values = true)]
    #[arg(default_value = "127.0.0.1:8080", value_parser = parse_listen)]
    pub listen: Addresses,

    /// Address to serve metrics for Prometheus on, at /metrics; nobody needs a passphrase to read them [default: no
    /// metrics]
    #[arg(long, value_name = "ADDR:PORT", env = "TYPEWALL_METRICS_LISTEN", hide_env_values = true)]
    #[arg(value_parser = parse_listen)]
    pub metrics_listen: Option<Addresses>,

    /// Maximum number of users and viewers; further clients are turned away. A warning at startup says if the system
    /// allows fewer
    #[arg(long, value_name = "CLIENTS", env = "TYPEWALL_MAX_CLIENTS", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.max_clients, value_parser = within(1..=100_000))]
    max_clients: usize,

    /// Maximum number of users and viewers from one IPv4 address or IPv6 /64 network [default: no limit]
    #[arg(long, value_name = "CLIENTS", env = "TYPEWALL_MAX_PER_ADDRESS", hide_env_values = true)]
    #[arg(value_parser = within(1..=100_000))]
    max_per_address: Option<usize>,

    /// Maximum number of rooms
    #[arg(long, value_name = "ROOMS", env = "TYPEWALL_MAX_ROOMS", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.max_rooms, value_parser = within(1..=100_000))]
    max_rooms: usize,

    /// Number of hub threads, which share the rooms [default: one per core, at most 8]
    #[arg(long, value_name = "THREADS", env = "TYPEWALL_HUBS", hide_env_values = true)]
    #[arg(value_parser = within(1..=MAX_HUBS as u64))]
    hubs: Option<usize>,

    /// Maximum number of users in a room; others can watch
    #[arg(long, value_name = "USERS", env = "TYPEWALL_MAX_USERS", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.max_users, value_parser = within(1..=100_000))]
    max_users: usize,

    /// Maximum length of a box or a post, in characters
    #[arg(long, value_name = "CHARACTERS", env = "TYPEWALL_MAX_TEXT", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.max_text, value_parser = within(1..=1_000_000))]
    max_text: usize,

    /// Maximum length of a user's name, in characters
    #[arg(long, value_name = "CHARACTERS", env = "TYPEWALL_MAX_NAME", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.max_name, value_parser = within(10..=200))]
    max_name: usize,

    /// Posts that a connection may send per second, in bursts of five times as many; further posts wait
    #[arg(long, value_name = "POSTS", env = "TYPEWALL_POST_RATE", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.post_rate, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    post_rate: u32,

    /// Memory for incoming messages and pending output, in MiB [default: a quarter of the memory]
    #[arg(long, value_name = "MIB", env = "TYPEWALL_WAITING_MEMORY", hide_env_values = true)]
    #[arg(value_parser = within(1..=1_048_576))]
    waiting_memory: Option<usize>,

    /// Memory for the boxes and logs of all rooms, in MiB; at the limit, boxes cannot grow and logs are shortened
    /// [default: half of the memory]
    #[arg(long, value_name = "MIB", env = "TYPEWALL_TEXT_MEMORY", hide_env_values = true)]
    #[arg(value_parser = within(1..=1_048_576))]
    text_memory: Option<usize>,

    /// Number of posts to keep in a room's log
    #[arg(long, value_name = "POSTS", env = "TYPEWALL_LOG_LENGTH", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.log_length, value_parser = within(0..=10_000))]
    log_length: usize,

    /// How long to keep a user's seat after the connection breaks, in seconds; 0 gives up the seat at once
    #[arg(long, value_name = "SECONDS", env = "TYPEWALL_GRACE", hide_env_values = true)]
    #[arg(default_value_t = DEFAULT.grace.as_secs(), value_parser = clap::value_parser!(u64).range(0..=86_400))]
    grace: u64,

    #[command(flatten)]
    pub storage: StorageArguments,

    /// Require the passphrase in this file to see any room
    #[arg(long, value_name = "FILE", env = "TYPEWALL_PASSPHRASE_FILE", hide_env_values = true)]
    passphrase_file: Option<PathBuf>,

    /// Encrypt all connections with the certificate in this file, in PEM, followed by those of its authorities; needs
    /// --tls-key
    #[arg(
        long,
        value_name = "FILE",
        env = "TYPEWALL_TLS_CERT",
        hide_env_values = true,
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,

    /// Private key of the certificate, in PEM. Both files are read again when they change
    #[arg(
        long,
        value_name = "FILE",
        env = "TYPEWALL_TLS_KEY",
        hide_env_values = true,
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,

    /// Who can be a host: anyone who opens the host link (key); also the first user in a room without a host (first);
    /// nobody (none)
    #[arg(long, value_name = "WHO", env = "TYPEWALL_HOSTS", hide_env_values = true)]
    #[arg(default_value = "key", value_parser = parse_hosts())]
    hosts: HostMode,

    /// Keep the key of the host link in this file, created if missing [default: a new key at each start]
    #[arg(long, value_name = "FILE", env = "TYPEWALL_HOST_KEY_FILE", hide_env_values = true)]
    host_key_file: Option<PathBuf>,

    /// Additional origins whose pages may use the server, comma-separated; behind a proxy, the proxy's origin, such as
    /// https://wall.example
    #[arg(long, value_name = "ORIGIN", env = "TYPEWALL_ALLOW_ORIGIN", hide_env_values = true)]
    #[arg(value_delimiter = ',', value_parser = parse_origin)]
    allow_origin: Vec<Origin>,

    /// Host names under which people reach the server, comma-separated, such as wall.example. On a network, IP
    /// addresses, names that end in .local and the name of this machine need not be given
    #[arg(long, value_name = "HOST", env = "TYPEWALL_ALLOW_HOST", hide_env_values = true)]
    #[arg(value_delimiter = ',', value_parser = parse_host)]
    allow_host: Vec<Host>,

    /// Trust X-Forwarded-For, -Host and -Proto; only safe if every connection comes through a proxy
    #[arg(long, env = "TYPEWALL_TRUST_PROXY", hide_env_values = true)]
    #[arg(value_parser = BoolishValueParser::new())]
    trust_proxy: bool,

    /// Origins that may embed this page in a frame, comma-separated, or one of: any, none, self [default: self]
    #[arg(long, value_name = "ORIGIN", env = "TYPEWALL_FRAME_ANCESTORS", hide_env_values = true)]
    #[arg(value_delimiter = ',', value_parser = parse_ancestor)]
    frame_ancestors: Vec<String>,

    /// Let a crash write a core dump, which holds texts that were never posted, if the limit of the system (`ulimit
    /// -c`) allows it
    #[arg(long, env = "TYPEWALL_CORE_DUMPS", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub core_dumps: bool,

    /// Print only warnings and errors: no addresses and no host links
    #[arg(long, env = "TYPEWALL_QUIET", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub quiet: bool,
}

/// What to do instead of serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a room's log from a store, or list its rooms, even while a server is using it
    Log {
        /// Store file, or URL of a Redis. In the variable, the password of Redis is in no list of processes
        #[arg(value_name = "FILE", env = "TYPEWALL_REDIS", hide_env_values = true)]
        store: OsString,

        /// Room to print [default: list all rooms with the number of posts and the time of the last]
        #[arg(long)]
        room: Option<String>,

        /// Format of the log
        #[arg(long, default_value = "txt", requires = "room")]
        #[arg(value_parser = PossibleValuesParser::new(Format::NAMES.map(|(name, _)| name)))]
        format: String,

        /// Print only posts numbered higher than N
        #[arg(long, value_name = "N", default_value_t = 0, requires = "room")]
        #[arg(value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
        after: u64,

        /// What the names of all keys in Redis begin with
        #[arg(long, value_name = "PREFIX", env = "TYPEWALL_REDIS_PREFIX", hide_env_values = true)]
        #[arg(default_value_t)]
        redis_prefix: KeyPrefix,
    },

    /// Show standard input live in a box, or post it line by line
    Write(remote::WriteArguments),

    /// Print a room's posts as they come, or its boxes
    Read(remote::ReadArguments),

    /// Check that a server is healthy; the exit status is 0 or 1
    Healthcheck {
        /// Address of the page [default: the server on this machine that listens at TYPEWALL_LISTEN, or on port 8080,
        /// over https if TYPEWALL_TLS_CERT is set]
        #[arg(value_parser = Target::parse)]
        url: Option<Target>,

        /// Certificates of the authorities to trust, in PEM [default: those that the system trusts]. On this machine,
        /// any certificate will do
        #[arg(long, value_name = "FILE")]
        ca_file: Option<PathBuf>,
    },

    /// Print the completions of a shell
    Completions {
        /// Shell that reads them
        shell: Shell,
    },

    /// Print the manual page
    Man,
}

/// The addresses that the host name of `--listen` resolves to. The first one that can be bound is used.
pub(crate) type Addresses = Box<[SocketAddr]>;

fn parse_listen(value: &str) -> Result<Addresses, String> {
    let addresses = value.to_socket_addrs().map(Iterator::collect);
    addresses.map_err(|_| "expected an address and a port, such as 127.0.0.1:8080".to_owned())
}

fn parse_origin(value: &str) -> Result<Origin, String> {
    value.parse().map_err(|_| "expected a scheme and a host, such as https://wall.example".to_owned())
}

/// Parses a host without a port. A wildcard would match nothing.
fn parse_host(value: &str) -> Result<Host, String> {
    let host = Host::parse(value).filter(|host| host.port().is_none() && !value.contains('*'));
    host.ok_or_else(|| "expected a host name without a scheme or a port, such as wall.example".to_owned())
}

/// Converts a value to a source of a Content-Security-Policy.
fn parse_ancestor(value: &str) -> Result<String, String> {
    match value {
        "any" => Ok("*".to_owned()),
        "none" | "self" => Ok(format!("'{value}'")),
        origin => origin.parse().map(|origin: Origin| origin.to_string()).map_err(|_| {
            "expected any, none, self, or a scheme and a host, such as https://wall.example".to_owned()
        }),
    }
}

fn parse_hosts() -> impl TypedValueParser<Value = HostMode> {
    PossibleValuesParser::new(["key", "first", "none"]).map(|mode| match &*mode {
        "first" => HostMode::First,
        "none" => HostMode::None,
        _ => HostMode::Key,
    })
}

fn read_passphrase(file: &Path) -> Result<SecretHash, String> {
    SecretHash::read(file).map_err(|error| secret_error(&error, "passphrase", file))
}

/// Warns if others can read a file that holds a secret.
fn warn_of_readers(what: &str, file: &Path) {
    if file.is_file() && is_open_to_others(file) {
        log::warn!("other users can read the {what} file; run chmod 600 {}", file.display());
    }
}

/// The message for a file with a secret that cannot be used.
fn secret_error(error: &SecretFileError, what: &str, file: &Path) -> String {
    let verb = match error {
        SecretFileError::Unreadable(_) => "read",
        SecretFileError::NotCreated(_) => "create",
        _ => "use",
    };
    format!("Cannot {verb} the {what} file {}: {error}.", file.display())
}

fn within(range: RangeInclusive<u64>) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(range)
}

/// The given memory, or this part of what the system has, in bytes.
fn memory(mebibytes: Option<usize>, part: u64) -> Option<usize> {
    let of_system = || system_memory().and_then(|bytes| usize::try_from(bytes / part).ok());
    mebibytes.map(|mebibytes| mebibytes.saturating_mul(MIB as usize)).or_else(of_system)
}

impl Options {
    /// The limits.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            max_clients: self.max_clients,
            max_per_address: self.max_per_address,
            max_rooms: self.max_rooms,
            hubs: self.hubs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)),
            max_users: self.max_users,
            max_name: self.max_name,
            log_length: self.log_length,
            post_rate: self.post_rate,
            max_waiting: memory(self.waiting_memory, 4).unwrap_or(DEFAULT.max_waiting),
            max_texts: memory(self.text_memory, 2).unwrap_or(DEFAULT.max_texts),
            grace: Duration::from_secs(self.grace),
            ..Limits::DEFAULT.with_max_text(self.max_text)
        }
    }

    /// The host key, if somebody can be a host.
    pub(crate) fn host_key(&self) -> Result<Option<HostKey>, String> {
        if self.hosts == HostMode::None {
            if self.host_key_file.is_some() {
                log::warn!("--host-key-file has no effect with --hosts none");
            }
            return Ok(None);
        }
        let Some(file) = self.host_key_file.as_deref() else {
            if self.storage.is_shared() {
                log::warn!(
                    "nobody can be a host, because servers with the same rooms need the same --host-key-file"
                );
                return Ok(None);
            }
            return Ok(Some(HostKey::random()));
        };
        let key = HostKey::read_or_create(file).map_err(|error| secret_error(&error, "host key", file))?;
        warn_of_readers("host key", file);
        Ok(Some(key))
    }

    /// Who may use the server.
    pub(crate) fn access(&self, host_key: Option<&HostKey>) -> Result<Access, String> {
        if let Some(file) = &self.passphrase_file {
            warn_of_readers("passphrase", file);
        }
        Ok(Access {
            allowed: self.allow_origin.clone(),
            allowed_hosts: self.allow_host.clone(),
            trusts_proxy: self.trust_proxy,
            frame_ancestors: self.frame_ancestors.clone(),
            passphrase: self.passphrase_file.as_deref().map(read_passphrase).transpose()?,
            hosts: self.host_options(host_key),
            ..Access::default()
        })
    }

    /// Who can be a host. Without a key that all servers with the same rooms have, nobody: each would let in others.
    fn host_options(&self, key: Option<&HostKey>) -> HostOptions {
        let mode = if self.storage.is_shared() && key.is_none() { HostMode::None } else { self.hosts };
        HostOptions { mode, key: key.map(HostKey::secret) }
    }

    /// Whether connections are encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.tls_cert.is_some()
    }

    /// The certificate, if connections are encrypted.
    pub(crate) fn certificate(&self) -> Result<Option<Certificate>, String> {
        let (Some(certificate), Some(key)) = (self.tls_cert.clone(), self.tls_key.clone()) else {
            return Ok(None);
        };
        warn_of_readers("key", &key);
        let files = CertificateFiles { certificate, key };
        Certificate::load(&files).map(Some).map_err(|error| format!("{error}."))
    }
}
