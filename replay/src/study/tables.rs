//! The tables of a study.

use std::path::Path;

use anyhow::Result;
use betaflow_connectors::record::{ScenarioReturnsTable, ScenariosTable};

use super::{Finished, Study};

/// Writes `scenarios.parquet`, and `scenario_returns.parquet` where returns were kept. `note`: note in
/// the metadata.
///
/// # Errors
/// A table cannot be written.
pub(crate) fn write_tables(
    folder: &Path,
    study: &Study,
    finished: &Finished,
    note: Option<&str>,
) -> Result<()> {
    let mut table = ScenariosTable::create(folder, &study.grid.columns(), note)?;
    for outcome in &finished.outcomes {
        table.push(&study.grid.values(outcome.row.number), &outcome.row)?;
    }
    table.close()?;
    let mut returns = finished.outcomes.iter().filter_map(|outcome| outcome.returns.as_ref()).peekable();
    if returns.peek().is_some() {
        let mut table = ScenarioReturnsTable::create(folder)?;
        returns.try_for_each(|scenario| table.push(scenario))?;
        table.close()?;
    }
    Ok(())
}
