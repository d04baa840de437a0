//! Files of a user for a panel: forecasts, weights, a risk model.

use std::ops::Range;
use std::path::Path;

use super::{Panel, Random, numbers, texts, times, write};

/// Writes a value per instrument and frame of a range, under a name that is not read, and renames the file.
pub(crate) fn signal(path: &Path, panel: &Panel, frames: Range<usize>, column: &str, seed: u64) {
    let mut random = Random(seed);
    let scale = if column == "weight" { 0.03 } else { 0.004 };
    let rows: Vec<(i64, String)> = panel.times[frames]
        .iter()
        .flat_map(|time| (0..6).map(move |instrument| (*time, format!("S{instrument:02}"))))
        .collect();
    let columns = vec![
        times(rows.iter().map(|row| row.0)),
        ("symbol", texts(rows.iter().map(|row| &row.1))),
        (column, numbers(rows.iter().map(|_| Some(scale * random.normal())))),
    ];
    let aside = path.with_file_name(".aside.parquet");
    write(&aside, columns);
    std::fs::rename(aside, path).unwrap();
}

/// Writes the betas and the factor covariances of a vendor, every fifth frame.
pub(crate) fn risk_model(betas: &Path, factor_cov: &Path, panel: &Panel) {
    let mut random = Random(11);
    let stamps: Vec<i64> = panel.times.iter().copied().step_by(5).collect();
    let rows: Vec<(i64, String)> =
        stamps.iter().flat_map(|time| (0..8).map(move |i| (*time, format!("S{i:02}")))).collect();
    let mut column =
        |middle: f64, width: f64| numbers(rows.iter().map(|_| Some(middle + width * random.share())));
    let columns = vec![
        times(rows.iter().map(|row| row.0)),
        ("symbol", texts(rows.iter().map(|row| &row.1))),
        ("mkt", column(0.5, 1.0)),
        ("mom", column(-0.5, 1.0)),
        ("residual_sd", column(0.01, 0.005)),
        ("alpha", column(-0.001, 0.003)),
    ];
    write(betas, columns);
    let rows: Vec<(i64, &str)> =
        stamps.iter().flat_map(|time| ["mkt", "mom"].map(|factor| (*time, factor))).collect();
    let cells = |own: &str, variance: f64| {
        numbers(rows.iter().map(|row| Some(if row.1 == own { variance } else { 1e-5 })))
    };
    let columns = vec![
        times(rows.iter().map(|row| row.0)),
        ("factor", texts(rows.iter().map(|row| row.1))),
        ("mkt", cells("mkt", 1e-4)),
        ("mom", cells("mom", 3e-5)),
    ];
    write(factor_cov, columns);
}
