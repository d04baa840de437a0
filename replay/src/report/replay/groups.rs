//! Exposure, gain and risk of the book by group.

use std::collections::BTreeMap;

use betaflow_connectors::record::{GroupRow, TableRows};
use maud::{Markup, html};

use super::equity::{Curves, Equity};
use crate::report::Run;
use crate::report::figure::{Figure, LineStyle, Pane, PaneLine, Panes};
use crate::report::format::{money, percent};
use crate::report::page::Page;
use crate::summary::GroupSummary;

/// Maximum lines of a figure.
const LINES_MAX: usize = 12;

/// Adds a section for each division into groups.
pub(super) fn add(page: &mut Page, run: &Run<'_>, groups: &[GroupSummary], curves: &Curves) {
    let mut columns: Vec<&str> = groups.iter().map(|group| group.factor.as_str()).collect();
    columns.dedup();
    for column in columns {
        let of: Vec<&GroupSummary> = groups.iter().filter(|group| group.factor == column).collect();
        page.section(&format!("Groups: {column}"));
        if let Ok(equity) = curves
            && let Err(why) = draw(page, run, column, &of, equity)
        {
            page.absent(&why);
        }
        table(page, &of);
    }
}

/// Draws the net weights of the groups with the largest gross weight.
fn draw(
    page: &mut Page,
    run: &Run<'_>,
    column: &str,
    groups: &[&GroupSummary],
    equity: &Equity,
) -> Result<(), String> {
    let mut largest = groups.to_vec();
    let size = |group: &GroupSummary| f64::from(group.mean.gross_weight);
    largest.sort_by(|a, b| size(b).total_cmp(&size(a)));
    largest.truncate(LINES_MAX);
    let places: BTreeMap<&str, usize> =
        largest.iter().enumerate().map(|(at, group)| (group.group.as_str(), at)).collect();
    let mut lines = vec![Vec::new(); largest.len()];
    let mut latest = vec![f64::NAN; largest.len()];
    let mut rows = TableRows::<GroupRow>::open(run.folder).map_err(|error| error.to_string())?;
    let mut next = rows.next_row().map_err(|error| error.to_string())?;
    for time in equity.times() {
        while let Some(row) = next.take_if(|row| row.timestamp <= *time) {
            if let Some(at) = places.get(&*row.group).filter(|_| *row.factor == *column) {
                latest[*at] = row.net_weight;
            }
            next = rows.next_row().map_err(|error| error.to_string())?;
        }
        lines.iter_mut().zip(&latest).for_each(|(line, value)| line.push(*value));
    }
    let mut figure = Figure::panes(&Panes::One(Pane("net weight, % of NAV", ".1%")));
    for (at, (line, group)) in lines.iter().zip(&largest).enumerate() {
        figure.draw(&PaneLine::new(&group.group, line, at, LineStyle::Main).format(".2%"));
    }
    page.figure(
        &format!("Net weight by {column}"),
        "Sum of the held weights of the members, on the frames of weights.parquet; constant between them.",
        figure,
    );
    if groups.len() > LINES_MAX {
        page.small(format!(
            "The {LINES_MAX} groups with the largest gross weight; `groups.parquet` has all."
        ));
    }
    Ok(())
}

fn table(page: &mut Page, groups: &[&GroupSummary]) {
    let row = |group: &&GroupSummary| -> Markup {
        html! {
            tr {
                th scope="row" { (group.group) }
                td { (percent(group.mean.net_weight)) }
                td { (percent(group.net_range[0])) }
                td { (percent(group.net_range[1])) }
                td { (percent(group.last.net_weight)) }
                td { (percent(group.mean.gross_weight)) }
                td { (percent(group.risk_share)) }
                td { (money(group.gain)) }
                td { (money(group.factor_gain)) }
            }
        }
    };
    let rows: Vec<Markup> = groups.iter().map(row).collect();
    let header = [
        "group",
        "net, mean",
        "net, least",
        "net, largest",
        "net, last",
        "gross, mean",
        "share of predicted variance",
        "gain",
        "of its factor",
    ];
    page.table(&header, "plain", &rows);
    page.small(
        "Weights as shares of NAV on the recorded frames. Gains in currency, before costs and interest; a group without a \
         factor has no part of the predicted variance of its own.",
    );
}
