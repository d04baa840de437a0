//! Text files as people have them, and files in another order than time, as Parquet tables sorted by time.
//!
//! ```text
//! bytes ─▶ contents (gzip, ZIP) ─▶ text (CSV) or ken_french ─▶ sorter ─▶ writer ─▶ Parquet table
//! ```
//!
//! * A table has one time column, at most one symbol column for prices, and columns of numbers.
//!   It lies in memory if it is small, else in a temporary file without a name, which the system removes when
//!   the program ends.
//! * `sorter.rs` holds at most 64 MiB of rows. Larger tables are sorted as runs in a temporary file and
//!   merged.
//! * Each row keeps its line in the user's file (`lines.rs`), so that later errors can name it.
//! * Rows at or after the start of a hold-out are left out: only their times are read.

mod contents;
mod dates;
mod dialect;
mod error;
mod interpretation;
mod ken_french;
mod lines;
mod marked;
mod numbers;
mod options;
mod runs;
mod sorter;
mod temporary;
mod text;
mod text_columns;
mod writer;
mod zip;

pub use dates::DateOrder;
pub use error::ImportError;
pub use interpretation::{ColumnRole, Interpretation, SectionSummary};
pub use options::{Content, ImportOptions};

pub(crate) use contents::{Contents, is_text_table};
pub(crate) use sorter::{Column, ColumnKind, NULL, NULL_TEXT, Sorter, Table};
pub(crate) use text::read_text_table;
pub(crate) use writer::{Target, Written};

use crate::{DataError, Place};

/// Prepared table of a text file, and how the file was understood.
#[derive(Debug)]
pub(crate) struct ImportedText {
    pub(crate) table: Table,
    pub(crate) interpretation: Interpretation,
}

/// Place of a line of a text file, counted from 1.
fn place(file: &str, line: u64, column: &str) -> Box<Place> {
    Box::new(Place {
        file: file.to_owned(),
        row: line.saturating_sub(1),
        line: Some(line),
        column: column.to_owned(),
    })
}

/// Error of the system while a file is read or a temporary file is written.
fn io_error(path: &str, source: std::io::Error) -> DataError {
    DataError::Io { path: path.to_owned(), source }
}
