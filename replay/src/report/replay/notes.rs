//! What a reader has to know before believing anything: at the top of the page.

use serde_json::Value;

use crate::report::html::escape;
use crate::report::page::Page;

/// Warnings shown at once; more of them open on a click.
const SHOWN: usize = 6;

/// Adds a banner where the account was ruined and where the run looks ahead, and the warnings.
pub(in crate::report) fn add(page: &mut Page, summary: &Value) {
    let is_banner =
        |at: usize| summary["warning_codes"][at].as_str().is_some_and(|code| code.starts_with("ruined"));
    let ruin = (0..).map_while(|at| summary["warnings"][at].as_str().map(|text| (at, text)));
    for (_, text) in ruin.filter(|(at, _)| is_banner(*at)) {
        page.html(&format!("<p class=\"banner\" role=\"alert\"><b>{}</b></p>\n", escape(text)));
    }
    for banner in ["look_ahead", "world"].iter().filter_map(|key| summary[*key].as_str()) {
        page.html(&format!("<p class=\"banner\" role=\"alert\"><b>{}</b></p>\n", escape(banner)));
    }
    let warnings = summary["warnings"].as_array().into_iter().flatten().enumerate();
    let warnings: Vec<&str> =
        warnings.filter(|(at, _)| !is_banner(*at)).filter_map(|(_, text)| text.as_str()).collect();
    let (shown, rest) = warnings.split_at(SHOWN.min(warnings.len()));
    for warning in shown {
        page.html(&format!("<p class=\"note warning\"><b>Note:</b> {}</p>\n", escape(warning)));
    }
    if !rest.is_empty() {
        page.details(&format!("{} more notes", rest.len()), &rest.join("\n"));
    }
}
