//! The processes of a row: Redis, the nodes, and a viewer that opens the room on the node that is to own it.

#[path = "../../tests/support/port.rs"]
mod port;

use crate::driver::frame::first_frame;
use crate::driver::process::{Core, Process};
use crate::driver::{meters, wire};
use crate::plan::{OWNER, Setup};
use port::Port;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// The program that is started, and what it prints when it takes connections.
const REDIS: &str = "redis-server";
const REDIS_READY: &str = "Ready to accept connections";

/// Most lines that it prints before. At its end, empty lines come.
const REDIS_LINES: usize = 100;

/// The hash of the room of all clients.
const ROOM: &str = "typewall:r:crowd0";

/// How long the first viewer may wait for its snapshot.
const TIMEOUT: Duration = Duration::from_secs(20);

/// More connections than twice the clients, which may all come back before their old connections are gone: the viewer
/// that opens the room.
const SPARE: usize = 1;

/// Running processes. They are killed when this is dropped.
pub(crate) struct Cluster {
    // Fields are dropped in this order. A node that outlived Redis would log that it is cut off.
    nodes: Vec<(Process, SocketAddr)>,
    redis: Option<(Process, Port)>,
}

/// Whether `redis-server` is installed.
pub(crate) fn has_redis() -> bool {
    let mut command = Command::new(REDIS);
    command.arg("--version").stdout(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

impl Cluster {
    /// Starts the processes of a row, and opens its room.
    pub(crate) fn start(setup: &Setup) -> Result<Self, String> {
        let shared = if setup.alone.is_some() { Core::Second } else { Core::Any };
        let redis = setup.nodes.map(|_| start_redis(shared)).transpose()?;
        let mut cluster = Self { redis, nodes: Vec::new() };
        for node in 0..setup.servers() {
            let core = if setup.alone == Some(node) { Core::First } else { shared };
            let started = start_node(cluster.url(), 2 * setup.scenario.clients + SPARE, core)?;
            cluster.nodes.push(started);
        }
        open_room(cluster.nodes[OWNER].1).map_err(|error| format!("The room does not open: {error}."))?;
        Ok(cluster)
    }

    /// The URL of Redis.
    pub(crate) fn url(&self) -> Option<String> {
        self.redis.as_ref().map(|(_, port)| format!("redis://127.0.0.1:{}", port.number))
    }

    /// The addresses of the nodes.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|&(_, address)| address).collect()
    }

    /// The process ids of the nodes, and of Redis.
    pub(crate) fn processes(&self) -> Vec<i32> {
        let nodes = self.nodes.iter().map(|(node, _)| node.pid());
        nodes.chain(self.redis.iter().map(|(redis, _)| redis.pid())).collect()
    }

    /// Who owns the room, and since when. `None` without Redis.
    pub(crate) fn owner(&mut self) -> Result<Option<(String, u64)>, String> {
        let Some(url) = self.url() else { return Ok(None) };
        let mut connection = meters::connect(&url)?;
        let owner = redis::cmd("HMGET").arg(&[ROOM, "owner", "epoch"]).query(&mut connection);
        owner.map(Some).map_err(|error| format!("Redis does not know the room: {error}."))
    }
}

fn start_redis(core: Core) -> Result<(Process, Port), String> {
    let port = Port::reserve();
    let mut command = Command::new(REDIS);
    command.args(["--bind", "127.0.0.1", "--port", &port.number.to_string()]);
    command.args(["--save", "", "--appendonly", "no"]);
    let mut redis = Process::start(command, core)?;
    for _ in 0..REDIS_LINES {
        if redis.line()?.contains(REDIS_READY) {
            return Ok((redis, port));
        }
    }
    Err(format!("{REDIS} does not start."))
}

fn start_node(
    redis: Option<String>,
    max_clients: usize,
    core: Core,
) -> Result<(Process, SocketAddr), String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_typewall"));
    command.args(["--listen", "127.0.0.1:0", "--max-clients", &max_clients.to_string()]);
    command.args(redis.iter().flat_map(|url| ["--redis", url.as_str()]));
    // Without it, each node says at its start that nobody can be a host.
    command.env("RUST_LOG", "error");
    let mut node = Process::start(command, core)?;
    let address = node.line()?.rsplit('/').next().and_then(|address| address.parse().ok());
    Ok((node, address.ok_or("A node does not print its address.")?))
}

/// A viewer opens the room, and stays until the node ends. Returns when it has its snapshot.
fn open_room(address: SocketAddr) -> io::Result<()> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(TIMEOUT))?;
    let carrier = wire::Carrier::Plain;
    socket.write_all(&carrier.handshake(0, false))?;
    let mut answer = vec![0; wire::accepted().len()];
    socket.read_exact(&mut answer)?;
    socket.write_all(&carrier.watch())?;
    await_snapshot(&mut socket)?;
    // Nobody waits for what it reads; it only must not become a slow client.
    thread::spawn(move || io::copy(&mut socket, &mut io::sink()));
    Ok(())
}

fn await_snapshot(socket: &mut TcpStream) -> io::Result<()> {
    let (mut read, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        while let Some((_, payload, len)) = first_frame(&read) {
            if payload.starts_with(b"[\"existing_users\",") {
                return Ok(());
            }
            read.drain(..len);
        }
        match socket.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => read.extend_from_slice(&buffer[..count]),
        }
    }
}
