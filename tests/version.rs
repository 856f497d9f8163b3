//! The version: what the changelog says of it, and the commit that a release is built from.

#[path = "../build/commit.rs"]
mod commit;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn the_top_entry_of_the_changelog_is_this_version() {
    let changelog = include_str!("../CHANGELOG.md");
    let entries: Vec<&str> = changelog.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let top = entries.first().and_then(|entry| entry.strip_prefix(&format!("[{VERSION}] - ")));
    let date: Vec<usize> = top.expect("an entry with a date").split('-').map(str::len).collect();
    assert_eq!(date, [4, 2, 2]);
}

#[test]
fn the_program_names_its_version_and_that_it_is_no_release() {
    let Output { status, stdout, .. } =
        Command::new(env!("CARGO_BIN_EXE_typewall")).arg("--version").output().expect("it runs");
    assert!(status.success());
    let build = if cfg!(debug_assertions) { "debug" } else { &commit::commit(&root()) };
    assert_eq!(String::from_utf8_lossy(&stdout), format!("typewall {VERSION} ({build})\n"));
}

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// Runs git in a folder, without the settings of whoever runs the tests. Returns what it printed.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    command.args(["-c", "user.name=Ada", "-c", "user.email=ada@wall.example", "-C"]).arg(folder);
    let Output { status, stdout, stderr } = command.args(arguments).output().expect("git runs");
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("UTF-8").trim().to_owned()
}

/// A repository with one commit, which has the files that an archive needs.
fn repository() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("build")).unwrap();
    for file in ["build/commit.txt", ".gitattributes"] {
        fs::copy(root().join(file), folder.path().join(file)).unwrap();
    }
    git(folder.path(), &["init", "-q", "-b", "main"]);
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "-q", "-m", "One"]);
    folder
}

#[test]
fn the_commit_is_that_of_git() {
    let folder = repository();
    let head = git(folder.path(), &["rev-parse", "HEAD"]);
    assert_eq!(commit::commit(folder.path()), head[..12]);
    git(folder.path(), &["checkout", "-q", "--detach"]);
    assert_eq!(commit::commit(folder.path()), head[..12]);
}

#[test]
fn an_archive_has_the_commit_that_it_was_made_of_and_other_copies_have_none() {
    let folder = repository();
    let head = git(folder.path(), &["rev-parse", "HEAD"]);
    let copy = folder.path().join("copy");
    fs::create_dir_all(copy.join("build")).unwrap();
    let file = copy.join("build/commit.txt");
    fs::copy(folder.path().join("build/commit.txt"), &file).unwrap();
    assert_eq!(commit::commit(&copy), "unknown", "the repository around a copy is another one");
    let archive = folder.path().join("archive.tar");
    git(folder.path(), &["archive", "-o", archive.to_str().unwrap(), "HEAD"]);
    let status = Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&copy).status().unwrap();
    assert!(status.success());
    assert_eq!(commit::commit(&copy), head[..12]);
}

#[test]
fn a_commit_changes_a_file_that_the_build_watches() {
    let folder = repository();
    let contents = || {
        let files = commit::files(folder.path()).into_iter();
        files.map(|file| (fs::read(&file).expect("a file that exists"), file)).collect::<Vec<_>>()
    };
    let before = contents();
    assert_eq!(contents(), before);
    git(folder.path(), &["commit", "-q", "--allow-empty", "-m", "Two"]);
    assert_ne!(contents(), before, "on a branch");
    git(folder.path(), &["checkout", "-q", "-b", "other"]);
    let before = contents();
    git(folder.path(), &["checkout", "-q", "main"]);
    assert_ne!(contents(), before, "another branch");
    git(folder.path(), &["checkout", "-q", "--detach"]);
    let before = contents();
    git(folder.path(), &["commit", "-q", "--allow-empty", "-m", "Three"]);
    assert_ne!(contents(), before, "without a branch");
    git(folder.path(), &["checkout", "-q", "main"]);
    git(folder.path(), &["pack-refs", "--all"]);
    let before = contents();
    git(folder.path(), &["commit", "-q", "--allow-empty", "-m", "Four"]);
    assert_ne!(contents(), before, "a branch that was packed");
}
