//! Turnover against its cap, and the marginal value of turnover.

use super::equity::{Curves, thinned};
use crate::report::Run;
use crate::report::figure::{Figure, LineStyle, Pane, PaneLine, Panes};
use crate::report::page::Page;
use crate::summary::TradingSummary;

const HEADING: &str = "Turnover and turnover cap";

/// Adds the figure.
pub(super) fn add(page: &mut Page, run: &Run<'_>, trading: &TradingSummary, curves: &Curves) {
    let curves = match curves {
        Ok(curves) => curves,
        Err(why) => return page.missing(HEADING, why),
    };
    let turnover = curves.line("turnover");
    if turnover.iter().all(|value| *value == 0.0) {
        return page.missing(HEADING, "No trades were decided.");
    }
    // Growth by one more percent of turnover, over a year of bars, in bps.
    let multiplier: Vec<f64> =
        curves.line("cap_multiplier").iter().map(|value| 100.0 * run.frames_per_year * value).collect();
    page.section(HEADING);
    // Without forecasts, the multiplier measures the approach to target weights, not growth.
    let grows = trading.sizing.of_forecasts.unwrap_or(true);
    let costs = grows && multiplier.iter().any(|value| *value != 0.0 && !value.is_nan());
    let upper = Pane("turnover, % of NAV a day", ".1~%");
    let panes = if costs { Panes::Two(upper, Pane("bps a year", "~g")) } else { Panes::One(upper) };
    let mut figure = Figure::panes(&panes);
    if costs {
        figure.make_tall();
    }
    figure.draw(&PaneLine::new("turnover", turnover, 0, LineStyle::Steps));
    let cap = trading.turnover.cap.get();
    let cap = cap.map(|cap| vec![cap; turnover.len()]);
    if let Some(cap) = &cap {
        figure.draw(&PaneLine::new("cap", cap, 1, LineStyle::Dashed));
    }
    if costs {
        let name = "marginal value of turnover";
        figure.draw(&PaneLine::new(name, &multiplier, 2, LineStyle::Steps).below().format(".3~g"));
    }
    let (title, reading) = match costs {
        true => (
            "Turnover a day as decided, and the marginal value of turnover below",
            "Purchases and sales of a date as a share of NAV, with the cap. The lower pane is the annual growth that one \
             more percent of turnover would have added: high and long spikes mean that the cap is tight.",
        ),
        false => {
            ("Turnover a day as decided", "Purchases and sales of a date as a share of NAV, with the cap.")
        }
    };
    page.figure(title, reading, figure);
    let idle = match (grows, costs) {
        (false, _) => " The strategy sets weights, not forecasts: turnover has no marginal value.",
        (true, false) => " The cap never bound.",
        (true, true) => "",
    };
    let notes = format!("{idle}{}", thinned(curves, "the highest within"));
    if !notes.is_empty() {
        page.small(notes.trim_start());
    }
}
