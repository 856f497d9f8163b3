//! The client of an encrypted connection, for tests.

use crate::delivery::transport::{SocketTransport, Transport, is_full};
use crate::tls::certificate::Certificate;
use crate::tls::certificate::tests::write_certificate;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, ConnectionTrafficSecrets, RootCertStore, ServerConfig,
    SupportedProtocolVersion,
};
use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// The client, which reads and writes as [`rustls::Stream`] does.
pub(crate) struct Client {
    tls: ClientConnection,
    socket: SocketTransport,
}

/// The configurations of a server and of a client that trusts it.
pub(crate) fn config() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    config_of(rustls::ALL_VERSIONS)
}

/// The same for a client that speaks these versions.
pub(crate) fn config_of(
    versions: &[&'static SupportedProtocolVersion],
) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let folder = tempfile::tempdir().unwrap();
    let files = write_certificate(&folder, "wall.example");
    let server = Certificate::load(&files).unwrap().config;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(files.certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions);
    let mut client = builder.unwrap().with_root_certificates(roots).with_no_client_auth();
    client.enable_secret_extraction = true;
    (server, Arc::new(client))
}

/// Begins a handshake, which the other end has to answer.
pub(crate) fn begin(socket: SocketTransport, config: Arc<ClientConfig>) -> JoinHandle<Client> {
    let tls = ClientConnection::new(config, ServerName::try_from("wall.example").unwrap()).unwrap();
    let mut client = Client { tls, socket };
    thread::spawn(move || {
        while client.tls.is_handshaking() {
            client.tls.complete_io(&mut &client.socket).expect("a handshake");
        }
        client
    })
}

/// Makes encrypted records of TLS 1.3 (RFC 8446, section 5.2).
pub(crate) struct Sealer {
    key: LessSafeKey,
    iv: [u8; 12],
    /// The number of the next record.
    next: u64,
}

impl Sealer {
    /// The next record, with content of this type.
    pub(crate) fn record(&mut self, content: &[u8], content_type: u8) -> Vec<u8> {
        let mut inner = [content, &[content_type]].concat();
        let length = u16::try_from(inner.len() + AES_256_GCM.tag_len()).unwrap().to_be_bytes();
        let head = [23, 3, 3, length[0], length[1]];
        let number = u128::from(self.next).to_be_bytes();
        let nonce = std::array::from_fn(|n| self.iv[n] ^ number[n + 4]);
        self.next += 1;
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key.seal_in_place_append_tag(nonce, Aad::from(head), &mut inner).unwrap();
        [&head[..], &inner].concat()
    }
}

impl Client {
    pub(crate) fn socket(&self) -> &SocketTransport {
        &self.socket
    }

    pub(crate) fn into_socket(self) -> SocketTransport {
        self.socket
    }

    /// Gives up rustls. The socket, and what encrypts records as the connection would.
    pub(crate) fn into_sealer(self) -> (SocketTransport, Sealer) {
        let secrets = self.tls.dangerous_extract_secrets().expect("secrets").tx;
        let (next, ConnectionTrafficSecrets::Aes256Gcm { key, iv }) = secrets else {
            panic!("another cipher")
        };
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_ref()).unwrap());
        (self.socket, Sealer { key, iv: iv.as_ref().try_into().unwrap(), next })
    }

    /// Sends the end of TLS.
    pub(crate) fn close_notify(&mut self) {
        self.tls.send_close_notify();
        self.tls.complete_io(&mut &self.socket).expect("the server reads");
    }

    /// Writes without waiting, unless bytes from before wait.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = if self.tls.wants_write() { 0 } else { self.tls.writer().write(bytes)? };
        let socket = &self.socket;
        struct Now<'a>(&'a SocketTransport);
        impl Write for Now<'_> {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.send(&[IoSlice::new(bytes)])
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        match self.tls.write_tls(&mut Now(socket)) {
            Err(error) if is_full(&error) && count > 0 => Ok(count),
            Err(error) => Err(error),
            Ok(_) => Ok(count),
        }
    }
}

impl Read for Client {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        rustls::Stream::new(&mut self.tls, &mut &self.socket).read(buffer)
    }
}

impl Write for Client {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        rustls::Stream::new(&mut self.tls, &mut &self.socket).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        rustls::Stream::new(&mut self.tls, &mut &self.socket).flush()
    }
}
