//! Return and turnover by cost: sizing trades less when it expects higher costs.

use betaflow_engine::metrics::annual_return_of_same_trades;
use maud::html;

use super::study::Study;
use crate::report::figure::Figure;
use crate::report::format::percent;
use crate::report::page::Page;
use crate::report::prose::prose;
use crate::summary::Trades;

pub(super) const HEADING: &str = "Cost and trading speed";
const RETURN: &str = "net_annual_return";
const TURNOVER: &str = "turnover";

/// Adds a figure of the return by cost and one of the turnover by cost, with all other settings as in the base.
pub(super) fn add(page: &mut Page, study: &Study) {
    let (Some(cost), Some(base)) = (study.cost(), study.base) else {
        return page.missing(HEADING, "No cost setting varies.");
    };
    let returns = study.along(&study.figure(RETURN), cost, base.row);
    if returns.iter().filter(|value| value.is_finite()).count() < 2 {
        return page.missing(HEADING, "No two scenarios around the base differ in the cost alone.");
    }
    let turnover = study.along(&study.figure(TURNOVER), cost, base.row);
    let same = same_trades(study, cost, base.row);
    page.section(HEADING);
    page.add(html! {
        p {
            (sentence(study, cost))
            @if let Some(range) = turnover_range(study, cost, &turnover) { " " (range) }
        }
    });
    let labels = study.labels(cost);
    let fixed = study.summary.trades == Trades::Fixed;
    let mut figure = Figure::along(study.title(cost), ("net annual return, %", ".1%"));
    let name = if fixed { "same trades, repriced" } else { "trades of each scenario" };
    figure.level_line(0, name, labels, &returns, (".2%", ""));
    let drawn = same.filter(|_| !fixed);
    if let Some(same) = &drawn {
        figure.level_line(1, "trades of the base, repriced", labels, same, (".2%", ""));
    }
    let reading = match (fixed, &drawn) {
        (true, _) => {
            "Net annual return of the trades of the configuration under each cost: the fall is the cost alone."
        }
        (false, Some(_)) => {
            "Net annual return with the trades that sizing chooses at each cost, and, dashed, with the trades of the base \
             repriced: the gap is the effect of trading at another speed."
        }
        (false, None) => "Net annual return with the trades that sizing chooses at each cost.",
    };
    page.figure("Net annual return by cost", reading, figure);
    if turnover.iter().any(|value| value.is_finite()) {
        let mut figure = Figure::along(study.title(cost), ("turnover, % of NAV a day", ".1%"));
        figure.level_line(0, "turnover a day", labels, &turnover, (".2%", ""));
        let reading = "Purchases and sales a day as a share of NAV at each cost: a level line means that the trades are the same.";
        page.figure("Turnover by cost", reading, figure);
    }
    let others: Vec<usize> = study.varied().into_iter().filter(|axis| *axis != cost).collect();
    let mut notes = Vec::new();
    if !others.is_empty() {
        notes.push(format!("Other settings: {}.", study.spoken_of(&others, base.row)));
    }
    if drawn.is_some() {
        notes.push(
            "The dashed line is of first order: the return of the base less the added cost times its turnover. A grid file \
             with `trades = \"fixed\"` reprices the trades themselves."
                .to_owned(),
        );
    }
    if !notes.is_empty() {
        page.small(prose(&notes.join(" ")));
    }
}

/// Returns a sentence on the trades along the axis of a cost.
pub(super) fn sentence(study: &Study, cost: usize) -> String {
    let name = study.title(cost).trim_end_matches(", bps");
    match study.summary.trades {
        Trades::Fixed => {
            format!(
                "All scenarios have the trades of the configuration: {name} changes their cost, not their size."
            )
        }
        Trades::Own if !study.sizes_forecasts() => {
            format!("The strategy sets target weights, which do not depend on the {name}.")
        }
        Trades::Own => format!(
            "Sizing knows the {name} and trades less when it is higher: this axis is one of trading speed as well as of cost."
        ),
    }
}

/// Returns a sentence on the turnover at the lowest and the highest cost; `None` if it is the same.
fn turnover_range(study: &Study, cost: usize, turnover: &[f64]) -> Option<String> {
    let defined = |value: &&f64| value.is_finite();
    let (first, last) = (turnover.iter().find(defined)?, turnover.iter().rfind(defined)?);
    let name = study.title(cost).trim_end_matches(", bps");
    let words = || {
        let (first, last) = (percent(*first), percent(*last));
        format!(
            "Turnover a day is {first} of NAV at the lowest {name} of the grid and {last} at the highest."
        )
    };
    (first != last).then(words)
}

/// Returns the annual return of the trades of a scenario at each cost of an axis in bps of turnover; `None` for a cost of
/// another unit.
fn same_trades(study: &Study, cost: usize, row: usize) -> Option<Vec<f64>> {
    let levels = study.numbers(cost).filter(|_| study.name(cost).ends_with("_bps"))?;
    let (net, turnover) = (study.figure(RETURN)[row], study.figure(TURNOVER)[row]);
    let turnover_a_year = turnover * study.days_per_year;
    let here = levels[study.sweep.levels(row)[cost]];
    let of = |level: &f64| annual_return_of_same_trades(net, turnover_a_year, level - here);
    let line: Vec<f64> = levels.iter().map(of).collect();
    line.iter().all(|value| value.is_finite()).then_some(line)
}
