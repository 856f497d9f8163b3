//! The host link: when it is printed, and the file that keeps its key.

use crate::support::program::{Program, fails, server, typewall};
use serde_json::json;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

/// Whether this key makes its holder a host.
fn is_right(program: &Program, key: &str) -> bool {
    let mut client = program.watch("r");
    client.send("host", json!({ "key": key }));
    client.until("an answer", |page| page.hosting || !page.errors.is_empty());
    client.page.hosting
}

#[test]
fn the_key_of_the_printed_link_is_new_at_each_start() {
    let [mut one, mut other] = [(); 2].map(|()| Program::start(&mut server()));
    let keys = [one.host_key(), other.host_key()];
    assert_eq!(keys[0].len(), 32, "128 bits");
    assert!(is_right(&one, &keys[0]) && !is_right(&one, &keys[1]));
}

#[test]
fn on_a_network_a_link_is_printed_for_each_address() {
    let mut program = Program::start(typewall().args(["--listen", "0.0.0.0:0"]));
    let lines: Vec<String> = std::iter::from_fn(|| Some(program.next_line()))
        .take_while(|line| line.starts_with("On this network: "))
        .collect();
    // The first host link, for this machine, was the line after those.
    let addresses = lines.iter().map(|line| line.trim_end().rsplit('/').next().unwrap().to_owned());
    for address in addresses {
        assert!(address.parse::<SocketAddr>().is_ok());
        assert!(program.next_line().starts_with(&format!("Host: http://{address}/#host=")));
    }
}

#[test]
fn without_hosts_no_link_is_printed() {
    let mut program = Program::start(server().args(["--hosts", "none"]));
    let mut client = program.watch("r");
    client.send("host", json!({"key": ""}));
    assert_eq!(client.next_error(), "no_hosts");
    program.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(program.next_line(), "");
}

#[test]
fn the_first_user_of_a_room_can_be_its_host() {
    let program = Program::start(server().args(["--hosts", "first"]));
    let mut ada = program.join("r", "Ada");
    ada.until("a host", |page| page.is_host());
}

fn with_key_file(file: &Path) -> Program {
    Program::start(server().arg("--host-key-file").arg(file))
}

#[test]
fn a_key_file_keeps_the_key_and_is_created_for_its_owner_alone() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("host-key");
    let key = with_key_file(&file).host_key();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{key}\n"));
    assert_eq!(with_key_file(&file).host_key(), key);
    fs::write(&file, "grüne Äpfel\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let mut program = with_key_file(&file);
    assert_eq!(program.host_key(), "gr%C3%BCne%20%C3%84pfel");
    assert!(is_right(&program, "grüne Äpfel"));
    let (_, logged) = program.terminate();
    assert!(logged.contains("other users can read the host key file; run chmod 600"), "{logged}");
}

#[test]
fn a_key_file_that_cannot_be_used_keeps_the_server_from_starting() {
    let folder = TempDir::new().unwrap();
    for (name, content, reason) in [
        ("empty", Some(""), "use the host key file {}: it is empty."),
        ("missing/key", None, "create the host key file {}: No such file or directory (os error 2)."),
    ] {
        let file = folder.path().join(name);
        content.into_iter().for_each(|content| fs::write(&file, content).unwrap());
        let (status, error) = fails(server().arg("--host-key-file").arg(&file));
        let reason = reason.replace("{}", &file.display().to_string());
        assert_eq!((status, error), (1, format!("typewall: Cannot {reason}\n")));
    }
}
