//! Returns over the last months, and risk against the benchmark.

use betaflow_engine::metrics::TrailingReturn;
use maud::{Markup, html};

use super::equity::Curves;
use crate::report::format::{percent, plain};
use crate::report::page::Page;
use crate::summary::TradingSummary;

const HEADING: &str = "Strategy against benchmark";

/// Adds both tables.
pub(super) fn add(page: &mut Page, trading: &TradingSummary, curves: &Curves) {
    let equity = match curves {
        Ok(equity) => equity,
        Err(why) => return page.missing(HEADING, why),
    };
    page.section(HEADING);
    let row = |period: &TrailingReturn| -> Markup {
        let title = match period.months {
            Some(1) => "last month".to_owned(),
            Some(months) => format!("last {months} months"),
            None => "since the start".to_owned(),
        };
        html! {
            tr {
                th scope="row" { (title) }
                td { (percent(period.net)) }
                td { (percent(period.benchmark)) }
                td { (percent(period.net - period.benchmark)) }
            }
        }
    };
    let rows: Vec<Markup> = equity.trailing.iter().map(row).collect();
    let label = trading.benchmark.label();
    page.table(&["return", "strategy, net", &label, "difference"], "plain", &rows);
    page.small(
        "Calendar months up to the last frame, not annualised; a dash where the run is shorter. The run starts at its first \
         rebalance.",
    );
    let net = trading.metrics.as_ref().map(|metrics| metrics.net.figures);
    let relative = net.map(|figures| figures.relative);
    let figures = [
        (
            "Tracking error, a year",
            percent(equity.active.tracking_error),
            "Annualised standard deviation of the active return, which is the net return less that of the benchmark.",
        ),
        (
            "Information ratio",
            plain(equity.active.information_ratio, 2),
            "Annualised mean active return / tracking error: below 0 the strategy earned less than the benchmark.",
        ),
        (
            "Beta to benchmark",
            plain(relative.map_or(f64::NAN, |relative| relative.beta), 3),
            "Slope of the net returns on those of the benchmark: 1 moves with it, 0 is independent of it.",
        ),
        (
            "Alpha to benchmark, a year",
            percent(relative.map_or(f64::NAN, |relative| relative.alpha)),
            "Annual return that beta does not explain.",
        ),
    ];
    let row = |(name, value, meaning): &(&str, String, &str)| -> Markup {
        html! { tr { th scope="row" { (name) } td { (value) } td.meaning { (meaning) } } }
    };
    let rows: Vec<Markup> = figures.iter().map(row).collect();
    page.table(&["", "net", "meaning"], "plain meanings", &rows);
}
