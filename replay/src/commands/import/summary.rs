//! JSON output of an import.

use betaflow_connectors::import::{ColumnRole, Interpretation, SectionSummary};
use betaflow_connectors::parquet::ImportReport;
use serde::Serialize;

use crate::summary::time_text;

/// Result of an import.
#[derive(Debug, Serialize)]
pub(super) struct ImportSummary {
    version: &'static str,
    /// File that was written.
    out: Option<String>,
    rows: u64,
    symbols: Option<u64>,
    first: Option<String>,
    last: Option<String>,
    /// Rows with the time and the symbol of an earlier row.
    repeated: u64,
    /// Rows without a symbol.
    without_symbol: u64,
    columns: Vec<ColumnSummary>,
    files: Vec<FileSummary>,
}

/// Column with its role.
#[derive(Debug, Serialize)]
struct ColumnSummary {
    name: String,
    role: &'static str,
}

/// How one file was understood.
#[derive(Debug, Serialize)]
struct FileSummary {
    file: String,
    format: String,
    separator: Option<char>,
    decimal_comma: bool,
    time: Option<String>,
    time_form: Option<String>,
    /// Symbol from the file name.
    symbol: Option<String>,
    section: Option<String>,
    sections: Vec<SectionLine>,
    percent: bool,
    rows: u64,
    nulls: u64,
    first: Option<String>,
    last: Option<String>,
    /// Rows that followed a later one.
    unsorted: u64,
    columns: Vec<ColumnSummary>,
}

/// Section of a file.
#[derive(Debug, Serialize)]
struct SectionLine {
    name: String,
    rows: u64,
    first: String,
    last: String,
    percent: bool,
}

fn columns(columns: &[(String, ColumnRole)]) -> Vec<ColumnSummary> {
    columns.iter().map(|(name, role)| ColumnSummary { name: name.clone(), role: role.name() }).collect()
}

impl From<&SectionSummary> for SectionLine {
    fn from(section: &SectionSummary) -> Self {
        let SectionSummary { name, rows, range: (first, last), is_percent } = section.clone();
        Self { name, rows, first, last, percent: is_percent }
    }
}

impl From<&Interpretation> for FileSummary {
    fn from(one: &Interpretation) -> Self {
        let (time, time_form) = one.time.clone().unzip();
        Self {
            file: one.file.clone(),
            format: one.format.clone(),
            separator: one.separator,
            decimal_comma: one.decimal_comma,
            time,
            time_form,
            symbol: one.file_symbol.clone(),
            section: one.section.clone(),
            sections: one.sections.iter().map(Into::into).collect(),
            percent: one.is_percent,
            rows: one.rows,
            nulls: one.nulls,
            first: time_text(one.range.map(|range| range.0)),
            last: time_text(one.range.map(|range| range.1)),
            unsorted: one.unsorted,
            columns: columns(&one.columns),
        }
    }
}

impl ImportSummary {
    pub(super) fn new(report: &ImportReport, out: Option<String>) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            out,
            rows: report.rows,
            symbols: report.symbols,
            first: time_text(report.range.map(|range| range.0)),
            last: time_text(report.range.map(|range| range.1)),
            repeated: report.repeated,
            without_symbol: report.unnamed,
            columns: columns(&report.columns),
            files: report.files.iter().map(Into::into).collect(),
        }
    }
}
