//! Headline of a replay: strategy and benchmark side by side, and the comparison in one sentence.

use maud::{Markup, html};

use crate::report::Run;
use crate::report::format::{NONE, count, counted, money, text};
use crate::report::labels::{Unit, shown};
use crate::report::page::Page;
use crate::summary::{
    BenchmarkSummary, DataSummary, Metrics, MetricsBySeries, TradingSummary, benchmark_sentence, is_worse,
};

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

/// Adds the data, the comparison with the benchmark, and the headline table. If a hold-out was opened, its
/// result is compared instead of that of the whole run. `first_rebalance`: its date.
pub(super) fn add(page: &mut Page, run: &Run<'_>, trading: &TradingSummary, first_rebalance: Option<&str>) {
    page.add(lead(run, trading, first_rebalance));
    if trading.nav.is_none() {
        return page.absent("No rebalance: there is nothing to measure.");
    }
    let Some(whole) = &trading.metrics else { return };
    let score = run.summary.holdout.as_ref().and_then(|holdout| holdout.score.as_ref());
    let compared = score.map_or(whole, |score| &score.inside.metrics);
    if let Some(verdict) = verdict(compared, &trading.benchmark, score.is_some()) {
        page.add(verdict);
    }
    let label = trading.benchmark.label();
    let columns: Vec<(&str, &Metrics)> = match score {
        None => {
            vec![("strategy, net", &whole.net), (&label, &whole.benchmark), ("strategy, gross", &whole.gross)]
        }
        Some(score) => vec![
            ("hold-out, net", &score.inside.metrics.net),
            (&label, &score.inside.metrics.benchmark),
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

fn lead(run: &Run<'_>, trading: &TradingSummary, first_rebalance: Option<&str>) -> Markup {
    let data = run.summary.head.data.as_ref();
    let (instruments, frames) = match data {
        Some(data) => (count(data.instruments), count(data.frames)),
        None => (NONE.to_owned(), NONE.to_owned()),
    };
    let date = |of: fn(&DataSummary) -> Option<&String>| text(data.and_then(of));
    let (first, last) = (date(|data| data.first.as_ref()), date(|data| data.last.as_ref()));
    html! {
        p.lead {
            b { (instruments) } " instruments, " b { (frames) } " frames from " b { (first) } " to " b { (last) } "."
            @if let Some(rebalance) = first_rebalance {
                " First rebalance " b { (rebalance) }
                @if let Some(days) = run.warmup_days { ", after a warm-up of " (counted(days, "day")) " from " (first) }
                "."
            }
            @if let Some(nav) = &trading.nav {
                " NAV " b { (money(nav.first)) } " → " b { (money(nav.last)) } "."
            }
        }
    }
}

/// Returns the comparison with the benchmark in the words of the terminal; `None` without returns of both.
fn verdict(metrics: &MetricsBySeries, against: &BenchmarkSummary, of_holdout: bool) -> Option<Markup> {
    let (net, benchmark) = (&metrics.net.figures, &metrics.benchmark.figures);
    let sentence = benchmark_sentence(net, benchmark, against)?.replace(" -", " −");
    let sentence = match sentence.strip_prefix("The strategy").filter(|_| of_holdout) {
        Some(rest) => format!("On the hold-out the strategy{rest}"),
        None => sentence,
    };
    let class = if is_worse(net, benchmark) { "verdict worse" } else { "verdict" };
    Some(html! { p class=(class) { (sentence) } })
}

#[cfg(test)]
mod tests {
    use betaflow_engine::metrics::Figures;

    use super::*;

    #[test]
    fn verdict_is_the_sentence_of_the_terminal_and_marks_a_worse_result() {
        let cases = [
            ([0.05, 0.5], [0.10, 0.8], "verdict worse"),
            ([0.05, 0.9], [0.10, 0.8], "verdict worse"),
            ([0.15, 0.5], [0.10, 0.8], "verdict worse"),
            ([0.15, 0.9], [0.10, 0.8], "verdict"),
            ([0.10, 0.8], [0.100_001, 0.801], "verdict"),
            ([-1.0, f64::NAN], [0.10, 0.8], "verdict worse"),
        ];
        let against = BenchmarkSummary::default();
        for (net, benchmark, class) in cases {
            let [net, benchmark] = [net, benchmark].map(|[annual_return, sharpe]| Figures {
                annual_return,
                sharpe,
                ..Figures::undefined()
            });
            let metrics = MetricsBySeries::from([net, net, benchmark]);
            let sentence = benchmark_sentence(&net, &benchmark, &against).unwrap().replace(" -", " −");
            let html = |of_holdout| verdict(&metrics, &against, of_holdout).unwrap().into_string();
            assert_eq!(html(false), format!("<p class=\"{class}\">{sentence}</p>"));
            assert!(html(true).contains(">On the hold-out the strategy earned "));
        }
        let undefined = MetricsBySeries::from([Figures::undefined(); 3]);
        assert!(verdict(&undefined, &against, false).is_none());
    }
}
