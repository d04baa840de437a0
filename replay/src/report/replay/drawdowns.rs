//! The worst drawdowns.

use serde_json::Value;

use crate::report::format::{NONE, percent};
use crate::report::html::escape;
use crate::report::page::Page;

const HEADING: &str = "Worst drawdowns";

/// Adds the table.
pub(super) fn add(page: &mut Page, summary: &Value) {
    let Some(drawdowns) = summary["drawdowns"].as_array() else {
        return page.missing(HEADING, "summary.json has no drawdowns.");
    };
    if drawdowns.is_empty() {
        return page.missing(HEADING, "The value never fell below a peak.");
    }
    page.section(HEADING);
    let text = |value: &Value, none: &str| escape(value.as_str().unwrap_or(none));
    let mut rows = String::new();
    for drawdown in drawdowns {
        rows += &format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            percent(&drawdown["depth"]),
            text(&drawdown["start"], NONE),
            text(&drawdown["trough"], NONE),
            text(&drawdown["end"], "not yet"),
            drawdown["frames"]
        );
    }
    page.table(&["depth, net", "peak", "trough", "recovered", "frames"], "plain", &rows);
}
