//! Tables with a separator between fields: CSV and its relatives.

use std::collections::BTreeMap;
use std::io::{self, Read as _};

use betaflow_engine::time::TimestampNs;
use csv::ByteRecord;

use super::contents::{Contents, OpenText};
use super::dates::{DateForm, DateReader, Guess, guess, order_of};
use super::dialect::{first_line, separator_of, two_level_names};
use super::error::ImportError;
use super::interpretation::{ColumnRole, Interpretation};
use super::marked::{Marked, ROW_BYTES_MAX};
use super::numbers::{Cell, NumberReader};
use super::options::{Content, ImportOptions};
use super::sorter::{ColumnKind, NULL, NULL_TEXT, Sorter};
use super::text_columns::{FieldRole, TextColumns, text_columns, time_column};
use super::{ImportedText, ken_french, place};
use crate::DataError;

/// Bytes from which the form of a file is recognised.
const HEAD_BYTES: u64 = 1 << 16;
/// Rows from which the roles of columns are decided.
const ROWS_AHEAD: usize = 1_000;

/// Row of a text table.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) line: u64,
    record: ByteRecord,
    /// Whether a field without quotation marks around it has one inside.
    has_stray_quote: bool,
}

impl Row {
    /// Returns the text of a field; `None` if it is not UTF-8.
    pub(super) fn cell(&self, at: usize) -> Option<&str> {
        std::str::from_utf8(self.record.get(at)?).ok()
    }
}

/// Reads a text file and sorts it by time.
///
/// # Errors
/// The file cannot be read, or a line is invalid; the error names line and column.
pub(crate) fn read_text_table(
    contents: &Contents,
    options: &ImportOptions,
) -> Result<ImportedText, DataError> {
    let OpenText { reader, packing, .. } = contents.open()?;
    let mut head = Vec::new();
    reader.take(HEAD_BYTES).read_to_end(&mut head).map_err(|error| contents.read_error(packing, error))?;
    if ken_french::is_ken_french(&String::from_utf8_lossy(&head)) {
        return ken_french::read(contents, options);
    }
    TextTable::open(contents, options, separator_of(first_line(&head)))?.read()
}

/// Lines of an open text file.
struct TextRows<'a> {
    contents: &'a Contents,
    file: String,
    packing: Option<&'static str>,
    has_bom: bool,
    reader: csv::Reader<Marked>,
    /// Fields of the header.
    fields: Option<usize>,
}

impl<'a> TextRows<'a> {
    fn open(contents: &'a Contents, separator: u8) -> Result<Self, DataError> {
        let OpenText { reader, packing, has_bom } = contents.open()?;
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .buffer_capacity(1 << 18)
            .from_reader(Marked::new(reader, separator));
        Ok(Self { contents, file: contents.name(), packing, has_bom, reader, fields: None })
    }

    /// Reads a row into `row`; returns false at the end of the file.
    fn next(&mut self, row: &mut Row) -> Result<bool, DataError> {
        if !self.read(&mut row.record)? {
            return Ok(false);
        }
        let end = self.reader.position().byte();
        let inside = row.record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
        row.has_stray_quote = self.reader.get_mut().has_stray_before(end);
        row.line = self.reader.get_mut().line_before(end).saturating_sub(inside);
        let (found, expected) = (row.record.len(), self.fields.unwrap_or(row.record.len()));
        if self.reader.get_ref().misquoted.is_some_and(|position| position < end) {
            return Err(ImportError::Quotation { file: self.file.clone(), line: row.line }.into());
        }
        // A quotation mark that is never closed takes the rest of the file into one field.
        let Marked { quotes, last, has_ended, .. } = self.reader.get_ref();
        let takes_lines = row.record.iter().next_back().is_some_and(|field| field.contains(&b'\n'));
        if *has_ended && quotes % 2 == 1 && (found != expected || takes_lines || *last != b'\n') {
            // The line end of the last line is inside the field.
            let inside = row.record.iter().next_back().is_some_and(|field| field.ends_with(b"\n"));
            let line = row.line + u64::from(inside);
            return Err(ImportError::OpenQuote { file: self.file.clone(), line }.into());
        }
        if found != expected {
            let (file, line) = (self.file.clone(), row.line);
            let is_last = !self.read(&mut ByteRecord::new())?;
            return Err(ImportError::Fields { file, line, found, expected, is_last }.into());
        }
        Ok(true)
    }

    fn read(&mut self, record: &mut ByteRecord) -> Result<bool, DataError> {
        let from = self.reader.position().byte();
        self.reader.get_mut().row_from = from;
        self.reader.read_byte_record(record).map_err(|error| {
            let marked = self.reader.get_mut();
            if marked.is_too_long {
                let (file, line) = (self.file.clone(), marked.line_before(from + 1));
                return ImportError::TooLong { file, line, bytes: ROW_BYTES_MAX, expected: "a row" }.into();
            }
            let error = match error.into_kind() {
                csv::ErrorKind::Io(error) => error,
                other => io::Error::other(format!("{other:?}")),
            };
            self.contents.read_error(self.packing, error)
        })
    }

    fn texts(&self, row: &Row) -> Result<Vec<String>, DataError> {
        let cells = (0..row.record.len()).map(|at| Some(row.cell(at)?.trim().to_owned()));
        let texts: Option<Vec<String>> = cells.collect();
        texts.ok_or_else(|| ImportError::NotUtf8 { file: self.file.clone(), line: row.line }.into())
    }
}

/// Text table at its first rows.
struct TextTable<'a> {
    options: &'a ImportOptions,
    separator: u8,
    rows: TextRows<'a>,
    names: Vec<String>,
    ahead: Vec<Row>,
}

impl<'a> TextTable<'a> {
    fn open(contents: &'a Contents, options: &'a ImportOptions, separator: u8) -> Result<Self, DataError> {
        let mut rows = TextRows::open(contents, separator)?;
        let mut row = Row::default();
        let file = contents.name();
        let none = || ImportError::NoRows { file: contents.name() };
        if !rows.next(&mut row)? {
            return Err(none().into());
        }
        let mut names = rows.texts(&row)?;
        if row.has_stray_quote && names.iter().any(|name| name.contains('"')) {
            return Err(ImportError::Quotation { file, line: row.line }.into());
        }
        rows.fields = Some(names.len());
        let mut ahead: Vec<Row> = Vec::new();
        while ahead.len() < ROWS_AHEAD && rows.next(&mut row)? {
            ahead.push(row.clone());
        }
        if ahead.len() > 1 {
            let (second, third) = (rows.texts(&ahead[0])?, rows.texts(&ahead[1])?);
            let is_index = third.iter().skip(1).all(String::is_empty) && !third[0].is_empty();
            let time = if is_index { third[0].as_str() } else { "Date" };
            if let Some(levels) = two_level_names(&names, &second, time) {
                names = levels;
                ahead.drain(..1 + usize::from(is_index));
            }
        }
        let Some(first) = ahead.first() else { return Err(none().into()) };
        let data = names.iter().find(|name| matches!(guess(name), Guess::Form(_) | Guess::YearLast(_)));
        if let Some(data) = data.filter(|_| time_column(&names, first, options).is_none()) {
            return Err(ImportError::NoHeader { file, line: 1, found: data.clone() }.into());
        }
        let mut known = BTreeMap::new();
        for (at, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            if let Some(first) = known.insert(name.as_str(), at) {
                return Err(DataError::DuplicateColumn { file, column: name.clone(), columns: (first, at) });
            }
        }
        Ok(Self { options, separator, rows, names, ahead })
    }

    /// Returns the reader of the times, with the form of the first one.
    fn dates(&self, time: usize) -> Result<DateReader, DataError> {
        let first = &self.ahead[0];
        let text = first.cell(time).unwrap_or_default().trim();
        let at = || place(&self.rows.file, first.line, &self.names[time]);
        let form = match guess(text) {
            Guess::Form(form) => form,
            Guess::YearLast(mark) => match self.options.date_order {
                Some(order) => DateForm::YearLast(mark, order),
                None => DateForm::YearLast(
                    mark,
                    self.order(time, mark)?
                        .ok_or_else(|| ImportError::AmbiguousDate { place: at(), found: text.to_owned() })?,
                ),
            },
            Guess::Count(unit, code) => {
                return Err(ImportError::Epoch { place: at(), found: text.to_owned(), unit, code }.into());
            }
            Guess::Other if text.is_empty() => return Err(DataError::NullKey { place: at() }),
            Guess::Other => return Err(DataError::NoDate { place: at(), found: text.to_owned() }),
        };
        Ok(DateReader::new(form))
    }

    /// Finds the first date of the file that has one order of day and month only.
    fn order(&self, time: usize, mark: char) -> Result<Option<super::DateOrder>, DataError> {
        let decided = self.ahead.iter().find_map(|row| order_of(row.cell(time)?, mark));
        if decided.is_some() || self.ahead.len() < ROWS_AHEAD {
            return Ok(decided);
        }
        let mut rows = TextRows::open(self.rows.contents, self.separator)?;
        let mut row = Row::default();
        while rows.next(&mut row)? {
            if let Some(order) = row.cell(time).and_then(|cell| order_of(cell, mark)) {
                return Ok(Some(order));
            }
        }
        Ok(None)
    }

    fn read(mut self) -> Result<ImportedText, DataError> {
        let time = time_column(&self.names, &self.ahead[0], self.options);
        let mut dates = time.map(|time| self.dates(time)).transpose()?;
        let mut numbers = NumberReader::new(self.separator);
        let seal = self.options.sealed_from.map_or(i64::MAX, |seal| seal.0);
        let mut is_open = |row: &&Row| match (&mut dates, time) {
            (Some(dates), Some(time)) => {
                row.cell(time).and_then(|cell| dates.read(cell.trim())).is_none_or(|(time, _)| time < seal)
            }
            _ => true,
        };
        let open: Vec<&Row> = self.ahead.iter().filter(|row| is_open(row)).collect();
        let file_symbol = || self.options.file_symbol.clone().unwrap_or_else(|| symbol_of(&self.rows.file));
        let columns = text_columns(
            &self.rows.file,
            &self.names,
            time,
            open.into_iter(),
            self.options,
            numbers,
            file_symbol,
        )?;
        let mut sorter = Sorter::new(&self.rows.file, columns.columns.clone());
        let mut cells = CellReader {
            file: &self.rows.file.clone(),
            names: &self.names,
            columns: &columns,
            dates: dates.as_mut(),
            numbers: &mut numbers,
            may_be_boolean: self.options.content == Content::Table && !self.options.numbers.is_empty(),
            seal,
            nulls: 0,
            row: Vec::new(),
        };
        for row in &self.ahead {
            cells.push(row, &mut sorter)?;
        }
        let mut row = Row::default();
        while self.rows.next(&mut row)? {
            cells.push(&row, &mut sorter)?;
        }
        let nulls = cells.nulls;
        let symbols = columns.symbol.filter(|_| self.options.content == Content::Prices);
        let symbols = symbols.map(|_| sorter.texts.count() as u64);
        let table = sorter.finish(None)?;
        let interpretation = self.interpretation(&columns, dates.as_ref(), &numbers, symbols, nulls, &table);
        Ok(ImportedText { table, interpretation })
    }

    fn interpretation(
        &self,
        columns: &TextColumns,
        dates: Option<&DateReader>,
        numbers: &NumberReader,
        symbols: Option<u64>,
        nulls: u64,
        table: &super::Table,
    ) -> Interpretation {
        let form = |dates: &DateReader| match dates.has_clock {
            true => format!("{} with a time of day", dates.form.text()),
            false => dates.form.text(),
        };
        let roles = self.names.iter().zip(&columns.roles).map(|(name, role)| {
            let role = match role {
                FieldRole::Time => ColumnRole::Time,
                FieldRole::Text => ColumnRole::Text,
                FieldRole::Number => ColumnRole::Number,
                FieldRole::LeftOut => ColumnRole::LeftOut,
            };
            (name.clone(), role)
        });
        let with = [self.rows.packing, self.rows.has_bom.then_some("with a byte order mark")];
        let format: Vec<&str> = std::iter::once("CSV").chain(with.into_iter().flatten()).collect();
        let time = columns.columns.iter().find(|column| column.kind == ColumnKind::Time);
        Interpretation {
            file: self.rows.file.clone(),
            format: format.join(", "),
            separator: Some(char::from(self.separator)),
            decimal_comma: numbers.mark == Some(','),
            time: time.zip(dates).map(|(column, dates)| (column.name.clone(), form(dates))),
            columns: roles.collect(),
            file_symbol: columns.file_symbol.clone(),
            rows: table.rows,
            symbols,
            nulls,
            range: table.times.map(|(first, last)| (TimestampNs(first), TimestampNs(last))),
            unsorted: table.unsorted,
            ..Interpretation::default()
        }
    }
}

/// Returns the symbol of a file of one instrument: its name without extensions.
fn symbol_of(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let mut stem = name;
    for extension in ["gz", "zip", "csv", "txt", "tsv"] {
        let cut = stem.len().checked_sub(extension.len() + 1);
        if let Some((rest, end)) = cut.and_then(|cut| stem.split_at_checked(cut))
            && end[1..].eq_ignore_ascii_case(extension)
            && end.starts_with('.')
            && !rest.is_empty()
        {
            stem = rest;
        }
    }
    stem.to_owned()
}

/// Conversion of the fields of rows to cells of a table.
struct CellReader<'a> {
    file: &'a str,
    names: &'a [String],
    columns: &'a TextColumns,
    dates: Option<&'a mut DateReader>,
    numbers: &'a mut NumberReader,
    /// True if `true` and `false` are the numbers 1 and 0, as in Parquet: in small files of facts.
    may_be_boolean: bool,
    seal: i64,
    nulls: u64,
    row: Vec<u64>,
}

/// Number of a boolean.
fn boolean(text: &str) -> Option<f64> {
    let text = text.trim();
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") { Some(1.0) } else { is("false").then_some(0.0) }
}

impl CellReader<'_> {
    fn push(&mut self, row: &Row, sorter: &mut Sorter) -> Result<(), DataError> {
        let mut time = (0, true);
        if let (Some(dates), Some(at)) = (self.dates.as_deref_mut(), self.columns.time) {
            let Some(text) = row.cell(at).map(str::trim) else { return Err(self.not_utf8(row)) };
            let Some(found) = dates.read(text) else {
                let (place, found) = (place(self.file, row.line, &self.names[at]), text.to_owned());
                return Err(match text.is_empty() {
                    true => DataError::NullKey { place },
                    false => ImportError::NotDate { place, found, form: dates.form.text() }.into(),
                });
            };
            time = found;
            if time.0 >= self.seal {
                return Ok(());
            }
        }
        self.row.clear();
        self.row.push(row.line);
        for (at, role) in self.columns.roles.iter().enumerate() {
            if *role == FieldRole::LeftOut {
                continue;
            }
            let Some(text) = row.cell(at) else { return Err(self.not_utf8(row)) };
            let cell = match role {
                FieldRole::Time => time.0.cast_unsigned(),
                FieldRole::Text if text.is_empty() => NULL_TEXT,
                // With a space before its quotation marks, they would become a part of the symbol.
                FieldRole::Text if row.has_stray_quote && self.is_symbol() && text.contains('"') => {
                    return Err(ImportError::Quotation { file: self.file.to_owned(), line: row.line }.into());
                }
                // Trimmed as dates and numbers are. An empty symbol is refused later, with its text.
                FieldRole::Text if self.is_symbol() && !text.trim().is_empty() => {
                    sorter.texts.number(text.trim())
                }
                FieldRole::Text => sorter.texts.number(text),
                _ => match self.numbers.read(text) {
                    Cell::Number(number) => number.to_bits(),
                    Cell::Null => {
                        self.nulls += 1;
                        NULL
                    }
                    refused => match boolean(text).filter(|_| self.may_be_boolean) {
                        Some(number) => number.to_bits(),
                        None => return Err(self.refused(refused, row, at, text)),
                    },
                },
            };
            self.row.push(cell);
        }
        if let Some(symbol) = &self.columns.file_symbol {
            self.row.push(sorter.texts.number(symbol));
        }
        sorter.push(&self.row, time.1)
    }

    /// Returns whether the next cell is the symbol; the first number of a row is its line.
    fn is_symbol(&self) -> bool {
        self.columns.symbol == Some(self.row.len() - 1)
    }

    #[cold]
    fn refused(&self, cell: Cell, row: &Row, at: usize, text: &str) -> DataError {
        let (place, found) = (place(self.file, row.line, &self.names[at]), text.to_owned());
        let error = match cell {
            Cell::Thousands => ImportError::Thousands { place, found },
            Cell::OtherMark(found_mark) => {
                let expected_mark = self.numbers.mark.unwrap_or('.');
                ImportError::DecimalMark { place, found, found_mark, expected_mark }
            }
            _ => ImportError::NotNumber { place, found },
        };
        error.into()
    }

    #[cold]
    fn not_utf8(&self, row: &Row) -> DataError {
        ImportError::NotUtf8 { file: self.file.to_owned(), line: row.line }.into()
    }
}
