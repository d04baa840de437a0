//! `report.html`: what a run found, on one page that opens without a network.
//!
//! ```text
//! summary.json ─▶ headline ───────┐
//!              ─▶ choice ─▶ betas ├─▶ page ─▶ report.html
//!              ─▶ calibration ────┤
//! run.toml ───────────────────────┘
//! ```
//!
//! All figures are those of the summary, and the lines are those of the tables: nothing is computed here but
//! where to put it. What another command has to show is another section.

mod betas;
mod calibration;
mod choice;
mod figure;
mod headline;
mod html;
mod page;

use std::path::Path;

use anyhow::Result;
use betaflow_engine::ledger::Frames;
use serde_json::Value;

use self::page::Page;

/// What the report of an estimate is made of.
pub(crate) struct Estimated<'a> {
    /// The run folder, its tables complete.
    pub(crate) folder: &'a Path,
    /// As written to `summary.json`.
    pub(crate) summary: &'a Value,
    /// As written to `run.toml`.
    pub(crate) settings: &'a str,
    /// Which frames `betas.parquet` has.
    pub(crate) recorded: Frames,
    /// Frames of a year: alpha is shown as an annual rate.
    pub(crate) frames_per_year: f64,
    /// Symbols whose betas are to be drawn; chosen here if there are none.
    pub(crate) plot: &'a [String],
}

impl Estimated<'_> {
    /// The report as one HTML document.
    ///
    /// # Errors
    /// A symbol that is no instrument of the run, or a table that cannot be read.
    pub(crate) fn html(&self) -> Result<String> {
        let instruments = choice::instruments(self.summary);
        let chosen = choice::choose(self.plot, &instruments)?;
        let mut page = Page::new("betaflow estimate");
        headline::add(&mut page, self.summary);
        match self.recorded {
            Frames::All => betas::add(&mut page, self, &chosen)?,
            _ => betas::say_missing(&mut page),
        }
        calibration::add(&mut page, &instruments);
        page.section("Settings");
        page.details("run.toml: run again with --config run.toml", self.settings);
        page.finish()
    }
}
