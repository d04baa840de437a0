//! Report of the analysis of a signal: information coefficients, decay, quantiles, turnover, exposures.

mod cumulative;
mod decay;
mod headline;
mod quantiles;
mod tables;

use std::path::Path;

use anyhow::{Result, bail};
use maud::html;

use super::format::text;
use super::page::Page;
use super::{holdout, notes, read_summary, read_text};
use crate::summary::SignalSummary;

/// Returns the report of the folder.
///
/// # Errors
/// A file of the folder cannot be read, or `plot` is not empty.
pub(super) fn html(folder: &Path, plot: &[String]) -> Result<String> {
    if !plot.is_empty() {
        bail!(
            "--plot: {} is the folder of `betaflow signal`, whose report draws no betas of instruments; expected that of \
             `betaflow estimate`",
            folder.display()
        );
    }
    let summary: SignalSummary = read_summary(folder)?;
    let SignalSummary { run, signal, .. } = &summary;
    let look_ahead = run.trading.as_ref().and_then(|trading| trading.look_ahead.as_ref());
    let mut page = Page::new(&format!("betaflow signal: {}", text(signal.forecasts.as_ref())));
    notes::add_banners(&mut page, &run.head, look_ahead);
    headline::add(&mut page, &summary);
    page.contents();
    holdout::add(&mut page, run.holdout.as_ref());
    notes::add_warnings(&mut page, &run.head);
    cumulative::add(&mut page, folder, signal);
    decay::add(&mut page, signal);
    quantiles::add(&mut page, signal);
    quantiles::add_turnover(&mut page, signal);
    tables::add_law(&mut page, signal);
    tables::add_years(&mut page, signal);
    tables::add_exposures(&mut page, signal);
    page.section("Version and settings");
    page.add(html! {
        p {
            "betaflow " (text(run.head.version.as_ref())) ". " code { "signal.parquet" } " has a row for each cross-section and "
            "horizon. Definitions equal those of " code { "alphalens-reloaded" } " 0.4 where it has them, with "
            code { "periods=(h,), filter_zscore=None" } " for the figures of horizon h."
        }
    });
    page.details("run.toml: run again with --config run.toml", &read_text(folder, "run.toml")?);
    page.finish()
}
