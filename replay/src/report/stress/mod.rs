//! Report of a stress run: performance of the strategy under many settings.
//!
//! Columns of `scenarios.parquet` with a dot in their name are settings, all others are figures. The base is the scenario of
//! the configuration, or the one nearest to it. The best and the robust scenario come from the `Candidates` of the sweep, as
//! on the terminal and in the summary. The robust scenario has the best worst case within one level of every numeric
//! setting. Only candidates are listed as best or efficient: choices in the environment of the configuration.
//!
//! Heat maps are drawn of a full product only. A page holds the maps for all values of the other settings, and its script
//! shows one.

mod break_even;
mod cost_speed;
mod efficient;
mod headline;
mod maps;
mod paths;
mod study;
mod tables;
mod tornado;

use std::path::Path;

use anyhow::{Result, bail};

use super::page::Page;
use super::{holdout, notes};
use study::Study;

/// Returns the report of the folder.
///
/// # Errors
/// A file of the folder cannot be read, or `plot` is not empty.
pub(super) fn html(folder: &Path, plot: &[String]) -> Result<String> {
    if !plot.is_empty() {
        bail!(
            "--plot: {} is the folder of a stress run, whose report draws no betas of instruments; expected that of \
             `betaflow estimate`",
            folder.display()
        );
    }
    let study = Study::read(folder)?;
    let head = &study.summary.study;
    let mut page = Page::new(&format!("betaflow stress: {}", head.strategy));
    notes::add_banners(&mut page, &head.head, head.look_ahead.as_ref());
    headline::add(&mut page, &study);
    page.contents();
    holdout::add(&mut page, head.holdout.as_ref());
    notes::add_warnings(&mut page, &head.head);
    if !study.scenarios.is_empty() {
        tables::add_chosen(&mut page, &study);
        paths::add(&mut page, &study);
        maps::add(&mut page, &study);
        break_even::add(&mut page, &study);
        cost_speed::add(&mut page, &study);
        tornado::add(&mut page, &study);
        efficient::add(&mut page, &study);
        tables::add_extremes(&mut page, &study);
    }
    page.section("Version and settings");
    page.add(headline::ran(&study));
    if let Some(grid) = &study.grid {
        page.details("grid.toml: settings that vary", grid);
    }
    page.details("run.toml: configuration whose settings vary", &study.settings);
    page.finish()
}
