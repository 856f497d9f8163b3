//! The commands over an encrypted connection, through a proxy that serves the wall under a path.

use crate::remote::Running;
use crate::support::client::Client;
use crate::support::program::{Program, fails, server, typewall};
use crate::support::tls::Authority;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// How long a proxy waits for one side before it looks at the other.
const TURN: Duration = Duration::from_millis(2);

/// A proxy with a certificate for 127.0.0.1, which serves the wall under `/wall/`. Its authority is in a file.
fn proxy(to: SocketAddr, ca_file: &Path) -> SocketAddr {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    fs::write(ca_file, params.self_signed(&key).unwrap().pem()).unwrap();
    let authority = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config =
        builder.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let near = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), near);
            thread::spawn(move || relay(near, TcpStream::connect(to).unwrap()));
        }
    });
    address
}

/// Passes on what comes from either side, until one of them ends.
fn relay(mut near: StreamOwned<ServerConnection, TcpStream>, mut far: TcpStream) {
    near.sock.set_read_timeout(Some(TURN)).unwrap();
    far.set_read_timeout(Some(TURN)).unwrap();
    let mut is_first = true;
    loop {
        let Some(mut bytes) = read(&mut near) else { return };
        if is_first && !bytes.is_empty() {
            bytes = String::from_utf8(bytes).unwrap().replacen("GET /wall/", "GET /", 1).into();
            is_first = false;
        }
        let Some(answer) = read(&mut far).filter(|_| far.write_all(&bytes).is_ok()) else { return };
        if near.write_all(&answer).is_err() {
            return;
        }
    }
}

/// What has come; empty if nothing has, and `None` at the end.
fn read(from: &mut impl Read) -> Option<Vec<u8>> {
    let mut buffer = [0; 4096];
    match from.read(&mut buffer) {
        Ok(0) => None,
        Ok(length) => Some(buffer[..length].to_vec()),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Some(Vec::new()),
        Err(_) => None,
    }
}

#[test]
fn they_use_https_under_a_path_with_a_private_authority() {
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    let program = Program::start(&mut server());
    let address = proxy(program.address, &ca_file);
    let url = format!("https://{address}/wall/?room=r");
    let mut viewer = program.watch("r");
    let mut reader = typewall();
    let reader = Running::start(reader.args(["read", "--follow", &url, "--ca-file"]).arg(&ca_file));
    viewer.until("the reader", |page| page.viewers == 2);
    let mut writer = typewall();
    writer.args(["write", "--post", "--name", "build", &url, "--ca-file"]).arg(&ca_file);
    let text = "x".repeat(9_000);
    Running::with_input(&mut writer, &text).succeeds();
    assert!(reader.line().ends_with(&format!(" build: {text}")));
}

#[test]
fn they_use_a_server_with_a_certificate() {
    let authority = Authority::new();
    let program = Program::start(server().args(authority.arguments()));
    let url = format!("https://127.0.0.1:{}/?room=r", program.address.port());
    let mut viewer = Client::open(authority.dial(program.address), "r");
    viewer.watch();
    let mut reader = typewall();
    reader.args(["read", "--follow", &url, "--ca-file"]).arg(authority.ca_file());
    let reader = Running::start(&mut reader);
    viewer.until("the reader", |page| page.viewers == 2);
    let mut writer = typewall();
    writer.args(["write", "--post", "--name", "build", &url, "--ca-file"]).arg(authority.ca_file());
    Running::with_input(&mut writer, "deployed").succeeds();
    assert!(reader.line().ends_with(" build: deployed"));
}

#[test]
fn a_certificate_of_a_stranger_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = ["one.pem", "other.pem"].map(|name| folder.path().join(name));
    let program = Program::start(&mut server());
    let address = proxy(program.address, &one);
    proxy(program.address, &other);
    let (status, said) =
        fails(typewall().args(["read", &format!("https://{address}/wall/"), "--ca-file"]).arg(&other));
    assert!(
        status == 1 && said.starts_with("typewall: The server's certificate or encryption is not accepted: "),
        "{said}"
    );
}
