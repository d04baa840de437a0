//! Growth of one unit with the tuned settings, the configuration, and the best setting in hindsight.

use betaflow_connectors::record::{layout_of, read_numbers};
use betaflow_engine::metrics::{Buckets, ReturnCurves};

use super::Tuning;
use crate::report::figure::{Figure, LineStyle, Pane, PaneLine, Panes};
use crate::report::page::Page;
use crate::summary::time_text;

const HEADING: &str = "Growth of one unit";
const TABLE: &str = "out_of_sample.parquet";
const POINTS_MAX: u64 = 1_500;
const COLUMNS: [&str; 3] = ["net_return", "base_net_return", "hindsight_net_return"];
const LINES: [(&str, usize, LineStyle); 3] = [
    ("tuned", 0, LineStyle::Main),
    ("the configuration as it is", 1, LineStyle::Beside),
    ("best in hindsight", 2, LineStyle::Dashed),
];

/// Adds the figure.
pub(super) fn add(page: &mut Page, tuning: &Tuning) {
    let curves = match read(tuning) {
        Ok(curves) => curves,
        Err(why) => return page.missing(HEADING, &why),
    };
    page.section(HEADING);
    let times = curves.times().iter().map(|time| time_text(Some(*time)).unwrap_or_default()).collect();
    page.set_times(times);
    let mut figure = Figure::panes(&Panes::Two(Pane("growth of 1", ".2~f"), Pane("drawdown, %", ".0~%")));
    figure.make_tall();
    // The line that is drawn last is on top.
    for (at, (name, colour, look)) in LINES.into_iter().enumerate().rev() {
        figure.draw(&PaneLine::new(name, curves.growth(at), colour, look).with(name).format(".3f"));
    }
    for (at, (name, colour, _)) in LINES.into_iter().enumerate().take(2) {
        let look = if at == 0 { LineStyle::Area } else { LineStyle::Thin };
        figure.draw(&PaneLine::new(name, curves.drawdown(at), colour, look).below().with(name));
    }
    if (0..LINES.len()).all(|at| curves.growth(at).iter().all(|value| *value > 0.0)) {
        figure.let_be_logarithmic();
    }
    page.figure(
        "Growth of 1 on the judged blocks, and its drawdown below",
        "One unit of wealth after costs with the tuned settings, beside the configuration: tuning has helped where the first \
         ends higher.",
        figure,
    );
    let every = match curves.frames_between() {
        1 => String::new(),
        every => format!(" A point stands for {every} bars."),
    };
    page.small(format!("The best in hindsight was chosen with all of these bars: it is in-sample.{every}"));
}

/// Returns the path that is shown, or the reason why it cannot be read.
fn read(tuning: &Tuning) -> Result<ReturnCurves, String> {
    let layout = layout_of(tuning.folder, TABLE).map_err(|error| error.to_string())?;
    let rows = layout.ok_or_else(|| format!("{TABLE} is not in the folder."))?.rows;
    let out = &tuning.summary.out_of_sample;
    let (Some(frames), Some(shown)) = (out.frames, out.path) else {
        return Err("summary.json has no out_of_sample.frames and out_of_sample.path.".to_owned());
    };
    if frames == 0 || frames.saturating_mul(shown + 1) > rows {
        return Err(format!("{TABLE} has {rows} rows, too few for the path that summary.json names."));
    }
    let mut curves = ReturnCurves::new(Buckets::new(frames, POINTS_MAX), COLUMNS.len());
    let mut row = 0;
    read_numbers(tuning.folder, TABLE, &COLUMNS, |time, returns| {
        if (frames * shown..frames * (shown + 1)).contains(&row) {
            curves.push(time, returns);
        }
        row += 1;
    })
    .map_err(|error| error.to_string())?;
    Ok(curves)
}
