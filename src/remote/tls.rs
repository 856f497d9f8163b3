//! Encryption: which certificates a server may show.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::path::Path;
use std::sync::Arc;

/// How to encrypt connections to servers.
#[derive(Debug, Clone)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Servers whose certificates come from these authorities, in a file in PEM, or else from those that the system
    /// trusts. The error is a sentence.
    pub fn new(ca_file: Option<&Path>) -> Result<Self, String> {
        let roots = match ca_file {
            Some(file) => roots_of_file(file)?,
            None => roots_of_system()?,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| format!("Cannot encrypt: {error}."))?;
        Ok(Self(Arc::new(builder.with_root_certificates(roots).with_no_client_auth())))
    }

    /// A new connection to this host.
    pub(crate) fn connection(&self, host: &str) -> Result<ClientConnection, String> {
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| format!("{host} is not a host name."))?;
        ClientConnection::new(self.0.clone(), name).map_err(|error| format!("Cannot encrypt: {error}."))
    }
}

fn roots_of_file(file: &Path) -> Result<RootCertStore, String> {
    let cannot_use = |why: String| format!("Cannot use the file of certificates {}: {why}.", file.display());
    let certificates = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = certificates.map_err(|error| cannot_use(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| cannot_use(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(cannot_use("it has no certificate in PEM".to_owned()));
    }
    Ok(roots)
}

fn roots_of_system() -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    // A system may trust some that are too old for the parser.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(
            "This system has no list of certificate authorities: give one with --ca-file FILE.".to_owned()
        );
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_without_certificates_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for content in
            ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            fs::write(&file, content).unwrap();
            let error = Tls::new(Some(file.path())).unwrap_err();
            assert!(error.starts_with("Cannot use the file of certificates "), "{content}: {error}");
        }
        assert!(Tls::new(Some(Path::new("/nowhere"))).is_err());
    }
}
