//! Nodes that share a Redis.

use crate::redis::Redis;
use crate::support::client::Client;
use crate::support::http::{Response, read_response};
use crate::support::program::{Program, server};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// The host key of all nodes.
pub(crate) const KEY: &str = "the host key";

/// A Redis, and what all nodes on it have in common.
pub(crate) struct Cluster {
    pub redis: Redis,
    folder: TempDir,
}

impl Cluster {
    /// A cluster on a Redis of its own.
    pub(crate) fn start() -> Self {
        Self::on(Redis::start(&[]))
    }

    /// A cluster on this Redis.
    pub(crate) fn on(redis: Redis) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cluster = Self { redis, folder };
        fs::write(cluster.key_file(), KEY).unwrap();
        fs::set_permissions(cluster.key_file(), fs::Permissions::from_mode(0o600)).unwrap();
        cluster
    }

    /// Another node.
    pub(crate) fn node(&self) -> Program {
        self.node_with(&[])
    }

    /// The same with these options.
    pub(crate) fn node_with(&self, options: &[&str]) -> Program {
        self.node_at(&self.redis.url(), options)
    }

    /// A node that finds Redis at this address.
    pub(crate) fn node_at(&self, url: &str, options: &[&str]) -> Program {
        Program::start(self.command(url).args(options))
    }

    /// Two nodes.
    pub(crate) fn pair(&self) -> [Program; 2] {
        [(); 2].map(|()| self.node())
    }

    /// The program as a node. Its posts are not slowed down.
    pub(crate) fn command(&self, url: &str) -> Command {
        let mut command = server();
        command.args(["--redis", url, "--post-rate", "1000", "--host-key-file"]).arg(self.key_file());
        command
    }

    fn key_file(&self) -> PathBuf {
        self.folder.path().join("host-key")
    }
}

/// Makes somebody a host.
pub(crate) fn host(client: &mut Client) {
    client.send("host", json!({ "key": KEY }));
    client.until("hosting", |page| page.hosting);
}

/// The status and the body of the response to a GET request.
pub(crate) fn get(node: &Program, path: &str) -> (u16, String) {
    let mut socket = node.dial();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    read_response(&mut socket)
}

/// What a node says of itself.
pub(crate) fn health(node: &Program) -> Value {
    serde_json::from_str(&get(node, "/healthz").1).expect("JSON")
}

/// Posts over HTTP.
pub(crate) fn post(node: &Program, room: &str, name: &str, text: &str) -> Response {
    post_with(node, room, name, text, "")
}

/// The same, with a key by which the server knows the post when it comes again.
pub(crate) fn post_as(node: &Program, room: &str, name: &str, key: &str, text: &str) -> Response {
    post_with(node, room, name, text, &format!("Idempotency-Key: {key}\r\n"))
}

fn post_with(node: &Program, room: &str, name: &str, text: &str, headers: &str) -> Response {
    let mut socket = node.dial();
    let name = name.replace(' ', "%20");
    let head =
        format!("POST /post?room={room}&name={name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    write!(socket, "{head}{headers}Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
    Response::read(&mut socket)
}
