//! The program with a certificate: what it says, and what other programs make of it.

use crate::support::client::Client;
use crate::support::program::{Program, command, fails, output, server, typewall};
use crate::support::tls::Authority;
use crate::support::wait_until;
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use typewall::CertificateFiles;

/// The program with the certificate of an authority.
fn encrypted(authority: &Authority) -> Program {
    Program::start(server().args(authority.arguments()))
}

/// `curl`, which trusts the authority.
fn curl(authority: &Authority) -> Command {
    let mut curl = command("curl");
    curl.args(["--silent", "--show-error", "--cacert"]).arg(authority.ca_file());
    if let Some(path) = std::env::var_os("PATH") {
        curl.env("PATH", path);
    }
    curl
}

fn stdout(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn curl_reads_the_page_and_posts() {
    let authority = Authority::new();
    let program = encrypted(&authority);
    let url = |path: &str| format!("https://localhost:{}{path}", program.address.port());
    for version in [&["--tls-max", "1.2"][..], &["--tlsv1.3"]] {
        let page = stdout(curl(&authority).args(version).arg(url("/")));
        assert!(page.trim_end().ends_with("</html>"));
    }
    let mut post = curl(&authority);
    assert_eq!(
        stdout(post.args(["-d", "deployed 1.4"]).arg(url("/post?room=ops&name=deploy"))),
        "{\"n\":1}\n"
    );
    let redirected =
        stdout(curl(&authority).arg("--location").arg(url("/healthz").replace("https:", "http:")));
    assert!(redirected.starts_with("{\"healthy\":true"), "{redirected}");
}

#[test]
fn its_links_say_https() {
    let authority = Authority::new();
    let mut program = encrypted(&authority);
    let port = program.address.port();
    let line = program.next_line();
    assert!(line.starts_with(&format!("Host: https://127.0.0.1:{port}/#host=")), "{line}");
    let program = Program::start(typewall().args(["--listen", "0.0.0.0:0"]).args(authority.arguments()));
    let url = format!("https://localhost:{}/invite?room=r", program.address.port());
    let invited = stdout(curl(&authority).arg(url));
    let expected = format!("https://wall.example:{}/?room=r", program.address.port());
    // Only where the certificate is valid: this machine has other addresses.
    assert_eq!(invited, format!("{{\"links\":[\"{expected}\"]}}\n"));
}

#[test]
fn its_health_is_checked() {
    let authority = Authority::new();
    let program = encrypted(&authority);
    let port = program.address.port();
    let check = |arguments: &[&str]| output(typewall().arg("healthcheck").args(arguments)).status.code();
    assert_eq!(
        check(&[&format!("https://127.0.0.1:{port}")]),
        Some(0),
        "on this machine any certificate does"
    );
    let ca_file = authority.ca_file();
    let ca_file = ca_file.to_str().unwrap();
    assert_eq!(check(&["--ca-file", ca_file, &format!("https://localhost:{port}/")]), Some(0));
    let other = Authority::new();
    assert_eq!(
        check(&["--ca-file", other.ca_file().to_str().unwrap(), &format!("https://localhost:{port}/")]),
        Some(1)
    );
    assert_eq!(check(&[&format!("http://127.0.0.1:{port}")]), Some(1), "it is sent elsewhere");
    let mut own = typewall();
    let CertificateFiles { certificate, key } = authority.files();
    own.env("TYPEWALL_LISTEN", format!("127.0.0.1:{port}"));
    own.env("TYPEWALL_TLS_CERT", certificate).env("TYPEWALL_TLS_KEY", key);
    assert_eq!(output(own.arg("healthcheck")).status.code(), Some(0));
}

/// Puts another certificate in place so that the file looks as before.
fn replace_unseen(authority: &Authority, serial: u64) {
    let CertificateFiles { certificate, key } = authority.files();
    let modified = [&certificate, &key].map(|file| file.metadata().unwrap().modified().unwrap());
    authority.issue(serial);
    for (file, modified) in [certificate, key].into_iter().zip(modified) {
        File::options().write(true).open(file).unwrap().set_modified(modified).unwrap();
    }
}

#[test]
fn sighup_makes_it_read_the_certificate() {
    let authority = Authority::new();
    let program = encrypted(&authority);
    let serial = || authority.serial(program.address);
    replace_unseen(&authority, 2);
    assert_eq!(serial(), 1);
    program.signal(Signal::SIGHUP);
    wait_until("the new certificate", || serial() == 2);
    let key = authority.files().key;
    fs::write(&key, "no key").unwrap();
    program.signal(Signal::SIGHUP);
    program.until_logged("The certificate in use stays");
    assert_eq!(serial(), 2);
    replace_unseen(&authority, 3);
    program.signal(Signal::SIGHUP);
    wait_until("the next certificate", || serial() == 3);
    let (status, logged) = program.terminate();
    assert_eq!(status, Some(0));
    let certificate = authority.files().certificate;
    let news = format!("new connections get the certificate in {}\n", certificate.display());
    assert!(logged.matches(&news).count() >= 2, "{logged}");
}

#[test]
fn a_certificate_that_cannot_be_used_is_said_at_the_start() {
    let (authority, other) = (Authority::new(), Authority::new());
    let CertificateFiles { certificate, key } = authority.files();
    let start = |certificate: &Path, key: &Path| {
        let (status, error) =
            fails(server().args(["--quiet", "--tls-cert"]).arg(certificate).arg("--tls-key").arg(key));
        assert_eq!(status, 1);
        error
    };
    let error = start(&certificate, &other.files().key);
    let key_file = other.files().key;
    let expected = format!(
        "Cannot use the key file {}: the key does not belong to the certificate.\n",
        key_file.display()
    );
    assert!(error.ends_with(&expected), "{error}");
    let error = start(&key, &certificate);
    assert!(error.contains("it has no certificate in PEM"), "{error}");
    let error = start(Path::new("/nowhere"), &key);
    assert!(error.contains("Cannot read the certificate file /nowhere: "), "{error}");
    for lone in ["--tls-cert", "--tls-key"] {
        let (status, error) = fails(server().arg(lone).arg(&certificate));
        assert_eq!(status, 2);
        let missing = if lone == "--tls-cert" { "--tls-key" } else { "--tls-cert" };
        assert!(error.contains("were not provided") && error.contains(missing), "{error}");
    }
}

#[test]
fn a_key_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let authority = Authority::new();
    let key = authority.files().key;
    for (mode, is_warned) in [(0o644, true), (0o600, false)] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let (_, logged) = encrypted(&authority).terminate();
        assert_eq!(logged.contains("other users can read the key file"), is_warned, "{logged}");
    }
}

#[test]
fn its_clients_are_told_that_it_stops() {
    let authority = Authority::new();
    let program = encrypted(&authority);
    let mut ada = Client::open(authority.dial(program.address), "r");
    ada.join("Ada");
    let _idle = authority.dial(program.address);
    program.signal(Signal::SIGTERM);
    assert_eq!(ada.closed(), 1001);
    assert_eq!(program.ended().0, Some(0));
}

/// The command in a document that begins so.
fn command_in(document: &str, beginning: &str) -> String {
    let line =
        document.lines().find_map(|line| line.strip_prefix("$ ").filter(|line| line.contains(beginning)));
    line.unwrap_or_else(|| panic!("no command with {beginning}")).to_owned()
}

#[test]
fn the_certificate_of_the_documents_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let document = fs::read_to_string("docs/operating.md").unwrap();
    let openssl = command_in(&document, "openssl req");
    let mut shell = command("sh");
    shell
        .args(["-c", &openssl])
        .current_dir(&folder)
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    assert!(output(&mut shell).status.success());
    let certificate = folder.path().join("cert.pem");
    let mut program = server();
    program.arg("--tls-cert").arg(&certificate).arg("--tls-key").arg(folder.path().join("key.pem"));
    let program = Program::start(&mut program);
    let url = format!("https://localhost:{}/", program.address.port());
    let mut check = typewall();
    let check = output(check.args(["healthcheck", &url, "--ca-file"]).arg(&certificate));
    assert!(check.status.success(), "{check:?}");
    let (status, logged) = program.terminate();
    assert_eq!(status, Some(0));
    assert!(!logged.contains("other users"), "{logged}");
}
