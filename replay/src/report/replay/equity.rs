//! Growth of one unit of wealth, and its drawdown.

use betaflow_connectors::record::{layout_of, read_equity};
use betaflow_engine::metrics::{Buckets, EquityCurves};

use crate::report::Run;
use crate::report::figure::{Figure, LineStyle, PaneLine, Panes};
use crate::report::page::Page;
use crate::summary::time_text;

/// Most points of a line.
pub(super) const POINTS_MAX: u64 = 1_500;
const TABLE: &str = "equity.parquet";
const HEADING: &str = "Growth of one unit";

/// Equity of the run as lines, or the reason why there are none.
pub(super) type Curves = Result<EquityCurves, String>;

/// Reads the equity.
pub(super) fn read(run: &Run<'_>) -> Curves {
    let layout = layout_of(run.folder, TABLE).map_err(|error| error.to_string())?;
    let rows = layout.ok_or_else(|| format!("{TABLE} is not in the run folder."))?.rows;
    match rows {
        0 => return Err("No rebalance: there is nothing to draw.".to_owned()),
        1 => return Err("Only one frame after the first rebalance: a line needs two.".to_owned()),
        _ => {}
    }
    let mut curves = EquityCurves::new(Buckets::new(rows, POINTS_MAX));
    read_equity(run.folder, |point| curves.push(point)).map_err(|error| error.to_string())?;
    Ok(curves)
}

/// Times of all figures over time.
pub(super) fn times(curves: &EquityCurves) -> Vec<String> {
    curves.times().iter().map(|time| time_text(Some(*time)).unwrap_or_default()).collect()
}

/// Returns how many frames a point of the lines stands for; empty for one.
pub(super) fn thinned(curves: &EquityCurves, of_bucket: &str) -> String {
    match curves.frames_between() {
        1 => String::new(),
        every => format!(" A point stands for {every} frames: {of_bucket}."),
    }
}

/// Adds the figure.
pub(super) fn add(page: &mut Page, curves: &Curves) {
    let curves = match curves {
        Ok(curves) => curves,
        Err(why) => return page.missing(HEADING, why),
    };
    let mut figure = Figure::panes(&Panes::Two(".2~f", ".0~%"));
    figure.make_tall();
    // The last one is on top.
    for (name, colour, look) in
        [("benchmark", 1, LineStyle::Beside), ("gross", 5, LineStyle::Dashed), ("net", 0, LineStyle::Main)]
    {
        figure.draw(&PaneLine::new(name, curves.line(name), colour, look).with(name).format(".3f"));
    }
    let fallen = |name, line, look, colour| PaneLine::new(name, curves.line(line), colour, look).below();
    figure.draw(&fallen("drawdown, net", "net_drawdown", LineStyle::Area, 0).with("net"));
    figure.draw(&fallen("drawdown, benchmark", "benchmark_drawdown", LineStyle::Thin, 1).with("benchmark"));
    let positive = |line: &str| curves.line(line).iter().all(|value| *value > 0.0);
    if ["net", "gross", "benchmark"].into_iter().all(positive) {
        figure.let_be_logarithmic();
    }
    page.figure("Growth of 1, and its drawdown below", figure);
    page.small(format!(
        "Drag to zoom, double-click to see all; the figures over time zoom together.{}",
        thinned(curves, "the value at its end, the deepest drawdown within")
    ));
}
