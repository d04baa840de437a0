//! `--compare rolling`: the filter against rolling least squares, out of sample, on the same forecasts.

use std::path::Path;

use anyhow::Result;
use betaflow_connectors::recorder::{RollingTable, RowOf};
use betaflow_engine::model::{Estimates, Paired, RollingRegression, estimator};

use super::findings::{Compared, Window};
use super::panel::Panel;
use crate::config::Config;
use crate::run::progress;

/// Windows in days, the last the longest.
const WINDOWS: [u32; 4] = [63, 126, 252, 504];
/// The window whose betas are written.
const WRITTEN: u32 = 252;

/// Compares, and writes `rolling.parquet`.
pub(crate) fn compare(config: &Config, panel: &Panel, folder: &Path) -> Result<Compared> {
    let calendar = config.data.calendar();
    let factors = panel.factor_names.len();
    let mut filter = estimator(&config.estimator, &calendar, factors)?;
    let mut table = RollingTable::create(folder, &panel.factor_names)?;
    let mut windows = Vec::new();
    for days in WINDOWS {
        let frames = usize::try_from(calendar.frames(days))?;
        windows.push((days, RollingRegression::new(frames, factors)?, Paired::default()));
    }
    // All windows are judged on the same frames, a day after the longest can first be full.
    let skipped = calendar.frames(WINDOWS[WINDOWS.len() - 1] + 1);
    let mut with_returns = 0;
    let mut estimates = Estimates::default();
    let bar = progress::steps(panel.frames.len(), "frames compared");
    for t in 0..panel.frames.len() {
        let (x, y) = (panel.factors(t), panel.returns(t));
        with_returns += u64::from(y.iter().any(|y| !y.is_nan()));
        let judged = with_returns > skipped;
        filter.step(x, y, false);
        if judged {
            estimates.factors.clear();
            estimates.factors.extend_from_slice(x);
            filter.write(&mut estimates);
        }
        for (days, rolling, paired) in &mut windows {
            let forecasts = rolling.step(x, y);
            if judged {
                for ((y, f), filter) in y.iter().zip(forecasts).zip(&estimates.forecast_mean) {
                    paired.observe(*y, [*f, *filter]);
                }
            }
            if *days == WRITTEN {
                let forecasts = forecasts.to_vec();
                write(&mut table, panel, t, rolling, &forecasts)?;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    table.close()?;
    let window = |(days, _, paired): &(u32, _, Paired)| Window { days: *days, paired: *paired };
    Ok(Compared { windows: windows.iter().map(window).collect(), skipped, with_returns })
}

fn write(
    table: &mut RollingTable,
    panel: &Panel,
    t: usize,
    rolling: &RollingRegression,
    forecasts: &[f64],
) -> Result<()> {
    let (timestamp, seq) = panel.frames[t];
    let returns = panel.returns(t);
    for (i, forecast) in forecasts.iter().enumerate().filter(|(_, forecast)| !forecast.is_nan()) {
        let of = RowOf { timestamp, seq, symbol: &panel.names[i] };
        table.row(of, rolling.coefficients(i), *forecast, returns[i] - forecast)?;
    }
    Ok(())
}
