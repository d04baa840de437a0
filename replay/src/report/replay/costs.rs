//! Costs by item.

use betaflow_engine::execution::CostItem;
use maud::{Markup, html};

use super::equity::{Curves, thinned};
use crate::report::figure::{Figure, LineStyle, Pane, PaneLine, Panes};
use crate::report::format::{money, percent_of, plain};
use crate::report::page::Page;
use crate::summary::TradingSummary;

const HEADING: &str = "Costs and break-even cost";

/// Adds the figure and the sums.
pub(super) fn add(page: &mut Page, trading: &TradingSummary, curves: &Curves) {
    let items = trading.costs.items.iter().filter_map(|(name, sum)| Some((name.as_str(), sum.get()?)));
    let mut items: Vec<(&str, f64)> = items.filter(|(_, sum)| *sum != 0.0).collect();
    if items.is_empty() {
        return page.missing(HEADING, "No costs were charged.");
    }
    page.section(HEADING);
    if let Ok(curves) = curves {
        // An item has the same colour in every report.
        let names = CostItem::NAMES;
        let colour = |name: &str| names.iter().position(|item| *item == name).unwrap_or(names.len());
        let mut figure = Figure::panes(&Panes::One(Pane("costs, % of the initial NAV", ".2~%")));
        for (name, _) in &items {
            figure.draw(
                &PaneLine::new(name, curves.line(name), colour(name), LineStyle::Stacked).format(".3%"),
            );
        }
        page.figure(
            "Cumulative costs by item, stacked",
            "The upper edge is the sum of all costs so far; a steep part is a time of high turnover or of high costs per trade.",
            figure,
        );
        let thinned = thinned(curves, "the sum at its end");
        if !thinned.is_empty() {
            page.small(thinned.trim_start());
        }
    }
    items.sort_by(|a, b| b.1.total_cmp(&a.1));
    let total = trading.costs.total.get().filter(|total| *total != 0.0);
    items.extend(total.map(|total| ("total", total)));
    let first = trading.nav.unwrap_or_default().first;
    let row = |(name, sum): (&str, f64)| -> Markup {
        let share = percent_of(sum / f64::from(first), 3);
        html! { tr { th scope="row" { (name) } td { (money(sum)) } td { (share) } } }
    };
    let rows: Vec<Markup> = items.into_iter().map(row).collect();
    page.table(&["", "sum", "of the initial NAV"], "plain", &rows);
    page.add(html! { p { (analysis(trading)) } });
}

/// Returns annual drag, break-even cost, capacity and implementation shortfall.
fn analysis(trading: &TradingSummary) -> Markup {
    let (costs, shortfall) = (&trading.cost_analysis, &trading.shortfall_bps);
    html! {
        "Annual cost drag (gross less net annual return) " (percent_of(costs.annual_drag, 2)) "; "
        @if costs.break_even_bps.get().is_some_and(|bps| bps < 0.0) {
            "loss before costs."
        } @else {
            "break-even cost " (plain(costs.break_even_bps, 0)) " bps of turnover, at which these trades earn nothing."
        }
        @if let Some(capacity) = costs.capacity_of_same_trades.get() {
            " If the same weights were traded with a NAV of " (money(capacity)) ", impact would halve the Sharpe ratio. "
            "Sizing that knows impact would trade less."
        }
        @if shortfall.total.get().is_some() {
            @let parts = shortfall.parts().map(|(name, bps)| format!("{name} {}", plain(bps, 1)));
            " Implementation shortfall " (plain(shortfall.total, 1)) " bps of the traded notional: " (parts.join(", ")) "."
        }
    }
}
