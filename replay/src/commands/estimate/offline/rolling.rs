//! `--compare rolling`: the engine's comparison, and `rolling.parquet`.

use std::path::Path;

use anyhow::Result;
use betaflow_connectors::record::{RollingRow, RowOf, RunNames, TableWriter};
use betaflow_engine::model::{Panel, RollingComparison, RollingRegression};

use super::findings::{RollingResults, Window};
use crate::config::Config;
use crate::run::progress;

/// Windows in days.
const WINDOWS: [u32; 4] = [63, 126, 252, 504];
/// Window whose betas are written.
const WRITTEN: u32 = 252;

/// Compares, and writes `rolling.parquet`.
pub(crate) fn compare(config: &Config, panel: &Panel, folder: &Path) -> Result<RollingResults> {
    let factors = panel.factor_names().len();
    let mut comparison =
        RollingComparison::new(&config.estimator, &config.run().calendar, factors, &WINDOWS)?;
    let mut table = TableWriter::create(folder, &RunNames::of_factors(panel.factor_names()), None)?;
    let bar = progress::steps(panel.frames(), "frames compared");
    for t in 0..panel.frames() {
        comparison.step(panel.factors(t), panel.returns(t));
        if let Some(regression) = comparison.regression(WRITTEN) {
            write(&mut table, panel, t, regression)?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    table.close()?;
    Ok(RollingResults {
        windows: comparison.results().map(|(days, paired)| Window { days, paired }).collect(),
        skipped: comparison.skipped(),
        with_returns: comparison.with_returns(),
    })
}

fn write(
    table: &mut TableWriter<RollingRow>,
    panel: &Panel,
    t: usize,
    regression: &RollingRegression,
) -> Result<()> {
    let (timestamp, seq) = panel.frame(t);
    let returns = panel.returns(t);
    let mut row = RollingRow::default();
    let forecasts = regression.forecasts().iter().enumerate();
    for (i, forecast) in forecasts.filter(|(_, forecast)| !forecast.is_nan()) {
        let of = RowOf { timestamp, seq, symbol: &panel.names()[i] };
        row.take(of, regression.coefficients(i), *forecast, returns[i] - forecast);
        table.push(&row)?;
    }
    Ok(())
}
