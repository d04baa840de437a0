//! Information coefficients by horizon.

use maud::{Markup, html};

use super::quantiles::horizons;
use crate::report::figure::Figure;
use crate::report::format::plain;
use crate::report::page::Page;
use crate::summary::{HorizonSummary, MeanCoefficient, SignalKeys};

/// Series of the figure: name, coefficient.
type Series = (&'static str, fn(&HorizonSummary) -> MeanCoefficient);
const SERIES: [Series; 2] = [("returns", |of| of.rank_ic), ("residual returns", |of| of.residual_rank_ic)];

/// Adds figure and table.
pub(super) fn add(page: &mut Page, keys: &SignalKeys) {
    page.section("Decay of the information coefficient");
    let levels = horizons(keys);
    let mut figure = Figure::along("horizon, bars", ("rank IC", ".3f"));
    for (at, (name, of)) in SERIES.into_iter().enumerate() {
        let all: Vec<MeanCoefficient> = keys.horizons.iter().map(of).collect();
        if all.iter().all(|of| of.count == 0) {
            continue;
        }
        let edge = |side: f64| -> Vec<f64> {
            all.iter().map(|of| f64::from(of.mean) + side * f64::from(of.standard_error)).collect()
        };
        figure.level_band(at, &levels, [&edge(-2.0), &edge(2.0)]);
        figure.level_line(at, name, &levels, &edge(0.0), (".4f", ""));
    }
    page.figure(
        "Mean rank IC by horizon",
        "Bands are two standard errors (Newey and West) on both sides of the mean. The horizon at which the line falls towards 0 is how \
         long the signal lasts.",
        figure,
    );
    let row = |found: &HorizonSummary| -> Markup {
        let (rank, residual) = (found.rank_ic, found.residual_rank_ic);
        html! {
            tr {
                th scope="row" { (found.bars) }
                td { (rank.count) }
                td { (plain(rank.mean, 4)) }
                td { (plain(rank.standard_error, 4)) }
                td { (plain(rank.t_statistic, 2)) }
                td { (plain(rank.icir, 3)) }
                td { (plain(rank.annual_icir, 2)) }
                td { (plain(found.ic.mean, 4)) }
                td { (plain(found.ic.standard_error, 4)) }
                td { (plain(residual.mean, 4)) }
                td { (plain(residual.standard_error, 4)) }
            }
        }
    };
    let rows: Vec<Markup> = keys.horizons.iter().map(row).collect();
    let header = [
        "bars",
        "cross-sections",
        "rank IC",
        "s.e.",
        "t",
        "ICIR",
        "annual",
        "IC",
        "s.e.",
        "residual rank IC",
        "s.e.",
    ];
    page.table(&header, "plain", &rows);
    page.small("A horizon of h bars overlaps with those of the next h − 1 cross-sections of daily forecasts, which the standard errors count.");
}
