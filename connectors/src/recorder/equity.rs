//! The equity of a run, read back row by row.

use std::path::Path;

use betaflow_engine::execution::Costs;
use betaflow_engine::metrics::EquityPoint;
use parquet::errors::ParquetError;

use super::numbers;
use super::table::TableError;

/// What is read, the costs last.
const COLUMNS: [&str; 9] = [
    "nav",
    "benchmark_nav",
    "turnover",
    "cap_multiplier",
    "commission",
    "spread",
    "impact",
    "borrow",
    "financing",
];

/// Hands every row of `equity.parquet` in the folder to `take`.
///
/// # Errors
/// The table is not there, or is not one of equity.
pub fn read_equity(folder: &Path, take: impl FnMut(EquityPoint)) -> Result<(), TableError> {
    let path = folder.join("equity.parquet");
    read(&path, take).map_err(|source| TableError::Read { path, source })
}

fn read(path: &Path, mut take: impl FnMut(EquityPoint)) -> Result<(), ParquetError> {
    numbers::read(path, &COLUMNS, |timestamp, values| {
        let [nav, benchmark_nav, turnover, cap_multiplier, costs @ ..] = values else { return };
        let &[commission, spread, impact, borrow, financing] = costs else { return };
        take(EquityPoint {
            timestamp,
            nav: *nav,
            costs: Costs { commission, spread, impact, borrow, financing },
            turnover: *turnover,
            cap_multiplier: *cap_multiplier,
            benchmark_nav: *benchmark_nav,
        });
    })
}
