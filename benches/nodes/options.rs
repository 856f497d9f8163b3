//! The command line.

use crate::plan::{self, Setup};
use clap::Parser;
use std::path::PathBuf;

/// Measures how long updates wait on their way between nodes, and what they cost Redis and each node.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// Which rows: those whose names begin with one of these, such as hop, captions, mirror, storm, reconnect or idle;
    /// all of them if none is named
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    rows: Vec<String>,

    /// How often to measure each row; medians are printed
    #[arg(long, value_name = "ROUNDS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub rounds: u32,

    /// Measure fewer clients, each row for two seconds only, for an impression
    #[arg(long)]
    quick: bool,

    /// Where to write all figures
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Passed by `cargo bench`; without it, as in `cargo test --benches`, the bench only checks itself
    #[arg(long, hide = true)]
    bench: bool,

    /// Passed by some test runners
    #[arg(long, hide = true)]
    test: bool,
}

impl Options {
    /// Whether anything is to be measured.
    pub(crate) fn measures(&self) -> bool {
        self.bench && !self.test
    }

    /// What to measure.
    pub(crate) fn setups(&self) -> Vec<Setup> {
        let mut setups = plan::setups(self.quick);
        let is_named = |setup: &Setup| self.rows.iter().any(|name| setup.name.starts_with(name.as_str()));
        setups.retain(|setup| self.rows.is_empty() || is_named(setup));
        setups
    }
}
