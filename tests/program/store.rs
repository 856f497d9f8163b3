//! The program with a store: its log from the command line, files that it refuses, and a full disk.

use crate::support::TIMEOUT;
use crate::support::program::{BINARY, LISTEN, Program, command, fails, output, server, typewall};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use tempfile::TempDir;
use typewall::internals::{ClientId, Now, PendingPost, RoomId, Store, StorePost, UserId, Write};
use typewall::{RoomName, StoreOptions};

/// A store with a post in the room `lobby`, and the folder it is in.
fn store() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wall.sqlite");
    let options = StoreOptions::new(file.clone());
    let (answer, answers) = mpsc::channel();
    let reply = move |said| answer.send(said).is_ok();
    let Store { requests, threads, .. } =
        typewall::internals::start_store(&options, Now::read, reply).unwrap();
    let (name, text) = ("Ada".to_owned(), "posted".to_owned());
    let post = PendingPost { id: UserId(1), name, text, at: 0, reference: None };
    let name = RoomName::parse("lobby").unwrap();
    requests
        .writes
        .send(Write::Post(StorePost {
            room: RoomId(1),
            name,
            post,
            after: 0,
            epoch: None,
            by: ClientId(1).into(),
        }))
        .unwrap();
    answers.recv_timeout(TIMEOUT).expect("an answer");
    drop(requests);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    (folder, file)
}

/// The program with a store.
fn serve(file: &Path) -> Command {
    let mut command = server();
    command.arg("--store").arg(file);
    command
}

/// The command that prints a room's log.
fn log(file: &Path, room: &str) -> Command {
    let mut command = typewall();
    command.arg("log").arg(file).args(["--room", room]);
    command
}

/// What that command prints of the room `lobby`.
fn printed_log(file: &Path) -> String {
    String::from_utf8(output(&mut log(file, "lobby")).stdout).unwrap()
}

#[test]
fn the_log_is_printed_also_while_it_is_served_and_after_a_kill() {
    let (_folder, file) = store();
    assert_eq!(printed_log(&file), "1970-01-01T00:00:00Z Ada: posted\n");
    let program = Program::start(&mut serve(&file));
    assert_eq!(printed_log(&file), "1970-01-01T00:00:00Z Ada: posted\n");
    program.kill();
    assert_eq!(printed_log(&file), "1970-01-01T00:00:00Z Ada: posted\n", "after a kill");
}

#[test]
fn printing_the_log_of_an_unknown_room_or_store_is_an_error() {
    let (folder, file) = store();
    let nothing = "typewall: Nothing has been posted in the room nosuch.\n".to_owned();
    assert_eq!(fails(&mut log(&file, "nosuch")), (1, nothing));
    let missing = folder.path().join("missing.sqlite");
    let (status, error) = fails(&mut log(&missing, "lobby"));
    assert_eq!(status, 1);
    assert!(
        error.contains("Cannot read ") && error.contains(": the file or its folder does not exist;"),
        "{error}"
    );
    assert!(!missing.exists());
}

#[test]
fn without_a_room_the_rooms_of_a_store_are_listed() {
    let (_folder, file) = store();
    let list = |arguments: &[&str]| {
        let mut command = typewall();
        command.arg("log").arg(&file).args(arguments);
        command
    };
    let expected = "   posts  last post             room\n       1  1970-01-01T00:00:00Z  lobby\n";
    assert_eq!(String::from_utf8(output(&mut list(&[])).stdout).unwrap(), expected);
    for arguments in [["--format", "json"], ["--after", "1"]] {
        let (status, error) = fails(&mut list(&arguments));
        assert!(status == 2 && error.contains("--room <ROOM>"), "{error}");
    }
}

#[test]
fn a_store_that_another_server_uses_is_an_error() {
    let (_folder, file) = store();
    let program = Program::start(&mut serve(&file));
    let (status, error) = fails(&mut serve(&file));
    assert_eq!(status, 1);
    let why = "another Typewall server is using it; stop it, or choose another file";
    assert_eq!(error, format!("typewall: Cannot store posts in {}: {why}.\n", file.display()));
    program.kill();
    Program::start(&mut serve(&file)); // A kill leaves no lock behind.
}

/// The permissions of a store's file, `-wal` and `-shm`.
fn modes(file: &Path) -> [u32; 3] {
    let path = |suffix| format!("{}{suffix}", file.display());
    ["", "-wal", "-shm"].map(|suffix| fs::metadata(path(suffix)).unwrap().permissions().mode() & 0o777)
}

#[test]
fn only_its_owner_can_read_a_new_store() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wall.sqlite");
    let mut shell = command("sh");
    shell.args(["-c", "umask 022; exec \"$@\"", "sh", BINARY, "--store"]).arg(&file).args(LISTEN);
    let program = Program::start(&mut shell);
    program.join("lobby", "Ada").post_and_wait("for the room only");
    assert_eq!(modes(&file), [0o600; 3]);
}

#[test]
fn a_store_that_others_can_read_is_used_with_a_warning() {
    let (_folder, file) = store();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let program = Program::start(&mut serve(&file));
    program.join("lobby", "Ada").post_and_wait("stored");
    assert_eq!(modes(&file), [0o644; 3]);
    let (status, logged) = program.terminate();
    let path = file.display();
    let advice = format!("run chmod 600 {path} {path}-wal {path}-shm\n");
    assert!(status == Some(0) && logged.contains(&advice), "{logged}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let (_, logged) = Program::start(&mut serve(&file)).terminate();
    assert!(!logged.contains("chmod"), "{logged}");
}

#[test]
fn a_file_that_cannot_be_a_store_is_an_error() {
    let (folder, newer) = store();
    rusqlite::Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("notes.txt"), "no database ".repeat(100)).unwrap();
    rusqlite::Connection::open(path("cats.sqlite"))
        .unwrap()
        .execute_batch("CREATE TABLE cats (name)")
        .unwrap();
    for (file, why) in [
        (newer, "it was written by a newer version of Typewall"),
        (path("notes.txt"), "it is not a Typewall store"),
        (path("cats.sqlite"), "it is not a Typewall store"),
        (path("nowhere/wall.sqlite"), "the file or its folder does not exist"),
        (folder.path().to_owned(), "it is not a regular file"),
        ("/dev/null".into(), "it is not a regular file"),
        // Nobody may write this one, not even root.
        ("/sys/kernel/notes".into(), "permission denied"),
    ] {
        let (status, error) = fails(&mut serve(&file));
        let sentence = format!("typewall: Cannot store posts in {}: {why}", file.display());
        assert!(status == 1 && error.starts_with(&sentence) && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn a_name_that_means_something_to_sqlite_is_a_file_name() {
    let folder = tempfile::tempdir().unwrap();
    for name in [":memory:", "file:x?mode=memory"] {
        let _program = Program::start(serve(Path::new(name)).current_dir(&folder));
        assert!(folder.path().join(format!("{name}-wal")).exists(), "{name}");
    }
}

#[test]
fn a_store_at_its_limit_takes_no_posts_and_says_so() {
    let (_folder, file) = store();
    let mut command = serve(&file);
    command.args(["--store-limit", "1", "--max-clients", "10", "--post-rate", "1000"]);
    let program = Program::start(&mut command);
    let mut ada = program.join("lobby", "Ada");
    let mut is_stored = |n: usize| ada.try_post(&n.to_string(), &"x".repeat(9_000)).is_ok();
    let stored = (0..200).take_while(|n| is_stored(*n)).count();
    assert!((50..150).contains(&stored), "a mebibyte: {stored}");
    assert!(!is_stored(1_000) && !is_stored(1_001));
    ada.post(&"x".repeat(9_000));
    let sentence = "The server's store is full; posting works again once there is space.";
    assert_eq!(ada.wait_for("error")["message"], sentence);
    ada.write("still live");
    program.join("lobby", "Bob").sees("Ada", "still live");
    let (status, logged) = program.terminate();
    assert_eq!(
        (status, logged.lines().count()),
        (Some(0), 2),
        "how much may wait, and one warning: {logged}"
    );
    assert!(fs::metadata(&file).unwrap().len() <= 1024 * 1024);
    assert_eq!(printed_log(&file).lines().count(), 1 + stored);
}

#[test]
fn while_files_may_not_grow_posts_are_refused() {
    let (_folder, file) = store();
    // Beyond this limit, the system also sends a signal that ends a program by default.
    let limited = "ulimit -S -f 256; exec \"$@\"";
    let mut shell = command("sh");
    shell
        .args(["-c", limited, "sh", BINARY, "--store"])
        .arg(&file)
        .args(LISTEN)
        .args(["--post-rate", "1000"]);
    let program = Program::start(&mut shell);
    let mut ada = program.join("lobby", "Ada");
    let mut is_stored = |n: usize| ada.try_post(&n.to_string(), &"x".repeat(9_000)).is_ok();
    let stored = (0..100).take_while(|n| is_stored(*n)).count();
    assert!((1..100).contains(&stored), "some fit, and not all: {stored}");
    assert!(!is_stored(1_000) && !is_stored(1_001), "the room works");
    let unlimited = Some((u64::MAX, u64::MAX));
    rlimit::prlimit(program.pid().as_raw(), rlimit::Resource::FSIZE, unlimited, None).unwrap();
    assert!(is_stored(1_000) && is_stored(1_001), "the disk has space again");
    let (status, logged) = program.terminate();
    assert_eq!(
        (status, logged.lines().count()),
        (Some(0), 3),
        "how much may wait; once when posts are rejected and once when they are stored again: {logged}"
    );
    assert_eq!(printed_log(&file).lines().count(), 1 + stored + 2);
}
