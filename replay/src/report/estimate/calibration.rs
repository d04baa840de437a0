//! Calibration of the forecasts of each instrument.

use betaflow_engine::model::{Alarm, CalibrationFacts, INTERVALS};
use maud::{Markup, html};

use super::headline::number;
use crate::report::figure::Figure;
use crate::report::format::count;
use crate::report::page::Page;
use crate::summary::{InstrumentSummary, Number};

/// Maximum rows of instruments in alarm, and of the others.
const ROWS_MAX: usize = 1_000;
/// Rows from which the table has a bounded height and can be searched and sorted.
const SORTABLE_MIN: usize = 25;
const HEADING: &str = "Calibration of each instrument";
/// Names of the intervals.
const INTERVAL_NAMES: [&str; 3] = ["50 % interval", "90 % interval", "95 % interval"];
/// Column: heading and value.
type Column = (&'static str, fn(&CalibrationFacts) -> Option<f64>);
const COLUMNS: [Column; 9] = [
    ("hedged R²", |of| of.hedged_r2),
    ("NIS", |of| of.nis),
    ("autocorr.", |of| of.autocorrelation),
    ("in 50 %", |of| of.coverage[0]),
    ("in 90 %", |of| of.coverage[1]),
    ("in 95 %", |of| of.coverage[2]),
    ("log density", |of| of.log_predictive_density),
    ("baseline", |of| of.baseline_log_predictive_density),
    ("share in alarm", |of| of.share_in_alarm),
];
/// Meaning of each alarm.
const ALARMS: [(Alarm, &str); 4] = [
    (Alarm::TooNarrow, "too many returns fall outside the intervals."),
    (Alarm::TooWide, "too few returns fall outside the intervals."),
    (Alarm::Autocorrelated, "the sign of a forecast error predicts that of the next."),
    (
        Alarm::NoVariance,
        "the variance cannot be estimated: returns are constant, or the factors explain them to the last digit.",
    ),
];

/// Adds the figure and the table.
pub(super) fn add(page: &mut Page, all: &[InstrumentSummary]) {
    let shown = shown(all);
    page.section(HEADING);
    if shown.len() < all.len() {
        page.add(html! {
            p {
                (count(shown.len() as u64)) " of " (count(all.len() as u64)) " instruments: those in alarm and those whose coverage is furthest from "
                "nominal, at most " (count(ROWS_MAX as u64)) " of each. instruments.parquet has all."
            }
        });
    }
    coverage(page, all, &shown);
    let rows: Vec<Markup> = shown.iter().map(|at| row(&all[*at])).collect();
    let mut header = vec!["instrument", "alarm", "forecasts"];
    header.extend(COLUMNS.map(|(heading, _)| heading));
    match rows.len() > SORTABLE_MIN {
        true => page.sortable(HEADING, &header, "numbers", &rows),
        false => page.table(&header, "numbers", &rows),
    }
    page.add(html! {
        p { "Alarms are about the last 250 returns:" }
        ul { @for (alarm, meaning) in ALARMS { li { b { (words(alarm)) } ": " (meaning) } } }
    });
}

/// Returns the instruments in alarm, then the others, in engine order; the worst first if there are more than the limit.
fn shown(all: &[InstrumentSummary]) -> Vec<usize> {
    let facts = |at: usize| &all[at].calibration.facts;
    let (mut alarmed, mut others): (Vec<_>, Vec<_>) =
        (0..all.len()).partition(|at| facts(*at).alarm.is_some());
    for part in [&mut alarmed, &mut others] {
        if part.len() > ROWS_MAX {
            let deviation = |at: &usize| facts(*at).coverage_deviation();
            part.sort_by(|a, b| deviation(b).total_cmp(&deviation(a)));
            part.truncate(ROWS_MAX);
        }
    }
    alarmed.extend(others);
    alarmed
}

/// Adds a dot for each instrument and interval.
fn coverage(page: &mut Page, all: &[InstrumentSummary], shown: &[usize]) {
    let mut order = shown.to_vec();
    order.sort_unstable();
    let mut figure = Figure::of_dots(&INTERVALS);
    let mut is_empty = true;
    for (interval, name) in INTERVAL_NAMES.iter().enumerate() {
        let covered = |at: &usize| Some((*at, all[*at].calibration.facts.coverage[interval]?));
        let (x, y): (Vec<usize>, Vec<f64>) = order.iter().filter_map(covered).unzip();
        is_empty &= x.is_empty();
        let symbols: Vec<String> = x.iter().map(|at| all[*at].symbol.clone()).collect();
        figure.dots(interval, name, x, y, &symbols);
    }
    if !is_empty {
        page.figure(
            "Coverage of the forecast intervals by instrument",
            "Share of returns inside each interval, one point for each instrument; dashed, the nominal share: points below it \
             have intervals that are too narrow, points above it too wide ones.",
            figure,
        );
    }
}

fn row(instrument: &InstrumentSummary) -> Markup {
    let facts = &instrument.calibration.facts;
    html! {
        tr class=[facts.alarm.map(|_| "alarm")] {
            th scope="row" { (instrument.symbol) }
            td { @if let Some(alarm) = facts.alarm { "ALARM: " (words(alarm)) } }
            td { (count(facts.forecasts)) }
            @for (_, value) in COLUMNS { td { (number(Number::from(value(facts)))) } }
        }
    }
}

/// Returns an alarm's name in words.
pub(super) fn words(alarm: Alarm) -> String {
    alarm.name().replace('_', " ")
}
