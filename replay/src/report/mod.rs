//! `report.html`: what a run found, on one page that opens without a network.
//!
//! ```text
//! summary.json ─▶ notes, overview, months, … ┐
//! tables       ─▶ equity, costs, betas, …    ├─▶ page ─▶ report.html
//! run.toml     ─▶ settings ──────────────────┘
//! ```
//!
//! The folder of a stress run has `scenarios.parquet` in place of the tables, and a page of its own (`stress`); so has
//! that of a tuning (`tune`).
//!
//! It is made from the run folder alone, so that it can be made again. All figures are those of the summary, and the
//! lines are those of the tables: nothing is computed here but where to put it. A section whose table or key is
//! missing says so. What there is more to show is another section.

mod estimate;
mod figure;
mod format;
mod holdout;
mod html;
mod luck;
mod page;
mod replay;
pub(crate) mod stress;
mod tune;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// Name of the report in a run folder.
pub(crate) const FILE: &str = "report.html";

/// The report of a folder of any kind: of a run, a stress run or a tuning. `plot`: the symbols whose betas are drawn.
///
/// # Errors
/// The folder is none that betaflow wrote, a table of it cannot be read, or `plot` is not for its kind.
pub(crate) fn html_of(folder: &Path, plot: &[String]) -> Result<String> {
    let summary = fs::read(folder.join("summary.json")).ok();
    let summary = summary.and_then(|text| serde_json::from_slice::<Value>(&text).ok()).unwrap_or_default();
    match summary["kind"].as_str() {
        Some("stress") => stress::html(folder, plot),
        Some("tune") => tune::html(folder, plot),
        _ => Run::read(folder)?.html(plot),
    }
}

/// A run folder, as far as the report is made of it.
pub(crate) struct Run<'a> {
    folder: &'a Path,
    summary: Value,
    /// `run.toml` as it stands there.
    settings: String,
    /// Frames of a year: rates of a frame are shown as annual ones.
    frames_per_year: f64,
    /// Which frames `betas.parquet` has.
    betas: String,
}

impl<'a> Run<'a> {
    /// Reads `summary.json` and `run.toml`.
    ///
    /// # Errors
    /// One of them is not there or cannot be read.
    pub(crate) fn read(folder: &'a Path) -> Result<Self> {
        let text = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).with_context(|| {
                format!("{}: cannot be read; expected it in the folder of a run of betaflow", path.display())
            })
        };
        let (summary, settings) = (text("summary.json")?, text("run.toml")?);
        let named = |name: &str| format!("{}: is not as betaflow wrote it", folder.join(name).display());
        let summary = serde_json::from_str(&summary).with_context(|| named("summary.json"))?;
        let table: toml::Table = settings.parse().with_context(|| named("run.toml"))?;
        let number = |table: Option<&toml::Value>, key: &str, usual: f64| {
            let value = table.and_then(|table| table.get(key));
            value
                .and_then(|value| value.as_float().or(value.as_integer().map(|whole| whole as f64)))
                .unwrap_or(usual)
        };
        let data = table.get("data");
        let frames_per_year = number(data, "days_per_year", 252.0) * number(data, "frames_per_day", 1.0);
        let betas = table.get("record").and_then(|record| record.get("betas")).and_then(toml::Value::as_str);
        let betas = betas.unwrap_or_default().to_owned();
        Ok(Self { folder, summary, settings, frames_per_year, betas })
    }

    /// The report as one HTML document. `plot`: the symbols whose betas are drawn, some are chosen if there are none.
    ///
    /// # Errors
    /// A symbol that is no instrument of the run, or a table that cannot be read.
    pub(crate) fn html(&self, plot: &[String]) -> Result<String> {
        if self.summary["strategy"].is_string() {
            replay::html(self, plot)
        } else {
            estimate::html(self, plot)
        }
    }
}
