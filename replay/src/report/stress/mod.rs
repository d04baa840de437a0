//! The report of a stress run: what the strategy is worth under many settings.

mod break_even;
mod efficient;
mod headline;
pub(crate) mod labels;
mod maps;
mod paths;
mod single;
mod study;
mod tables;
mod tornado;
pub(in crate::report) use std::path::Path;

use anyhow::{Result, bail};

use super::holdout;
use super::page::Page;
use super::replay::notes;
use study::Study;

/// The report of the folder.
///
/// # Errors
/// A file of the folder cannot be read, or symbols are to be drawn.
pub(super) fn html(folder: &Path, plot: &[String]) -> Result<String> {
    if !plot.is_empty() {
        bail!(
            "--plot: {} is the folder of a stress run, whose report draws no betas of instruments; expected that of \
             `betaflow estimate`",
            folder.display()
        );
    }
    let study = Study::read(folder)?;
    let mut page =
        Page::new(&format!("betaflow stress: {}", study.summary["strategy"].as_str().unwrap_or_default()));
    notes::add(&mut page, &study.summary);
    headline::add(&mut page, &study);
    holdout::add(&mut page, &study.summary);
    if !study.scenarios.is_empty() {
        tables::add_chosen(&mut page, &study);
        paths::add(&mut page, &study);
        maps::add(&mut page, &study);
        break_even::add(&mut page, &study);
        tornado::add(&mut page, &study);
        efficient::add(&mut page, &study);
        tables::add_extremes(&mut page, &study);
    }
    page.section("What ran");
    page.html(&headline::ran(&study));
    if let Some(grid) = &study.grid {
        page.details("grid.toml: what was varied", grid);
    }
    page.details("run.toml: the configuration of which settings were varied", &study.settings);
    page.finish()
}
