//! Hold-out of a run in its report.

use maud::{Markup, html};

use super::format::{percent, plain};
use super::page::Page;
use crate::summary::{HoldoutSummary, MetricsBySeries, ScoreSummary};

/// Adds a paragraph where there is a hold-out: kept unread, or opened, with its result.
pub(super) fn add(page: &mut Page, holdout: Option<&HoldoutSummary>) {
    let Some(holdout) = holdout else { return };
    let from = &holdout.from;
    let Some(score) = &holdout.score else {
        return page.add(html! {
            p.note { b { "Hold-out from " (from) ":" } " nothing from then on was read for this run." }
        });
    };
    page.add(html! {
        p.note {
            b { "Hold-out from " (from) } ", " (score.inside.frames) " frames: " (figures(&score.inside.metrics))
            ". Before it: " (figures(&score.before.metrics)) ". " (openings(score))
            " All figures below are of the whole run."
        }
    });
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
            b { "Opened " (earlier) " time(s) before," } " " (same) " of them with exactly this data and start; "
            (score.seen_frames) " of its frames had been seen."
        }
    }
}
