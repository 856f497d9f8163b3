//! The server's certificate and its key, from two files in PEM.

use crate::tls::names::Names;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::{InconsistentKeys, ServerConfig};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest file that is read, in bytes: chains and keys have a few thousand.
const MAX_FILE: u64 = 1024 * 1024;

/// What the server speaks once a connection is encrypted: no HTTP/2.
const PROTOCOL: &[u8] = b"http/1.1";

/// The files of a certificate and its key.
#[derive(Debug, Clone)]
pub struct CertificateFiles {
    /// The certificate, and after it those of the authorities between it and one that browsers know.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A certificate with its key, ready for use.
#[derive(Debug, Clone)]
pub struct Certificate {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) files: CertificateFiles,
    /// The names for which it is valid.
    pub names: Names,
}

/// Why a certificate cannot be used: the file, and what is wrong with it.
#[derive(Debug)]
pub struct CertificateError {
    what: &'static str,
    file: PathBuf,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Unreadable(io::Error),
    TooLarge,
    Invalid(pem::Error),
    NoCertificate,
    NoKey,
    EncryptedKey,
    BadCertificate(webpki::Error),
    OtherKey,
    Unusable(rustls::Error),
}

impl Certificate {
    /// Reads a certificate and its key.
    pub fn load(files: &CertificateFiles) -> Result<Self, CertificateError> {
        let of_certificate = |why| CertificateError::new("certificate", &files.certificate, why);
        let of_key = |why| CertificateError::new("key", &files.key, why);
        let chain = read_chain(&files.certificate).map_err(of_certificate)?;
        let first = chain.first().cloned().ok_or_else(|| of_certificate(Why::NoCertificate))?;
        let key = read_key(&files.key).map_err(of_key)?;
        let names = Names::of(first).map_err(|error| of_certificate(Why::BadCertificate(error)))?;
        let config = config(chain, key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => of_key(Why::OtherKey),
            error => of_key(Why::Unusable(error)),
        })?;
        Ok(Self { config: Arc::new(config), files: files.clone(), names })
    }
}

/// TLS 1.2 and 1.3. Sessions are not resumed: a handshake costs less than the memory and the shared lock for what would
/// have to be kept of sessions.
fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn read_chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, Why> {
    let content = read(file)?;
    CertificateDer::pem_slice_iter(&content).collect::<Result<_, _>>().map_err(Why::Invalid)
}

fn read_key(file: &Path) -> Result<PrivateKeyDer<'static>, Why> {
    let content = read(file)?;
    PrivateKeyDer::from_pem_slice(&content).map_err(|error| match error {
        pem::Error::NoItemsFound if is_encrypted(&content) => Why::EncryptedKey,
        pem::Error::NoItemsFound => Why::NoKey,
        error => Why::Invalid(error),
    })
}

fn is_encrypted(content: &[u8]) -> bool {
    String::from_utf8_lossy(content).contains("BEGIN ENCRYPTED PRIVATE KEY")
}

fn read(file: &Path) -> Result<Vec<u8>, Why> {
    let mut content = Vec::new();
    let read = File::open(file).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut content));
    let length = read.map_err(Why::Unreadable)?;
    if length as u64 > MAX_FILE { Err(Why::TooLarge) } else { Ok(content) }
}

impl CertificateError {
    fn new(what: &'static str, file: &Path, why: Why) -> Self {
        Self { what, file: file.to_owned(), why }
    }
}

/// A sentence without its full stop.
impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if matches!(self.why, Why::Unreadable(_)) { "read" } else { "use" };
        write!(f, "Cannot {verb} the {} file {}: {}", self.what, self.file.display(), self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "{error}"),
            Self::TooLarge => write!(f, "it is larger than {} KiB", MAX_FILE / 1024),
            Self::Invalid(error) => write!(f, "it is not valid PEM: {error}"),
            Self::NoCertificate => f.write_str("it has no certificate in PEM (BEGIN CERTIFICATE)"),
            Self::NoKey => f.write_str("it has no private key in PEM (BEGIN PRIVATE KEY)"),
            Self::EncryptedKey => {
                f.write_str("the key is encrypted with a password, which Typewall cannot ask for")
            }
            Self::BadCertificate(error) => write!(f, "browsers would refuse it: {error}"),
            Self::OtherKey => f.write_str("the key does not belong to the certificate"),
            Self::Unusable(error) => write!(f, "{error}"),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use rcgen::CertifiedKey;
    use std::fs;
    use tempfile::TempDir;

    /// A new certificate for this host, in two files of the folder.
    pub(crate) fn write_certificate(folder: &TempDir, host: &str) -> CertificateFiles {
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        let files = CertificateFiles {
            certificate: folder.path().join("cert.pem"),
            key: folder.path().join("key.pem"),
        };
        fs::write(&files.certificate, cert.pem()).unwrap();
        fs::write(&files.key, signing_key.serialize_pem()).unwrap();
        files
    }

    fn error(files: &CertificateFiles) -> String {
        Certificate::load(files).expect_err("no certificate").to_string()
    }

    #[test]
    fn each_thing_that_can_be_wrong_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let files = write_certificate(&folder, "wall.example");
        assert_eq!(Certificate::load(&files).unwrap().names.hosts(), ["wall.example"]);
        let key = fs::read_to_string(&files.key).unwrap();
        let certificate = fs::read_to_string(&files.certificate).unwrap();
        let of_certificate = format!("Cannot use the certificate file {}: ", files.certificate.display());
        let of_key = format!("Cannot use the key file {}: ", files.key.display());
        let cut = &certificate[..certificate.len() / 2];
        let huge = "x".repeat(MAX_FILE as usize + 1);
        for (file, content, prefix, expected) in [
            (&files.certificate, "", &of_certificate, "it has no certificate in PEM"),
            (&files.certificate, &key, &of_certificate, "it has no certificate in PEM"),
            (&files.certificate, cut, &of_certificate, "it is not valid PEM: "),
            (&files.certificate, &huge, &of_certificate, "it is larger than 1024 KiB"),
            (
                &files.certificate,
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                &of_certificate,
                "browsers would refuse it: ",
            ),
            (&files.key, &certificate, &of_key, "it has no private key in PEM"),
            (
                &files.key,
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
                &of_key,
                "the key is encrypted with a password",
            ),
            (&files.key, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", &of_key, ""),
        ] {
            let before = fs::read(file).unwrap();
            fs::write(file, content).unwrap();
            let error = error(&files);
            assert!(error.starts_with(&format!("{prefix}{expected}")), "{error}");
            fs::write(file, before).unwrap();
        }
        let other = tempfile::tempdir().unwrap();
        let key = write_certificate(&other, "wall.example").key;
        let mixed = CertificateFiles { key, ..files };
        assert!(error(&mixed).ends_with("the key does not belong to the certificate"));
        fs::remove_file(&mixed.certificate).unwrap();
        assert!(error(&mixed).starts_with("Cannot read the certificate file "));
    }
}
