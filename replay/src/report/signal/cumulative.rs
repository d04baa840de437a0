//! Sum of the rank ICs through time.

use std::path::Path;

use betaflow_connectors::record::{layout_of, read_numbers};
use betaflow_engine::metrics::{Buckets, Curves, Keep};

use crate::report::figure::{Figure, LineStyle, Pane, PaneLine, Panes};
use crate::report::format::counted;
use crate::report::page::Page;
use crate::summary::{SignalKeys, time_text};

const HEADING: &str = "Cumulative rank IC";
const TABLE: &str = "signal.parquet";
const POINTS_MAX: u64 = 1_500;
const COLUMNS: [&str; 2] = ["rank_ic", "residual_rank_ic"];

/// Adds the figure.
pub(super) fn add(page: &mut Page, folder: &Path, keys: &SignalKeys) {
    let curves = match read(folder, keys) {
        Ok(curves) => curves,
        Err(why) => return page.missing(HEADING, &why),
    };
    page.section(HEADING);
    page.set_times(curves.times.iter().map(|time| time_text(Some(*time)).unwrap_or_default()).collect());
    let mut figure = Figure::panes(&Panes::One(Pane("sum of the coefficients", "~g")));
    let has_residuals = keys.at_horizon().is_some_and(|found| found.residual_rank_ic.count > 0);
    let residual = ("of residual returns", 1, LineStyle::Beside);
    let lines = [("of returns", 0, LineStyle::Main), residual];
    for ((name, colour, look), line) in lines.into_iter().zip(&curves.lines) {
        if colour == 0 || has_residuals {
            figure.draw(&PaneLine::new(name, &line.values, colour, look).format(".2f"));
        }
    }
    page.figure(
        &format!("Sum of the rank ICs over {}", counted(keys.horizon, "bar")),
        "A straight rising line is a stable signal; a flat part is a period without predictive power.",
        figure,
    );
}

/// Returns the sums, or the reason why they cannot be read.
fn read(folder: &Path, keys: &SignalKeys) -> Result<Curves, String> {
    let layout = layout_of(folder, TABLE).map_err(|error| error.to_string())?;
    let rows = layout.ok_or_else(|| format!("{TABLE} is not in the folder."))?.rows;
    let place = keys.horizons.iter().position(|found| found.bars == keys.horizon);
    let (Some(place), true) = (place, rows == keys.cross_sections * keys.horizons.len() as u64) else {
        return Err(format!("{TABLE} has {rows} rows, which do not agree with summary.json."));
    };
    let mut curves = Curves::new(Buckets::new(keys.cross_sections, POINTS_MAX), &[Keep::TotalOver(1.0); 2]);
    let mut row = 0;
    read_numbers(folder, TABLE, &COLUMNS, |time, values| {
        if row % keys.horizons.len() == place {
            // A cross-section without a coefficient adds nothing.
            let known: Vec<f64> =
                values.iter().map(|value| if value.is_nan() { 0.0 } else { *value }).collect();
            curves.push(time, &known);
        }
        row += 1;
    })
    .map_err(|error| error.to_string())?;
    Ok(curves)
}
