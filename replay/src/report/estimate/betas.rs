//! Alpha and betas through time.

use anyhow::Result;
use betaflow_connectors::record::{BetaPaths, Room, read_betas};
use maud::{Markup, html};

use super::calibration::words;
use crate::report::Run;
use crate::report::figure::{Figure, Path};
use crate::report::page::Page;
use crate::summary::{InstrumentSummary, time_text};

/// Maximum points that a page draws quickly on a telephone.
const ROOM: Room = Room { frames_max: 1_500, values_max: 150_000 };
const EVERY_MONTH: Room = Room { frames_max: usize::MAX, values_max: usize::MAX };
const HEADING: &str = "Alpha and betas";
/// Sentences on how to read the figures.
const ALPHA: &str = "Expected annual return beyond the factors, with its band of ±2 standard deviations: where the band holds 0, \
                     alpha is not distinct from 0.";
const BETA: &str = "Return of the instrument per unit of return of the factor, with its band of ±2 standard deviations: a wide \
                    band is an uncertain hedge.";

/// Adds a section with the reason why no betas are drawn.
pub(super) fn add_missing(page: &mut Page) {
    page.section(HEADING);
    page.add(html! {
        p {
            "The plots need betas.parquet with every frame, or with the last one of each month: run again with "
            code { "--set record.betas=all" } ", the default of " code { "betaflow estimate" } ", or with "
            code { "--set record.betas=monthly" } "."
        }
    });
}

/// Adds a figure for each coefficient, with a line for each instrument.
pub(super) fn add(
    page: &mut Page,
    run: &Run<'_>,
    plot: &[String],
    chosen: &[&InstrumentSummary],
) -> Result<()> {
    let symbols: Vec<&str> = chosen.iter().map(|instrument| instrument.symbol.as_str()).collect();
    // Evenly spaced frames of a table that has only some would be few: months are few enough to draw all.
    let room = if run.is_monthly() { EVERY_MONTH } else { ROOM };
    let paths = read_betas(run.folder, &symbols, room)?;
    page.section(HEADING);
    page.add(introduction(run, plot, &paths, chosen));
    let times = paths.times.iter().map(|time| time_text(Some(*time)).unwrap_or_default());
    page.set_times(times.collect());
    for (at, name) in paths.coefficients.iter().enumerate() {
        // Only alpha depends on the length of a bar.
        let (scale, title, axis, reading) = match at {
            0 => (100.0 * run.frames_per_year, "Alpha".to_owned(), "alpha, % a year", ALPHA),
            _ => (1.0, format!("Beta to {name}"), "beta, no unit", BETA),
        };
        let scaled = |column: &[f64]| column.iter().map(|value| scale * value).collect();
        let drawn: Vec<Path> = paths
            .instruments
            .iter()
            .map(|path| Path { mean: scaled(&path.mean[at]), sd: scaled(&path.sd[at]) })
            .collect();
        let mut figure = Figure::over_time(axis, visible_range(&drawn));
        for (at, path) in drawn.iter().enumerate() {
            figure.band(at, drawn.len(), path);
        }
        for (at, path) in drawn.iter().enumerate() {
            figure.line(at, symbols[at], path);
        }
        page.figure(&title, reading, figure);
    }
    Ok(())
}

fn introduction(run: &Run<'_>, plot: &[String], paths: &BetaPaths, chosen: &[&InstrumentSummary]) -> Markup {
    let alarms: Vec<String> = chosen
        .iter()
        .filter_map(|instrument| Some((&instrument.symbol, instrument.calibration.facts.alarm?)))
        .map(|(symbol, alarm)| format!("{symbol} ({})", words(alarm)))
        .collect();
    html! {
        p {
            @if plot.is_empty() {
                "The instruments with the most forecasts, and a few of those in alarm; choose others with "
                code { "--plot SYMBOL,SYMBOL" } "."
            } @else {
                "The instruments of " code { "--plot" } "."
            }
            " Lines are posterior means after each bar, bands are ±2 standard deviations. Click a name to hide or show it, "
            "double-click to show it alone; drag to zoom, double-click to see all. The vertical axis omits the first tenth "
            "of each line, in which the bands are still wide. "
            @if run.is_monthly() {
                "The last frame of each month and the last of all are drawn, as record.betas = \"monthly\" writes them."
            } @else if paths.frames_between <= 1 {
                "Every frame is drawn."
            } @else {
                "One frame in " (paths.frames_between) " is drawn; betas.parquet has all."
            }
            " Alpha is annualised with " (run.frames_per_year) " bars a year."
        }
        @if !alarms.is_empty() { p class="note alarm" { "In alarm: " (alarms.join(", ")) "." } }
    }
}

/// Returns the lowest and the highest edge of the bands, without the first tenth of each line.
fn visible_range(paths: &[Path]) -> Option<[f64; 2]> {
    let mut range = [f64::INFINITY, f64::NEG_INFINITY];
    for Path { mean, sd } in paths {
        let started = mean.iter().position(|value| !value.is_nan()).unwrap_or(mean.len());
        let skipped = started + (mean.len() - started) / 10;
        for (mean, sd) in mean.iter().zip(sd).skip(skipped) {
            range = [range[0].min(mean - 2.0 * sd), range[1].max(mean + 2.0 * sd)];
        }
    }
    let margin = 0.04 * (range[1] - range[0]);
    (margin.is_finite() && margin > 0.0).then_some([range[0] - margin, range[1] + margin])
}
