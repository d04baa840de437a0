//! Exposure of the book, and its holdings.

use betaflow_connectors::record::{layout_of, read_numbers};
use betaflow_engine::metrics::{Buckets, Curves as Lines, HoldingCurves, Keep};

use super::equity::{Curves, Equity, POINTS_MAX, TABLE, thinned};
use crate::report::Run;
use crate::report::figure::{Figure, LineStyle, Pane, PaneLine, Panes};
use crate::report::page::Page;

const HEADING: &str = "Exposure and holdings";
const WEIGHTS: &str = "weights.parquet";
const COLUMNS: [&str; 4] = ["gross_exposure", "net_exposure", "cash", "nav"];
/// Lines with the index of their colour.
const NAMES: [(&str, usize); 3] = [("gross exposure", 0), ("net exposure", 1), ("cash", 2)];

/// Adds the figures.
pub(super) fn add(page: &mut Page, run: &Run<'_>, curves: &Curves) {
    let equity = match curves {
        Ok(equity) => equity,
        Err(why) => return page.missing(HEADING, why),
    };
    let lines = match read(run, equity) {
        Ok(lines) => lines,
        Err(why) => return page.missing(HEADING, &why),
    };
    page.section(HEADING);
    let mut figure = Figure::panes(&Panes::One(Pane("share of NAV, %", ".0%")));
    for ((name, colour), line) in NAMES.into_iter().zip(&lines.lines) {
        // Without shorts net and gross exposure are the same line.
        let look = [LineStyle::Main, LineStyle::Dashed, LineStyle::Beside][colour % 3];
        figure.draw(&PaneLine::new(name, &line.values, colour, look));
    }
    page.figure(
        "Gross and net exposure, and cash",
        "Gross exposure is the sum of absolute position values, net exposure that of signed ones; cash below 0 is borrowed.",
        figure,
    );
    if let Err(why) = add_holdings(page, run, equity, &lines.lines[0].values) {
        page.absent(&why);
    }
    let thinned = thinned(equity, "the value at its end");
    if !thinned.is_empty() {
        page.small(thinned.trim_start());
    }
}

/// Reads the exposures at the points of the equity.
fn read(run: &Run<'_>, equity: &Equity) -> Result<Lines, String> {
    let mut lines = Lines::new(Buckets::new(equity.rows, POINTS_MAX), &[Keep::Last; NAMES.len()]);
    read_numbers(run.folder, TABLE, &COLUMNS, |time, values| {
        lines.push(time, &[values[0], values[1], values[2] / values[3]]);
    })
    .map_err(|error| error.to_string())?;
    Ok(lines)
}

/// Adds the number of holdings, or returns the reason why it cannot be drawn.
fn add_holdings(page: &mut Page, run: &Run<'_>, equity: &Equity, gross: &[f64]) -> Result<(), String> {
    layout_of(run.folder, WEIGHTS)
        .map_err(|error| error.to_string())?
        .ok_or_else(|| format!("Holdings: {WEIGHTS} is not in the run folder."))?;
    let mut holdings = HoldingCurves::new(equity.times());
    read_numbers(run.folder, WEIGHTS, &["held_weight"], |time, weight| holdings.push(time, weight[0]))
        .map_err(|error| error.to_string())?;
    let (counts, effective, frames) = holdings.lines(gross);
    if frames < 2 {
        return Err(format!("Holdings: {WEIGHTS} has fewer than two frames (`record.weights`)."));
    }
    let mut figure = Figure::panes(&Panes::One(Pane("instruments, count", "~g")));
    figure.draw(&PaneLine::new("holdings", &counts, 0, LineStyle::Main).format(".0f"));
    figure.draw(&PaneLine::new("effective number", &effective, 1, LineStyle::Beside).format(".1f"));
    page.figure(
        "Holdings and their effective number",
        "The effective number is (Σ|w|)² / Σw² of the held weights w: n for n equal positions. If it is far below the number \
         of holdings, a few positions dominate the book.",
        figure,
    );
    Ok(())
}
