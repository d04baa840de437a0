//! Results of a study: figures and returns of its scenarios, and their tables.

use std::path::Path;

use anyhow::Result;
use betaflow_connectors::record::{ScenarioReturns, ScenarioReturnsTable, ScenarioRow, ScenariosTable};
use betaflow_engine::source::DataFacts;

use super::Study;

/// Result of one scenario.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// Figures of the scenario.
    pub(crate) row: ScenarioRow,
    /// Net returns; `None` if not stored, or without a return.
    pub(crate) returns: Option<ScenarioReturns>,
}

impl Outcome {
    /// Figure by its column name; NaN if undefined.
    pub(crate) fn figure(&self, name: &str) -> f64 {
        let place = ScenarioRow::names().iter().position(|known| known == name);
        place.map_or(f64::NAN, |place| self.row.figures[place])
    }
}

/// Results of all scenarios of a study, in order.
pub(crate) struct StudyResults {
    /// Result of each scenario.
    pub(crate) outcomes: Vec<Outcome>,
    /// Counts of the input.
    pub(crate) data: DataFacts,
    /// Number of passes over the data in this call.
    pub(crate) passes: usize,
}

/// Writes `scenarios.parquet`, and `scenario_returns.parquet` if returns were stored. `note` goes into the
/// metadata.
///
/// # Errors
/// A table cannot be written.
pub(crate) fn write_tables(
    folder: &Path,
    study: &Study,
    results: &StudyResults,
    note: Option<&str>,
) -> Result<()> {
    let mut table = ScenariosTable::create(folder, &study.grid.columns(), note)?;
    for outcome in &results.outcomes {
        table.push(&study.grid.values(outcome.row.number), &outcome.row)?;
    }
    table.close()?;
    let mut returns = results.outcomes.iter().filter_map(|outcome| outcome.returns.as_ref()).peekable();
    if returns.peek().is_some() {
        let mut table = ScenarioReturnsTable::create(folder)?;
        returns.try_for_each(|scenario| table.push(scenario))?;
        table.close()?;
    }
    Ok(())
}
