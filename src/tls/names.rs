//! The names in a certificate: under which people reach the server.

use rustls::pki_types::{CertificateDer, ServerName};
use webpki::{EndEntityCert, Error};

/// The names for which a certificate is valid.
#[derive(Debug, Clone)]
pub struct Names {
    certificate: CertificateDer<'static>,
    hosts: Vec<String>,
}

impl Names {
    /// The names in a certificate. Fails if it has a form that no browser would accept.
    pub(crate) fn of(certificate: CertificateDer<'static>) -> Result<Self, Error> {
        let hosts = EndEntityCert::try_from(&certificate)?.valid_dns_names();
        let hosts = hosts.filter(|name| !name.contains('*')).map(str::to_ascii_lowercase).collect();
        Ok(Self { certificate, hosts })
    }

    /// The host names, in lower case. Not those with a wildcard, which name no host.
    pub fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// Whether the certificate is valid for a host name or an IP address, perhaps by a wildcard.
    pub fn include(&self, host: &str) -> bool {
        let certificate = EndEntityCert::try_from(&self.certificate);
        let name = ServerName::try_from(host.trim_matches(['[', ']']));
        let (Ok(certificate), Ok(name)) = (certificate, name) else { return false };
        certificate.verify_is_valid_for_subject_name(&name).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_has_host_names_and_addresses() {
        let names = ["Wall.example", "*.wall.example", "localhost", "192.0.2.1", "2001:db8::1"];
        let certified = rcgen::generate_simple_self_signed(names.map(str::to_owned)).unwrap();
        let names = Names::of(certified.cert.der().clone()).unwrap();
        assert_eq!(names.hosts(), ["wall.example", "localhost"]);
        for host in ["wall.example", "a.wall.example", "LOCALHOST", "192.0.2.1", "[2001:db8::1]"] {
            assert!(names.include(host), "{host}");
        }
        for host in ["other.example", "a.b.wall.example", "192.0.2.2", "[2001:db8::2]", "", "a b"] {
            assert!(!names.include(host), "{host}");
        }
    }
}
