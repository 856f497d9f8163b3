//! The commit that the sources are from: git's, or the one that `git archive` wrote into a file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The file in which `git archive` replaces a placeholder by the commit, see `.gitattributes`.
const ARCHIVED: &str = "build/commit.txt";

/// Digits of a commit. A fixed number, because git's own choice depends on how many objects a clone has.
const DIGITS: usize = 12;

/// The commit of the sources in this folder, or `unknown`.
pub(crate) fn commit(root: &Path) -> String {
    let archived = fs::read_to_string(root.join(ARCHIVED)).unwrap_or_default();
    let commit = short(&archived).or_else(|| short(&git(root, &["rev-parse", "HEAD"])?));
    commit.unwrap_or_else(|| "unknown".to_owned())
}

/// The files that change when the commit may be another one: git appends to its log of HEAD whenever HEAD moves. Only
/// those that exist, because Cargo runs a build script again and again for one that does not.
pub(crate) fn files(root: &Path) -> Vec<PathBuf> {
    let of_git = |name: &str| Some(root.join(git(root, &["rev-parse", "--git-path", name])?));
    let files = ["HEAD", "logs/HEAD"].into_iter().filter_map(of_git).chain([root.join(ARCHIVED)]);
    files.filter(|file| file.exists()).collect()
}

/// The first digits of a commit, unless it is a placeholder.
fn short(commit: &str) -> Option<String> {
    let commit = commit.trim();
    let is_commit = commit.len() >= DIGITS && commit.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_commit.then(|| commit[..DIGITS].to_owned())
}

/// What git prints, if this folder is the top of a repository. Sources that were copied into another repository are not
/// of one of its commits.
fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let top = run(root, &["rev-parse", "--show-toplevel"])?;
    let is_top = fs::canonicalize(top).ok()? == fs::canonicalize(root).ok()?;
    is_top.then(|| run(root, arguments)).flatten()
}

fn run(root: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
