//! Encryption: which certificates a server may show.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned,
};
use std::io::{Read, Write};
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

    /// Trusts any certificate. Only for connections to this machine itself, which nobody else can intercept.
    pub fn without_checks() -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let any = Arc::new(AnyCertificate(provider.signature_verification_algorithms));
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| format!("Cannot encrypt: {error}."))?;
        let builder = builder.dangerous().with_custom_certificate_verifier(any);
        Ok(Self(Arc::new(builder.with_no_client_auth())))
    }

    /// Encrypts a connection to this host.
    pub fn stream<S: Read + Write>(
        &self,
        host: &str,
        socket: S,
    ) -> Result<impl Read + Write + use<S>, String> {
        Ok(StreamOwned::new(self.connection(host)?, socket))
    }

    /// A new connection to this host.
    pub(crate) fn connection(&self, host: &str) -> Result<ClientConnection, String> {
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| format!("{host} is not a host name."))?;
        ClientConnection::new(self.0.clone(), name).map_err(|error| format!("Cannot encrypt: {error}."))
    }
}

/// Accepts any certificate whose key the server has.
#[derive(Debug)]
struct AnyCertificate(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
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
