//! Speed of a replay in instrument-bars a second, compared with a bare read of the same columns.
//!
//! `cargo bench -p betaflow-benches --bench replay` prints both, their ratio, and the peak memory of the
//! replay of two files, one ten times as long as the other. The frames alone are read from the file and from the
//! same table in memory.

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

/// Replays with `dlm` and one rebalance a day; returns the peak memory in bytes.
fn replay(panel: &Panel, out: &Path) -> Result<u64> {
    let output = Command::new(program())
        .arg("replay")
        .args(["--prices".as_ref(), panel.prices.as_os_str()])
        .args(["--factors".as_ref(), panel.factors.as_os_str()])
        .args(["--out".as_ref(), out.as_os_str(), "--force".as_ref()])
        .args(["--set", &format!("data.frames_per_day={FRAMES_PER_DAY}")])
        .args(["--set", &format!("sizing.rebalance_every={FRAMES_PER_DAY}")])
        .args(["--set", "estimator.kind=dlm", "--set", "estimator.warmup=5"])
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
    group.bench_function("replay, dlm, a rebalance every 390 frames", |bench| {
        bench.iter(|| replay(&short, &out).map_err(|error| error.to_string()));
    });
    group.finish();
    criterion.final_summary();
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }

    // In turns, so that a drift in the speed of the machine affects both alike.
    let mut ratios = Vec::new();
    for _ in 0..9 {
        let started = Instant::now();
        bare_read(&short.prices)?;
        let read = started.elapsed().as_secs_f64();
        let started = Instant::now();
        replay(&short, &out)?;
        ratios.push(read / started.elapsed().as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "replay as a share of the bare read's speed: median {:.2}, {ratios:.2?}",
        ratios[ratios.len() / 2]
    );

    let long = panel(&folder, 10 * FRAMES)?;
    let (of_short, of_long) = (replay(&short, &out)?, replay(&long, &out)?);
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
