//! Encrypted connections: an authority with certificates for servers, and clients that trust it.

use crate::support::client::dial;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SerialNumber};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use typewall::CertificateFiles;

/// An encrypted connection of a client.
pub(crate) type Encrypted = StreamOwned<ClientConnection, TcpStream>;

/// The names in each certificate.
pub(crate) const NAMES: [&str; 3] = ["wall.example", "localhost", "127.0.0.1"];

/// An authority, whose certificate is in a file, and the files of a server in the same folder.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
    config: Arc<ClientConfig>,
}

impl Authority {
    /// A new authority, with a certificate of serial number 1.
    pub(crate) fn new() -> Self {
        Self::with_folder(tempfile::tempdir().unwrap())
    }

    /// The same with its files in this folder.
    pub(crate) fn with_folder(folder: TempDir) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "authority of a test");
        let key = KeyPair::generate().unwrap();
        let own = params.self_signed(&key).unwrap();
        fs::write(folder.path().join("ca.pem"), own.pem()).unwrap();
        let config = client_config(own.der().clone());
        let authority = Self { folder, issuer: Issuer::new(params, key), config };
        authority.issue(1);
        authority
    }

    /// Issues a certificate with this serial number, and puts it in place of the one before.
    pub(crate) fn issue(&self, serial: u64) {
        let mut params = CertificateParams::new(NAMES.map(str::to_owned)).unwrap();
        params.serial_number = Some(SerialNumber::from(serial));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let CertificateFiles { certificate: file, key: key_file } = self.files();
        fs::write(file, certificate.pem()).unwrap();
        fs::write(key_file, key.serialize_pem()).unwrap();
    }

    pub(crate) fn files(&self) -> CertificateFiles {
        let [certificate, key] = ["cert.pem", "key.pem"].map(|name| self.folder.path().join(name));
        CertificateFiles { certificate, key }
    }

    /// The arguments with which the program uses the files.
    pub(crate) fn arguments(&self) -> [PathBuf; 4] {
        let CertificateFiles { certificate, key } = self.files();
        ["--tls-cert".into(), certificate, "--tls-key".into(), key]
    }

    /// The authority's own certificate.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// An encrypted connection, whose handshake is done.
    pub(crate) fn dial(&self, server: SocketAddr) -> Encrypted {
        self.try_dial(dial(server)).expect("a handshake")
    }

    /// Encrypts a connection, if its server agrees.
    pub(crate) fn try_dial(&self, mut socket: TcpStream) -> io::Result<Encrypted> {
        let mut tls = self.connection();
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        Ok(StreamOwned::new(tls, socket))
    }

    /// A connection before its handshake.
    fn connection(&self) -> ClientConnection {
        let name = ServerName::try_from("wall.example").unwrap();
        ClientConnection::new(self.config.clone(), name).unwrap()
    }

    /// The serial number of the certificate that a server shows to a new connection.
    pub(crate) fn serial(&self, server: SocketAddr) -> u64 {
        let connection = self.dial(server);
        let certificates = connection.conn.peer_certificates().expect("a certificate");
        serial(&certificates[0])
    }
}

/// The first bytes that a client sends for its handshake.
pub(crate) fn client_hello(authority: &Authority) -> Vec<u8> {
    let mut hello = Vec::new();
    authority.connection().write_tls(&mut hello).unwrap();
    hello
}

/// Ends an encrypted connection as TLS wants it, and leaves the socket open.
pub(crate) fn close_notify(connection: &mut Encrypted) {
    connection.conn.send_close_notify();
    connection.conn.complete_io(&mut connection.sock).expect("the server reads");
}

/// The serial number in a certificate: the first integer after its version (RFC 5280, section 4.1).
fn serial(der: &[u8]) -> u64 {
    const VERSION_3: [u8; 5] = [0xa0, 3, 2, 1, 2];
    let at = der.windows(5).position(|bytes| bytes == VERSION_3).expect("a version") + VERSION_3.len();
    let (tag, length) = (der[at], usize::from(der[at + 1]));
    assert_eq!(tag, 2, "an integer");
    der[at + 2..at + 2 + length].iter().fold(0, |serial, byte| (serial << 8) | u64::from(*byte))
}

/// The configuration of a client that trusts this authority.
pub(crate) fn client_config(authority: CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}
