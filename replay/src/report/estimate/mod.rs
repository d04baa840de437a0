//! The report of an estimate, and the sections that the report of a replay has in common with it.

mod betas;
mod calibration;
mod choice;
mod headline;

use anyhow::Result;

use super::Run;
use super::holdout;
use super::page::Page;

/// The report of a run that estimated.
pub(super) fn html(run: &Run<'_>, plot: &[String]) -> Result<String> {
    let mut page = Page::new("betaflow estimate");
    headline::add_lead(&mut page, &run.summary);
    holdout::add(&mut page, &run.summary);
    headline::add(&mut page, &run.summary);
    headline::add_notes(&mut page, &run.summary);
    add_betas(&mut page, run, plot)?;
    calibration::add(&mut page, &choice::instruments(&run.summary));
    page.section("Settings");
    page.details("run.toml: run again with --config run.toml", &run.settings);
    page.finish()
}

/// How the estimator did, and each of its instruments.
pub(super) fn add_calibration(page: &mut Page, run: &Run<'_>) {
    page.section("The estimator");
    headline::add(page, &run.summary);
    calibration::add(page, &choice::instruments(&run.summary));
}

/// Alpha and betas of a few instruments through time.
fn add_betas(page: &mut Page, run: &Run<'_>, plot: &[String]) -> Result<()> {
    let instruments = choice::instruments(&run.summary);
    let chosen = choice::choose(plot, &instruments)?;
    match run.betas == "all" && run.folder.join("betas.parquet").exists() {
        true => betas::add(page, run, plot, &chosen),
        false => {
            betas::say_missing(page);
            Ok(())
        }
    }
}
