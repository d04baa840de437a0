//! File of the user as an input: forecasts, weights, or a part of a risk model.

use std::collections::BTreeMap;

use betaflow_engine::frame::CrossSection;
use betaflow_engine::ledger::hex;
use betaflow_engine::signal::Clash;
use betaflow_engine::time::{TimestampNs, Zone};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::DataError;
use crate::parquet::{
    CellTime, DateRule, GivenError, GivenKind, GivenRows, Input as FileInput, RowSink, RowTimes,
};
use crate::sections::check_covariance;

/// Kind of the control.
pub(super) const KIND: &str = "user_file";

/// Maximum rows of an input; a larger file becomes several inputs.
const ROWS_MAX: usize = 20_000;

/// Rows of a file of the user, or of a part of it, as recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserFile {
    kind: String,
    /// Content, such as `forecasts`.
    pub content: String,
    /// Name of the file; in a folder, its path from there.
    pub file: String,
    /// SHA-256 of the file.
    pub digest: String,
    /// Number of this part from 0, and of all parts.
    pub part: u32,
    pub(super) parts: u32,
    /// Sentence about the file for the log and the dashboard, in the last part.
    #[serde(default)]
    pub text: String,
    /// Number of rows of the whole file, or of cells if it has a column per symbol.
    pub(super) file_rows: u64,
    /// First and last time of the whole file, ns since 1970 UTC; `None` without a row.
    pub(super) span: Option<(i64, i64)>,
    symbols: Vec<String>,
    /// Symbol of each row, as an index of `symbols`.
    symbol: Vec<u32>,
    /// Time of each row, ns since 1970 UTC.
    time: Vec<i64>,
    time_is_date: bool,
    /// Value of `known_at` of each row; empty without that column.
    #[serde(default)]
    known_at: Vec<Option<i64>>,
    #[serde(default)]
    known_at_is_date: bool,
    /// Values of each column.
    values: Vec<Vec<Option<f64>>>,
}

/// Row of a [`UserFile`].
pub(super) struct UserRow<'a> {
    pub(super) symbol: &'a str,
    pub(super) times: RowTimes,
}

impl UserFile {
    /// Reads a file; `name` names it in the record and in errors. Rows from `sealed_from` on are not read.
    ///
    /// # Errors
    /// The file is damaged or incomplete, lacks a column, or has an invalid row.
    pub fn read(
        kind: &GivenKind,
        name: &str,
        bytes: Bytes,
        sealed_from: Option<TimestampNs>,
    ) -> Result<Vec<Self>, DataError> {
        let digest = hex(&Sha256::digest(&bytes).into());
        let input = FileInput::Bytes { name: name.to_owned(), bytes };
        // The rule for dates belongs to the source, which applies it to the recorded times.
        let rule = DateRule { frames_per_day: 1, open_bar_ns: 0, zone: Zone::UTC };
        let mut rows = Rows { columns: kind.columns(), ..Rows::default() };
        GivenRows::open(&input, kind.clone(), rule, sealed_from)?.read_until(i64::MAX, &mut rows)?;
        if let GivenKind::FactorCov(factors) = kind {
            rows.check_covariances(name, factors)?;
        }
        Ok(rows.into_parts(kind, name, &digest))
    }

    /// Parses the body of a control; `None` for another kind of control.
    ///
    /// # Errors
    /// The body lacks a part of an input of this kind.
    pub(super) fn of_control(kind: &str, body: &str) -> Option<Result<Self, String>> {
        let is_whole = |file: &Self| {
            let (rows, symbols) = (file.time.len(), file.symbols.len());
            file.symbol.len() == rows
                && file.symbol.iter().all(|symbol| (*symbol as usize) < symbols)
                && (file.known_at.is_empty() || file.known_at.len() == rows)
                && file.values.iter().all(|column| column.len() == rows)
        };
        let read = || {
            let file: Self = serde_json::from_str(body).map_err(|error| error.to_string())?;
            match is_whole(&file) {
                true => Ok(file),
                false => Err("found columns of different lengths, expected one value per row".to_owned()),
            }
        };
        (kind == KIND).then(read)
    }

    /// Body of the control.
    pub(super) fn body(&self) -> String {
        // Serialising a struct of text and numbers cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Returns whether this is the last part of the file.
    pub(super) fn is_last(&self) -> bool {
        self.part + 1 == self.parts
    }

    /// Number of columns of values.
    pub(super) fn columns(&self) -> usize {
        self.values.len()
    }

    /// Calls `take` with each row and its values.
    pub(super) fn each(&self, mut take: impl FnMut(UserRow<'_>, &[f64])) {
        let mut values = vec![f64::NAN; self.columns()];
        for row in 0..self.time.len() {
            for (value, column) in values.iter_mut().zip(&self.values) {
                *value = column[row].unwrap_or(f64::NAN);
            }
            let time = CellTime { at: self.time[row], is_of_date_type: self.time_is_date };
            let known_at = self.known_at.get(row).copied().flatten();
            let known_at = known_at.map(|at| CellTime { at, is_of_date_type: self.known_at_is_date });
            let symbol = &self.symbols[self.symbol[row] as usize];
            take(UserRow { symbol, times: RowTimes { time, known_at } }, &values);
        }
    }
}

/// Rows of a whole file.
#[derive(Default)]
struct Rows {
    columns: usize,
    ids: BTreeMap<String, u32>,
    names: Vec<String>,
    symbol: Vec<u32>,
    times: Vec<RowTimes>,
    /// Values, row by row.
    values: Vec<f64>,
    /// Latest times of each symbol, to find a second row.
    latest: Vec<Option<RowTimes>>,
}

impl RowSink for Rows {
    fn id(&mut self, symbol: &str) -> u32 {
        if let Some(id) = self.ids.get(symbol) {
            return *id;
        }
        let id = self.names.len() as u32;
        self.ids.insert(symbol.to_owned(), id);
        self.names.push(symbol.to_owned());
        self.latest.push(None);
        id
    }

    fn push(&mut self, id: u32, times: &RowTimes, values: &[f64]) -> Result<(), Clash> {
        if self.latest[id as usize].replace(*times) == Some(*times) {
            return Err(Clash);
        }
        self.symbol.push(id);
        self.times.push(*times);
        self.values.extend_from_slice(values);
        Ok(())
    }
}

impl Rows {
    /// Checks that each time has a whole covariance: an invalid one would end a run on its frame.
    fn check_covariances(&self, file: &str, factors: &[String]) -> Result<(), DataError> {
        let k = factors.len();
        let mut matrices = BTreeMap::new();
        for ((symbol, times), values) in self.symbol.iter().zip(&self.times).zip(self.values.chunks(k)) {
            let key = (times.time.at, times.known_at.map(|known| known.at));
            let matrix = matrices.entry(key).or_insert_with(|| vec![f64::NAN; k * k]);
            let name = &self.names[*symbol as usize];
            let row = factors.iter().position(|factor| factor == name).unwrap_or_default();
            values.iter().enumerate().for_each(|(column, value)| matrix[column * k + row] = *value);
        }
        for ((time, _), values) in matrices {
            let time = TimestampNs(time);
            let section = CrossSection { of: Some(time), columns: k, values };
            check_covariance(&section, factors).map_err(|(found, expected)| {
                let file = file.to_owned();
                DataError::from(GivenError::FactorCov { file, time, found, expected })
            })?;
        }
        Ok(())
    }

    fn into_parts(self, kind: &GivenKind, name: &str, digest: &str) -> Vec<UserFile> {
        let rows = self.times.len();
        let span = self.times.first().zip(self.times.last());
        let starts: Vec<usize> = (0..rows.max(1)).step_by(ROWS_MAX).collect();
        let has_known_at = self.times.iter().any(|times| times.known_at.is_some());
        let part = |(part, start): (usize, &usize)| {
            let range = *start..(start + ROWS_MAX).min(rows);
            let times = &self.times[range.clone()];
            // Only the symbols of this part, in the order of their rows.
            let (mut symbols, mut local) = (Vec::new(), BTreeMap::new());
            let symbol = self.symbol[range.clone()].iter().map(|id| {
                *local.entry(*id).or_insert_with(|| {
                    symbols.push(self.names[*id as usize].clone());
                    symbols.len() as u32 - 1
                })
            });
            let symbol = symbol.collect();
            let cell = |row: usize, column: usize| self.values[row * self.columns + column];
            let column = |column: usize| {
                let values = range.clone().map(|row| Some(cell(row, column)).filter(|value| !value.is_nan()));
                values.collect()
            };
            UserFile {
                kind: KIND.to_owned(),
                content: kind.name().to_owned(),
                file: name.to_owned(),
                digest: digest.to_owned(),
                part: part as u32,
                parts: starts.len() as u32,
                text: String::new(),
                file_rows: rows as u64,
                span: span.map(|(first, last)| (first.time.at, last.time.at)),
                symbols,
                symbol,
                time: times.iter().map(|times| times.time.at).collect(),
                time_is_date: times.iter().any(|times| times.time.is_of_date_type),
                known_at: match has_known_at {
                    true => times.iter().map(|times| times.known_at.map(|known| known.at)).collect(),
                    false => Vec::new(),
                },
                known_at_is_date: times
                    .iter()
                    .any(|times| times.known_at.is_some_and(|known| known.is_of_date_type)),
                values: (0..self.columns).map(column).collect(),
            }
        };
        starts.iter().enumerate().map(part).collect()
    }
}
