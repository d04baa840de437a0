//! Membership of the universe: its changes, and the share of members with prices.

use maud::{Markup, html};

use crate::report::page::Page;
use crate::summary::MembershipSummary;

/// Adds the table; nothing for a run without a membership.
pub(super) fn add(page: &mut Page, membership: Option<&MembershipSummary>) {
    let Some(membership) = membership else { return };
    page.section("Membership of the universe");
    let row = |(label, value): (&str, String)| -> Markup {
        html! { tr { th scope="row" { (label) } td { (value) } } }
    };
    let rows: Vec<Markup> = membership.fields().into_iter().map(row).collect();
    page.table(&["", ""], "plain", &rows);
    page.small(
        "A member without a price in the data counts among the member-days. membership.parquet has each change with the weight \
         held.",
    );
}
