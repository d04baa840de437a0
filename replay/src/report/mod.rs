//! `report.html`: the result of a run on one page that opens without a network.
//!
//! ```text
//! summary.json ─▶ headline, notes, months, … ┐
//! tables       ─▶ equity, costs, betas, …    ├─▶ page ─▶ report.html
//! run.toml     ─▶ settings ──────────────────┘
//! ```
//!
//! A stress run has `scenarios.parquet` instead of these tables, and a page of its own (`stress`); a tuning too (`tune`), and the
//! analysis of a signal (`signal`).
//!
//! The page is made from the run folder alone, so it can be rebuilt to the byte. Its figures are read from the summary into
//! the structs that wrote them, or come from `betaflow_engine::metrics` and the tables. A section whose table or key is
//! missing states the reason.
//!
//! Every section has a link in the table of contents, every figure a sentence on how to read it (`Page::figure`). Text with
//! backticks passes through `prose`.
//!
//! The report of an estimate draws at most 1,500 frames and reads only the row groups of `betas.parquet` with
//! a drawn frame. The report of a replay reads its tables row by row and keeps at most 1,500 points per line: the last
//! value of each bucket, its deepest drawdown, its highest turnover.

mod estimate;
mod factors;
mod figure;
mod format;
mod holdout;
mod labels;
mod luck;
mod notes;
mod page;
mod prose;
mod replay;
mod signal;
mod stress;
mod trials;
mod tune;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use betaflow_engine::time::Zone;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::config::DataSettings;
use crate::summary::{FolderKind, RunSummary, SCHEMA_VERSION};

/// Name of the report in a run folder.
pub(crate) const FILE: &str = "report.html";

/// Returns the report of a folder of any kind: a run, a stress run, a tuning, trials, factors or the analysis of a signal. `plot`: symbols whose betas are drawn.
///
/// # Errors
/// The folder was not written by betaflow, a table cannot be read, or the kind of folder does not accept `plot`.
pub(crate) fn html_of(folder: &Path, plot: &[String]) -> Result<String> {
    #[derive(Deserialize)]
    struct OfKind {
        kind: Option<FolderKind>,
    }
    match read_summary::<OfKind>(folder)?.kind {
        Some(FolderKind::Stress) => stress::html(folder, plot),
        Some(FolderKind::Tune) => tune::html(folder, plot),
        Some(FolderKind::Signal) => signal::html(folder, plot),
        Some(FolderKind::Luck) => trials::html(folder, plot),
        Some(FolderKind::Factors) => factors::html(folder, plot),
        None => Run::read(folder)?.html(plot),
    }
}

/// Reads a text file of a folder.
fn read_text(folder: &Path, name: &str) -> Result<String> {
    let path = folder.join(name);
    fs::read_to_string(&path).with_context(|| {
        format!("{}: cannot be read; expected it in the folder of a run of betaflow", path.display())
    })
}

/// Reads `summary.json`. A folder of betaflow 0.2.0 or earlier has no schema version.
///
/// # Errors
/// It is missing, was not written by betaflow, or has another schema version.
fn read_summary<T: DeserializeOwned>(folder: &Path) -> Result<T> {
    #[derive(Deserialize)]
    struct OfSchema {
        schema_version: Option<u64>,
    }
    let text = read_text(folder, "summary.json")?;
    let path = folder.join("summary.json");
    let damaged = || format!("{}: is not as betaflow wrote it", path.display());
    let OfSchema { schema_version } = serde_json::from_str(&text).with_context(damaged)?;
    if let Some(version) = schema_version.filter(|version| *version != SCHEMA_VERSION) {
        bail!(
            "{}: found schema version {version}, expected {SCHEMA_VERSION}: use the version of betaflow that wrote the \
             folder",
            path.display()
        );
    }
    serde_json::from_str(&text).with_context(damaged)
}

/// Parses the text of `run.toml`.
fn settings_table(folder: &Path, settings: &str) -> Result<toml::Table> {
    let path = folder.join("run.toml");
    settings.parse().with_context(|| format!("{}: is not as betaflow wrote it", path.display()))
}

/// Returns a number of a table of `run.toml`, or its default.
fn number(table: Option<&toml::Value>, key: &str, default: f64) -> f64 {
    let value = table.and_then(|table| table.get(key));
    value
        .and_then(|value| value.as_float().or(value.as_integer().map(|whole| whole as f64)))
        .unwrap_or(default)
}

/// Time zone of the table `[data]` of `run.toml`, which was checked when the run began.
fn zone_of(data: Option<&toml::Value>) -> Zone {
    let named = data.filter(|data| data.get("timezone").is_some()).cloned();
    let settings = named.and_then(|data| data.try_into::<DataSettings>().ok());
    settings.and_then(|settings| settings.zone().ok()).unwrap_or_default()
}

/// Contents of a run folder that the report uses.
pub(crate) struct Run<'a> {
    folder: &'a Path,
    summary: RunSummary,
    /// Text of `run.toml`.
    settings: String,
    /// Frames in a day.
    frames_per_day: f64,
    /// Frames in a year, by which rates per frame become annual rates.
    frames_per_year: f64,
    /// Time zone of dates.
    zone: Zone,
    /// `estimator.warmup`: days before the first rebalance.
    warmup_days: Option<u64>,
    /// `record.betas`: frames of `betas.parquet`.
    betas: String,
}

impl<'a> Run<'a> {
    /// Reads `summary.json` and `run.toml`.
    ///
    /// # Errors
    /// One of them is missing or cannot be read.
    pub(crate) fn read(folder: &'a Path) -> Result<Self> {
        let summary: RunSummary = read_summary(folder)?;
        let settings = read_text(folder, "run.toml")?;
        let table = settings_table(folder, &settings)?;
        let data = table.get("data");
        let frames_per_day = number(data, "frames_per_day", 1.0);
        let sessions = summary.head.data.as_ref().and_then(|data| data.sessions.as_ref());
        let frames_per_year = match sessions {
            Some(sessions) => sessions.frames_per_year.0,
            None => number(data, "days_per_year", 252.0) * frames_per_day,
        };
        let zone = zone_of(data);
        let betas = table.get("record").and_then(|record| record.get("betas")).and_then(toml::Value::as_str);
        let betas = betas.unwrap_or_default().to_owned();
        let warmup = table.get("estimator").and_then(|estimator| estimator.get("warmup"));
        let warmup_days = warmup.and_then(toml::Value::as_integer).and_then(|days| u64::try_from(days).ok());
        Ok(Self { folder, summary, settings, frames_per_day, frames_per_year, zone, warmup_days, betas })
    }

    /// True if `betas.parquet` has the last frame of each month.
    fn is_monthly(&self) -> bool {
        self.betas == "monthly"
    }

    /// Returns the report as one HTML document. `plot`: symbols whose betas are drawn; a few are chosen if it is empty.
    ///
    /// # Errors
    /// The run has no instrument of that symbol, or a table cannot be read.
    pub(crate) fn html(&self, plot: &[String]) -> Result<String> {
        match &self.summary.trading {
            Some(trading) => replay::html(self, trading, plot),
            None => estimate::html(self, plot),
        }
    }
}
