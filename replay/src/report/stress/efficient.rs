//! Growth against drawdown.

use betaflow_engine::sweep::efficient;
use maud::{Markup, html};

use super::study::Study;
use crate::report::figure::{Figure, PointStyle, Points};
use crate::report::labels::{Unit, shown};
use crate::report::page::Page;

const HEADING: &str = "Growth against drawdown";
/// Maximum number of efficient choices in the table.
const NAMED_MAX: usize = 12;

/// Adds the figure, and the efficient choices: candidates that no other candidate beats in both growth and drawdown.
pub(super) fn add(page: &mut Page, study: &Study) {
    let (mut growth, drawdown) = (study.figure("net_annual_return"), study.figure("net_max_drawdown"));
    // A ruined scenario is not efficient.
    let ruined = growth.iter_mut().enumerate().filter(|(row, _)| study.scenarios.is_ruined(*row));
    ruined.for_each(|(_, growth)| *growth = f64::NAN);
    let competes = |row: usize, value: f64| if study.is_candidate[row] { value } else { f64::NAN };
    let competing: Vec<f64> = growth.iter().enumerate().map(|(row, growth)| competes(row, *growth)).collect();
    let found = efficient(&competing, &drawdown);
    if found.is_empty() {
        return page.missing(HEADING, "No choice has both a net annual return and a drawdown.");
    }
    let environment = study.environment_phrase();
    page.section(HEADING);
    let points = |rows: &mut dyn Iterator<Item = usize>| {
        let mut points = Points::default();
        for row in rows.filter(|row| !(growth[*row] + drawdown[*row]).is_nan()) {
            points.x.push(drawdown[row]);
            points.y.push(growth[row]);
            points.labels.push(format!(
                "{}\nannual return {}, drawdown {}, Sharpe {}",
                study.spoken(row).replace(", ", "\n"),
                shown(growth[row], Unit::Percent),
                shown(drawdown[row], Unit::Percent),
                shown(study.objective[row], Unit::Plain(2))
            ));
        }
        points
    };
    let mut figure = Figure::of_points(("maximum drawdown, net, %", ".0%"), ("net annual return, %", ".0%"));
    figure.points("scenarios", PointStyle::Cloud, points(&mut (0..growth.len())));
    figure.points("efficient", PointStyle::Joined, points(&mut found.iter().copied()));
    for (at, (name, row)) in study.chosen().into_iter().enumerate() {
        figure.points(name, PointStyle::One(at), points(&mut row.into_iter()));
    }
    page.figure(
        "Net annual return against maximum drawdown",
        &format!(
            "One point for each scenario; right and up is better. The line joins the efficient choices{environment}: no other \
             choice there grows more at the same drawdown."
        ),
        figure,
    );
    let row = |row: usize| -> Markup {
        html! {
            tr {
                th scope="row" { (study.spoken(row)) }
                td { (shown(growth[row], Unit::Percent)) }
                td { (shown(drawdown[row], Unit::Percent)) }
                td { (shown(study.objective[row], Unit::Plain(2))) }
            }
        }
    };
    let rows: Vec<Markup> = found.iter().rev().take(NAMED_MAX).copied().map(row).collect();
    page.table(&["efficient choice", "annual return", "drawdown", "Sharpe"], "plain named", &rows);
    if found.len() > NAMED_MAX {
        page.small(format!("The first {NAMED_MAX} of {}, by growth.", found.len()));
    }
}
