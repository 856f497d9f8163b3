//! The command line.

use crate::driver::options::CommonOptions;
use crate::driver::scenario::Scenario;
use crate::driver::wire::Carrier;
use clap::Parser;
use std::path::PathBuf;

/// The name of the sweep over sizes.
pub(crate) const SIZES: &str = "sizes";

/// Measures how long updates wait in rooms with many clients, and what the server costs.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// Which scenarios: meeting, class, "hidden class", reveal, storm, captions, hall, notes, "whole notes", arrivals,
    /// stalled, flood, hostile, idle, rooms, sizes; all of them if none is named
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    scenario: Vec<String>,

    #[command(flatten)]
    pub common: CommonOptions,

    /// Send texts as splices, in both directions, in all scenarios
    #[arg(long)]
    splice: bool,

    /// What the clients speak: the protocol of pages, or Socket.IO, which has whole texts in all scenarios
    #[arg(long, value_name = "KIND", value_enum, default_value_t = Carrier::Plain)]
    clients: Carrier,

    /// Do not measure the floor
    #[arg(long)]
    pub no_floor: bool,

    /// More arguments for the server, separated by spaces
    #[arg(long, value_name = "ARGUMENTS", default_value = "", allow_hyphen_values = true)]
    pub server_args: String,

    /// Where to write pictures
    #[arg(long, value_name = "DIRECTORY")]
    pub pictures: Option<PathBuf>,
}

impl Options {
    /// The scenarios to measure.
    pub(crate) fn scenarios(&self) -> Result<Vec<Scenario>, String> {
        let mut known = Scenario::all();
        known.extend(Scenario::sizes());
        let is_wanted = |scenario: &Scenario| {
            let is_named = |name: &String| *name == scenario.name || (name == SIZES && scenario.is_size());
            self.scenario.is_empty() || self.scenario.iter().any(is_named)
        };
        let unknown = |name: &&String| *name != SIZES && known.iter().all(|scenario| scenario.name != **name);
        if let Some(name) = self.scenario.iter().find(unknown) {
            return Err(format!("There is no scenario {name}; --help lists them."));
        }
        let splices = self.clients == Carrier::Plain;
        if self.splice && !splices {
            return Err("Socket.IO clients get whole texts; --splice is for plain clients.".to_owned());
        }
        let adapt = |scenario: Scenario| {
            let splice = splices && (self.splice || scenario.splice);
            let scenario = Scenario { splice, carrier: self.clients, ..scenario };
            if self.common.quick { scenario.quick() } else { scenario }
        };
        Ok(known.into_iter().filter(is_wanted).map(adapt).collect())
    }
}
