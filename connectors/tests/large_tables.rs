//! Tables of 10 million rows in memory: frames equal to those of the file, within a bound on memory.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod support;

use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::types::Int16Type;
use arrow_array::{
    ArrayRef, DictionaryArray, Float64Array, LargeStringArray, RecordBatch, StringArray,
    TimestampNanosecondArray,
};
use betaflow_connectors::parquet::{Input, MemoryTable, ParquetSource, Settings};
use betaflow_engine::frame::Frame;
use betaflow_engine::source::Source as _;
use parquet::arrow::ArrowWriter;

const SYMBOLS: i64 = 500;
const MINUTES: i64 = 20_000;
/// Peak memory above that of the table.
const PEAK_MB: u64 = 100;

/// Type of the symbols.
#[derive(Clone, Copy, Debug)]
enum Symbols {
    Strings,
    LargeStrings,
    Dictionary,
}

fn table(by_symbol: bool, symbols: Symbols) -> RecordBatch {
    let cell = |row: i64| match by_symbol {
        true => (row / MINUTES, row % MINUTES),
        false => (row % SYMBOLS, row / SYMBOLS),
    };
    let cells = || (0..SYMBOLS * MINUTES).map(cell);
    let price = |(symbol, minute): (i64, i64)| {
        10.0 + symbol as f64 + ((symbol * 31 + minute * 17) % 997) as f64 / 100.0
    };
    let times = TimestampNanosecondArray::from_iter_values(cells().map(|cell| cell.1 * 60_000_000_000));
    let closes = Float64Array::from_iter_values(cells().map(price));
    let names: Vec<String> = (0..SYMBOLS).map(|symbol| format!("S{symbol:03}")).collect();
    let texts = || cells().map(|cell| names[cell.0 as usize].as_str());
    let symbols: ArrayRef = match symbols {
        Symbols::Strings => Arc::new(StringArray::from_iter_values(texts())),
        Symbols::LargeStrings => Arc::new(LargeStringArray::from_iter_values(texts())),
        Symbols::Dictionary => Arc::new(DictionaryArray::<Int16Type>::new(
            cells().map(|cell| cell.0 as i16).collect::<Vec<_>>().into(),
            Arc::new(StringArray::from_iter_values(&names)),
        )),
    };
    let columns: [(&str, ArrayRef); 3] =
        [("timestamp", Arc::new(times)), ("symbol", symbols), ("close", Arc::new(closes))];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn write(path: &Path, batch: &RecordBatch) -> Input {
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    Input::from(path)
}

fn hash_of_frames(input: &Input) -> u64 {
    let mut source = ParquetSource::open(input, None, Settings::default()).unwrap();
    let (mut hash, mut frame) = (DefaultHasher::new(), Frame::default());
    while source.next_frame(&mut frame).unwrap() {
        (frame.timestamp.0, &frame.listed).hash(&mut hash);
        frame.close.iter().for_each(|close| close.to_bits().hash(&mut hash));
    }
    assert_eq!(source.facts().rows, (SYMBOLS * MINUTES) as u64);
    hash.finish()
}

/// Resident memory of this process, now and at its peak since the last reset.
fn memory_mb(entry: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(entry)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
#[ignore = "holds tables of 10 million rows; takes minutes"]
fn ten_million_rows_in_memory_are_read_within_the_memory_bound() {
    let folder = support::Folder::new();
    let file = write(&folder.path("sorted.parquet"), &table(false, Symbols::Strings));
    let started = Instant::now();
    let expected = hash_of_frames(&file);
    println!("file in time order: {:.2} s", started.elapsed().as_secs_f64());
    for by_symbol in [false, true] {
        for symbols in [Symbols::Strings, Symbols::LargeStrings, Symbols::Dictionary] {
            let batch = table(by_symbol, symbols);
            for chunk in [usize::MAX, 2048] {
                let rows = batch.num_rows();
                let batches =
                    (0..rows).step_by(chunk.min(rows)).map(|at| batch.slice(at, chunk.min(rows - at)));
                let input = MemoryTable::new("prices".to_owned(), batch.schema(), batches.collect());
                std::fs::write("/proc/self/clear_refs", "5").unwrap();
                let (before, started) = (memory_mb("VmRSS:"), Instant::now());
                assert_eq!(hash_of_frames(&Input::Memory(input)), expected);
                let (seconds, above) =
                    (started.elapsed().as_secs_f64(), memory_mb("VmHWM:").saturating_sub(before));
                println!(
                    "{symbols:?}, by symbol: {by_symbol}, batches of {}: {seconds:.2} s, {above} MB above {before} MB",
                    chunk.min(rows)
                );
                assert!(above <= PEAK_MB, "{above} MB");
            }
        }
    }
}
