//! Headline of a replay: strategy and benchmark side by side, and the comparison in one sentence.

use maud::{Markup, html};

use crate::report::format::{NONE, money, percent, plain, text};
use crate::report::labels::{Unit, shown};
use crate::report::page::Page;
use crate::summary::{Head, HoldoutSummary, Metrics, MetricsBySeries, TradingSummary};

/// Row of the headline table: title, unit, value.
type Row = (&'static str, Unit, fn(&Metrics) -> f64);
const ROWS: [Row; 6] = [
    ("Annual return", Unit::Percent, |of| of.figures.annual_return),
    ("Annual volatility", Unit::Percent, |of| of.figures.annual_volatility),
    ("Sharpe ratio", Unit::Plain(2), |of| of.figures.sharpe),
    ("± standard error", Unit::Plain(2), |of| of.figures.uncertainty.standard_error),
    ("Maximum drawdown", Unit::Percent, |of| of.figures.max_drawdown),
    ("Total return", Unit::Percent, |of| of.figures.total_return),
];

/// Adds the data, the comparison with the benchmark, and the headline table. If a hold-out was opened, its result is
/// compared instead of that of the whole run.
pub(super) fn add(page: &mut Page, head: &Head, trading: &TradingSummary, holdout: Option<&HoldoutSummary>) {
    page.add(lead(head, trading));
    if trading.nav.is_none() {
        return page.absent("No rebalance: there is nothing to measure.");
    }
    let Some(whole) = &trading.metrics else { return };
    let score = holdout.and_then(|holdout| holdout.score.as_ref());
    let compared = score.map_or(whole, |score| &score.inside.metrics);
    if let Some(verdict) = verdict(compared, score.is_some()) {
        page.add(verdict);
    }
    let columns: Vec<(&str, &Metrics)> = match score {
        None => vec![
            ("strategy, net", &whole.net),
            ("benchmark", &whole.benchmark),
            ("strategy, gross", &whole.gross),
        ],
        Some(score) => vec![
            ("hold-out, net", &score.inside.metrics.net),
            ("benchmark", &score.inside.metrics.benchmark),
            ("before, net", &score.before.metrics.net),
            ("benchmark before", &score.before.metrics.benchmark),
            ("whole run, net", &whole.net),
            ("benchmark, whole run", &whole.benchmark),
        ],
    };
    let row = |(title, unit, value): Row| -> Markup {
        html! {
            tr { th scope="row" { (title) } @for (_, metrics) in &columns { td { (shown(value(metrics), unit)) } } }
        }
    };
    let rows: Vec<Markup> = ROWS.into_iter().map(row).collect();
    let mut header = vec![""];
    header.extend(columns.iter().map(|(title, _)| *title));
    page.table(&header, "plain first", &rows);
}

fn lead(head: &Head, trading: &TradingSummary) -> Markup {
    let count = |of: fn(&crate::summary::DataSummary) -> u64| {
        head.data.as_ref().map_or_else(|| NONE.to_owned(), |data| of(data).to_string())
    };
    let (first, last) = match &head.data {
        Some(data) => (text(data.first.as_ref()), text(data.last.as_ref())),
        None => (NONE, NONE),
    };
    html! {
        p.lead {
            b { (count(|data| data.instruments)) } " instruments, " b { (count(|data| data.frames)) } " frames from "
            b { (first) } " to " b { (last) } "."
            @if let Some(nav) = &trading.nav {
                " NAV " b { (money(nav.first)) } " → " b { (money(nav.last)) } "."
            }
        }
    }
}

/// Returns the comparison with the benchmark in one sentence; `None` without returns of both.
fn verdict(metrics: &MetricsBySeries, of_holdout: bool) -> Option<Markup> {
    let (net, benchmark) = (&metrics.net.figures, &metrics.benchmark.figures);
    let return_order = net.annual_return.partial_cmp(&benchmark.annual_return)?;
    // Undefined for a ruined account and for returns that are constant.
    let sharpe_order = net.sharpe.partial_cmp(&benchmark.sharpe);
    let words = match (return_order.is_lt(), sharpe_order.map(std::cmp::Ordering::is_lt)) {
        (true, Some(true) | None) => "did worse than the benchmark",
        (true, Some(false)) => "earned less than the benchmark, with a Sharpe ratio that is not lower",
        (false, Some(true)) => {
            "did worse than the benchmark for its risk: it earned no less, with a lower Sharpe ratio"
        }
        (false, Some(false) | None) => "did not do worse than the benchmark",
    };
    let is_worse = return_order.is_lt() || sharpe_order.is_some_and(std::cmp::Ordering::is_lt);
    Some(html! {
        p class=(if is_worse { "verdict worse" } else { "verdict" }) {
            @if of_holdout { "On the hold-out the strategy " } @else { "The strategy " }
            b { (words) } ": net annual return " b { (percent(net.annual_return)) } " against "
            (percent(benchmark.annual_return)) ", Sharpe ratio " b { (plain(net.sharpe, 2)) } " against "
            (plain(benchmark.sharpe, 2)) "."
        }
    })
}

#[cfg(test)]
mod tests {
    use betaflow_engine::metrics::Figures;

    use super::*;

    fn words(net: [f64; 2], benchmark: [f64; 2]) -> Option<String> {
        let figures =
            |[annual_return, sharpe]: [f64; 2]| Figures { annual_return, sharpe, ..Figures::undefined() };
        let [net, benchmark] = [net, benchmark].map(figures);
        verdict(&MetricsBySeries::from([net, net, benchmark]), false).map(Markup::into_string)
    }

    #[test]
    fn worse_result_than_that_of_the_benchmark_is_stated() {
        let worse = words([0.05, 0.5], [0.10, 0.8]).unwrap();
        assert!(worse.contains("class=\"verdict worse\"") && worse.contains("did worse than the benchmark"));
        assert!(
            worse.contains("<b>5.00 %</b> against 10.00 %") && worse.contains("<b>0.50</b> against 0.80")
        );
        assert!(words([0.05, 0.9], [0.10, 0.8]).unwrap().contains("earned less than the benchmark"));
        assert!(words([0.15, 0.5], [0.10, 0.8]).unwrap().contains("worse than the benchmark for its risk"));
        let better = words([0.15, 0.9], [0.10, 0.8]).unwrap();
        assert!(better.contains("class=\"verdict\"") && better.contains("did not do worse"));
        assert!(words([-1.0, f64::NAN], [0.10, 0.8]).unwrap().contains("did worse than the benchmark"));
        assert_eq!(words([f64::NAN; 2], [0.10, 0.8]), None);
    }
}
