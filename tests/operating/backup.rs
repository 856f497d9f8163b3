//! A copy of a store that is in use, and its restoration, with the commands of the document.

use crate::support::client::Client;
use crate::support::program::{Program, command, installed, output, server, typewall};
use crate::support::wait_until;
use crate::{example, replaced};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

/// Posts before the copy begins: all of them are in the write-ahead log, as most are in a wall of a class.
const POSTS: usize = 100;

/// Somebody who posts numbers, one after the other, until told to stop.
struct Author {
    /// How many posts have come back.
    posted: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Author {
    fn start(mut client: Client) -> Self {
        let (posted, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, stopped) = (Arc::clone(&posted), Arc::clone(&stop));
        let post = move || {
            for n in 1.. {
                client.try_post(&n.to_string(), &n.to_string()).expect("a post");
                count.store(n, Ordering::Relaxed);
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
            }
        };
        Self { posted, stop, thread: thread::spawn(post) }
    }

    /// Waits until so many more have come back, and returns how many it are in all.
    fn posts(&self, more: usize) -> usize {
        let enough = self.posted.load(Ordering::Relaxed) + more;
        wait_until("posts", || self.posted.load(Ordering::Relaxed) >= enough);
        self.posted.load(Ordering::Relaxed)
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("all are posted");
    }
}

/// Runs a script of the document in this folder, which stands for those of the system. `systemctl` does nothing.
fn run(script: &str, folder: &Path) {
    let systemctl = folder.join("systemctl");
    fs::write(&systemctl, "#!/bin/sh\n").unwrap();
    fs::set_permissions(systemctl, fs::Permissions::from_mode(0o755)).unwrap();
    let path = folder.display().to_string();
    let copy = [("/var/lib/typewall", &*path), ("/var/backups", &path)];
    let mut shell = command("sh");
    shell.env("PATH", format!("{path}:/usr/bin:/bin")).args(["-ec", &replaced(script, &copy)]);
    let output = output(&mut shell);
    assert!(output.status.success(), "{output:?}");
}

/// The posts of the room, in their order.
fn posts(store: &Path) -> Vec<String> {
    let log = output(typewall().arg("log").arg(store).args(["--room", "lobby", "--format", "json"]));
    let posts: Vec<serde_json::Value> = serde_json::from_slice(&log.stdout).expect("JSON");
    posts.iter().map(|post| post["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_copy_that_is_made_while_somebody_posts_can_be_restored() {
    if installed("sqlite3").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let [store, copy] = ["wall.db", "copy.db"].map(|name| folder.path().join(name));
    let start = || Program::start(server().args(["--post-rate", "1000", "--store"]).arg(&store));
    let program = start();
    let author = Author::start(program.join("lobby", "Ada"));
    let before = author.posts(POSTS);
    let backup = replaced(example("sh", "VACUUM INTO"), &[("wall-$(date +%F-%H%M).db", "copy.db")]);
    run(&backup, folder.path());
    let copied = posts(&copy);
    assert!(copied.len() >= before, "{} of {before}", copied.len());
    assert!(copied.iter().enumerate().all(|(n, text)| *text == (n + 1).to_string()), "{copied:?}");
    assert_eq!(
        fs::metadata(&copy).unwrap().permissions().mode() & 0o777,
        0o600,
        "only its owner can read it"
    );
    author.posts(POSTS);
    author.stop();
    program.kill(); // leaves a -wal file
    let restore = replaced(example("sh", "systemctl stop"), &[("wall-2026-11-27-0300.db", "copy.db")]);
    run(&restore, folder.path());
    let program = start();
    program.join("lobby", "Ben").post_and_wait("after the restoration");
    let restored = posts(&store);
    assert_eq!((&restored[..copied.len()], restored.len()), (&*copied, copied.len() + 1));
}
