//! The scenarios that are spoken of side by side, and the best and the worst.

use super::labels::{As, shown};
use super::study::{OBJECTIVE_TITLE, Study};
use crate::report::format::{NONE, plain};
use crate::report::luck;
use crate::report::page::Page;

/// Scenarios of each of the two lists.
const LISTED: usize = 10;
const FIGURES: [(&str, &str, As); 17] = [
    ("net_sharpe", "Sharpe ratio, net", As::Plain(2)),
    ("net_sharpe_standard_error", "± standard error", As::Plain(2)),
    ("gross_sharpe", "Sharpe ratio, gross", As::Plain(2)),
    ("net_annual_return", "Annual return, net", As::Percent),
    ("gross_annual_return", "Annual return, gross", As::Percent),
    ("net_annual_volatility", "Annual volatility, net", As::Percent),
    ("net_max_drawdown", "Largest drawdown, net", As::Percent),
    ("net_calmar", "Calmar ratio, net", As::Plain(2)),
    ("net_sortino", "Sortino ratio, net", As::Plain(2)),
    ("net_total_return", "Total return, net", As::Percent),
    ("turnover", "Traded a day", As::Percent),
    ("turnover_max", "Traded on the busiest day", As::Percent),
    ("cost_total", "Costs", As::Money),
    ("cost_spread", "of them spread", As::Money),
    ("break_even_bps", "Break-even, bps of what is traded", As::Plain(0)),
    ("capacity_of_same_trades", "Capacity of the same trades", As::Money),
    ("nav_last", "Value at the end", As::Money),
];
const COLUMNS: [(&str, &str, As); 6] = [
    ("net_sharpe", "Sharpe", As::Plain(2)),
    ("net_annual_return", "return", As::Percent),
    ("net_max_drawdown", "drawdown", As::Percent),
    ("net_calmar", "Calmar", As::Plain(2)),
    ("turnover", "traded a day", As::Percent),
    ("cost_total", "costs", As::Money),
];

/// Adds the best, the robust and the base side by side.
pub(super) fn add_chosen(page: &mut Page, study: &Study) {
    const HEADING: &str = "Best, robust and base";
    if study.best.is_none() {
        return page.missing(HEADING, &format!("No scenario has a {OBJECTIVE_TITLE}."));
    }
    page.section(HEADING);
    let chosen = study.chosen();
    let row = |title: &str, cell: &dyn Fn(usize) -> String| {
        let cells = chosen.map(|(_, row)| format!("<td>{}</td>", row.map_or_else(|| NONE.to_owned(), cell)));
        format!("<tr><th scope=\"row\">{title}</th>{}</tr>\n", cells.concat())
    };
    let mut rows = row("Scenario", &|row| study.scenarios.numbers[row].to_string());
    for axis in study.varied() {
        rows += &row(&study.title(axis), &|row| format!("<b>{}</b>", study.label(axis, row)));
    }
    for (name, title, how) in FIGURES.into_iter().filter(|(name, ..)| study.has(name)) {
        let values = study.figure(name);
        rows += &row(title, &|row| shown(values[row], how));
    }
    for (key, title, decimals) in luck::ROWS {
        let of = |name: &str| &study.summary["luck"][name][key];
        if of("best").is_number() {
            let cells =
                ["best", "robust", "base"].map(|name| format!("<td>{}</td>", plain(of(name), decimals)));
            rows += &format!("<tr><th scope=\"row\">{title}</th>{}</tr>\n", cells.concat());
        }
    }
    let header = ["", chosen[0].0, chosen[1].0, chosen[2].0];
    page.table(&header, "plain", &rows);
    let robust = match study.robust {
        Some(robust) => format!(
            "Robust is the one whose neighbourhood has the best worst case: within one level of it in every setting \
             that is a number, {}, the {OBJECTIVE_TITLE} never falls below {}. At the edge of the grid \
             there are fewer neighbours, so it says less.",
            match robust.neighbours {
                1 => "one scenario".to_owned(),
                count => format!("{count} scenarios"),
            },
            shown(robust.worst, As::Plain(2))
        ),
        None => "No scenario has neighbours that differ by one level, so none is called robust.".to_owned(),
    };
    let among = match study.world.filter(|_| !study.held.is_empty()) {
        Some(world) => format!(
            "What happens to a trader is no choice: best and robust are sought among the {} scenarios with {}, {}. ",
            study.candidates,
            study.spoken_of(&study.held, world.row),
            if world.exact { "as the base has" } else { "the nearest to the base" }
        ),
        None if !study.one_world => {
            "No two scenarios have the same world: the best is that of choice and world together, and \
                                     not to be had by choosing. "
                .to_owned()
        }
        None => String::new(),
    };
    page.html(&format!("<p>{among}{robust}</p>\n"));
    match luck::counting(&study.summary["luck"]) {
        Some(counting) => page.html(&format!("<p class=\"small\">{counting}</p>\n")),
        None if study.candidates > 1 => page.html(&format!(
            "<p class=\"note warning\"><b>Note:</b> the best of {} trials is partly luck: its {OBJECTIVE_TITLE} is the \
             highest of so many on the same data, and is likely to be lower on other data.</p>\n",
            study.candidates
        )),
        None => {}
    }
    if let Some(base) = study.base.filter(|base| !base.exact) {
        page.html(&format!(
            "<p class=\"small\">The configuration itself is none of the scenarios; the nearest is {}.</p>\n",
            study.spoken(base.row)
        ));
    }
}

/// Adds the scenarios with the highest and with the lowest objective, and those that were ruined.
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
    page.section("The ten best");
    list(page, study, sorted.iter().copied().take(LISTED));
    page.section("The ten worst");
    list(page, study, sorted.iter().rev().copied().take(LISTED));
}

fn list(page: &mut Page, study: &Study, rows: impl Iterator<Item = usize>) {
    let varied = study.varied();
    let columns: Vec<_> = COLUMNS.into_iter().filter(|(name, ..)| study.has(name)).collect();
    let values: Vec<Vec<f64>> = columns.iter().map(|(name, ..)| study.figure(name)).collect();
    let mut html = String::new();
    for row in rows {
        let settings = varied.iter().map(|axis| format!("<td>{}</td>", study.label(*axis, row)));
        let figures = columns
            .iter()
            .zip(&values)
            .map(|((.., how), values)| format!("<td>{}</td>", shown(values[row], *how)));
        let cells: String = settings.chain(figures).collect();
        html += &format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", study.scenarios.numbers[row]);
    }
    let mut header = vec!["scenario"];
    header.extend(varied.iter().map(|axis| study.plain_title(*axis)));
    header.extend(columns.iter().map(|(_, title, _)| *title));
    page.table(&header, "plain", &html);
}
