//! Report of an estimate, and the sections that the report of a replay shares with it.

mod betas;
mod calibration;
mod choice;
mod headline;
mod offline;

use anyhow::Result;

use super::Run;
use super::page::Page;
use super::{holdout, notes};

/// Returns the report of a run that estimated.
pub(super) fn html(run: &Run<'_>, plot: &[String]) -> Result<String> {
    let mut page = Page::new("betaflow estimate");
    notes::add_banners(&mut page, &run.summary.head, None);
    headline::add_lead(&mut page, &run.summary);
    headline::add(&mut page, &run.summary);
    page.contents();
    holdout::add(&mut page, run.summary.holdout.as_ref());
    notes::add_warnings(&mut page, &run.summary.head);
    add_betas(&mut page, run, plot)?;
    calibration::add(&mut page, &run.summary.estimator.instruments);
    offline::add(&mut page, &run.summary.offline);
    page.section("Settings");
    page.details("run.toml: run again with --config run.toml", &run.settings);
    page.finish()
}

/// Adds the calibration of the estimator and of each instrument.
pub(super) fn add_calibration(page: &mut Page, run: &Run<'_>) {
    page.section("Calibration of the estimator");
    headline::add(page, &run.summary);
    calibration::add(page, &run.summary.estimator.instruments);
}

/// Adds alpha and betas of a few instruments through time.
fn add_betas(page: &mut Page, run: &Run<'_>, plot: &[String]) -> Result<()> {
    let chosen = choice::choose(plot, &run.summary.estimator.instruments)?;
    match (run.betas == "all" || run.is_monthly()) && run.folder.join("betas.parquet").exists() {
        true => betas::add(page, run, plot, &chosen),
        false => {
            betas::add_missing(page);
            Ok(())
        }
    }
}
