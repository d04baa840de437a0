//! Banners and warnings at the top of a report.

use maud::html;

use super::page::Page;
use crate::summary::Head;

/// Warnings shown at once; more of them open on a click.
const SHOWN: usize = 6;

/// Adds banners about ruin, look-ahead and the environment, then the warnings.
pub(super) fn add(page: &mut Page, head: &Head, look_ahead: Option<&String>) {
    let (ruin, warnings) = head.warnings.by_ruin();
    let environment = look_ahead.into_iter().chain(&head.world).map(String::as_str);
    for banner in ruin.into_iter().chain(environment) {
        page.add(html! { p.banner role="alert" { b { (banner) } } });
    }
    let (shown, rest) = warnings.split_at(SHOWN.min(warnings.len()));
    for warning in shown {
        page.add(html! { p class="note warning" { b { "Note:" } " " (warning) } });
    }
    if !rest.is_empty() {
        page.details(&format!("{} more notes", rest.len()), &rest.join("\n"));
    }
}
