//! The options that both benches have.

use clap::Args;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct CommonOptions {
    /// How often to measure each row; medians are printed
    #[arg(long, value_name = "ROUNDS", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub rounds: u32,

    /// Measure each row for two seconds only, for an impression
    #[arg(long)]
    pub quick: bool,

    /// Where to write all figures
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Passed by `cargo bench`; without it, as in `cargo test --benches`, the bench only checks itself
    #[arg(long, hide = true)]
    bench: bool,

    /// Passed by some test runners
    #[arg(long, hide = true)]
    test: bool,
}

impl CommonOptions {
    /// Whether anything is to be measured.
    pub(crate) fn measures(&self) -> bool {
        self.bench && !self.test
    }

    /// Writes all figures, if they are wanted.
    pub(crate) fn write_json(&self, figures: impl FnOnce() -> Value) -> Result<(), String> {
        let Some(file) = &self.json else { return Ok(()) };
        let json = format!("{:#}\n", figures());
        fs::write(file, json).map_err(|error| format!("{} cannot be written: {error}.", file.display()))
    }
}
