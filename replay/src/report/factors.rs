//! Factors over the last months: report of `factors`, and a section of the report of a replay.

use std::path::Path;

use anyhow::{Result, bail};
use betaflow_connectors::record::{PremiaRow, TableError, TableRows, file_name};
use betaflow_engine::time::TimestampNs;
use maud::{Markup, html};

use super::figure::{Figure, Path as Line};
use super::format::{NONE, count, counted, percent, plain, text};
use super::page::Page;
use super::{notes, read_summary};
use crate::summary::{
    FactorSummary, FactorWindowSummary, FactorsCommandSummary, FactorsSummary, Number, time_text,
};

/// Maximum points of a line.
const POINTS_MAX: usize = 1_500;
/// Maximum factors of the figure of the premia.
const LINES_MAX: usize = 7;
/// Half-width of the band in standard deviations, and that of the bands of figures.
const BAND: [f64; 2] = [1.96, 2.0];

/// Returns the report of the folder.
///
/// # Errors
/// A file of the folder cannot be read, or `plot` is not empty.
pub(super) fn html(folder: &Path, plot: &[String]) -> Result<String> {
    if !plot.is_empty() {
        bail!(
            "--plot: {} is the folder of `betaflow factors`, whose report draws no betas; expected that of `betaflow \
             estimate`",
            folder.display()
        );
    }
    let summary: FactorsCommandSummary = read_summary(folder)?;
    let figures = &summary.figures;
    let mut page = Page::new("betaflow factors");
    notes::add_banners(&mut page, &summary.head, None);
    page.add(html! {
        p {
            (counted(figures.factors.len() as u64, "factor"))
            @match &summary.file { Some(file) => { " of " code { (file) } }, None => " made from instruments" }
            ", " (counted(figures.dates, "date")) " from " (text(figures.first.as_ref())) " to "
            (text(figures.last.as_ref())) "."
            @if let Some(from) = &summary.holdout { " Nothing from " (from) " on, the hold-out, was read." }
        }
    });
    page.contents();
    notes::add_warnings(&mut page, &summary.head);
    let times = thinned(&times_of(folder)?);
    page.set_times(times.iter().map(|time| time_text(Some(*time)).unwrap_or_default()).collect());
    add(&mut page, figures, folder, &times)?;
    page.section("Version and definitions");
    page.add(html! {
        p {
            "betaflow " (text(summary.head.version.as_ref())) ". " code { "factors.parquet" }
            " has a row per factor and window, " code { "premia.parquet" } " the premium of each frame."
        }
        ul { @for definition in figures.definitions() { li { (definition) } } }
    });
    page.finish()
}

/// Adds the sections about the factors. `times`: times of the page's figures.
///
/// # Errors
/// `premia.parquet` cannot be read.
pub(super) fn add(
    page: &mut Page,
    figures: &FactorsSummary,
    folder: &Path,
    times: &[TimestampNs],
) -> Result<()> {
    page.section("Factors over the last months");
    page.add(html! { p.note { (figures.answer()) } });
    for (title, decimals, value) in [
        ("return", None, (|window| window.total_return) as fn(&FactorWindowSummary) -> Number),
        ("t", Some(2), |window| window.t),
        ("volatility, a year", None, |window| window.annual_volatility),
    ] {
        let shown = |number: Number| decimals.map_or_else(|| percent(number), |places| plain(number, places));
        add_windows(page, figures, title, &|window| shown(value(window)));
    }
    page.small(format!(
        "Calendar months up to {}; returns are compounded, volatilities annualised by {} dates a year, t = mean / standard \
         deviation · √dates. A dash: the data does not reach back that far.",
        text(figures.last.as_ref()),
        plain(figures.days_per_year, 0)
    ));
    add_standing(page, figures);
    add_correlations(page, figures);
    add_premia(page, figures, folder, times)
}

fn add_windows(
    page: &mut Page,
    figures: &FactorsSummary,
    title: &str,
    shown: &dyn Fn(&FactorWindowSummary) -> String,
) {
    let windows = figures.factors.first().map_or(&[][..], |factor| &factor.windows);
    let names = windows.iter().map(|window| match window.months {
        Some(1) => "1 month".to_owned(),
        Some(months) => format!("{months} months"),
        None => "all dates".to_owned(),
    });
    let header: Vec<String> = std::iter::once(title.to_owned()).chain(names).collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let row = |factor: &FactorSummary| -> Markup {
        html! {
            tr {
                th scope="row" { (factor.factor) }
                @for window in &factor.windows { td { (shown(window)) } }
            }
        }
    };
    let rows: Vec<Markup> = figures.factors.iter().map(row).collect();
    page.table(&header, "plain", &rows);
}

/// Adds last month, chances, premia and drawdowns.
fn add_standing(page: &mut Page, figures: &FactorsSummary) {
    page.section("Last month, luck and premia of the factors");
    let year = f64::from(figures.frames_per_year);
    let row = |factor: &FactorSummary| -> Markup {
        let last = factor.last_month.as_ref();
        let premium = |value: Number| f64::from(value) * year;
        html! {
            tr {
                th scope="row" { (factor.factor) }
                td { (last.map_or_else(|| NONE.to_owned(), |last| format!("{}-{:02}", last.year, last.month))) }
                td { (last.map_or_else(|| NONE.to_owned(), |last| percent(last.total_return))) }
                td {
                    (last.map_or_else(|| NONE.to_owned(), |last| {
                        format!("{} of {}", plain(100.0 * f64::from(last.percentile), 1), count(last.months))
                    }))
                }
                td { (plain(factor.chance_as_best, 3)) }
                td { (plain(factor.chance_alone, 3)) }
                td { (percent(premium(factor.premium))) " ± " (percent(BAND[0] * premium(factor.premium_sd))) }
                td { (percent(factor.current_drawdown)) }
                td { (percent(factor.max_drawdown)) }
            }
        }
    };
    let rows: Vec<Markup> = figures.factors.iter().map(row).collect();
    let header = [
        "",
        "last month",
        "return",
        "percentile, months",
        "chance as the best",
        "chance alone",
        "premium a year",
        "drawdown",
        "maximum",
    ];
    page.table(&header, "plain", &rows);
    let luck = figures.luck.as_ref().map(|luck| {
        format!(
            " Chance: share of {} resamples of {}, without any premium, in which the highest t of all factors (alone: its \
             own t) is at least that over the last {}.",
            count(luck.resamples),
            counted(luck.dates, "date"),
            luck.months.map_or_else(|| "dates".to_owned(), |months| format!("{months} months"))
        )
    });
    page.small(format!(
        "Percentile of the last calendar month among all calendar months: 100 is the best.{} Premium: λ as sizing uses it, \
         with ±{} standard deviations.",
        luck.unwrap_or_default(),
        BAND[0]
    ));
}

fn add_correlations(page: &mut Page, figures: &FactorsSummary) {
    if figures.factors.len() < 2 {
        return;
    }
    page.section("Correlations of the factors");
    let names = figures.factors.iter().map(|factor| factor.factor.as_str());
    let header: Vec<&str> = std::iter::once("").chain(names).collect();
    let row = |(factor, correlations): (&FactorSummary, &Vec<Number>)| -> Markup {
        html! {
            tr {
                th scope="row" { (factor.factor) }
                @for correlation in correlations { td { (plain(*correlation, 2)) } }
            }
        }
    };
    let rows: Vec<Markup> = figures.factors.iter().zip(&figures.correlations).map(row).collect();
    page.table(&header, "plain", &rows);
    page.small(
        "Pearson correlation of the returns by date, over all dates on which every factor has a return.",
    );
}

/// Adds the premia through time, if the folder has them.
fn add_premia(page: &mut Page, figures: &FactorsSummary, folder: &Path, times: &[TimestampNs]) -> Result<()> {
    if times.is_empty() || !folder.join(file_name::<PremiaRow>()).exists() {
        return Ok(());
    }
    page.section("Factor premia");
    let names: Vec<&str> =
        figures.factors.iter().map(|factor| factor.factor.as_str()).take(LINES_MAX).collect();
    let scale = 100.0 * f64::from(figures.frames_per_year);
    let lines = lines_at(folder, &names, times, scale)?;
    let mut figure = Figure::over_time("premium λ, % a year", None);
    for (at, line) in lines.iter().enumerate() {
        figure.band(at, lines.len(), line);
    }
    for (at, (line, name)) in lines.iter().zip(&names).enumerate() {
        figure.line(at, name, line);
    }
    page.figure(
        "Factor premia as sizing uses them",
        "Expected annual return of each factor after each frame, with its band of ±1.96 standard deviations: where the band \
         holds 0, the premium is not distinct from 0.",
        figure,
    );
    if figures.factors.len() > LINES_MAX {
        page.small(format!("The first {LINES_MAX} factors; `premia.parquet` has all."));
    }
    Ok(())
}

/// Times of the premia, each once.
fn times_of(folder: &Path) -> Result<Vec<TimestampNs>, TableError> {
    let mut rows = TableRows::<PremiaRow>::open_columns(folder, |name| name == "timestamp")?;
    let mut times: Vec<TimestampNs> = Vec::new();
    while let Some(row) = rows.next_row()? {
        if times.last() != Some(&row.timestamp) {
            times.push(row.timestamp);
        }
    }
    Ok(times)
}

/// Last time of each of at most [`POINTS_MAX`] buckets.
fn thinned(times: &[TimestampNs]) -> Vec<TimestampNs> {
    let every = times.len().div_ceil(POINTS_MAX).max(1);
    let mut kept: Vec<TimestampNs> = times.iter().rev().step_by(every).copied().collect();
    kept.reverse();
    kept
}

/// Latest premium and band of each factor at each of the times.
fn lines_at(
    folder: &Path,
    names: &[&str],
    times: &[TimestampNs],
    scale: f64,
) -> Result<Vec<Line>, TableError> {
    let mut lines: Vec<Line> = names
        .iter()
        .map(|_| Line { mean: Vec::with_capacity(times.len()), sd: Vec::with_capacity(times.len()) })
        .collect();
    let mut latest = vec![(f64::NAN, f64::NAN); names.len()];
    let mut rows = TableRows::<PremiaRow>::open(folder)?;
    let mut next = times.iter();
    let mut due = next.next();
    let mut add = |latest: &[(f64, f64)]| {
        for (line, (mean, sd)) in lines.iter_mut().zip(latest) {
            line.mean.push(scale * mean);
            // A figure draws its bands at another multiple.
            line.sd.push(scale * sd * BAND[0] / BAND[1]);
        }
    };
    while let Some(row) = rows.next_row()? {
        while due.is_some_and(|due| *due < row.timestamp) {
            add(&latest);
            due = next.next();
        }
        if let Some(at) = names.iter().position(|name| *name == &*row.factor) {
            latest[at] = (row.premium, row.premium_sd);
        }
    }
    while due.is_some() {
        add(&latest);
        due = next.next();
    }
    Ok(lines)
}
