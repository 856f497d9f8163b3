//! The program with files.

use crate::stop;
use crate::support::program::{Program, fails, output, server, typewall};
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// The folder in which programs without a root of their own keep their files.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

/// A file name that no other test uses, in this run or in an earlier one.
fn new_file() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let folder = FOLDER.path().file_name().expect("a name").to_string_lossy();
    format!("{}-{}", folder.trim_start_matches('.'), COUNT.fetch_add(1, Ordering::Relaxed)).into()
}

/// A server with an option for a file.
fn with_file(option: &str, file: &PathBuf) -> Command {
    let mut command = server();
    command.arg(option).arg(file).current_dir(FOLDER.path());
    command
}

/// What `typewall log` prints of a room.
fn printed_log(file: &PathBuf) -> String {
    let mut command = typewall();
    command.arg("log").arg(file).args(["--room", "r"]).current_dir(FOLDER.path());
    let output = output(&mut command);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn posts_are_in_the_store_after_a_stop_and_after_a_crash() {
    let file = new_file();
    let posts = ["the first", "grüße", "the last"];
    for (n, post) in posts.iter().enumerate() {
        let program = Program::start(&mut with_file("--store", &file));
        let mut ada = program.join("r", "Ada");
        assert_eq!(ada.page.posts(), posts[..n]);
        ada.post_and_wait(post);
        let log = printed_log(&file);
        assert!(log.lines().count() == n + 1 && log.trim_end().ends_with(&format!(" Ada: {post}")), "{log}");
        if n == 0 {
            stop(program);
        } else {
            program.kill();
        }
    }
    assert_eq!(printed_log(&file).lines().count(), posts.len());
}

#[test]
fn two_servers_cannot_use_one_store() {
    let file = new_file();
    let program = Program::start(&mut with_file("--store", &file));
    let (status, error) = fails(&mut with_file("--store", &file));
    assert!(status == 1 && error.contains("another Typewall server is using it"), "{error}");
    program.join("r", "Ada").post_and_wait("still stored");
    program.kill();
    let program = Program::start(&mut with_file("--store", &file));
    assert_eq!(program.join("r", "Bob").page.posts(), ["still stored"]);
}

#[test]
fn a_file_keeps_the_host_key() {
    let file = new_file();
    let keys = [(); 2].map(|()| Program::start(&mut with_file("--host-key-file", &file)).host_key());
    assert!(keys[0].len() == 32 && keys[0] == keys[1], "{keys:?}");
}
