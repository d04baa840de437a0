//! The table of `betaflow check`: a row for each flagged row of the data.

use std::path::Path;

use betaflow_engine::quality::Finding;

use super::table::{Kind, Table, TableError};

const COLUMNS: [(&str, Kind); 4] =
    [("timestamp", Kind::Time), ("symbol", Kind::Text), ("problem", Kind::Text), ("detail", Kind::Text)];

/// Writes findings to a Parquet file. It appears when it is complete; one of that name is replaced.
///
/// # Errors
/// It cannot be written.
pub fn write_findings(path: &Path, findings: &[Finding]) -> Result<(), TableError> {
    Table::write_file(path, &COLUMNS, |table| {
        findings.iter().try_for_each(|finding| {
            table.time(finding.timestamp);
            table.text(&finding.symbol);
            table.text(finding.problem.name());
            table.text(&finding.detail);
            table.end_row()
        })
    })
}
