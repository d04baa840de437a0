//! Distribution of the net returns.

use crate::report::figure::{Bars, Figure};
use crate::report::format::percent;
use crate::report::page::Page;
use crate::summary::{Metrics, TradingSummary};

const HEADING: &str = "Distribution of returns";

/// Adds the figure.
pub(super) fn add(page: &mut Page, trading: &TradingSummary) {
    let Some(distribution) = &trading.distribution else {
        return page.missing(HEADING, "summary.json has no distribution.");
    };
    let (edges, counts) = (&distribution.edges, &distribution.counts);
    if counts.is_empty() || edges.len() != counts.len() + 1 {
        return page.missing(HEADING, "There are no returns.");
    }
    page.section(HEADING);
    let net = trading.metrics.as_ref().map_or_else(Metrics::default, |metrics| metrics.net).figures;
    let places = [
        ("value at risk, 5 %", net.value_at_risk),
        ("conditional value at risk", net.conditional_value_at_risk),
    ];
    let places: Vec<(&str, f64)> = places.into_iter().filter(|(_, place)| place.is_finite()).collect();
    page.figure(
        "Distribution of the net returns",
        "Count of bars by net return; dashed, the 5th percentile (value at risk), dotted, the mean of the returns below it.",
        Figure::of_bars(bars(edges, counts), ["net return of a bar, %", "bars, count"], &places),
    );
    page.small(format!(
        "The outermost columns hold all returns beyond: the worst return was {}, the best {}.",
        percent(net.worst_return),
        percent(net.best_return)
    ));
}

/// Returns the bins as bars of one width. The outermost bins include all returns beyond them.
fn bars(edges: &[f64], counts: &[u64]) -> Bars {
    let bins = counts.len();
    let width = if bins > 2 { edges[2] - edges[1] } else { edges[bins] - edges[0] };
    let mut bars = Bars { width, ..Bars::default() };
    for (at, count) in counts.iter().enumerate() {
        let (low, high) = (edges[at], edges[at + 1]);
        let middle = match at {
            _ if bins <= 2 => (low + high) / 2.0,
            0 => high - width / 2.0,
            _ => low + width / 2.0,
        };
        bars.x.push(middle);
        bars.counts.push(*count);
        bars.labels.push(format!("{count} from {} to {}", percent(low), percent(high)));
    }
    bars
}
