//! Growth against drawdown.

use betaflow_engine::sweep::efficient;
use maud::{Markup, html};

use super::study::Study;
use crate::report::figure::{Figure, PointStyle, Points};
use crate::report::labels::{As, shown};
use crate::report::page::Page;

const HEADING: &str = "Growth against drawdown";
/// Efficient scenarios that are named below the figure.
const NAMED_MAX: usize = 12;

/// Adds the figure, and the efficient scenarios.
pub(super) fn add(page: &mut Page, study: &Study) {
    let (mut growth, drawdown) = (study.figure("net_annual_return"), study.figure("net_max_drawdown"));
    // A ruined scenario is not efficient.
    let ruined = growth.iter_mut().enumerate().filter(|(row, _)| study.scenarios.is_ruined(*row));
    ruined.for_each(|(_, growth)| *growth = f64::NAN);
    let found = efficient(&growth, &drawdown);
    if found.is_empty() {
        return page.missing(HEADING, "No scenario has both a net annual return and a drawdown.");
    }
    page.section(HEADING);
    let points = |rows: &mut dyn Iterator<Item = usize>| {
        let mut points = Points::default();
        for row in rows.filter(|row| !(growth[*row] + drawdown[*row]).is_nan()) {
            points.x.push(drawdown[row]);
            points.y.push(growth[row]);
            points.labels.push(format!(
                "{}\nannual return {}, drawdown {}, Sharpe {}",
                study.spoken(row).replace(", ", "\n"),
                shown(growth[row], As::Percent),
                shown(drawdown[row], As::Percent),
                shown(study.objective[row], As::Plain(2))
            ));
        }
        points
    };
    let mut figure = Figure::of_points(("maximum drawdown, net", ".0%"), ("net annual return", ".0%"));
    figure.points("scenarios", PointStyle::Cloud, points(&mut (0..growth.len())));
    figure.points("efficient", PointStyle::Joined, points(&mut found.iter().copied()));
    for (at, (name, row)) in study.chosen().into_iter().enumerate() {
        figure.points(name, PointStyle::One(at), points(&mut row.into_iter()));
    }
    page.figure("Each scenario; on the line none grows more at the same drawdown", figure);
    let row = |row: usize| -> Markup {
        html! {
            tr {
                th scope="row" { (study.spoken(row)) }
                td { (shown(growth[row], As::Percent)) }
                td { (shown(drawdown[row], As::Percent)) }
                td { (shown(study.objective[row], As::Plain(2))) }
            }
        }
    };
    let rows: Vec<Markup> = found.iter().rev().take(NAMED_MAX).copied().map(row).collect();
    page.table(&["efficient", "annual return", "drawdown", "Sharpe"], "plain named", &rows);
    if found.len() > NAMED_MAX {
        page.small(format!("The first {NAMED_MAX} of {}, by growth.", found.len()));
    }
}
