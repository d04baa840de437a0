//! Rolling Sharpe ratio, volatility and beta.

use super::equity::{Curves, Equity};
use crate::report::figure::{Figure, LineStyle, Pane, PaneLine, Panes};
use crate::report::page::Page;

const HEADING: &str = "Rolling risk";

/// Line of a figure: name, line of the equity, index of the colour.
type Line<'a> = (&'a str, &'static str, usize);

/// Adds the figures. `benchmark`: label of the benchmark.
pub(super) fn add(page: &mut Page, curves: &Curves, benchmark: &str) {
    let equity = match curves {
        Ok(equity) => equity,
        Err(why) => return page.missing(HEADING, why),
    };
    if equity.rows <= equity.window as u64 {
        let why =
            format!("The run has {} returns; a window needs {} (252 days).", equity.rows - 1, equity.window);
        return page.missing(HEADING, &why);
    }
    page.section(HEADING);
    let drawn = [
        draw(
            page,
            equity,
            "Rolling Sharpe ratio, 252 days",
            "Annualised Sharpe ratio of the last 252 days; a high ratio in a few periods only is a fragile result.",
            Pane("Sharpe ratio, annualised", "~g"),
            ".2f",
            &[(benchmark, "benchmark_sharpe", 1), ("net", "sharpe", 0)],
        ),
        draw(
            page,
            equity,
            "Rolling volatility, 252 days",
            "Annualised standard deviation of the returns of the last 252 days, to compare with the benchmark.",
            Pane("volatility, % a year", ".0%"),
            ".2%",
            &[(benchmark, "benchmark_volatility", 1), ("net", "volatility", 0)],
        ),
        draw(
            page,
            equity,
            "Rolling beta to the benchmark, 252 days",
            "Slope of the net returns on those of the benchmark over the last 252 days: 1 moves with it, 0 is independent.",
            Pane("beta, no unit", "~g"),
            ".3f",
            &[("beta, net", "beta", 0)],
        ),
    ];
    if !drawn.contains(&true) {
        page.absent("Returns are constant: no figure is defined.");
    }
}

/// Adds a figure of the lines that have a value; returns false without one.
fn draw(
    page: &mut Page,
    equity: &Equity,
    title: &str,
    reading: &str,
    pane: Pane,
    format: &'static str,
    lines: &[Line<'_>],
) -> bool {
    let defined = |(_, line, _): &&Line<'_>| equity.rolling.line(line).iter().any(|value| value.is_finite());
    let lines: Vec<&Line<'_>> = lines.iter().filter(defined).collect();
    if lines.is_empty() {
        return false;
    }
    let mut figure = Figure::panes(&Panes::One(pane));
    for (name, line, colour) in lines {
        let look = if *colour == 0 { LineStyle::Main } else { LineStyle::Beside };
        figure.draw(&PaneLine::new(name, equity.rolling.line(line), *colour, look).format(format));
    }
    page.figure(title, reading, figure);
    true
}
