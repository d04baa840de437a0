//! Turnover against its cap, and what the cap costs.

use super::equity::{Curves, thinned};
use crate::report::Run;
use crate::report::figure::{Drawn, Figure, Look, Panes};
use crate::report::page::Page;

const HEADING: &str = "Turnover and its cap";

/// Adds the figure.
pub(super) fn add(page: &mut Page, run: &Run<'_>, curves: &Curves) {
    let curves = match curves {
        Ok(curves) => curves,
        Err(why) => return page.missing(HEADING, why),
    };
    let turnover = curves.line("turnover");
    if turnover.iter().all(|value| *value == 0.0) {
        return page.missing(HEADING, "Nothing was traded.");
    }
    // One more percent of turnover, over a year of bars, in bps.
    let multiplier: Vec<f64> =
        curves.line("cap_multiplier").iter().map(|value| 100.0 * run.frames_per_year * value).collect();
    page.section(HEADING);
    // Without forecasts it is the price of approaching weights, not of growth.
    let grows = run.summary["sizing"]["of_forecasts"].as_bool().unwrap_or(true);
    let costs = grows && multiplier.iter().any(|value| *value != 0.0 && !value.is_nan());
    let panes = if costs { Panes::Two(".1~%", "~g") } else { Panes::One(".1~%") };
    let mut figure = Figure::panes(&panes);
    if costs {
        figure.make_tall();
    }
    figure.draw(&Drawn::new("turnover", turnover, 0, Look::Steps));
    let cap = run.summary["turnover"]["cap"].as_f64();
    let cap = cap.map(|cap| vec![cap; turnover.len()]);
    if let Some(cap) = &cap {
        figure.draw(&Drawn::new("cap", cap, 1, Look::Dashed));
    }
    if costs {
        let name = "worth of 1 % more";
        figure.draw(&Drawn::new(name, &multiplier, 2, Look::Steps).below().format(".3~g"));
    }
    let title = if costs {
        "Share of the value decided to be traded a day, both sides; below, what one more percent of turnover would add, bps a year"
    } else {
        "Share of the value decided to be traded a day, both sides"
    };
    page.figure(title, figure);
    let idle = match (grows, costs) {
        (false, _) => " The strategy asks for weights: there is no growth that the cap could cost.",
        (true, false) => " The cap never cost anything.",
        (true, true) => "",
    };
    page.html(&format!(
        "<p class=\"small\">Turnover as decided, by UTC date.{idle}{}</p>\n",
        thinned(curves, "the highest within")
    ));
}
