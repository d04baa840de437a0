//! The report of a replay.

mod attribution;
mod contributors;
mod costs;
mod distribution;
mod drawdowns;
mod equity;
mod months;
pub(super) mod notes;
mod overview;
mod turnover;

use anyhow::{Result, bail};

use super::Run;
use super::estimate;
use super::holdout;
use super::page::Page;

/// The report of a run that traded.
pub(super) fn html(run: &Run<'_>, plot: &[String]) -> Result<String> {
    if !plot.is_empty() {
        bail!(
            "--plot: {} is the folder of a replay, whose report draws no betas of instruments; expected that of \
             `betaflow estimate`",
            run.folder.display()
        );
    }
    let summary = &run.summary;
    let command = if holdout::is_opened(summary) { "score" } else { "replay" };
    let strategy = summary["strategy"].as_str().unwrap_or_default();
    let mut page = Page::new(&format!("betaflow {command}: {strategy}"));
    notes::add(&mut page, summary);
    holdout::add(&mut page, summary);
    overview::add(&mut page, summary);
    let curves = equity::read(run);
    if let Ok(curves) = &curves {
        page.set_times(equity::times(curves));
    }
    equity::add(&mut page, &curves);
    overview::add_metrics(&mut page, summary);
    months::add(&mut page, summary);
    drawdowns::add(&mut page, summary);
    turnover::add(&mut page, run, &curves);
    costs::add(&mut page, summary, &curves);
    attribution::add(&mut page, run, &curves);
    contributors::add(&mut page, run);
    distribution::add(&mut page, summary);
    estimate::add_calibration(&mut page, run);
    page.section("What ran");
    page.html(&overview::ran(summary));
    page.details("run.toml: run again with --config run.toml", &run.settings);
    page.finish()
}
