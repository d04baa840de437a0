//! `scenario_returns.parquet`: the net return of every scenario on every frame, for whoever compares them.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampNanosecondType};
use arrow_array::{Array as _, Float64Array};
use betaflow_engine::time::TimestampNs;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;

use super::table::{Kind, Table, TableError};

const TABLE: &str = "scenario_returns.parquet";
const COLUMNS: [(&str, Kind); 5] = [
    ("scenario", Kind::Integer),
    ("timestamp", Kind::Time),
    ("seq", Kind::Integer),
    ("net_return", Kind::Number),
    ("turnover", Kind::Number),
];

/// Net returns of one scenario, a frame each after the first that decides.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioReturns {
    /// Which scenario.
    pub number: usize,
    /// Number of the first frame that has a return.
    pub first_seq: u64,
    /// Times of the frames; scenarios of the same frames share them.
    pub timestamps: Arc<[TimestampNs]>,
    /// Simple returns after costs, as many as there are times.
    pub returns: Vec<f64>,
    /// Turnover decided on each of the frames.
    pub turnover: Vec<f64>,
}

/// `scenario_returns.parquet` under construction: one scenario after the other.
pub struct ScenarioReturnsTable(Table);

impl ScenarioReturnsTable {
    /// In a run folder.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(folder: &Path) -> Result<Self, TableError> {
        Ok(Self(Table::create(folder, TABLE, &COLUMNS, None)?))
    }

    /// The next scenario.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn push(&mut self, scenario: &ScenarioReturns) -> Result<(), TableError> {
        let frames = scenario.timestamps.iter().zip(&scenario.returns).zip(&scenario.turnover);
        for (at, ((timestamp, net), turnover)) in (0_u64..).zip(frames) {
            self.0.integer(Some(scenario.number as u64));
            self.0.time(*timestamp);
            self.0.integer(Some(scenario.first_seq + at));
            self.0.number(*net);
            self.0.number(*turnover);
            self.0.end_row()?;
        }
        Ok(())
    }

    /// Writes what is left and the footer.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn close(self) -> Result<(), TableError> {
        self.0.close()
    }
}

/// Reads the returns of every scenario of a folder, in the order of the table; `None` where it has no such table. A
/// scenario without a return is not in it.
///
/// # Errors
/// The table cannot be read, or not as `betaflow stress` writes it.
pub fn read_scenario_returns(folder: &Path) -> Result<Option<Vec<ScenarioReturns>>, TableError> {
    let path = folder.join(TABLE);
    if !path.exists() {
        return Ok(None);
    }
    read(&path).map(Some).map_err(|source| TableError::Read { path, source })
}

fn read(path: &Path) -> Result<Vec<ScenarioReturns>, ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let mut reading = Reading::default();
    for batch in builder.build()? {
        let batch = batch?;
        let column = |name: &str| {
            batch.column_by_name(name).ok_or_else(|| ParquetError::General(format!("no column `{name}`")))
        };
        let wrong = |name: &str| ParquetError::General(format!("column `{name}` has another type"));
        let integers = |name: &'static str| -> Result<_, ParquetError> {
            column(name)?.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong(name))
        };
        let times = column("timestamp")?.as_primitive_opt::<TimestampNanosecondType>();
        let times = times.ok_or_else(|| wrong("timestamp"))?;
        let numbers = |name: &'static str| -> Result<_, ParquetError> {
            column(name)?.as_primitive_opt::<Float64Type>().ok_or_else(|| wrong(name))
        };
        let (returns, turnover) = (numbers("net_return")?, numbers("turnover")?);
        let (scenarios, frames) = (integers("scenario")?, integers("seq")?);
        for row in 0..batch.num_rows() {
            let time = TimestampNs(times.value(row));
            let numbers = [returns, turnover].map(|column| value(column, row));
            reading.row(scenarios.value(row), frames.value(row), time, numbers);
        }
    }
    reading.end();
    Ok(reading.scenarios)
}

/// Null is NaN.
fn value(column: &Float64Array, row: usize) -> f64 {
    if column.is_null(row) { f64::NAN } else { column.value(row) }
}

/// Rows becoming scenarios.
#[derive(Default)]
struct Reading {
    scenarios: Vec<ScenarioReturns>,
    open: Option<(i64, u64)>,
    times: Vec<TimestampNs>,
    returns: Vec<f64>,
    turnover: Vec<f64>,
}

impl Reading {
    fn row(&mut self, scenario: i64, seq: i64, time: TimestampNs, [net, turnover]: [f64; 2]) {
        if self.open.is_none_or(|(open, _)| open != scenario) {
            self.end();
            self.open = Some((scenario, seq.unsigned_abs()));
        }
        self.times.push(time);
        self.returns.push(net);
        self.turnover.push(turnover);
    }

    /// Ends the scenario at hand.
    fn end(&mut self) {
        let Some((scenario, first_seq)) = self.open.take() else { return };
        let before = self.scenarios.last().map(|last| &last.timestamps);
        let timestamps = match before.filter(|before| before[..] == self.times[..]) {
            Some(same) => Arc::clone(same),
            None => self.times.as_slice().into(),
        };
        self.times.clear();
        self.scenarios.push(ScenarioReturns {
            number: usize::try_from(scenario).unwrap_or_default(),
            first_seq,
            timestamps,
            returns: std::mem::take(&mut self.returns),
            turnover: std::mem::take(&mut self.turnover),
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn returns_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_scenario_returns(folder.path()).unwrap(), None);
        let days = |from: i64, count: usize| -> Arc<[TimestampNs]> {
            (0..count as i64).map(|day| TimestampNs((from + day) * 86_400_000_000_000)).collect()
        };
        let of = |number: usize, first_seq: u64, timestamps: Arc<[TimestampNs]>| {
            let returns: Vec<f64> =
                (0..timestamps.len()).map(|at| (at as f64 - 7.0) / 3.0 / (number + 1) as f64).collect();
            let turnover = returns.iter().map(|r| r.abs()).collect();
            ScenarioReturns { number, first_seq, timestamps, returns, turnover }
        };
        // More rows than a row group has.
        let written = [of(0, 3, days(9, 6_000)), of(1, 3, days(9, 6_000)), of(4, 5, days(11, 5_998))];
        let mut table = ScenarioReturnsTable::create(folder.path()).unwrap();
        written.iter().for_each(|scenario| table.push(scenario).unwrap());
        table.close().unwrap();
        let read = read_scenario_returns(folder.path()).unwrap().unwrap();
        assert_eq!(read, written);
        assert!(Arc::ptr_eq(&read[0].timestamps, &read[1].timestamps));
    }
}
