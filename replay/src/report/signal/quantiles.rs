//! Returns and turnover of the quantiles.

use maud::{Markup, html};

use crate::report::figure::Figure;
use crate::report::format::{counted, percent, plain};
use crate::report::page::Page;
use crate::summary::{HorizonSummary, Number, QuantileSummary, SignalKeys};

/// Returns the horizons as labels of an axis.
pub(super) fn horizons(keys: &SignalKeys) -> Vec<String> {
    keys.horizons.iter().map(|found| found.bars.to_string()).collect()
}

fn bps(value: Number) -> f64 {
    1e4 * f64::from(value)
}

/// Adds returns of the quantiles at the horizon of the forecasts.
pub(super) fn add(page: &mut Page, keys: &SignalKeys) {
    const HEADING: &str = "Returns by quantile";
    let Some(found) = keys.at_horizon() else {
        return page.missing(HEADING, "summary.json has no figures at `signal.horizon`.");
    };
    page.section(HEADING);
    let levels: Vec<String> = (1..=found.quantiles.len()).map(|number| number.to_string()).collect();
    let series = |of: fn(&QuantileSummary) -> Number| -> Vec<f64> {
        found.quantiles.iter().map(|quantile| bps(of(quantile))).collect()
    };
    let mut figure = Figure::along("quantile of the forecasts, lowest first", ("mean return, bps", ".1f"));
    figure.level_bars(0, "before costs", &levels, &series(|of| of.mean_return), (".1f", " bps"));
    figure.level_bars(1, "after costs", &levels, &series(|of| of.mean_return_after_costs), (".1f", " bps"));
    page.figure(
        &format!("Mean return over {} by quantile", counted(found.bars, "bar")),
        "Bars that rise from left to right are a signal that orders the instruments; costs are those of the names that change.",
        figure,
    );
    let row = |(at, quantile): (usize, &QuantileSummary)| -> Markup {
        html! {
            tr {
                th scope="row" { (at + 1) }
                td { (plain(bps(quantile.mean_return), 1)) }
                td { (plain(bps(quantile.mean_return_after_costs), 1)) }
                td { (plain(bps(quantile.mean), 1)) }
                td { (plain(bps(quantile.standard_error), 1)) }
                td { (percent(quantile.turnover)) }
            }
        }
    };
    let rows: Vec<Markup> = found.quantiles.iter().enumerate().map(row).collect();
    let header =
        ["quantile", "return, bps", "after costs, bps", "less the mean, bps", "s.e., bps", "turnover"];
    page.table(&header, "plain", &rows);
    page.small(format!(
        "Costs: turnover, bought and sold, times {} bps. Less the mean: return less that of all names, as in alphalens.",
        plain(keys.cost_bps, 1)
    ));
}

/// Adds spread, turnover and autocorrelation by horizon.
pub(super) fn add_turnover(page: &mut Page, keys: &SignalKeys) {
    page.section("Turnover and spread by horizon");
    let levels = horizons(keys);
    let turnover = |of: fn(&[QuantileSummary]) -> Option<&QuantileSummary>| -> Vec<f64> {
        let value = |found: &HorizonSummary| of(&found.quantiles).map_or(f64::NAN, |of| of.turnover.into());
        keys.horizons.iter().map(value).collect()
    };
    let autocorrelation: Vec<f64> =
        keys.horizons.iter().map(|found| found.rank_autocorrelation.into()).collect();
    let mut figure = Figure::along("horizon, bars", ("share; correlation", ".2f"));
    figure.level_line(0, "turnover of the highest quantile", &levels, &turnover(<[_]>::last), (".3f", ""));
    figure.level_line(1, "turnover of the lowest quantile", &levels, &turnover(<[_]>::first), (".3f", ""));
    figure.level_line(2, "rank autocorrelation", &levels, &autocorrelation, (".3f", ""));
    page.figure(
        "Turnover of the outer quantiles, and autocorrelation of the ranks",
        "Share of the names that were not in the quantile one horizon before: a fast signal has a high turnover and pays it in costs.",
        figure,
    );
    let row = |found: &HorizonSummary| -> Markup {
        let turnover = |of: Option<&QuantileSummary>| percent(of.map_or(f64::NAN, |of| of.turnover.into()));
        html! {
            tr {
                th scope="row" { (found.bars) }
                td { (plain(bps(found.spread.mean), 1)) }
                td { (plain(bps(found.spread.standard_error), 1)) }
                td { (plain(found.spread.t_statistic, 2)) }
                td { (plain(bps(found.spread.mean_after_costs), 1)) }
                td { (turnover(found.quantiles.last())) }
                td { (turnover(found.quantiles.first())) }
                td { (plain(found.rank_autocorrelation, 3)) }
            }
        }
    };
    let rows: Vec<Markup> = keys.horizons.iter().map(row).collect();
    let header = [
        "bars",
        "spread, bps",
        "s.e.",
        "t",
        "after costs, bps",
        "turnover, highest",
        "turnover, lowest",
        "rank autocorrelation",
    ];
    page.table(&header, "plain", &rows);
    page.small("Spread: return of the highest quantile less that of the lowest.");
}
