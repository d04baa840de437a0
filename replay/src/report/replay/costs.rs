//! What was paid, item by item.

use serde_json::Value;

use super::equity::{Curves, thinned};
use crate::report::figure::{Drawn, Figure, Look, Panes};
use crate::report::format::{money, percent_of, plain};
use crate::report::html::escape;
use crate::report::page::Page;

const HEADING: &str = "Costs";
const ITEMS: [&str; 5] = ["commission", "spread", "impact", "borrow", "financing"];

/// Adds the figure and the sums.
pub(super) fn add(page: &mut Page, summary: &Value, curves: &Curves) {
    let costs: Vec<(&str, f64)> = summary["costs"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_f64().filter(|value| *value != 0.0)?)))
        .collect();
    let items = || costs.iter().filter(|(name, _)| *name != "total");
    // An item has its colour whatever else there is.
    let colour = |name: &str| ITEMS.iter().position(|item| *item == name).unwrap_or(ITEMS.len());
    if items().count() == 0 {
        return page.missing(HEADING, "Nothing was paid.");
    }
    page.section(HEADING);
    if let Ok(curves) = curves {
        let mut figure = Figure::panes(&Panes::One(".2~%"));
        for (name, _) in items() {
            let drawn = escape(name);
            figure.draw(&Drawn::new(&drawn, curves.line(name), colour(name), Look::Stacked).format(".3%"));
        }
        page.figure("Costs so far, as a share of the starting value, stacked", figure);
        page.html(&format!(
            "<p class=\"small\">{}</p>\n",
            thinned(curves, "the sum at its end").trim_start()
        ));
    }
    let start = summary["nav"]["first"].as_f64();
    let mut sorted: Vec<_> = costs.clone();
    sorted.sort_by(|a, b| (a.0 == "total").cmp(&(b.0 == "total")).then(b.1.total_cmp(&a.1)));
    let mut rows = String::new();
    for (name, value) in sorted {
        let share = start.map_or(Value::Null, |start| (value / start).into());
        rows += &format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td></tr>\n",
            escape(name),
            money(value),
            percent_of(&share, 3)
        );
    }
    page.table(&["", "sum", "of the starting value"], "plain", &rows);
    page.html(&format!("<p>{}</p>\n", in_words(summary)));
}

/// What costs take, could take, and would take of more money.
fn in_words(summary: &Value) -> String {
    let analysis = &summary["cost_analysis"];
    let mut text = format!("They took {} a year; ", percent_of(&analysis["annual_drag"], 2));
    text += &match analysis["break_even_bps"].as_f64() {
        Some(bps) if bps < 0.0 => "the strategy lost before them.".to_owned(),
        _ => format!("{} bps of what is traded would take all.", plain(&analysis["break_even_bps"], 0)),
    };
    if let Some(capacity) = analysis["capacity_of_same_trades"].as_f64() {
        text += &format!(
            " With the same trades as shares of the value, impact would halve the Sharpe ratio at a value of {}; sizing that \
             knows impact trades less there.",
            money(capacity)
        );
    }
    let shortfall = &summary["shortfall_bps"];
    if shortfall["total"].is_number() {
        let parts = ["delay", "spread", "impact", "commission"]
            .map(|part| format!("{part} {}", plain(&shortfall[part], 1)));
        text += &format!(
            " Fills fell short of the price of their decision by {} bps of what was traded: {}.",
            plain(&shortfall["total"], 1),
            parts.join(", ")
        );
    }
    text
}
