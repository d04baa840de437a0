//! Runs the built program on small data and reads its output, without code of the engine.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod disk;
pub(crate) mod paper;
pub(crate) mod state;
pub(crate) mod stress;
pub(crate) mod user_files;
pub(crate) mod web;
pub(crate) mod webdriver;
pub(crate) mod webhook;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampNanosecondType};
use arrow_array::{
    Array, ArrayRef, Date32Array, Float64Array, RecordBatch, RecordBatchReader, StringArray,
    TimestampNanosecondArray,
};
use arrow_schema::DataType;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const DAY_NS: i64 = 86_400_000_000_000;
/// Names of the tables of a replay.
pub(crate) const TABLES: [&str; 5] = ["attribution", "betas", "equity", "fills", "weights"];

/// Temporary folder, removed at the end of the test.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// Result of a call of the program.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// Standard output with single spaces in place of line ends and indents.
    pub(crate) fn flat(&self) -> String {
        flat(&self.out)
    }
}

/// A text with single spaces in place of line ends and indents: sentences wrap at the width of the terminal.
pub(crate) fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Runs the program in a folder.
pub(crate) fn call(folder: &Path, arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_betaflow"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

/// Runs the program, which must succeed and write the run folder `run`.
pub(crate) fn run(folder: &Path, run: &str, arguments: &[&str]) -> Run {
    let all = [arguments, &["--out", run]].concat();
    let ended = call(folder, &all);
    assert_eq!(ended.code, Some(0), "betaflow {}: {}", all.join(" "), ended.err);
    Run::at(folder.join(run))
}

/// Arguments `--set` for each setting.
pub(crate) fn sets<'a>(settings: &[&'a str]) -> Vec<&'a str> {
    settings.iter().flat_map(|setting| ["--set", setting]).collect()
}

/// Completed run folder.
pub(crate) struct Run {
    pub(crate) path: PathBuf,
    pub(crate) summary: Value,
    pub(crate) config: toml::Table,
}

impl Run {
    pub(crate) fn at(path: PathBuf) -> Self {
        let summary = serde_json::from_slice(&fs::read(path.join("summary.json")).unwrap()).unwrap();
        let config = fs::read_to_string(path.join("run.toml")).unwrap().parse().unwrap();
        Self { path, summary, config }
    }

    pub(crate) fn digest(&self) -> &str {
        let digest = self.summary["digest"].as_str().unwrap();
        assert!(digest.bytes().any(|byte| byte != b'0'), "all zeros: no frame decided");
        digest
    }

    /// Value of a setting in `run.toml`.
    pub(crate) fn setting(&self, table: &str, key: &str) -> &toml::Value {
        &self.config[table][key]
    }

    pub(crate) fn number(&self, table: &str, key: &str) -> f64 {
        let value = self.setting(table, key);
        value.as_float().or(value.as_integer().map(|integer| integer as f64)).unwrap()
    }

    pub(crate) fn table(&self, name: &str) -> Table {
        Table::read(&self.path.join(format!("{name}.parquet")))
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path.join(format!("{name}.parquet"))).unwrap()
    }
}

/// A Parquet table in memory.
pub(crate) struct Table {
    batch: RecordBatch,
}

impl Table {
    pub(crate) fn read(path: &Path) -> Self {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap())
            .unwrap()
            .with_batch_size(1 << 22)
            .build()
            .unwrap();
        let schema = reader.schema();
        let mut batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        assert!(batches.len() < 2, "one batch holds it all");
        Self { batch: batches.pop().unwrap_or_else(|| RecordBatch::new_empty(schema)) }
    }

    pub(crate) fn rows(&self) -> usize {
        self.batch.num_rows()
    }

    /// Name and type of each column, in order.
    pub(crate) fn columns(&self) -> Vec<(String, DataType)> {
        let schema = self.batch.schema();
        schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
    }

    fn column(&self, name: &str) -> &ArrayRef {
        self.batch.column_by_name(name).unwrap_or_else(|| panic!("there is a column {name}"))
    }

    pub(crate) fn times(&self) -> Vec<i64> {
        self.times_of("timestamp")
    }

    pub(crate) fn times_of(&self, name: &str) -> Vec<i64> {
        self.column(name).as_primitive::<TimestampNanosecondType>().values().to_vec()
    }

    /// Values of a column; null as NaN.
    pub(crate) fn numbers(&self, name: &str) -> Vec<f64> {
        let column = self.column(name).as_primitive::<Float64Type>();
        column.iter().map(|value| value.unwrap_or(f64::NAN)).collect()
    }

    /// Days since 1970-01-01 of a column of dates.
    pub(crate) fn days_of(&self, name: &str) -> Vec<i64> {
        self.column(name).as_primitive::<Date32Type>().values().iter().copied().map(i64::from).collect()
    }

    /// Values of a column; null as -1.
    pub(crate) fn integers(&self, name: &str) -> Vec<i64> {
        self.column(name).as_primitive::<Int64Type>().iter().map(|value| value.unwrap_or(-1)).collect()
    }

    /// True if a column has no value.
    pub(crate) fn all_null(&self, name: &str) -> bool {
        self.column(name).null_count() == self.rows()
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let column = self.column(name);
        let text = |value: Option<&str>| value.unwrap().to_owned();
        match column.data_type() {
            DataType::LargeUtf8 => column.as_string::<i64>().iter().map(text).collect(),
            _ => column.as_string::<i32>().iter().map(text).collect(),
        }
    }

    /// Every row up to a time as one line of text; numbers include their bits.
    pub(crate) fn lines_until(&self, time: i64) -> Vec<String> {
        let rows = self.times().partition_point(|row| *row <= time);
        let mut lines = vec![String::new(); rows];
        for (name, column) in self.columns().iter().map(|(name, _)| (name, self.column(name))) {
            for (row, line) in lines.iter_mut().enumerate() {
                let cell = match column.data_type() {
                    _ if column.is_null(row) => "null".to_owned(),
                    DataType::Float64 => {
                        let value = column.as_primitive::<Float64Type>().value(row);
                        format!("{value}={:016x}", value.to_bits())
                    }
                    DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
                    DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
                    _ => column.as_primitive::<TimestampNanosecondType>().value(row).to_string(),
                };
                *line += &format!("{name} {cell}; ");
            }
        }
        lines
    }
}

/// Columns of a file to write.
pub(crate) type Columns<'a> = Vec<(&'a str, ArrayRef)>;

pub(crate) fn write(path: &Path, columns: Columns<'_>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Time column; dates if all times are midnights.
pub(crate) fn times(times: impl IntoIterator<Item = i64>) -> (&'static str, ArrayRef) {
    let times: Vec<i64> = times.into_iter().collect();
    if times.iter().all(|time| time % DAY_NS == 0) {
        let days = times.iter().map(|time| (time / DAY_NS) as i32);
        ("date", Arc::new(Date32Array::from_iter_values(days)))
    } else {
        ("timestamp", Arc::new(TimestampNanosecondArray::from(times).with_timezone("UTC")))
    }
}

pub(crate) fn texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(texts))
}

pub(crate) fn numbers(values: impl IntoIterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(Float64Array::from_iter(values))
}

/// One row of tidy prices.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// Nanoseconds since 1970.
    pub(crate) time: i64,
    pub(crate) symbol: String,
    pub(crate) open: f64,
    pub(crate) close: f64,
    pub(crate) volume: f64,
    pub(crate) dividend: Option<f64>,
    pub(crate) split: Option<f64>,
}

impl Bar {
    pub(crate) fn new(time: i64, symbol: &str, open: f64, close: f64) -> Self {
        let volume = 1_000.0 + ((time / DAY_NS) % 7 * 500) as f64;
        Self { time, symbol: symbol.to_owned(), open, close, volume, dividend: None, split: None }
    }

    pub(crate) fn high(&self) -> f64 {
        1.002 * self.open.max(self.close)
    }

    pub(crate) fn low(&self) -> f64 {
        0.998 * self.open.min(self.close)
    }
}

pub(crate) fn write_tidy(path: &Path, bars: &[Bar]) {
    let column = |of: fn(&Bar) -> f64| numbers(bars.iter().map(|bar| Some(of(bar))));
    let mut columns = vec![
        times(bars.iter().map(|bar| bar.time)),
        ("symbol", texts(bars.iter().map(|bar| &bar.symbol))),
        ("open", column(|bar| bar.open)),
        ("high", column(Bar::high)),
        ("low", column(Bar::low)),
        ("close", column(|bar| bar.close)),
        ("volume", column(|bar| bar.volume)),
        ("bid", column(|bar| 0.9995 * bar.close)),
        ("ask", column(|bar| 1.0005 * bar.close)),
    ];
    if bars.iter().any(|bar| bar.dividend.is_some() || bar.split.is_some()) {
        columns.push(("dividend", numbers(bars.iter().map(|bar| bar.dividend))));
        columns.push(("split", numbers(bars.iter().map(|bar| bar.split))));
    }
    write(path, columns);
}

/// Pseudo-random numbers, the same on every machine (SplitMix64).
#[derive(Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform between 0 and 1.
    pub(crate) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Approximately normal with mean 0 and standard deviation 1.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

/// Simulated prices on weekdays since 2015, and two factors with a risk-free return.
///
/// A tenth of the bars is missing; S01 lists after a third of the frames, S02 after half, S03 delists after
/// 70 %. S00 has a bar in every frame.
#[derive(Clone)]
pub(crate) struct Panel {
    /// Time of each frame.
    pub(crate) times: Vec<i64>,
    /// Bars by time, then symbol.
    pub(crate) bars: Vec<Bar>,
    /// `mkt`, `mom` and `rf` of each frame.
    pub(crate) factors: Vec<[f64; 3]>,
}

impl Panel {
    /// Daily bars.
    pub(crate) fn new(seed: u64, days: usize, instruments: usize) -> Self {
        Self::of_bars(seed, days, &[0], instruments)
    }

    /// Bars that close `hours` after midnight.
    pub(crate) fn of_bars(seed: u64, days: usize, hours: &[i64], instruments: usize) -> Self {
        let mut random = Random(seed);
        // 2015-01-01 is day 16,436; 1970-01-01 was a Thursday.
        let weekdays = (16_436..).filter(|day| (day + 4) % 7 != 0 && (day + 4) % 7 != 6);
        let hour = DAY_NS / 24;
        let times: Vec<i64> = weekdays
            .take(days)
            .flat_map(|day: i64| hours.iter().map(move |hours| day * DAY_NS + hours * hour))
            .collect();
        let frames = times.len();
        let mut panel = Self { times: times.clone(), bars: Vec::new(), factors: Vec::new() };
        let betas: Vec<[f64; 2]> =
            (0..instruments).map(|_| [0.5 + random.share(), random.share() - 0.5]).collect();
        let mut prices: Vec<f64> = (0..instruments).map(|_| 20.0 + 80.0 * random.share()).collect();
        for (at, time) in times.into_iter().enumerate() {
            let factors = [0.0008 + 0.01 * random.normal(), 0.0004 + 0.005 * random.normal(), 4e-5];
            panel.factors.push(factors);
            for i in 0..instruments {
                let overnight = 1.0 + 0.004 * random.normal();
                let own = 0.012 * random.normal();
                let missing = random.share() < 0.1;
                let open = prices[i] * overnight;
                prices[i] *= 1.0 + factors[2] + betas[i][0] * factors[0] + betas[i][1] * factors[1] + own;
                let listed = match i {
                    0 => true,
                    1 => at >= frames / 3 && !missing,
                    2 => at >= frames / 2 && !missing,
                    3 => at < frames * 7 / 10 && !missing,
                    _ => !missing,
                };
                if listed {
                    panel.bars.push(Bar::new(time, &format!("S{i:02}"), open, prices[i]));
                }
            }
        }
        panel
    }

    /// Same market with splits and dividends: every instrument except S00 has one split, three for one or one
    /// for two, and all pay a dividend every 40 frames.
    pub(crate) fn acting(mut self) -> Self {
        for at in 0..self.bars.len() {
            let bar = &self.bars[at];
            let number: usize = bar.symbol[1..].parse().unwrap();
            let seq = self.times.partition_point(|time| *time < bar.time);
            let split_at = self.times.len() / 2 + 3 * number;
            let ratio = if number.is_multiple_of(2) { 3.0 } else { 0.5 };
            let symbol = bar.symbol.clone();
            let first = !self.bars[..at].iter().rev().any(|bar| bar.symbol == symbol && bar.split.is_some());
            let bar = &mut self.bars[at];
            if seq >= split_at && number > 0 {
                bar.split = first.then_some(ratio);
                bar.open /= ratio;
                bar.close /= ratio;
                bar.volume *= ratio;
            }
            bar.dividend = (seq % 40 == number).then_some(0.01 * bar.close);
        }
        self
    }

    /// First `frames` frames.
    pub(crate) fn first(&self, frames: usize) -> Self {
        let end = self.times[frames - 1];
        Self {
            times: self.times[..frames].to_vec(),
            bars: self.bars.iter().filter(|bar| bar.time <= end).cloned().collect(),
            factors: self.factors[..frames].to_vec(),
        }
    }

    /// Writes `prices.parquet` and `factors.parquet`; returns the arguments that name them.
    pub(crate) fn write(&self, folder: &Path) -> [String; 4] {
        write_tidy(&folder.join("prices.parquet"), &self.bars);
        self.write_factors(&folder.join("factors.parquet"));
        self.arguments(folder, "prices.parquet")
    }

    /// Arguments for another file of prices with `factors.parquet`.
    pub(crate) fn arguments(&self, folder: &Path, prices: &str) -> [String; 4] {
        let path = |name| folder.join(name).display().to_string();
        ["--prices".into(), path(prices), "--factors".into(), path("factors.parquet")]
    }

    pub(crate) fn write_factors(&self, path: &Path) {
        let column = |at: usize| numbers(self.factors.iter().map(|row| Some(row[at])));
        let times = times(self.times.iter().copied());
        write(path, vec![times, ("mkt", column(0)), ("mom", column(1)), ("rf", column(2))]);
    }

    /// Bars by time, then by symbol.
    pub(crate) fn by_time(&self) -> BTreeMap<i64, BTreeMap<&str, &Bar>> {
        let mut frames = BTreeMap::<_, BTreeMap<_, _>>::new();
        for bar in &self.bars {
            frames.entry(bar.time).or_default().insert(bar.symbol.as_str(), bar);
        }
        frames
    }
}

/// All arguments of a command.
pub(crate) fn joined<'a>(command: &'a str, data: &'a [String], settings: &[&'a str]) -> Vec<&'a str> {
    let data = data.iter().map(String::as_str);
    [command].into_iter().chain(data).chain(sets(settings)).collect()
}
