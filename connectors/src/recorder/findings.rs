//! The table of `betaflow check`: a row for each flagged row of the data.

use std::path::Path;

use betaflow_engine::quality::Finding;
use parquet::errors::ParquetError;

use super::table::{Kind, Table, TableError};

const COLUMNS: [(&str, Kind); 4] =
    [("timestamp", Kind::Time), ("symbol", Kind::Text), ("problem", Kind::Text), ("detail", Kind::Text)];

/// Writes findings to a Parquet file. It appears when it is complete; one of that name is replaced.
///
/// # Errors
/// It cannot be written.
pub fn write_findings(path: &Path, findings: &[Finding]) -> Result<(), TableError> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let aside = format!(".{name}.partial");
    let mut table = Table::create(folder, &aside, &COLUMNS, None)?;
    for finding in findings {
        table.time(finding.timestamp);
        table.text(&finding.symbol);
        table.text(finding.problem.name());
        table.text(&finding.detail);
        table.end_row()?;
    }
    table.close()?;
    std::fs::rename(folder.join(aside), path).map_err(|error| {
        let _ = std::fs::remove_file(folder.join(format!(".{name}.partial")));
        TableError::Write { path: path.to_owned(), source: ParquetError::External(Box::new(error)) }
    })
}
