//! Result in one sentence: IC, breadth, and the Sharpe ratios promised and delivered.

use maud::{Markup, html};

use crate::report::format::{count, counted, percent, plain, text};
use crate::report::page::Page;
use crate::summary::{HorizonSummary, SignalSummary};

/// Adds data and result.
pub(super) fn add(page: &mut Page, summary: &SignalSummary) {
    let keys = &summary.signal;
    page.add(html! {
        p.lead {
            b { (count(keys.cross_sections)) } " cross-sections from " b { (text(keys.first.as_ref())) } " to "
            b { (text(keys.last.as_ref())) } ", " b { (plain(keys.names, 1)) } " names on average, "
            (percent(keys.coverage)) " of the instruments with a price."
        }
        @if let Some(found) = keys.at_horizon() { (verdict(summary, found)) }
    });
}

fn verdict(summary: &SignalSummary, found: &HorizonSummary) -> Markup {
    let law = &found.law;
    let metrics = summary.run.trading.as_ref().and_then(|trading| trading.metrics.as_ref());
    html! {
        p.verdict {
            "Rank IC over " (counted(found.bars, "bar")) ": " b { (plain(found.rank_ic.mean, 4)) } " ± "
            (plain(found.rank_ic.standard_error, 4)) " (s.e. by Newey and West), annual ICIR "
            (plain(found.rank_ic.annual_icir, 2)) ". With " (plain(law.breadth, 0)) " bets a year the fundamental law promises a "
            "Sharpe ratio of " b { (plain(law.information_ratio, 2)) } ", and "
            (plain(law.effective_information_ratio, 2)) " with the variance of the IC. "
            @match metrics {
                Some(metrics) => {
                    "A replay delivers " b { (plain(metrics.net.figures.sharpe, 2)) } " after costs and "
                    (plain(metrics.gross.figures.sharpe, 2)) " before costs; the benchmark has "
                    (plain(metrics.benchmark.figures.sharpe, 2)) ", and the replay a beta of "
                    (plain(metrics.net.figures.relative.beta, 2)) " to it. The law is about the residual return: compare it with a \
                     replay whose beta is near 0."
                }
                None => { "The replay was skipped." }
            }
        }
    }
}
