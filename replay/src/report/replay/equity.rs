//! Growth of one unit of wealth, and its drawdown.

use betaflow_connectors::record::{layout_of, read_equity};
use betaflow_engine::metrics::{
    ActiveReturns, ActiveRisk, Buckets, EquityCurves, EquityPoint, RollingCurves, TrailingReturn,
    TrailingReturns,
};
use betaflow_engine::time::TimestampNs;

use crate::report::Run;
use crate::report::figure::{Figure, LineStyle, Pane, PaneLine, Panes};
use crate::report::page::Page;
use crate::summary::time_text;

/// Maximum points of a line.
pub(super) const POINTS_MAX: u64 = 1_500;
/// Days of the window of rolling figures.
const WINDOW_DAYS: f64 = 252.0;
pub(super) const TABLE: &str = "equity.parquet";
const HEADING: &str = "Growth of one unit";

/// Figures and lines of the equity of a run, from one pass over its table.
pub(super) struct Equity {
    curves: EquityCurves,
    pub(super) rolling: RollingCurves,
    /// Number of returns in the window of `rolling`.
    pub(super) window: usize,
    /// Tracking error and information ratio.
    pub(super) active: ActiveRisk,
    pub(super) trailing: Vec<TrailingReturn>,
    /// Rows of the table.
    pub(super) rows: u64,
    /// Time of the first row: the first rebalance.
    pub(super) first: TimestampNs,
}

/// Equity of the run, or the reason why there is none.
pub(super) type Curves = Result<Equity, String>;

impl Equity {
    /// Times of the points.
    pub(super) fn times(&self) -> &[TimestampNs] {
        self.curves.times()
    }

    /// A line of [`EquityCurves`].
    pub(super) fn line(&self, name: &str) -> &[f64] {
        self.curves.line(name)
    }
}

/// Reads the equity.
pub(super) fn read(run: &Run<'_>) -> Curves {
    let layout = layout_of(run.folder, TABLE).map_err(|error| error.to_string())?;
    let rows = layout.ok_or_else(|| format!("{TABLE} is not in the run folder."))?.rows;
    match rows {
        0 => return Err("No rebalance: there is nothing to draw.".to_owned()),
        1 => return Err("Only one frame after the first rebalance: a line needs two.".to_owned()),
        _ => {}
    }
    let buckets = Buckets::new(rows, POINTS_MAX);
    let window = (WINDOW_DAYS * run.frames_per_day).round().max(2.0) as usize;
    let mut curves = EquityCurves::new(buckets);
    let mut rolling = RollingCurves::new(buckets, window, run.frames_per_year);
    let (mut trailing, mut active) = (TrailingReturns::default(), ActiveReturns::default());
    let (mut first, mut last): (Option<TimestampNs>, Option<EquityPoint>) = (None, None);
    read_equity(run.folder, &run.zone, |point| {
        first.get_or_insert(point.timestamp);
        curves.push(point);
        rolling.push(&point);
        trailing.push(&point);
        if let Some(last) = last.replace(point) {
            let returns = point.returns_since(&last);
            active.push(returns.net, returns.benchmark);
        }
    })
    .map_err(|error| error.to_string())?;
    let active = active.risk(run.frames_per_year);
    let first = first.ok_or_else(|| format!("{TABLE} has no row."))?;
    Ok(Equity { curves, rolling, window, active, trailing: trailing.periods(), rows, first })
}

/// Returns the times of all figures over time.
pub(super) fn times(equity: &Equity) -> Vec<String> {
    equity.times().iter().map(|time| time_text(Some(*time)).unwrap_or_default()).collect()
}

/// Returns a sentence on the frames per point; empty for one frame. `of_bucket`: value that a point shows.
pub(super) fn thinned(equity: &Equity, of_bucket: &str) -> String {
    match equity.curves.frames_between() {
        1 => String::new(),
        every => format!(" A point stands for {every} frames: {of_bucket}."),
    }
}

/// Adds the figure. `benchmark`: label of the benchmark.
pub(super) fn add(page: &mut Page, curves: &Curves, benchmark: &str) {
    let equity = match curves {
        Ok(equity) => equity,
        Err(why) => return page.missing(HEADING, why),
    };
    page.section(HEADING);
    let mut figure = Figure::panes(&Panes::Two(Pane("growth of 1", ".2~f"), Pane("drawdown, %", ".0~%")));
    figure.make_tall();
    // The line that is drawn last is on top.
    for (name, colour, look) in
        [("benchmark", 1, LineStyle::Beside), ("gross", 5, LineStyle::Dashed), ("net", 0, LineStyle::Main)]
    {
        let shown = if name == "benchmark" { benchmark } else { name };
        figure.draw(&PaneLine::new(shown, equity.line(name), colour, look).with(name).format(".3f"));
    }
    let of_benchmark = format!("drawdown, {benchmark}");
    let fallen = |name, line, look, colour| PaneLine::new(name, equity.line(line), colour, look).below();
    figure.draw(&fallen("drawdown, net", "net_drawdown", LineStyle::Area, 0).with("net"));
    figure.draw(&fallen(&of_benchmark, "benchmark_drawdown", LineStyle::Thin, 1).with("benchmark"));
    let positive = |line: &str| equity.line(line).iter().all(|value| *value > 0.0);
    if ["net", "gross", "benchmark"].into_iter().all(positive) {
        figure.let_be_logarithmic();
    }
    page.figure(
        "Growth of 1, and its drawdown below",
        "One unit of wealth after costs (net), before costs (gross) and in the benchmark; the lower pane is the fall below the \
         running maximum, so deep and wide areas are long losses.",
        figure,
    );
    page.small(format!(
        "Drag to zoom, double-click to see all; the figures over time zoom together.{}",
        thinned(equity, "the value at its end, the deepest drawdown within")
    ));
}
