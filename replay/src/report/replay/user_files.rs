//! The user's files: what was used, and whether it may contain look-ahead.

use maud::{Markup, html};

use crate::report::page::Page;
use crate::summary::GivenSummary;

/// Adds the table; nothing for a run without such files.
pub(super) fn add(page: &mut Page, given: Option<&GivenSummary>) {
    let Some(given) = given else { return };
    page.section("Your files");
    let row = |(label, value): (String, String)| -> Markup {
        html! { tr { th scope="row" { (label) } td { (value) } } }
    };
    let rows: Vec<Markup> = given.fields().into_iter().map(row).collect();
    page.table(&["", ""], "plain", &rows);
    for note in given.notes() {
        page.small(note);
    }
    page.small(
        "Rank correlation: mean over dates of Spearman's correlation between the numbers of the file and the returns of one bar, with \
         its standard error.",
    );
}
