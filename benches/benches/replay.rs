//! Speed of a replay in instrument-bars a second, compared with a bare read of the same columns.
//!
//! `cargo bench -p betaflow-benches --bench replay` prints the ratio to the bare read for `dlm`, the mixture and
//! the frames alone, and the peak memory of the replay of two files, one ten times as long as the other. The frames
//! alone are read from the file and from the same table in memory.

#![allow(clippy::print_stdout)]

use std::fs::File;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use arrow_array::RecordBatchReader as _;
use betaflow_benches::{FRAMES, FRAMES_PER_DAY, Panel, panel};
use betaflow_connectors::parquet::{Input, MemoryTable, ParquetSource, Settings};
use betaflow_engine::frame::Frame;
use betaflow_engine::source::Source as _;
use criterion::{Criterion, Throughput};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Decodes time, symbol and close, and discards them.
fn bare_read(prices: &Path) -> Result<usize> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(prices)?)?;
    let columns = ProjectionMask::columns(builder.parquet_schema(), ["ts", "symbol", "close"]);
    let mut rows = 0;
    for batch in builder.with_projection(columns).with_batch_size(8_192).build()? {
        rows += black_box(batch?).num_rows();
    }
    Ok(rows)
}

/// Returns the table of a file in memory.
fn in_memory(prices: &Path) -> Result<Input> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(prices)?)?.build()?;
    let schema = reader.schema();
    let batches = reader.collect::<std::result::Result<Vec<_>, _>>()?;
    Ok(Input::Memory(MemoryTable::new("prices".to_owned(), schema, batches)))
}

/// Reads all frames; returns their number.
fn frames(prices: &Input) -> Result<usize> {
    let mut source = ParquetSource::open(prices, None, Settings::default())?;
    let (mut frame, mut count) = (Frame::default(), 0);
    while source.next_frame(&mut frame).map_err(|error| error as Box<dyn std::error::Error>)? {
        count += black_box(&frame).close.len().min(1);
    }
    Ok(count)
}

/// Path of the program, built for release by this benchmark.
fn program() -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.extend(["..", "target", "release", "betaflow"]);
    path
}

/// Turns of a comparison.
const TURNS: usize = 9;
/// Estimators of the replays.
const ESTIMATORS: [&str; 2] = ["dlm", "mixture"];

/// Replays with an estimator and one rebalance a day; returns the peak memory in bytes.
fn replay(panel: &Panel, estimator: &str, out: &Path) -> Result<u64> {
    let output = Command::new(program())
        .arg("replay")
        .args(["--prices".as_ref(), panel.prices.as_os_str()])
        .args(["--factors".as_ref(), panel.factors.as_os_str()])
        .args(["--out".as_ref(), out.as_os_str(), "--force".as_ref()])
        .args(["--set", &format!("data.frames_per_day={FRAMES_PER_DAY}")])
        .args(["--set", &format!("sizing.rebalance_every={FRAMES_PER_DAY}")])
        .args(["--set", &format!("estimator.kind={estimator}"), "--set", "estimator.warmup=5"])
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let summary: serde_json::Value = serde_json::from_reader(File::open(out.join("summary.json"))?)?;
    if summary["data"]["rows"].as_u64() != Some(panel.rows as u64) {
        return Err("the replay did not read every row".into());
    }
    Ok(summary["timing"]["peak_memory_bytes"].as_u64().unwrap_or_default())
}

/// Seconds of some work.
fn seconds<T>(work: impl FnOnce() -> Result<T>) -> Result<f64> {
    let started = Instant::now();
    black_box(work()?);
    Ok(started.elapsed().as_secs_f64())
}

/// Prints the speed of some work as a share of the bare read's, of several turns. The turns alternate, so that a
/// drift in the speed of the machine affects both alike.
fn compare(name: &str, turns: usize, prices: &Path, mut work: impl FnMut() -> Result<()>) -> Result<()> {
    let (mut ratios, mut reads, mut works) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..turns {
        let read = seconds(|| bare_read(prices))?;
        let whole = seconds(&mut work)?;
        ratios.push(read / whole);
        reads.push(read);
        works.push(whole);
    }
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!(
        "{name}: {:.2} of the speed of the bare read ({:.2} to {:.2}; {:.3} s beside {:.3} s)",
        median(&mut ratios),
        ratios[0],
        ratios[turns - 1],
        median(&mut works),
        median(&mut reads)
    );
    Ok(())
}

fn main() -> Result<()> {
    let built = Command::new(env!("CARGO")).args(["build", "--release", "-p", "betaflow-replay"]).status()?;
    if !built.success() {
        return Err("cargo build failed".into());
    }
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("panel");
    let short = panel(&folder, FRAMES)?;
    let out = folder.join("run");

    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(10))
        .configure_from_args();
    let mut group = criterion.benchmark_group("instrument-bars");
    group.throughput(Throughput::Elements(short.rows as u64));
    group.bench_function("bare read of time, symbol, close", |bench| {
        bench.iter(|| bare_read(&short.prices).map_err(|error| error.to_string()));
    });
    for (name, input) in [
        ("frames of the file", Input::from(short.prices.as_path())),
        ("frames of the table in memory", in_memory(&short.prices)?),
    ] {
        group.bench_function(name, |bench| {
            bench.iter(|| frames(&input).map_err(|error| error.to_string()));
        });
    }
    for estimator in ESTIMATORS {
        group.bench_function(format!("replay, {estimator}, a rebalance every 390 frames"), |bench| {
            bench.iter(|| replay(&short, estimator, &out).map_err(|error| error.to_string()));
        });
    }
    group.finish();
    criterion.final_summary();
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }

    let alone = Input::from(short.prices.as_path());
    compare("frames alone", TURNS, &short.prices, || frames(&alone).map(|_| ()))?;
    for estimator in ESTIMATORS {
        let name = format!("replay with {estimator}");
        compare(&name, TURNS, &short.prices, || replay(&short, estimator, &out).map(|_| ()))?;
    }

    let long = panel(&folder, 10 * FRAMES)?;
    let (of_short, of_long) = (replay(&short, ESTIMATORS[0], &out)?, replay(&long, ESTIMATORS[0], &out)?);
    println!(
        "peak memory: {:.1} MB for {} rows, {:.1} MB for {} rows: {:.3} times",
        of_short as f64 * 1e-6,
        short.rows,
        of_long as f64 * 1e-6,
        long.rows,
        of_long as f64 / of_short as f64
    );
    Ok(())
}
