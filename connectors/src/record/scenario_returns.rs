//! Returns of each scenario of a study, frame by frame: writer and reader of `scenario_returns.parquet`.

use std::path::Path;
use std::sync::Arc;

use betaflow_engine::time::TimestampNs;

use super::column::RunNames;
use super::rows::TableRows;
use super::studies::ScenarioReturnRow;
use super::table::{TableError, TableWriter, file_name};

/// Net returns of one scenario, one per frame after the first rebalance.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioReturns {
    /// Number of the scenario.
    pub number: usize,
    /// Number of the first frame that has a return.
    pub first_seq: u64,
    /// Times of the frames; scenarios of the same frames share them.
    pub timestamps: Arc<[TimestampNs]>,
    /// Simple returns after costs, as many as there are times.
    pub returns: Vec<f64>,
    /// Turnover of the rebalance on each of the frames.
    pub turnover: Vec<f64>,
}

/// Writer of `scenario_returns.parquet`: one scenario after the other.
pub struct ScenarioReturnsTable(TableWriter<ScenarioReturnRow>);

impl ScenarioReturnsTable {
    /// Creates the table in a run folder.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(folder: &Path) -> Result<Self, TableError> {
        Ok(Self(TableWriter::create(folder, &RunNames::default(), None)?))
    }

    /// Adds a scenario.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn push(&mut self, of: &ScenarioReturns) -> Result<(), TableError> {
        let frames = of.timestamps.iter().zip(&of.returns).zip(&of.turnover);
        for (at, ((&timestamp, &net_return), &turnover)) in (0_u64..).zip(frames) {
            let (scenario, seq) = (of.number as u64, of.first_seq + at);
            self.0.push(&ScenarioReturnRow { scenario, timestamp, seq, net_return, turnover })?;
        }
        Ok(())
    }

    /// Writes the remaining rows and the footer.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn close(self) -> Result<(), TableError> {
        self.0.close()
    }
}

/// Reads the returns of every scenario of a folder, in the order of the table; `None` without such a table. Scenarios
/// without a return are absent.
///
/// # Errors
/// The table cannot be read, or has other columns than `betaflow stress` writes.
pub fn read_scenario_returns(folder: &Path) -> Result<Option<Vec<ScenarioReturns>>, TableError> {
    if !folder.join(file_name::<ScenarioReturnRow>()).exists() {
        return Ok(None);
    }
    let mut rows = TableRows::<ScenarioReturnRow>::open(folder)?;
    let mut collector = Collector::default();
    while let Some(row) = rows.next_row()? {
        collector.row(&row);
    }
    collector.end();
    Ok(Some(collector.scenarios))
}

/// Collects rows into scenarios.
#[derive(Default)]
struct Collector {
    scenarios: Vec<ScenarioReturns>,
    open: Option<(u64, u64)>,
    times: Vec<TimestampNs>,
    returns: Vec<f64>,
    turnover: Vec<f64>,
}

impl Collector {
    fn row(&mut self, row: &ScenarioReturnRow) {
        if self.open.is_none_or(|(open, _)| open != row.scenario) {
            self.end();
            self.open = Some((row.scenario, row.seq));
        }
        self.times.push(row.timestamp);
        self.returns.push(row.net_return);
        self.turnover.push(row.turnover);
    }

    /// Ends the current scenario.
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
    fn returns_survive_a_write_and_a_read() {
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
