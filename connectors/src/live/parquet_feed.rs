//! Parquet file served as a feed, with its whole content: each client selects instruments and columns.

use std::path::Path;
use std::sync::Arc;

use betaflow_engine::assembly::{FactorGap, FrameColumn, Renames, Universe, Values};
use betaflow_engine::frame::Field;
use betaflow_engine::frame::Frame;
use betaflow_engine::source::Source as _;

use super::feed::{Feed, FeedReader};
use super::protocol::{Bars, FeedValues, Hello, PROTOCOL};

use crate::DataError;
use crate::parquet::{Input, ParquetSource, Settings};

/// Price and factor files, read from the beginning for every client.
pub struct ParquetFeed {
    prices: Input,
    factors: Option<Input>,
    settings: Settings,
    hello: Hello,
}

impl ParquetFeed {
    /// Opens a feed of all instruments and columns of the files. `settings` supplies column names, times,
    /// range, seal and the treatment of bad rows; the client applies universe and factor expressions.
    ///
    /// # Errors
    /// The files are missing or invalid.
    pub fn open(prices: Input, factors: Option<Input>, settings: &Settings) -> Result<Self, DataError> {
        let settings = neutral(settings);
        let source = ParquetSource::open_neutral(&prices, factors.as_ref(), settings.clone())?;
        let columns = Field::ALL.into_iter().filter(|field| *field == Field::Close || source.has(*field));
        let hello = Hello {
            protocol: PROTOCOL,
            name: name_of(&prices),
            columns: columns.map(|field| field.names()[0].to_owned()).collect(),
            factors: source.factor_names().to_vec(),
            has_rf: source.has_rf(),
            values: if settings.values.are_returns() { FeedValues::Returns } else { FeedValues::Prices },
            frames: None,
            recorded: true,
        };
        Ok(Self { prices, factors, settings, hello })
    }
}

impl Feed for ParquetFeed {
    fn hello(&self) -> &Hello {
        &self.hello
    }

    fn open(&self) -> Result<Box<dyn FeedReader>, DataError> {
        let settings = self.settings.clone();
        let source = ParquetSource::open_neutral(&self.prices, self.factors.as_ref(), settings)?;
        let columns = self.hello.columns.iter().filter_map(|name| super::nullable::field(name)).collect();
        let (name, frame) = (self.hello.name.clone(), Frame::default());
        Ok(Box::new(ParquetReader { name, source, frame, columns, symbols: Vec::new(), next: 0 }))
    }
}

/// Returns `settings` for all instruments and columns, without factor expressions and with numbers unchanged.
fn neutral(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    // The client cumulates returns.
    if settings.values.are_returns() {
        settings.values = Values::ReturnsOfAnySize;
    }
    settings.universe = Universe::default();
    settings.factors = Vec::new();
    settings.benchmark = None;
    // The client applies symbol changes; a feed sends the symbols of the data.
    settings.renames = Renames::default();
    settings.factor_gap = FactorGap::Carry;
    settings.required = Vec::new();
    let others = Field::ALL.into_iter().filter(|field| *field != Field::Close);
    settings.optional = others.map(|field| FrameColumn { field, checked: false }).collect();
    settings
}

/// Returns the last part of a path; the folder is not disclosed to clients.
fn name_of(prices: &Input) -> String {
    match prices {
        Input::Bytes { name, .. } => name.clone(),
        Input::Prepared(file) => file.name().to_owned(),
        Input::Memory(table) => table.name().to_owned(),
        Input::Several(files) => files.iter().map(name_of).collect::<Vec<_>>().join(" + "),
        Input::Path(path) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            name.unwrap_or_else(|| Path::new("prices").display().to_string())
        }
    }
}

struct ParquetReader {
    name: String,
    source: ParquetSource,
    frame: Frame,
    columns: Vec<Field>,
    symbols: Vec<Arc<str>>,
    next: u64,
}

impl FeedReader for ParquetReader {
    fn skip(&mut self) -> Result<bool, DataError> {
        if !self.source.next(&mut self.frame)? {
            return Ok(false);
        }
        self.symbols.append(&mut self.frame.listed);
        self.next += 1;
        Ok(true)
    }

    fn read(&mut self) -> Result<Option<Bars>, DataError> {
        if !self.skip()? {
            return Ok(None);
        }
        let frame = &self.frame;
        let all = |i: usize| self.columns.iter().map(move |field| frame.column(*field)[i]);
        let present: Vec<usize> =
            (0..frame.instruments()).filter(|i| all(*i).any(|value| !value.is_nan())).collect();
        let column = |field: Field| present.iter().map(|i| frame.column(field)[*i]).collect::<Vec<f64>>();
        let columns: Vec<(Field, Vec<f64>)> =
            self.columns.iter().map(|field| (*field, column(*field))).collect();
        for (field, numbers) in &columns {
            if let Some(at) = numbers.iter().position(|number| number.is_infinite()) {
                return Err(self.infinite(*field, present[at], numbers[at]));
            }
        }
        let mut rows: Vec<Vec<f64>> = self.source.factor_rows().map(<[f64]>::to_vec).collect();
        let has_rows = !rows.is_empty();
        if rows.len() == 1 {
            rows.clear();
        }
        Ok(Some(Bars {
            seq: self.next - 1,
            timestamp: frame.timestamp.0,
            symbols: present.iter().map(|i| self.symbols[*i].to_string()).collect(),
            columns,
            factors: has_rows.then(|| frame.factors.clone()),
            rf: (has_rows && self.source.has_rf()).then_some(frame.rf),
            factor_rows: rows,
        }))
    }
}

impl ParquetReader {
    #[cold]
    fn infinite(&self, field: Field, instrument: usize, found: f64) -> DataError {
        DataError::NotFinite {
            file: self.name.clone(),
            field,
            symbol: self.symbols[instrument].to_string(),
            time: self.frame.timestamp,
            found,
        }
    }
}
