//! Hold-out of a run in its report.

use maud::{Markup, html};

use super::format::{counted, percent, plain};
use super::labels::{Unit, shown};
use super::page::Page;
use crate::summary::{HoldoutSummary, Metrics, MetricsBySeries, ScoreSummary};

/// Row of the table: title, unit, value.
type Row = (&'static str, Unit, fn(&Metrics) -> f64);
const ROWS: [Row; 12] = [
    ("Annual return", Unit::Percent, |of| of.figures.annual_return),
    ("Annual volatility", Unit::Percent, |of| of.figures.annual_volatility),
    ("Sharpe ratio", Unit::Plain(2), |of| of.figures.sharpe),
    ("± standard error", Unit::Plain(2), |of| of.figures.uncertainty.standard_error),
    ("P(SR>0)", Unit::Percent, |of| of.figures.uncertainty.probabilistic_sharpe),
    ("Sortino ratio", Unit::Plain(2), |of| of.figures.sortino),
    ("Calmar ratio", Unit::Plain(2), |of| of.figures.calmar),
    ("Maximum drawdown", Unit::Percent, |of| of.figures.max_drawdown),
    ("Conditional value at risk, 5 %", Unit::Percent, |of| of.figures.conditional_value_at_risk),
    ("Alpha to benchmark, a year", Unit::Percent, |of| of.figures.relative.alpha),
    ("Beta to benchmark", Unit::Plain(3), |of| of.figures.relative.beta),
    ("Total return", Unit::Percent, |of| of.figures.total_return),
];

/// Adds a section if there is a hold-out: kept unread, or opened, with its result.
pub(super) fn add(page: &mut Page, holdout: Option<&HoldoutSummary>) {
    let Some(holdout) = holdout else { return };
    page.section("Hold-out");
    let from = &holdout.from;
    let Some(score) = &holdout.score else {
        return page.add(html! {
            p.note { b { "Hold-out from " (from) ":" } " this run read no data from that date on." }
        });
    };
    page.add(html! {
        p.note {
            b { "Hold-out from " (from) } ", " (counted(score.inside.frames, "frame")) ": " (figures(&score.inside.metrics))
            ". Before it: " (figures(&score.before.metrics)) ". " (openings(score))
        }
    });
    add_table(page, score);
    if score.profile == "tutorial" {
        page.add(html! {
            p.note {
                b { "Profile " code { "tutorial" } ":" } " half of each cost rate and no market impact. The result can be "
                "lower than with full costs: sizing knows the costs and trades more when they are lower, so this run holds "
                "other positions, and the added trades can lose more than the lower rates save."
            }
        });
    }
}

fn figures(metrics: &MetricsBySeries) -> Markup {
    let (net, benchmark) = (&metrics.net.figures, &metrics.benchmark.figures);
    html! {
        "net Sharpe ratio " b { (plain(net.sharpe, 2)) } " (benchmark " (plain(benchmark.sharpe, 2))
        "), net annual return " (percent(net.annual_return)) ", maximum drawdown " (percent(net.max_drawdown))
    }
}

fn openings(score: &ScoreSummary) -> Markup {
    let earlier = score.openings.saturating_sub(1);
    let same = score.earlier_openings.iter().filter(|opening| opening.same_data_and_start).count();
    html! {
        @if earlier == 0 {
            "This is its first opening."
        } @else {
            b { "Opened " (counted(earlier, "time")) " before," } " " (same) " of them with exactly this data and start; "
            (counted(score.seen_frames, "frame")) " of it had been read before."
        }
    }
}

/// Adds the figures inside and before the hold-out side by side.
fn add_table(page: &mut Page, score: &ScoreSummary) {
    let columns =
        [&score.inside.metrics, &score.before.metrics].map(|of| [&of.net, &of.benchmark, &of.gross]).concat();
    let row = |(title, unit, value): Row| -> Option<Markup> {
        let values: Vec<f64> = columns.iter().map(|metrics| value(metrics)).collect();
        values.iter().any(|value| value.is_finite()).then(|| {
            html! { tr { th scope="row" { (title) } @for value in values { td { (shown(value, unit)) } } } }
        })
    };
    let rows: Vec<Markup> = ROWS.into_iter().filter_map(row).collect();
    let header =
        ["", "hold-out, net", "benchmark", "gross", "before, net", "benchmark before", "gross before"];
    page.table(&header, "plain", &rows);
    page.small(
        "Left: the hold-out. Right: the same settings on the frames before it. A large fall from right to left is the sign of \
         a choice that was fitted to the earlier frames. Sections below show the whole run.",
    );
}
