//! Files of 20 million rows in the order of their symbols: equal frames, within a bound on memory.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod support;

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use betaflow_connectors::parquet::{Input, ParquetSource, Settings};
use betaflow_engine::frame::Frame;
use betaflow_engine::source::Source as _;
use parquet::arrow::ArrowWriter;

const SYMBOLS: i64 = 500;
const MINUTES: i64 = 40_000;
/// Peak resident memory of this process that a sort of any size stays below.
const PEAK_MB: u64 = 512;

fn batch(cells: impl Iterator<Item = (i64, i64)> + Clone) -> RecordBatch {
    let price = |(symbol, minute): (i64, i64)| {
        10.0 + symbol as f64 + ((symbol * 31 + minute * 17) % 997) as f64 / 100.0
    };
    let times =
        TimestampNanosecondArray::from_iter_values(cells.clone().map(|(_, minute)| minute * 60_000_000_000));
    let symbols: StringArray = cells.clone().map(|(symbol, _)| Some(format!("S{symbol:03}"))).collect();
    let closes = Float64Array::from_iter_values(cells.map(price));
    let columns: [(&str, ArrayRef); 3] =
        [("timestamp", Arc::new(times)), ("symbol", Arc::new(symbols)), ("close", Arc::new(closes))];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn write(path: &Path, batches: impl Iterator<Item = RecordBatch>) {
    let mut batches = batches.peekable();
    let schema = batches.peek().unwrap().schema();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), schema, None).unwrap();
    batches.for_each(|batch| writer.write(&batch).unwrap());
    writer.close().unwrap();
}

fn hash_of_frames(path: &Path) -> u64 {
    let mut source = ParquetSource::open(&Input::from(path), None, Settings::default()).unwrap();
    let (mut hash, mut frame) = (DefaultHasher::new(), Frame::default());
    while source.next_frame(&mut frame).unwrap() {
        (frame.timestamp.0, &frame.listed).hash(&mut hash);
        frame.close.iter().for_each(|close| close.to_bits().hash(&mut hash));
    }
    assert_eq!(source.facts().rows, (SYMBOLS * MINUTES) as u64);
    hash.finish()
}

fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
#[ignore = "writes 20 million rows; takes minutes"]
fn twenty_million_rows_by_symbol_are_sorted_within_the_memory_bound() {
    let folder = support::Folder::new();
    let (sorted, by_symbol) = (folder.path("sorted.parquet"), folder.path("by_symbol.parquet"));
    let minutes = (0..MINUTES / 100).map(|part| {
        batch(
            (part * 100..(part + 1) * 100)
                .flat_map(|minute| (0..SYMBOLS).map(move |symbol| (symbol, minute))),
        )
    });
    write(&sorted, minutes);
    write(&by_symbol, (0..SYMBOLS).map(|symbol| batch((0..MINUTES).map(move |minute| (symbol, minute)))));
    let expected = hash_of_frames(&sorted);
    let before = peak_mb();
    assert_eq!(hash_of_frames(&by_symbol), expected);
    let peak = peak_mb();
    println!("peak memory {before} MB before the sort, {peak} MB after it");
    assert!(peak <= PEAK_MB, "{peak} MB");
}
