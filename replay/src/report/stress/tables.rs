//! Named scenarios side by side, and the best and the worst.

use maud::{Markup, Render, html};

use super::study::{OBJECTIVE_TITLE, Study};
use crate::report::format::{NONE, count, counted, plain};
use crate::report::labels::{Unit, shown};
use crate::report::luck;
use crate::report::page::Page;
use crate::summary::{ChosenLuck, LuckSummary};

/// Maximum scenarios of a list.
const LISTED: usize = 10;
const FIGURES: [(&str, &str, Unit); 17] = [
    ("net_sharpe", "Sharpe ratio, net", Unit::Plain(2)),
    ("net_sharpe_standard_error", "± standard error", Unit::Plain(2)),
    ("gross_sharpe", "Sharpe ratio, gross", Unit::Plain(2)),
    ("net_annual_return", "Annual return, net", Unit::Percent),
    ("gross_annual_return", "Annual return, gross", Unit::Percent),
    ("net_annual_volatility", "Annual volatility, net", Unit::Percent),
    ("net_max_drawdown", "Maximum drawdown, net", Unit::Percent),
    ("net_calmar", "Calmar ratio, net", Unit::Plain(2)),
    ("net_sortino", "Sortino ratio, net", Unit::Plain(2)),
    ("net_total_return", "Total return, net", Unit::Percent),
    ("turnover", "Turnover a day", Unit::Percent),
    ("turnover_max", "Turnover a day, maximum", Unit::Percent),
    ("cost_total", "Costs", Unit::Money),
    ("cost_spread", "Costs, spread", Unit::Money),
    ("break_even_bps", "Break-even cost, bps of turnover", Unit::Plain(0)),
    ("capacity_of_same_trades", "Capacity of the same trades, NAV", Unit::Money),
    ("nav_last", "NAV at the end", Unit::Money),
];
const COLUMNS: [(&str, &str, Unit); 6] = [
    ("net_sharpe", "Sharpe", Unit::Plain(2)),
    ("net_annual_return", "return", Unit::Percent),
    ("net_max_drawdown", "drawdown", Unit::Percent),
    ("net_calmar", "Calmar", Unit::Plain(2)),
    ("turnover", "turnover a day", Unit::Percent),
    ("cost_total", "costs", Unit::Money),
];

/// Adds the best, the robust and the base side by side.
pub(super) fn add_chosen(page: &mut Page, study: &Study) {
    const HEADING: &str = "Best, robust and base";
    if study.best.is_none() {
        return page.missing(HEADING, &format!("No scenario has a {OBJECTIVE_TITLE}."));
    }
    page.section(HEADING);
    let chosen = study.chosen();
    let luck = study.summary.study.luck.as_ref();
    let mut rows = vec![row("Scenario", chosen.map(|(_, row)| row.map(|row| study.scenarios.numbers[row])))];
    for axis in study.varied() {
        let bold = |row: usize| html! { b { (study.label(axis, row)) } };
        rows.push(row(study.title(axis), chosen.map(|(_, row)| row.map(bold))));
    }
    for (name, title, unit) in FIGURES.into_iter().filter(|(name, ..)| study.has(name)) {
        let values = study.figure(name);
        rows.push(row(title, chosen.map(|(_, row)| row.map(|row| shown(values[row], unit)))));
    }
    if let Some(luck) = luck {
        rows.extend(luck_rows(luck));
    }
    page.table(&["", chosen[0].0, chosen[1].0, chosen[2].0], "plain", &rows);
    page.add(html! { p { (competition(study)) (robustness(study)) } });
    match luck.and_then(luck::counting) {
        Some(counting) => page.small(counting),
        None if study.candidates > 1 => page.add(html! {
            p class="note warning" {
                "Multiple testing: the best of " (count(study.candidates as u64)) " trials has the highest "
                (OBJECTIVE_TITLE) " of all of them on the same data, and is likely to have a lower one on other data."
            }
        }),
        None => {}
    }
    if let Some(base) = study.base.filter(|base| !base.exact) {
        page.small(format!(
            "The configuration itself is none of the scenarios; the nearest one is {}.",
            study.spoken(base.row)
        ));
    }
}

/// Returns a row with one cell for each named scenario.
fn row(title: &str, cells: [Option<impl Render>; 3]) -> Markup {
    html! {
        tr {
            th scope="row" { (title) }
            @for cell in cells { td { @match cell { Some(cell) => (cell), None => (NONE) } } }
        }
    }
}

/// Returns the rows about multiple testing.
fn luck_rows(luck: &LuckSummary) -> impl Iterator<Item = Markup> {
    let chosen = [&luck.best, &luck.robust, &luck.base].map(Option::as_ref);
    luck::ROWS.into_iter().filter_map(move |(title, decimals, figure)| {
        let value = |chosen: &ChosenLuck| figure(chosen);
        chosen[0].map(value)?.get()?;
        let text = |chosen: Option<&ChosenLuck>| chosen.map(|chosen| plain(figure(chosen), decimals));
        Some(row(title, chosen.map(text)))
    })
}

/// Returns a paragraph on the scenarios among which best and robust are chosen.
fn competition(study: &Study) -> Markup {
    let environment = study.environment.filter(|_| !study.environment_axes.is_empty());
    html! {
        @if let Some(environment) = environment {
            "Best and robust are chosen among the " (counted(study.candidates as u64, "scenario")) " with "
            (study.spoken_of(&study.environment_axes, environment.row)) ", "
            @if environment.exact { "as in the base" } @else { "the nearest to the base" } ". "
        } @else if !study.one_environment {
            "No two scenarios have the same environment: the best is the best combination of choice and environment. "
        }
    }
}

/// Returns the lowest objective around the robust choice.
fn robustness(study: &Study) -> String {
    let Some(robust) = study.robust else {
        return "None is robust: each choice has no neighbour in the grid, or one without a Sharpe ratio."
            .to_owned();
    };
    format!(
        "The robust choice has {} in the grid; the lowest {OBJECTIVE_TITLE} among it and them is {}. A choice at the edge of \
         the grid has fewer neighbours, so its lowest ratio says less.",
        counted(robust.neighbours as u64, "neighbour"),
        shown(robust.worst, Unit::Plain(2))
    )
}

/// Adds the choices with the highest objective in the environment of the configuration, the scenarios with the lowest, and
/// the ruined ones. A short study has one list of all scenarios.
pub(super) fn add_extremes(page: &mut Page, study: &Study) {
    let mut sorted: Vec<usize> =
        (0..study.scenarios.len()).filter(|row| !study.objective[*row].is_nan()).collect();
    sorted.sort_by(|a, b| study.objective[*b].total_cmp(&study.objective[*a]));
    let ruined = (0..study.scenarios.len()).filter(|row| study.scenarios.is_ruined(*row));
    let ruined: Vec<usize> = ruined.collect();
    if !ruined.is_empty() {
        page.section(match ruined.len() > LISTED {
            true => "Ruined: the first ten",
            false => "Ruined",
        });
        list(page, study, ruined.iter().copied().take(LISTED));
    }
    if sorted.len() <= LISTED {
        page.section(match ruined.is_empty() {
            true => "All scenarios, by Sharpe ratio",
            false => "All scenarios that survive, by Sharpe ratio",
        });
        return list(page, study, sorted.into_iter());
    }
    let best: Vec<usize> = sorted.iter().copied().filter(|row| study.is_candidate[*row]).collect();
    if !best.is_empty() {
        page.section(match best.len() > LISTED {
            true => "The ten best choices",
            false => "Choices, by Sharpe ratio",
        });
        list(page, study, best.into_iter().take(LISTED));
        let environment = study.environment_phrase();
        if !environment.is_empty() {
            page.small(format!("Choices{environment} alone: a lower cost is not a choice."));
        }
    }
    page.section("The ten worst");
    list(page, study, sorted.iter().rev().copied().take(LISTED));
    page.small("Scenarios of all environments.");
}

/// Adds a table of scenarios.
fn list(page: &mut Page, study: &Study, rows: impl Iterator<Item = usize>) {
    let varied = study.varied();
    let columns: Vec<_> = COLUMNS.into_iter().filter(|(name, ..)| study.has(name)).collect();
    let values: Vec<(Vec<f64>, Unit)> =
        columns.iter().map(|(name, _, unit)| (study.figure(name), *unit)).collect();
    let row = |row: usize| -> Markup {
        html! {
            tr {
                th scope="row" { (study.scenarios.numbers[row]) }
                @for axis in &varied { td { (study.label(*axis, row)) } }
                @for (values, unit) in &values { td { (shown(values[row], *unit)) } }
            }
        }
    };
    let rows: Vec<Markup> = rows.map(row).collect();
    let mut header = vec!["scenario"];
    header.extend(varied.iter().map(|axis| study.title(*axis)));
    header.extend(columns.iter().map(|(_, title, _)| *title));
    page.table(&header, "plain", &rows);
}
