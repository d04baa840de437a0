//! Helpers that write small Parquet files and read them back as frames.
// Each test file uses a part of this module.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod arrow_tables;
pub(crate) mod live;

use std::fs::{File, create_dir_all};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use betaflow_connectors::DataError;
use betaflow_connectors::parquet::{Input, ParquetSource, Settings};
use betaflow_engine::frame::Frame;
use betaflow_engine::source::{DataFacts, Source};
use betaflow_engine::time::{DAY_NS, TimestampNs};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

/// Folder that is removed at the end of the test.
pub(crate) struct Folder(pub(crate) tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let path = self.0.path().join(name);
        create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    pub(crate) fn input(&self, name: &str) -> Input {
        Input::Path(self.0.path().join(name))
    }

    /// Writes columns as a file of row groups of at most `group` rows.
    pub(crate) fn write_groups(&self, name: &str, columns: Vec<(&str, ArrayRef)>, group: usize) -> Input {
        let path = self.path(name);
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
        write_to(&path, columns, properties);
        Input::Path(path)
    }

    pub(crate) fn write(&self, name: &str, columns: Vec<(&str, ArrayRef)>) -> Input {
        self.write_groups(name, columns, 1_000_000)
    }
}

/// Columns of a file.
pub(crate) type Table = Vec<(&'static str, ArrayRef)>;

pub(crate) fn write_to(path: &Path, columns: Vec<(&str, ArrayRef)>, properties: WriterProperties) {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

pub(crate) fn days(days: &[i32]) -> ArrayRef {
    Arc::new(Date32Array::from(days.to_vec()))
}

pub(crate) fn stamps(ns: &[i64]) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from(ns.to_vec()))
}

pub(crate) fn texts(texts: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

pub(crate) fn floats(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

pub(crate) fn nullable(values: &[Option<f64>]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

/// Bar of tidy data: day, symbol, close.
pub(crate) type Row<'a> = (i32, &'a str, Option<f64>);

pub(crate) fn tidy(rows: &[Row<'_>]) -> Table {
    vec![
        ("date", days(&rows.iter().map(|row| row.0).collect::<Vec<_>>())),
        ("symbol", texts(&rows.iter().map(|row| row.1).collect::<Vec<_>>())),
        ("close", nullable(&rows.iter().map(|row| row.2).collect::<Vec<_>>())),
    ]
}

pub(crate) fn day(day: i64) -> TimestampNs {
    TimestampNs(day * DAY_NS)
}

pub(crate) struct Run {
    pub(crate) frames: Vec<Frame>,
    pub(crate) facts: DataFacts,
    pub(crate) factor_names: Vec<String>,
}

pub(crate) fn run(prices: &Input, factors: Option<&Input>, settings: Settings) -> Result<Run, String> {
    let mut source =
        ParquetSource::open(prices, factors, settings).map_err(|error: DataError| error.to_string())?;
    let (mut frames, mut frame) = (Vec::new(), Frame::default());
    while source.next_frame(&mut frame).map_err(|error| error.to_string())? {
        frames.push(frame.clone());
    }
    assert!(!source.next_frame(&mut frame).unwrap(), "no frame may follow the end");
    Ok(Run { frames, facts: source.facts(), factor_names: source.factor_names().to_vec() })
}

pub(crate) fn read(prices: &Input, settings: Settings) -> Vec<String> {
    run(prices, None, settings).unwrap().frames.iter().map(line).collect()
}

/// Formats a frame as one line: `seq day +listed | close | f factors`.
pub(crate) fn line(frame: &Frame) -> String {
    let numbers = |values: &[f64]| {
        let shown = values.iter().map(|value| if value.is_nan() { "-".into() } else { format!("{value}") });
        shown.collect::<Vec<_>>().join(" ")
    };
    let time = match frame.timestamp.is_midnight() {
        true => format!("d{}", frame.timestamp.date()),
        false => format!("{}ns", frame.timestamp.0),
    };
    let mut line = format!("{} {time} +{} | {}", frame.seq, frame.listed.join(","), numbers(&frame.close));
    for (name, column) in
        [("o", &frame.open), ("p", &frame.return_price), ("r", &frame.returns), ("f", &frame.factors)]
    {
        if !column.is_empty() {
            line += &format!(" | {name} {}", numbers(column));
        }
    }
    if frame.rf != 0.0 {
        line += &format!(" | rf {}", frame.rf);
    }
    line
}

/// First error of reading prices and factors.
pub(crate) fn fault(prices: &Input, factors: Option<&Input>, settings: Settings) -> DataError {
    let mut source = match ParquetSource::open(prices, factors, settings) {
        Ok(source) => source,
        Err(error) => return error,
    };
    let mut frame = Frame::default();
    loop {
        match source.next_frame(&mut frame) {
            Ok(true) => {}
            Ok(false) => panic!("no error"),
            Err(error) => return *error.downcast::<DataError>().unwrap(),
        }
    }
}
