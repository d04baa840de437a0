//! How well the forecasts of each instrument hold.

use super::choice::Instrument;
use super::headline::{number, words};
use crate::report::figure::Figure;
use crate::report::html::escape;
use crate::report::page::Page;

/// Most rows of those in alarm, and of the others.
const ROWS_MAX: usize = 500;
/// Share that each interval should cover, and its key in the summary.
const INTERVALS: [(f64, &str, &str); 3] = [
    (0.50, "coverage_50", "50 % interval"),
    (0.90, "coverage_90", "90 % interval"),
    (0.95, "coverage_95", "95 % interval"),
];
/// Columns: key in the summary and heading.
const COLUMNS: [(&str, &str); 9] = [
    ("hedged_r2", "hedged R²"),
    ("nis", "NIS"),
    ("autocorrelation", "autocorr."),
    ("coverage_50", "in 50 %"),
    ("coverage_90", "in 90 %"),
    ("coverage_95", "in 95 %"),
    ("log_predictive_density", "log density"),
    ("baseline_log_predictive_density", "baseline"),
    ("share_in_alarm", "share in alarm"),
];
/// What the alarms say.
const ALARMS: [(&str, &str); 4] = [
    ("too narrow", "too many returns fall outside the intervals."),
    ("too wide", "too few do."),
    ("autocorrelated", "the sign of an error tells that of the next."),
    (
        "no variance",
        "the variance cannot be learned: returns that never move, or that the factors explain to the last digit.",
    ),
];

/// Adds the figure and the table.
pub(super) fn add(page: &mut Page, all: &[Instrument<'_>]) {
    let shown = shown(all);
    page.section("Calibration of each instrument");
    if shown.len() < all.len() {
        page.html(&format!(
            "<p>{} of {} instruments: those in alarm and those whose intervals are furthest from what they should \
             cover, {ROWS_MAX} of each at most. instruments.parquet has all.</p>\n",
            shown.len(),
            all.len()
        ));
    }
    coverage(page, all, &shown);
    let mut rows = String::new();
    for instrument in shown.iter().map(|at| all[*at]) {
        rows += &row(instrument);
    }
    let mut header = vec!["instrument", "alarm", "forecasts"];
    header.extend(COLUMNS.map(|(_, heading)| heading));
    page.table(&header, "numbers", &rows);
    let alarms: String =
        ALARMS.iter().map(|(name, text)| format!("<li><b>{name}</b>: {text}</li>")).collect();
    page.html(&format!("<p>An alarm looks back over about 250 returns:</p><ul>{alarms}</ul>\n"));
}

/// Those in alarm, then the others; in engine order, unless there are too many: then the worst first.
fn shown(all: &[Instrument<'_>]) -> Vec<usize> {
    let (mut alarmed, mut others): (Vec<_>, Vec<_>) = (0..all.len()).partition(|at| all[*at].alarm.is_some());
    for part in [&mut alarmed, &mut others] {
        if part.len() > ROWS_MAX {
            part.sort_by(|a, b| astray(all[*b]).total_cmp(&astray(all[*a])));
            part.truncate(ROWS_MAX);
        }
    }
    alarmed.extend(others);
    alarmed
}

/// How far the shares inside the intervals are from what they should be, in standard errors of independent
/// trials: a few forecasts that miss say less than many.
fn astray(instrument: Instrument<'_>) -> f64 {
    let forecasts = instrument.forecasts() as f64;
    let of = |(nominal, key, _): &(f64, &str, &str)| {
        let missed = (instrument.number(key)? - nominal).abs();
        Some(missed * (forecasts / (nominal * (1.0 - nominal))).sqrt())
    };
    INTERVALS.iter().filter_map(of).fold(0.0, f64::max)
}

/// A dot for each instrument and interval.
fn coverage(page: &mut Page, all: &[Instrument<'_>], shown: &[usize]) {
    let mut order = shown.to_vec();
    order.sort_unstable();
    let mut figure = Figure::of_dots(&INTERVALS.map(|(level, ..)| level));
    let mut drawn = false;
    for (kind, (_, key, name)) in INTERVALS.iter().enumerate() {
        let covered = |at: &usize| Some((*at, all[*at].number(key)?, escape(all[*at].symbol)));
        let dots: Vec<_> = order.iter().filter_map(covered).collect();
        drawn |= !dots.is_empty();
        let x = dots.iter().map(|dot| dot.0).collect();
        let y = dots.iter().map(|dot| dot.1).collect();
        figure.dots(kind, name, x, y, dots.into_iter().map(|dot| dot.2).collect());
    }
    if drawn {
        page.figure(
            "Share of returns inside the interval that was forecast, by instrument; dashed: as it should be",
            figure,
        );
    }
}

fn row(instrument: Instrument<'_>) -> String {
    let alarm = instrument.alarm.map(|alarm| format!("ALARM: {}", escape(&words(alarm))));
    let class = if alarm.is_some() { " class=\"alarm\"" } else { "" };
    let cells: String =
        COLUMNS.iter().map(|(key, _)| format!("<td>{}</td>", number(&instrument.facts[*key]))).collect();
    format!(
        "<tr{class}><th scope=\"row\">{}</th><td>{}</td><td>{}</td>{cells}</tr>\n",
        escape(instrument.symbol),
        alarm.unwrap_or_default(),
        instrument.forecasts()
    )
}
