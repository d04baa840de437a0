//! What a report says of the hold-out.

use serde_json::Value;

use super::format::{percent, plain};
use super::html::escape;
use super::page::Page;

/// Adds a paragraph where there is a hold-out: that it was kept, or what it was worth.
pub(super) fn add(page: &mut Page, summary: &Value) {
    let holdout = &summary["holdout"];
    let Some(from) = holdout["from"].as_str().map(escape) else { return };
    if !is_opened(summary) {
        page.html(&format!(
            "<p class=\"note\"><b>Hold-out from {from}:</b> nothing from then on was read for this run.</p>\n"
        ));
        return;
    }
    let figures = |of: &Value| {
        let net = &of["metrics"]["net"];
        let benchmark = &of["metrics"]["benchmark"]["sharpe"];
        format!(
            "net Sharpe ratio <b>{}</b> (benchmark {}), net return {} a year, largest drawdown {}",
            plain(&net["sharpe"], 2),
            plain(benchmark, 2),
            percent(&net["annual_return"]),
            percent(&net["max_drawdown"])
        )
    };
    let openings = match holdout["openings"].as_u64() {
        Some(1) | None => "It was opened for the first time.".to_owned(),
        Some(count) => {
            let same = holdout["earlier_openings"].as_array().into_iter().flatten();
            let same = same.filter(|opening| opening["same_data_and_start"] == true).count();
            format!(
                "<b>It had been opened {} time(s) before,</b> {same} of them with exactly this data and start; {} of its \
                 frames had been seen.",
                count - 1,
                plain(&holdout["seen_frames"], 0)
            )
        }
    };
    page.html(&format!(
        "<p class=\"note\"><b>Hold-out from {from}</b>, {} frames: {}. Before it: {}. {openings} All that follows is of the \
         whole run.</p>\n",
        holdout["frames"],
        figures(holdout),
        figures(&holdout["before"])
    ));
}

/// Whether the run has read the hold-out.
pub(super) fn is_opened(summary: &Value) -> bool {
    summary["holdout"]["opened"] == true
}
