//! Growth against drawdown.

use betaflow_engine::sweep::efficient;

use super::labels::{As, shown};
use super::study::Study;
use crate::report::figure::{Figure, Mark, Points};
use crate::report::page::Page;

const HEADING: &str = "Growth against drawdown";
/// Efficient scenarios that are named below the figure.
const NAMED_MAX: usize = 12;

/// Adds the figure, and the efficient scenarios.
pub(super) fn add(page: &mut Page, study: &Study) {
    let (mut growth, drawdown) = (study.figure("net_annual_return"), study.figure("net_max_drawdown"));
    // What is ruined is no way to grow.
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
                "{}<br>{} a year, drawdown {}, Sharpe {}",
                study.spoken(row).replace(", ", "<br>"),
                shown(growth[row], As::Percent),
                shown(drawdown[row], As::Percent),
                shown(study.objective[row], As::Plain(2))
            ));
        }
        points
    };
    let mut figure = Figure::of_points(("largest drawdown, net", ".0%"), ("net annual return", ".0%"));
    figure.points("scenarios", Mark::Cloud, points(&mut (0..growth.len())));
    figure.points("efficient", Mark::Joined, points(&mut found.iter().copied()));
    for (at, (name, row)) in study.chosen().into_iter().enumerate() {
        figure.points(name, Mark::One(at), points(&mut row.into_iter()));
    }
    page.figure("Each scenario; on the line none grows more without falling deeper", figure);
    let mut rows = String::new();
    for row in found.iter().rev().take(NAMED_MAX).copied() {
        rows += &format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
            study.spoken(row),
            shown(growth[row], As::Percent),
            shown(drawdown[row], As::Percent),
            shown(study.objective[row], As::Plain(2))
        );
    }
    page.table(&["efficient", "annual return", "drawdown", "Sharpe"], "plain named", &rows);
    if found.len() > NAMED_MAX {
        page.html(&format!("<p class=\"small\">The first {NAMED_MAX} of {}, by growth.</p>\n", found.len()));
    }
}
