//! Alpha and betas through time.

use anyhow::Result;
use betaflow_connectors::recorder::{BetaPaths, Room, read_betas};

use super::choice::Instrument;
use super::headline;
use crate::report::Run;
use crate::report::figure::{Figure, Path};
use crate::report::html::escape;
use crate::report::page::Page;
use crate::summary::time_text;

/// What a page can draw on a telephone.
const ROOM: Room = Room { frames_max: 1_500, values_max: 150_000 };
const HEADING: &str = "Alpha and betas";

/// Says why there is nothing to see.
pub(super) fn say_missing(page: &mut Page) {
    page.section(HEADING);
    page.html(
        "<p>The plots need betas.parquet with every frame: run again with \
         <code>--set record.betas=all</code>, the default of <code>betaflow estimate</code>.</p>\n",
    );
}

/// Adds a figure for each coefficient, with a line for each instrument.
pub(super) fn add(page: &mut Page, run: &Run<'_>, plot: &[String], chosen: &[Instrument<'_>]) -> Result<()> {
    let symbols: Vec<&str> = chosen.iter().map(|instrument| instrument.symbol).collect();
    let paths = read_betas(run.folder, &symbols, ROOM)?;
    page.section(HEADING);
    page.html(&introduction(run, plot, &paths, chosen));
    let times = paths.times.iter().map(|time| time_text(Some(*time)).unwrap_or_default());
    page.set_times(times.collect());
    for (at, name) in paths.coefficients.iter().enumerate() {
        // Only alpha depends on the length of a bar.
        let (scale, title) = match at {
            0 => (100.0 * run.frames_per_year, "alpha, % a year".to_owned()),
            _ => (1.0, format!("beta to {}", escape(name))),
        };
        let scaled = |column: &[f64]| column.iter().map(|value| scale * value).collect();
        let drawn: Vec<Path> = paths
            .instruments
            .iter()
            .map(|path| Path { mean: scaled(&path.mean[at]), sd: scaled(&path.sd[at]) })
            .collect();
        let mut figure = Figure::over_time(visible_range(&drawn));
        for (at, path) in drawn.iter().enumerate() {
            figure.band(at, drawn.len(), path);
        }
        for (at, path) in drawn.iter().enumerate() {
            figure.line(at, &escape(symbols[at]), path);
        }
        page.figure(&title, figure);
    }
    Ok(())
}

fn introduction(run: &Run<'_>, plot: &[String], paths: &BetaPaths, chosen: &[Instrument<'_>]) -> String {
    let which = match plot {
        [] => {
            "The instruments with the most forecasts, then a few of those in alarm; choose others with \
             <code>--plot SYMBOL,SYMBOL</code>."
        }
        _ => "The instruments asked for with <code>--plot</code>.",
    };
    let drawn = match paths.frames_between {
        0 | 1 => "Every frame is drawn.".to_owned(),
        every => format!("One frame in {every} is drawn; betas.parquet has all."),
    };
    let alarms: Vec<String> = chosen
        .iter()
        .filter_map(|instrument| Some((instrument.symbol, instrument.alarm?)))
        .map(|(symbol, alarm)| format!("{} ({})", escape(symbol), escape(&headline::words(alarm))))
        .collect();
    let alarms = match &alarms[..] {
        [] => String::new(),
        some => format!("<p class=\"note alarm\">In alarm: {}.</p>\n", some.join(", ")),
    };
    format!(
        "<p>{which} Lines are what was known after each bar, bands are ±2 standard deviations. Click a name to \
         hide or show it, double-click for it alone; drag to zoom, double-click to see all: the vertical axis \
         leaves out the first tenth of each line, in which the bands are still wide. {drawn} Alpha is times {} \
         bars a year.</p>\n{alarms}",
        run.frames_per_year
    )
}

/// Lowest and highest edge of the bands, once each line has come through its first tenth.
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
