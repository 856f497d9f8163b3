//! The command line.

use crate::driver::options::CommonOptions;
use crate::plan::{self, Setup};
use clap::Parser;

/// Measures how long updates wait on their way between nodes, and what they cost Redis and each node.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// Which rows: those whose names begin with one of these, such as hop, captions, mirror, storm, reconnect or idle;
    /// all of them if none is named
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    rows: Vec<String>,

    #[command(flatten)]
    pub common: CommonOptions,
}

impl Options {
    /// What to measure.
    pub(crate) fn setups(&self) -> Vec<Setup> {
        let mut setups = plan::setups(self.common.quick);
        let is_named = |setup: &Setup| self.rows.iter().any(|name| setup.name.starts_with(name.as_str()));
        setups.retain(|setup| self.rows.is_empty() || is_named(setup));
        setups
    }
}
