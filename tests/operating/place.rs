//! What a proxy is started with: a server to lead to, a folder, a port, a certificate.

use crate::replaced;
use crate::support::port::Port;
use crate::support::program::{Program, command, server};
use crate::support::tls::Authority;
use rustix::process::geteuid;
use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use typewall::CertificateFiles;

/// The user and the group of nobody, who runs proxies for root: they need no privileges.
const NOBODY: u32 = 65534;

/// The address of Typewall in the document.
const ADDRESS: &str = "127.0.0.1:8080";

/// A server, and what a proxy before it needs.
pub(crate) struct Place {
    pub program: Program,
    pub folder: TempDir,
    pub port: Port,
}

impl Place {
    /// Starts the server as an operator does who has a proxy, with a limit that shows which addresses it counts.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        if geteuid().is_root() {
            chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let program = Program::start(server().args(["--trust-proxy", "--max-per-address", "2"]));
        Self { program, folder, port: Port::reserve() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and returns its path.
    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    /// An example of the document that leads to this server.
    pub(crate) fn adapted(&self, example: &str, replacements: &[(&str, &str)]) -> String {
        let address = self.program.address.to_string();
        replaced(&replaced(example, &[(ADDRESS, &address)]), replacements)
    }

    /// Writes a certificate for `wall.example`, its key, and both in one file, as certbot and HAProxy have them.
    pub(crate) fn certify(&self) {
        let authority = Authority::new();
        let CertificateFiles { certificate, key } = authority.files();
        let [ca, certificate, key] =
            [authority.ca_file(), certificate, key].map(|file| fs::read_to_string(file).unwrap());
        self.write("ca.pem", &ca);
        self.write("fullchain.pem", &certificate);
        self.write("privkey.pem", &key);
        self.write("both.pem", &(certificate + &key));
    }

    /// A proxy, as an ordinary user who lives in the folder.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = command(program.to_str().expect("UTF-8"));
        command.current_dir(&self.folder).env("HOME", self.folder.path());
        if geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}
