//! Distribution of figures over resampled paths.

use betaflow_engine::sweep::Quantiles;
use maud::{Markup, html};

use super::study::Study;
use crate::report::figure::{Bars, Figure};
use crate::report::labels::{Unit, shown};
use crate::report::page::Page;
use crate::summary::paths;

const HEADING: &str = "Resampled paths";
/// Maximum groups in the table.
const GROUPS_MAX: usize = 24;
const BINS: usize = 30;

/// Adds the quantiles of each group of paths, and the returns of the first group as a histogram, if paths vary.
pub(super) fn add(page: &mut Page, study: &Study) {
    let names = study.scenarios.settings.iter().map(|setting| setting.name.as_str());
    let groups = paths::groups(names, &study.sweep);
    let Some(first) = groups.first() else { return };
    page.section(HEADING);
    page.add(html! {
        p {
            "A path is history resampled in blocks. The median over paths is not a forecast: patterns of history recur in "
            "the draws, which favours strategies that learn."
        }
    });
    let others: Vec<usize> =
        study.varied().into_iter().filter(|axis| study.name(*axis) != paths::SEED).collect();
    let mut rows: Vec<Markup> = Vec::new();
    for group in groups.iter().take(GROUPS_MAX) {
        let ruined = group.iter().filter(|row| study.scenarios.is_ruined(**row)).count();
        for (figure, title, is_share) in paths::FIGURES {
            let values = study.figure(figure);
            let Some(spread) = Quantiles::of(group.iter().map(|row| values[*row])) else { continue };
            let unit = if is_share { Unit::Percent } else { Unit::Plain(2) };
            rows.push(html! {
                tr {
                    th scope="row" {
                        (title) @if !others.is_empty() { "; " (study.spoken_of(&others, group[0])) }
                        ", " (group.len()) " paths" @if ruined > 0 { ", " (ruined) " of them ruined" }
                    }
                    @for value in spread.quantiles { td { (shown(value, unit)) } }
                }
            });
        }
    }
    page.table(&["figure", "5 %", "25 %", "median", "75 %", "95 %"], "plain named", &rows);
    if groups.len() > GROUPS_MAX {
        page.small(format!("The first {GROUPS_MAX} of {} settings.", groups.len()));
    }
    let returns = study.figure("net_annual_return");
    let returns: Vec<f64> = first.iter().map(|row| returns[*row]).filter(|value| value.is_finite()).collect();
    if let Some(spread) = Quantiles::of(returns.iter().copied()) {
        let [low, _, middle, _, high] = spread.quantiles;
        page.figure(
            "Net annual return over the paths",
            "Count of paths by net annual return; the lines are quantiles: mass left of 0 is the share of paths with a loss.",
            histogram(&returns, &[("5 %", low), ("median", middle), ("95 %", high)]),
        );
    }
}

fn histogram(values: &[f64], places: &[(&str, f64)]) -> Figure {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let width = ((high - low) / BINS as f64).max(1e-9);
    let mut bars = Bars { width, counts: vec![0; BINS], ..Bars::default() };
    for value in values {
        bars.counts[(((value - low) / width) as usize).min(BINS - 1)] += 1;
    }
    for (bin, count) in bars.counts.iter().enumerate() {
        let from = low + width * bin as f64;
        bars.x.push(from + 0.5 * width);
        let [from, to] = [from, from + width].map(|end| shown(end, Unit::Percent));
        bars.labels.push(format!("{count} paths from {from} to {to}"));
    }
    Figure::of_bars(bars, ["net annual return, %", "paths, count"], places)
}
