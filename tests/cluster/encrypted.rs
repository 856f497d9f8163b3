//! A Redis that is reached over TLS, with a password.

use crate::cluster::{Cluster, get};
use crate::redis::Redis;
use crate::support::port::Port;
use crate::support::program::{Program, fails, output, server, typewall};
use crate::support::relay::Relay;
use crate::support::tls::Authority;
use crate::support::{bounded, wait_until};
use crate::tab::Tab;
use std::net::TcpListener;
use typewall::CertificateFiles;

const PASSWORD: &str = "correct-horse";

/// A Redis with the certificate of this authority, and its port for TLS.
fn start(authority: &Authority) -> (Redis, u16) {
    let port = Port::reserve();
    let CertificateFiles { certificate, key } = authority.files();
    let [certificate, key, ca] =
        [certificate, key, authority.ca_file()].map(|file| file.display().to_string());
    let (number, password) = (port.number.to_string(), format!(">{PASSWORD}"));
    let redis = Redis::start(&[
        "--tls-port",
        &number,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca,
        "--tls-auth-clients",
        "no",
    ]);
    redis.tell(&["ACL", "SETUSER", "wall", "on", &password, "~*", "&*", "+@all"]);
    (redis, port.number)
}

fn url(port: u16) -> String {
    format!("rediss://wall:{PASSWORD}@localhost:{port}")
}

pub(crate) fn nodes_reach_redis_over_tls_as_a_user_with_a_password() {
    let authority = Authority::new();
    let (redis, port) = start(&authority);
    let (cluster, url) = (Cluster::on(redis), url(port));
    let ca = authority.ca_file();
    let nodes = [(); 2].map(|()| Program::start(cluster.command(&url).env("SSL_CERT_FILE", &ca)));
    let (mut ada, mut bob) = (nodes[0].join("r", "Ada"), nodes[1].join("r", "Bob"));
    ada.write("encrypted");
    bob.sees("Ada", "encrypted");
    bob.write("both ways");
    ada.sees("Bob", "both ways");
    bob.post_and_wait("posted");
    let log = output(typewall().env("SSL_CERT_FILE", &ca).args(["log", &url, "--room", "r"]));
    assert!(String::from_utf8_lossy(&log.stdout).ends_with(" Bob: posted\n"), "{log:?}");
}

pub(crate) fn a_redis_whose_certificate_is_not_trusted_is_not_used() {
    let (_redis, port) = start(&Authority::new());
    let other = Authority::new();
    let mut command = server();
    command.env("SSL_CERT_FILE", other.ca_file()).args(["--hosts", "none", "--redis", &url(port)]);
    let (status, error) = fails(&mut command);
    assert_eq!((status, error.lines().count()), (1, 1), "{error}");
    assert!(error.contains("certificate") && !error.contains("horse"), "{error}");
}

pub(crate) fn where_nobody_answers_the_handshake_a_node_does_not_start() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let redis = Redis::start(&[]);
    for address in [silent.local_addr().unwrap(), redis.address()] {
        let url = format!("rediss://{address}");
        for arguments in [&["--listen", "127.0.0.1:0", "--redis", &url][..], &["log", &url, "--room", "r"]] {
            let (status, error) = fails(typewall().args(arguments));
            let expected = "it does not answer the TLS handshake; without TLS, use redis://";
            assert!(status == 1 && error.contains(expected), "{status}: {error}");
        }
    }
}

pub(crate) fn a_node_whose_connections_were_swallowed_is_linked_again_by_later_ones() {
    let authority = Authority::new();
    let (redis, port) = start(&authority);
    let address = ([127, 0, 0, 1], port).into();
    let relay = Relay::to(address);
    let cluster = Cluster::on(redis);
    let mut command = cluster.command(&url(relay.address.port()));
    let node = Program::start(command.env("SSL_CERT_FILE", authority.ca_file()));
    let mut ada = Tab::open(&node, "r", "Ada");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    relay.lead_to(Some(silent.local_addr().unwrap()));
    relay.cut();
    node.until_logged("because Redis cannot be used: it has closed the connection");
    // It stays open, and silent, until the end.
    let accept = silent.try_clone().unwrap();
    let _swallowed = bounded(move || accept.accept().expect("a connection"));
    wait_until("a node that is not ready", || get(&node, "/readyz").0 == 503);
    relay.lead_to(Some(address));
    wait_until("a node that is ready", || get(&node, "/readyz").0 == 200);
    ada.post("after");
    ada.until_posted_in_the_end();
}
