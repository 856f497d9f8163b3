//! A Redis that is reached over TLS, with a password.

use crate::cluster::Cluster;
use crate::redis::Redis;
use crate::support::port::Port;
use crate::support::program::{Program, fails, output, server, typewall};
use crate::support::tls::Authority;
use typewall::CertificateFiles;

const PASSWORD: &str = "correct-horse";

/// A Redis with the certificate of this authority, and its URL.
fn start(authority: &Authority) -> (Redis, String) {
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
    (redis, format!("rediss://wall:{PASSWORD}@localhost:{number}"))
}

pub(crate) fn nodes_reach_redis_over_tls_as_a_user_with_a_password() {
    let authority = Authority::new();
    let (redis, url) = start(&authority);
    let cluster = Cluster::on(redis);
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
    let (_redis, url) = start(&Authority::new());
    let other = Authority::new();
    let mut command = server();
    command.env("SSL_CERT_FILE", other.ca_file()).args(["--hosts", "none", "--redis", &url]);
    let (status, error) = fails(&mut command);
    assert_eq!((status, error.lines().count()), (1, 1), "{error}");
    assert!(error.contains("certificate") && !error.contains("horse"), "{error}");
}
