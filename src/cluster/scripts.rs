//! The scripts that Redis runs. Each does in one step what nodes must not do at the same time.

use crate::cluster::validity::{MAX_AHEAD, MAX_POST_NUMBER};
use redis::{Cmd, Script, cmd};

/// What all scripts have in common.
const COMMON: &str = include_str!("scripts/common.lua");

/// The sources, in the order of the fields of [`Scripts`].
const SOURCES: [&str; 10] = [
    include_str!("scripts/check.lua"),
    include_str!("scripts/beat.lua"),
    include_str!("scripts/own.lua"),
    include_str!("scripts/give.lua"),
    include_str!("scripts/release.lua"),
    include_str!("scripts/post.lua"),
    include_str!("scripts/restore.lua"),
    include_str!("scripts/save.lua"),
    include_str!("scripts/erase.lua"),
    include_str!("scripts/sweep.lua"),
];

/// All scripts. Redis knows them by their hashes once they are [loaded](load).
#[derive(Debug, Clone)]
pub(crate) struct Scripts {
    /// A node asks what it may do.
    pub check: Script,
    /// A node says that it is alive.
    pub beat: Script,
    /// A node asks who owns a room.
    pub own: Script,
    /// An owner hands a room to another node.
    pub give: Script,
    /// A node has forgotten a room.
    pub release: Script,
    /// Numbers a post.
    pub post: Script,
    /// Adds posts that Redis has lost.
    pub restore: Script,
    /// Keeps a room's record.
    pub save: Script,
    /// Erases the text of a post.
    pub erase: Script,
    /// Deletes old posts.
    pub sweep: Script,
}

impl Scripts {
    /// The scripts of this version.
    pub(crate) fn new() -> Self {
        let [check, beat, own, give, release, post, restore, save, erase, sweep] =
            SOURCES.map(|source| Script::new(&with_common(source)));
        Self { check, beat, own, give, release, post, restore, save, erase, sweep }
    }
}

/// The commands that make Redis know all scripts.
pub(crate) fn load() -> Vec<Cmd> {
    let load = |source| cmd("SCRIPT").arg("LOAD").arg(with_common(source)).take();
    SOURCES.map(load).into()
}

/// A script with what all have in common, and with limits that messages have too. Its first line tells Redis how to run
/// it.
fn with_common(source: &str) -> String {
    let (first, rest) = source.split_once('\n').expect("a script has lines");
    let ahead = MAX_AHEAD.as_millis();
    format!("{first}\nlocal MAX_NUMBER, MAX_AHEAD = {MAX_POST_NUMBER}, {ahead}\n{COMMON}{rest}")
}

/// The command that runs a script with these keys. Its arguments are to be added.
pub(crate) fn call(script: &Script, keys: &[String]) -> Cmd {
    cmd("EVALSHA").arg(script.get_hash()).arg(keys.len()).arg(keys).take()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_scripts_run_is_checked_at_the_start() {
        let checked = |command: &str| SOURCES[0].contains(&format!("{{ '{command}'"));
        let run =
            |source: &'static str| source.split("call('").skip(1).filter_map(|rest| rest.split('\'').next());
        let commands: BTreeSet<&str> = SOURCES.into_iter().chain([COMMON]).flat_map(run).collect();
        assert!(commands.len() > 15, "{commands:?}");
        assert_eq!(commands.into_iter().find(|command| !checked(command)), None);
    }
}
