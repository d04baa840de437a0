//! Roles of the columns of a text table, by their names and first cells.

use super::dates::{Guess, guess};
use super::error::ImportError;
use super::numbers::{Cell, NumberReader, is_null};
use super::options::{Content, ImportOptions};
use super::place;
use super::sorter::{Column, ColumnKind};
use super::text::Row;
use crate::DataError;

/// Names of time columns, those with a time of day first.
const TIME_NAMES: [&str; 5] = ["datetime", "timestamp", "ts", "date", "time"];
const SYMBOL_NAMES: [&str; 2] = ["symbol", "ticker"];
/// Columns that only tidy data has.
const BAR_NAMES: [&str; 6] = ["open", "high", "low", "close", "volume", "return"];
/// Further columns that always hold numbers.
const NUMBER_NAMES: [&str; 14] = [
    "adj close",
    "adj_close",
    "adjclose",
    "bid",
    "ask",
    "bid_close",
    "ask_close",
    "dividend",
    "dividends",
    "split",
    "stock splits",
    "weight",
    "price",
    "rf",
];

/// Role of a field of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldRole {
    Time,
    Text,
    Number,
    LeftOut,
}

/// Columns of a text table.
#[derive(Debug)]
pub(super) struct TextColumns {
    /// Role of each field of a row.
    pub(super) roles: Vec<FieldRole>,
    /// Position of the time among the fields.
    pub(super) time: Option<usize>,
    /// Symbol of a file of one instrument.
    pub(super) file_symbol: Option<String>,
    /// Position of the symbol among the columns of the table.
    pub(super) symbol: Option<usize>,
    /// Columns of the table.
    pub(super) columns: Vec<Column>,
}

/// Finds the time column: the configured one, or one with a usual name or without a name whose first cell is
/// a date or counts seconds.
pub(super) fn time_column(names: &[String], first: &Row, options: &ImportOptions) -> Option<usize> {
    if let Some(name) = &options.time {
        return names.iter().position(|known| known == name);
    }
    let is_time = |at: &usize| first.cell(*at).is_some_and(|cell| guess(cell) != Guess::Other);
    let named = |name: &str| names.iter().position(|known| known.eq_ignore_ascii_case(name));
    let known: Vec<usize> = TIME_NAMES.iter().filter_map(|name| named(name)).collect();
    if let Some(found) = known.iter().copied().find(is_time).or(known.first().copied()) {
        return Some(found);
    }
    // An index without a name, as pandas writes it.
    (names.first().is_some_and(|name| is_unnamed(name)) && is_time(&0)).then_some(0)
}

/// Returns whether a column is an index that pandas wrote without a name.
fn is_unnamed(name: &str) -> bool {
    name.is_empty() || name.starts_with("Unnamed: ")
}

/// Decides the roles of all columns. `rows`: first rows of the file, before the hold-out.
///
/// # Errors
/// A column of wide data or of factors holds text.
pub(super) fn text_columns<'a>(
    file: &str,
    names: &[String],
    time: Option<usize>,
    rows: impl Iterator<Item = &'a Row> + Clone,
    options: &ImportOptions,
    numbers: NumberReader,
    file_symbol: impl FnOnce() -> String,
) -> Result<TextColumns, DataError> {
    let first_cell = |at: usize| {
        rows.clone().find_map(|row| Some((row, row.cell(at).filter(|cell| !is_null(cell.trim()))?)))
    };
    let is_number = |cell: &str| {
        let cell = numbers.clone().read(cell);
        !matches!(cell, Cell::Text)
    };
    let is_bar = |name: &str| BAR_NAMES.iter().any(|known| name.eq_ignore_ascii_case(known));
    let capital = |name: &str| name.chars().skip(1).all(char::is_lowercase);
    let looks_tidy = names.iter().any(|name| is_bar(name) && capital(name) || options.numbers.contains(name));
    let symbol = match &options.symbol {
        Some(name) => names.iter().position(|known| known == name),
        None => SYMBOL_NAMES.iter().enumerate().find_map(|(order, name)| {
            let at = names.iter().position(|known| known.eq_ignore_ascii_case(name))?;
            // `ticker` with numbers in wide data is an instrument.
            let is_text = order == 0 || looks_tidy || first_cell(at).is_none_or(|(_, cell)| !is_number(cell));
            is_text.then_some(at)
        }),
    };
    let is_prices = options.content == Content::Prices;
    let is_of_one =
        is_prices && looks_tidy && symbol.is_none() && options.symbol.is_none() && !options.symbol_in_path;
    let must_be_numbers = match options.content {
        Content::Prices => symbol.is_none() && !looks_tidy && time.is_some() && !options.symbol_in_path,
        Content::Factors => time.is_some(),
        Content::Table => false,
    };
    let mut roles = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let is_known = || {
            is_bar(name)
                || NUMBER_NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
                || options.numbers.iter().any(|known| name.eq_ignore_ascii_case(known))
        };
        roles.push(match first_cell(at) {
            _ if time == Some(at) => FieldRole::Time,
            _ if symbol == Some(at) => FieldRole::Text,
            _ if is_unnamed(name) => FieldRole::LeftOut,
            _ if options.texts.iter().any(|text| name.eq_ignore_ascii_case(text)) => FieldRole::Text,
            None => FieldRole::Number,
            Some((_, cell)) if is_known() || is_number(cell) => FieldRole::Number,
            Some((row, cell)) if must_be_numbers => {
                let place = place(file, row.line, name);
                return Err(ImportError::NotNumber { place, found: cell.to_owned() }.into());
            }
            Some(_) if options.content == Content::Table => FieldRole::Text,
            Some(_) => FieldRole::LeftOut,
        });
    }
    let mut columns: Vec<Column> = Vec::new();
    let mut symbol_column = None;
    for (at, (name, role)) in names.iter().zip(&roles).enumerate() {
        let kind = match role {
            FieldRole::Time => ColumnKind::Time,
            FieldRole::Text => ColumnKind::Text,
            FieldRole::Number => ColumnKind::Number,
            FieldRole::LeftOut => continue,
        };
        if symbol == Some(at) {
            symbol_column = Some(columns.len());
        }
        let name = if is_unnamed(name) { "date".to_owned() } else { name.clone() };
        columns.push(Column { name, kind });
    }
    let file_symbol = is_of_one.then(file_symbol);
    if file_symbol.is_some() {
        symbol_column = Some(columns.len());
        columns.push(Column { name: "symbol".to_owned(), kind: ColumnKind::Text });
    }
    Ok(TextColumns { roles, time, file_symbol, symbol: symbol_column, columns })
}
