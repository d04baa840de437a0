//! A benchmark from a separate file: returns by time, or weights by time and symbol.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, cast::AsArray};
use betaflow_engine::execution::{BenchmarkRule, ReturnRows, WeightRows};
use betaflow_engine::time::{Iso, TimestampNs};

use super::batches::{Batches, TABLE_BATCH_BYTES, batch_rows, before, unseal};
use super::columns::{is_number, is_text, numbers, text, times};
use super::first_text::located;
use super::input::Location;
use super::merge::name_of;
use super::place::{DataPlace, Place};
use super::prepare::prepare;
use super::schema::Columns;
use super::settings::Input;
use crate::DataError;
use crate::did_you_mean::question;
use crate::import::{Content, ImportOptions};

/// Column of the returns, if the file has several numeric columns.
const RETURN: &str = "return";
/// Column of the weights.
const WEIGHT: &str = "weight";
/// Largest absolute weight.
const WEIGHT_MAX: f64 = 1e3;
/// Upper bound of a return; larger numbers are an index or a price.
const RETURN_MAX: f64 = 10.0;

/// Reason why a benchmark cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BenchmarkFault {
    /// The data has no price of the instrument.
    #[error(
        "{file}: benchmark.symbol: found no price of `{symbol}`, expected an instrument of the data{}",
        question(.nearest.as_deref())
    )]
    NotInData {
        /// Name of the price data.
        file: String,
        /// The instrument.
        symbol: String,
        /// Most similar name in the data.
        nearest: Option<String>,
    },
    /// Invalid return or weight.
    #[error("{place}: found {found} at {}, expected {expected}; correct the file", Iso(*.time))]
    Number {
        /// Place of the cell.
        place: Box<Place>,
        /// Time of the row.
        time: TimestampNs,
        /// Content of the cell.
        found: String,
        /// Numbers that are accepted.
        expected: &'static str,
    },
    /// A symbol with two weights at one time.
    #[error(
        "{place}: found a second weight of `{symbol}` at {}, expected one; remove the row",
        Iso(*.time)
    )]
    Twice {
        /// Place of the cell.
        place: Box<Place>,
        /// Time of the row.
        time: TimestampNs,
        /// The symbol.
        symbol: String,
    },
    /// Rows out of time order.
    #[error(
        "{place}: found {} after {}, expected {} times; sort the file by time",
        Iso(*.found), Iso(*.previous), if *.strictly { "increasing" } else { "sorted" }
    )]
    Order {
        /// Place of the cell.
        place: Box<Place>,
        /// Time of the row.
        found: TimestampNs,
        /// Time of the preceding row.
        previous: TimestampNs,
        /// True for returns, which have one row per time.
        strictly: bool,
    },
    /// Several numeric columns, and none is named `return`.
    #[error(
        "{file}: found the numeric columns {found}, expected one column of returns, or one named `return`, or the columns \
         `symbol` and `weight`; drop the others"
    )]
    SeveralColumns {
        /// Path of the file.
        file: String,
        /// Numeric columns.
        found: String,
    },
}

impl BenchmarkFault {
    /// Place that the error names.
    pub(crate) fn place(&self) -> DataPlace {
        match self {
            Self::Number { place, .. } | Self::Twice { place, .. } | Self::Order { place, .. } => {
                (**place).clone().into()
            }
            Self::NotInData { file, .. } | Self::SeveralColumns { file, .. } => DataPlace::file(file),
        }
    }
}

/// Reads a file, Parquet or CSV, with a time column and either one column of simple returns as decimals, or the columns `symbol`
/// and `weight`. `sealed_from`: start of the hold-out, whose rows are not read.
///
/// # Errors
/// The file is missing or lacks a column, its rows are out of time order, or it has an invalid number.
pub fn read_benchmark(input: &Input, sealed_from: Option<TimestampNs>) -> Result<BenchmarkRule, DataError> {
    let options = ImportOptions { content: Content::Table, sealed_from, ..ImportOptions::default() };
    let input = &prepare(input, &options)?;
    let file = name_of(input);
    let location = input.single("a benchmark")?;
    let table = location.open(0)?;
    let columns = Columns { file: &file, schema: table.schema() };
    let time = columns.time(None)?;
    let fields = table.schema().fields();
    let is_symbol = |name: &str| ["symbol", "ticker"].iter().any(|usual| name.eq_ignore_ascii_case(usual));
    let has_symbols = fields.iter().any(|field| is_symbol(field.name()) && is_text(field.data_type()));
    let (symbol, number) = if has_symbols {
        let (symbol, weight) = columns
            .symbol_and(WEIGHT, "the weight of the instrument")
            .map_err(|error| located(error, &location, &table))?;
        (Some(symbol), weight)
    } else {
        (None, return_column(&columns, time).map_err(|error| located(error, &location, &table))?)
    };
    let mut projection: Vec<usize> = [time, number].into_iter().chain(symbol).collect();
    projection.sort_unstable();
    let in_batch = |column: usize| projection.binary_search(&column).unwrap_or(0);
    let mut groups = table.row_groups(Some(time), 0);
    let seal = sealed_from.map(|seal| seal.0);
    unseal(&mut groups, seal);
    let rows = batch_rows(projection.len(), TABLE_BATCH_BYTES);
    let batches = table.batches(&projection, Some(time), groups, rows)?;
    let named = |column: usize| fields[column].name().clone();
    let reader = Reader {
        columns: [in_batch(time), in_batch(number), symbol.map_or(0, in_batch)],
        names: [named(time), named(number), symbol.map_or_else(String::new, named)],
        file,
        location,
        batches,
        seal,
        latest: None,
    };
    if has_symbols { reader.weights() } else { reader.returns() }
}

/// Finds the column of returns: the one named `return`, or the only numeric column.
fn return_column(columns: &Columns<'_>, time: usize) -> Result<usize, DataError> {
    let fields = columns.schema.fields().iter().enumerate();
    let numeric: Vec<(usize, &str)> = fields
        .filter(|(column, field)| {
            *column != time && is_number(field.data_type()) && !field.name().starts_with("__index_level_")
        })
        .map(|(column, field)| (column, field.name().as_str()))
        .collect();
    match (numeric.as_slice(), numeric.iter().find(|(_, name)| name.eq_ignore_ascii_case(RETURN))) {
        ([(column, _)], _) | (_, Some((column, _))) => Ok(*column),
        ([], None) => {
            let fields = columns.schema.fields();
            if let Some(text) = fields.iter().position(|field| field.name().eq_ignore_ascii_case(RETURN)) {
                return columns.numeric(text);
            }
            let role = "the return of the benchmark, or `symbol` and `weight`";
            Err(columns.missing(RETURN, role, None, &["ret", "returns", "spx"]))
        }
        (several, None) => {
            let names: Vec<String> = several.iter().map(|(_, name)| format!("`{name}`")).collect();
            let file = columns.file.to_owned();
            Err(BenchmarkFault::SeveralColumns { file, found: names.join(", ") }.into())
        }
    }
}

/// Reader of the rows before the hold-out.
struct Reader {
    file: String,
    location: Location,
    batches: Batches,
    /// Positions of time, number and symbol in a batch, and their names.
    columns: [usize; 3],
    names: [String; 3],
    seal: Option<i64>,
    latest: Option<i64>,
}

/// Rows of one batch: times, numbers and the batch's columns.
struct Part {
    first_row: u64,
    times: Vec<i64>,
    numbers: Vec<f64>,
    number_cells: ArrayRef,
    symbol_cells: ArrayRef,
}

impl Reader {
    fn returns(mut self) -> Result<BenchmarkRule, DataError> {
        let mut all = Vec::new();
        while let Some(part) = self.next(true)? {
            for (row, (time, value)) in part.times.iter().zip(&part.numbers).enumerate() {
                if !(*value > -1.0 && *value <= RETURN_MAX) {
                    let expected = "a return above -1 and at most 10, as a decimal";
                    return Err(self.bad_number(&part, row, expected));
                }
                all.push((TimestampNs(*time), *value));
            }
        }
        self.check_any(all.is_empty())?;
        Ok(BenchmarkRule::Returns(Arc::new(ReturnRows::new(all))))
    }

    fn weights(mut self) -> Result<BenchmarkRule, DataError> {
        let mut all: Vec<(TimestampNs, String, f64)> = Vec::new();
        let mut of_time = BTreeSet::new();
        while let Some(part) = self.next(false)? {
            let symbols = part.symbol_cells.as_dictionary::<Int32Type>();
            let names = symbols.values().as_string::<i32>();
            for (row, (time, value)) in part.times.iter().zip(&part.numbers).enumerate() {
                let time = TimestampNs(*time);
                let place = || self.place(part.first_row + row as u64, 2);
                let Some(key) = symbols.key(row).filter(|_| symbols.is_valid(row)) else {
                    return Err(DataError::NullKey { place: place() });
                };
                if value.is_nan() || value.abs() > WEIGHT_MAX {
                    return Err(self.bad_number(
                        &part,
                        row,
                        "a weight from -1000 to 1000, as a share of NAV",
                    ));
                }
                if all.last().is_some_and(|(last, ..)| *last != time) {
                    of_time.clear();
                }
                let symbol = names.value(key).to_owned();
                if !of_time.insert(symbol.clone()) {
                    return Err(BenchmarkFault::Twice { place: place(), time, symbol }.into());
                }
                all.push((time, symbol, *value));
            }
        }
        self.check_any(all.is_empty())?;
        let rows = all.iter().map(|(time, symbol, weight)| (*time, symbol.as_str(), *weight));
        Ok(BenchmarkRule::Weights(Arc::new(WeightRows::new(rows))))
    }

    /// Reads the next rows before the hold-out; behind it, only the order of the times is checked.
    fn next(&mut self, strictly: bool) -> Result<Option<Part>, DataError> {
        let [time, number, symbol] = self.columns;
        while let Some(rows) = self.batches.next()? {
            let column = rows.batch.column(if rows.is_whole { time } else { 0 });
            let mut read = Vec::new();
            times(column, 0, &mut read)
                .map_err(|fault| fault.error(column, |row| self.place(rows.first_row + row as u64, 0)))?;
            self.batches.check_bounds(&rows, &read)?;
            self.check_order(&read, rows.first_row, strictly)?;
            if !rows.is_whole {
                self.batches.check_left_out(&rows, &read, before(self.seal), i64::MIN)?;
                continue;
            }
            let seal = self.seal.unwrap_or(i64::MAX);
            let open = read.iter().position(|time| *time >= seal).unwrap_or(read.len());
            if open < read.len() {
                self.batches.times_only()?;
                read.truncate(open);
            }
            if open == 0 {
                continue;
            }
            let batch = rows.batch.slice(0, open);
            let mut values = Vec::new();
            numbers(batch.column(number), &mut values);
            return Ok(Some(Part {
                first_row: rows.first_row,
                times: read,
                numbers: values,
                number_cells: Arc::clone(batch.column(number)),
                symbol_cells: Arc::clone(batch.column(symbol)),
            }));
        }
        Ok(None)
    }

    fn check_order(&mut self, times: &[i64], first_row: u64, strictly: bool) -> Result<(), DataError> {
        for (row, time) in times.iter().enumerate() {
            let before = self.latest.filter(|latest| latest > time || (strictly && latest == time));
            if let Some(previous) = before {
                let place = self.place(first_row + row as u64, 0);
                let (found, previous) = (TimestampNs(*time), TimestampNs(previous));
                return Err(BenchmarkFault::Order { place, found, previous, strictly }.into());
            }
            self.latest = Some(*time);
        }
        Ok(())
    }

    fn check_any(&self, is_empty: bool) -> Result<(), DataError> {
        match self.seal {
            _ if !is_empty => Ok(()),
            None => Err(DataError::NoRows { file: self.file.clone() }),
            Some(seal) => {
                Err(DataError::NothingBeforeSeal { file: self.file.clone(), seal: TimestampNs(seal) })
            }
        }
    }

    fn place(&self, row: u64, column: usize) -> Box<Place> {
        self.location.place(row, self.names[column].clone())
    }

    fn bad_number(&self, part: &Part, row: usize, expected: &'static str) -> DataError {
        let found = match part.number_cells.is_valid(row) {
            true => text(&part.number_cells, row),
            false => "null".to_owned(),
        };
        let (place, time) = (self.place(part.first_row + row as u64, 1), TimestampNs(part.times[row]));
        BenchmarkFault::Number { place, time, found, expected }.into()
    }
}
