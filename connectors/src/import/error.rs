//! Errors of text files and of their preparation.

use betaflow_engine::time::{Iso, TimestampNs};

use crate::iso_time::has_form;
use crate::{DataPlace, Place};

/// Error of a text file, or of several files that become one table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// Cell of a column of numbers that holds something else.
    #[error(
        "{place}: found {found:?}, expected a number; correct the cell, leave it empty if there is no value, or drop the \
         column"
    )]
    NotNumber {
        /// Place of the cell.
        place: Box<Place>,
        /// Text of the cell.
        found: String,
    },
    /// Number with a thousands separator.
    #[error(
        "{place}: found {found:?}, expected a number without thousands separators, because 1,234 may mean 1234 or 1.234; \
         remove them, with pandas: pd.read_csv(..., thousands=\",\").to_csv(...)"
    )]
    Thousands {
        /// Place of the cell.
        place: Box<Place>,
        /// Text of the cell.
        found: String,
    },
    /// Decimal points and decimal commas in one file.
    #[error(
        "{place}: found {found:?} with a decimal {}, expected a decimal {} as in the rows before; write all numbers with \
         one decimal mark and no thousands separators",
        mark(*.found_mark), mark(*.expected_mark)
    )]
    DecimalMark {
        /// Place of the cell.
        place: Box<Place>,
        /// Text of the cell.
        found: String,
        /// Decimal mark of the cell.
        found_mark: char,
        /// Decimal mark of the rows before.
        expected_mark: char,
    },
    /// Row with another number of fields than the header.
    #[error(
        "{file}: line {line}: found {found} fields, expected {expected} as in the header{}",
        fields_remedy(*.is_last, *.found, *.expected)
    )]
    Fields {
        /// Path of the file.
        file: String,
        /// Line of the row, counted from 1.
        line: u64,
        /// Fields of the row.
        found: usize,
        /// Fields of the header.
        expected: usize,
        /// True if the row is the last one of the file.
        is_last: bool,
    },
    /// Quotation mark that is opened and never closed.
    #[error(
        "{file}: line {line}: found a quotation mark that is not closed before the end of the file; the file is \
         truncated, or a quotation mark inside a field is not doubled; write it again"
    )]
    OpenQuote {
        /// Path of the file.
        file: String,
        /// Line on which the row begins, counted from 1.
        line: u64,
    },
    /// Quotation mark that neither encloses a field nor is doubled inside one.
    #[error(
        "{file}: line {line}: found a quotation mark inside a field, expected it around the whole field, or doubled inside \
         one; write the file again"
    )]
    Quotation {
        /// Path of the file.
        file: String,
        /// Line, counted from 1.
        line: u64,
    },
    /// Row or file that is longer than any table of text.
    #[error("{file}: line {line}: found more than {} MiB, expected {expected}; check that it is a table", .bytes >> 20)]
    TooLong {
        /// Path of the file.
        file: String,
        /// Line, counted from 1.
        line: u64,
        /// Maximum number of bytes.
        bytes: u64,
        /// Expected content.
        expected: &'static str,
    },
    /// Text that is not UTF-8.
    #[error(
        "{file}: line {line}: found text that is not UTF-8, expected UTF-8; convert the file, such as with iconv -f \
         latin1 -t utf8"
    )]
    NotUtf8 {
        /// Path of the file.
        file: String,
        /// Line, counted from 1.
        line: u64,
    },
    /// Text in UTF-16.
    #[error(
        "{file}: found text in UTF-16, expected UTF-8; save the file as UTF-8, or convert it, such as with iconv -f utf-16 \
         -t utf8"
    )]
    Utf16 {
        /// Path of the file.
        file: String,
    },
    /// Control character in the first rows of a text table.
    #[error(
        "{file}: line {line}: found the control character with code {found}, expected text; remove it, or write the file \
         again"
    )]
    ControlCharacter {
        /// Path of the file.
        file: String,
        /// Line, counted from 1.
        line: u64,
        /// Code of the character.
        found: u8,
    },
    /// File without rows below its header.
    #[error(
        "{file}: found a header and no rows, expected at least one row; check that the file was written completely"
    )]
    NoRows {
        /// Path of the file.
        file: String,
    },
    /// File whose first line is data.
    #[error(
        "{file}: line {line}: found {found:?}, which is data, expected a header with the names of the columns; add one, such as \
         date,symbol,close"
    )]
    NoHeader {
        /// Path of the file.
        file: String,
        /// Line, counted from 1.
        line: u64,
        /// First cell that is data.
        found: String,
    },
    /// Number in the time column that may count seconds or days.
    #[error(
        "{place}: found the number {found}, expected a date; a number has no unit: convert the column, with pandas, if it \
         counts {unit}: pd.to_datetime(df[\"{}\"], unit=\"{code}\")", .place.column
    )]
    Epoch {
        /// Place of the cell.
        place: Box<Place>,
        /// Text of the cell.
        found: String,
        /// Probable unit.
        unit: &'static str,
        /// Code of the unit in pandas.
        code: &'static str,
    },
    /// Text in the time column that is not a date of the file's form.
    #[error("{place}: found {found:?}, expected {}; correct the cell", expected_date(.form, .found))]
    NotDate {
        /// Place of the cell.
        place: Box<Place>,
        /// Text of the cell.
        found: String,
        /// Form of the other dates.
        form: String,
    },
    /// Dates whose day and month cannot be told apart.
    #[error(
        "{place}: found {found:?}, and no date of the file has a day above 12, so day and month cannot be told apart; \
         write ISO dates such as 2024-01-31, or name the order: `betaflow import FILE --date-order dmy` (or mdy) --out \
         FILE.parquet"
    )]
    AmbiguousDate {
        /// Place of the first date.
        place: Box<Place>,
        /// Text of the cell.
        found: String,
    },
    /// Several sections without a choice, or a choice that fits none or several.
    #[error("{file}: {found}, expected the name of one section; choose with FILE#NAME, or `betaflow import FILE --section NAME`. Sections:{}", section_list(.sections))]
    Section {
        /// Path of the file.
        file: String,
        /// Sentence part that says what was found.
        found: String,
        /// Title, rows and range of each section.
        sections: Vec<String>,
    },
    /// Archive with more or fewer than one table.
    #[error("{file}: found {found}, expected an archive with one file; unpack it and name the file")]
    Archive {
        /// Path of the file.
        file: String,
        /// Content of the archive.
        found: String,
    },
    /// Damaged compressed file.
    #[error(
        "{file}: cannot be decompressed: {cause}; the file is truncated or damaged; copy or download it again"
    )]
    Compressed {
        /// Path of the file.
        file: String,
        /// Error of the decoder.
        cause: String,
    },
    /// Column of the same name in two factor files.
    #[error(
        "the column `{column}` is in both {first} and {second}, expected every factor in one file; rename or drop it in one"
    )]
    SameFactor {
        /// Name of the column.
        column: String,
        /// First file.
        first: String,
        /// Second file.
        second: String,
    },
    /// Row that one factor file has and another one lacks, inside the range of both.
    #[error(
        "{file}: no factor row at {}, which {other} has (line or row {row}); add the row, or accept frames without an update \
         with data.factor_gap = \"carry\"", Iso(*.time)
    )]
    FactorRow {
        /// File without the row.
        file: String,
        /// File with the row.
        other: String,
        /// Line or row of the other file.
        row: u64,
        /// Time of the row.
        time: TimestampNs,
    },
    /// Factor files without a common period.
    #[error(
        "the factor files do not overlap: {first} ends at {}, and {second} begins at {}; check the files",
        Iso(*.end), Iso(*.begin)
    )]
    FactorRanges {
        /// File that ends first.
        first: String,
        /// Its last time.
        end: TimestampNs,
        /// File that begins later.
        second: String,
        /// Its first time.
        begin: TimestampNs,
    },
}

impl ImportError {
    /// Place that the error names; `None` for an error without one.
    pub(crate) fn place(&self) -> Option<DataPlace> {
        match self {
            Self::NotNumber { place, .. }
            | Self::Thousands { place, .. }
            | Self::DecimalMark { place, .. }
            | Self::Epoch { place, .. }
            | Self::NotDate { place, .. }
            | Self::AmbiguousDate { place, .. } => Some((**place).clone().into()),
            Self::Fields { file, .. }
            | Self::OpenQuote { file, .. }
            | Self::Quotation { file, .. }
            | Self::TooLong { file, .. }
            | Self::NotUtf8 { file, .. }
            | Self::Utf16 { file }
            | Self::ControlCharacter { file, .. }
            | Self::NoRows { file, .. }
            | Self::NoHeader { file, .. }
            | Self::Section { file, .. }
            | Self::Archive { file, .. }
            | Self::Compressed { file, .. }
            | Self::FactorRow { file, .. } => Some(DataPlace::file(file)),
            _ => None,
        }
    }
}

fn expected_date(form: &str, found: &str) -> String {
    match has_form(form, found) {
        true => "a day that the calendar has".to_owned(),
        false => format!("{form} as in the rows before"),
    }
}

fn mark(mark: char) -> &'static str {
    if mark == ',' { "comma" } else { "point" }
}

fn fields_remedy(is_last: bool, found: usize, expected: usize) -> &'static str {
    match (is_last, found < expected) {
        (true, true) => "; it is the last line, so the file may be truncated: write it again",
        (_, true) => "; correct the line",
        (_, false) => {
            "; quote cells that contain the separator, and write numbers without thousands separators"
        }
    }
}

fn section_list(sections: &[String]) -> String {
    sections.iter().map(|section| format!("\n  {section}")).collect()
}
