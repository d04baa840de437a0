//! Whole runs in this process, and the comparison of two of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type, TimestampNanosecondType};
use arrow_array::{Array as _, ArrayRef, RecordBatch, RecordBatchReader as _};
use arrow_schema::DataType;
use betaflow_connectors::parquet::MemoryTable;
use betaflow_replay::{Call, CallError, call};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use tempfile::TempDir;

use crate::declared;
use crate::driver::Case;
use crate::market::Market;
use crate::settings::Settings;

/// Time after which a run counts as hanging.
const HANGS_AFTER: Duration = Duration::from_secs(120);

/// A completed run.
pub(crate) struct Run {
    pub(crate) folder: TempDir,
    pub(crate) summary: Value,
}

/// Outcome of a run: refused or failed with an error, or completed. The outer error is a hang or a panic.
pub(crate) type Outcome = Result<Result<Run, Box<CallError>>, String>;

/// Temporary folder, in memory where the system has such.
pub(crate) fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// Replays files, or tables under `memory:NAME`. `factors` is `None` without factors.
pub(crate) fn replay(
    prices: &str,
    factors: Option<&str>,
    tables: Vec<MemoryTable>,
    settings: &Settings,
) -> Outcome {
    let folder = scratch();
    let out = folder.path().join("run").display().to_string();
    let arguments = ["betaflow", "replay", "--prices", prices, "--factors", factors.unwrap_or("none")];
    let arguments = arguments.into_iter().chain(["--no-report", "--out", &out]).map(Into::into).collect();
    let request = Call { arguments, settings: settings.calls(), tables, ..Call::default() };
    let (sender, receiver) = channel();
    let thread = std::thread::Builder::new().name("run".to_owned());
    let running = thread.spawn(move || sender.send(call(request))).unwrap();
    match receiver.recv_timeout(HANGS_AFTER) {
        Ok(Ok(reply)) => {
            let summary = serde_json::from_str(&reply.json).unwrap();
            Ok(Ok(Run { folder, summary }))
        }
        Ok(Err(error)) if error.message.contains("panicked") => Err(error.message.clone()),
        Ok(Err(error)) => Ok(Err(error)),
        Err(_) if running.is_finished() => Err("the run panicked".to_owned()),
        Err(_) => Err(format!("no end after {} s", HANGS_AFTER.as_secs())),
    }
}

/// Replays a market from memory. All estimates and weights are recorded.
pub(crate) fn replay_market(market: &Market, settings: &Settings) -> Outcome {
    let mut settings = settings.clone();
    settings.set("record.betas", "all");
    settings.set("record.weights", "all");
    if !market.renames.is_empty() {
        settings.set("data.renames", "memory:renames");
    }
    let factors = (market.shape.factors > 0).then_some("memory:factors");
    replay("memory:prices", factors, market.tables(), &settings)
}

/// Replays the market of a case; `None` if the case is refused or fails.
pub(crate) fn replay_case(case: &Case) -> Result<Option<(Market, Run)>, String> {
    let market = Market::new(&case.shape);
    match replay_market(&market, &case.settings)? {
        Ok(run) => Ok(Some((market, run))),
        Err(error) => {
            if std::env::var_os("PROPERTIES_VERBOSE").is_some() {
                println!("seed {}: {}", case.seed, error.message);
            }
            Ok(None)
        }
    }
}

/// The run that a transformed case must complete.
pub(crate) fn completed(outcome: Outcome) -> Result<Run, String> {
    outcome?.map_err(|error| format!("the transformed run fails: {}", error.message))
}

impl Run {
    pub(crate) fn digest(&self) -> &str {
        self.summary["digest"].as_str().unwrap()
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("run")
    }

    /// Names of the tables.
    pub(crate) fn tables(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).unwrap().map(|entry| entry.unwrap().path());
        let tables = entries.filter(|path| path.extension().is_some_and(|extension| extension == "parquet"));
        let mut names: Vec<String> =
            tables.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    pub(crate) fn table(&self, name: &str) -> RecordBatch {
        let file = fs::File::open(self.path().join(format!("{name}.parquet"))).unwrap();
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(file).unwrap().with_batch_size(1 << 22).build().unwrap();
        let schema = reader.schema();
        let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
        assert!(batches.len() < 2, "one batch holds it all");
        batches.into_iter().next().unwrap_or_else(|| RecordBatch::new_empty(schema))
    }

    /// Sum of a column.
    pub(crate) fn sum(&self, table: &str, column: &str) -> f64 {
        let table = self.table(table);
        table[column].as_primitive::<Float64Type>().iter().flatten().sum()
    }

    /// Number that is not finite, or null where the documentation says nothing of it.
    pub(crate) fn unfinite(&self) -> Option<String> {
        for name in self.tables() {
            let table = self.table(&name);
            for (field, column) in table.schema().fields().iter().zip(table.columns()) {
                if *field.data_type() != DataType::Float64 {
                    continue;
                }
                let place = format!("{name}.parquet {}", field.name());
                let Some(about) = declared::column(&name, field.name()) else {
                    return Some(format!("{place}: no documentation of the column"));
                };
                let values = column.as_primitive::<Float64Type>();
                // A normal forecast has infinite degrees of freedom; with two or fewer, the deviation is infinite.
                let bounded = !field.name().ends_with("_sd") && field.name() != "forecast_dof";
                if bounded && let Some(value) = values.iter().flatten().find(|value| !value.is_finite()) {
                    return Some(format!("{place} is {value}"));
                }
                if column.null_count() > 0 && !about.may_be_null {
                    return Some(format!("{place} is null"));
                }
            }
        }
        let schema = declared::summary_schema();
        against(&self.summary, schema, schema, "summary.json")
    }
}

/// Place where a JSON value does not follow its schema: a null, above all, where a number is due.
fn against(value: &Value, schema: &Value, root: &Value, place: &str) -> Option<String> {
    if let Some(path) = schema["$ref"].as_str() {
        let target = root.pointer(path.trim_start_matches('#')).unwrap();
        return against(value, target, root, place);
    }
    if let Some(parts) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        let faults: Vec<_> = parts.iter().map(|part| against(value, part, root, place)).collect();
        return if faults.iter().any(Option::is_none) { None } else { faults.into_iter().flatten().last() };
    }
    let is = |kind: &str| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" | "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        _ => value.is_object(),
    };
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is(kind)) {
        return Some(format!("{place} is {value}, not {}", kinds.join(" or ")));
    }
    match value {
        Value::Array(values) => {
            let each = |(at, value)| against(value, &schema["items"], root, &format!("{place}[{at}]"));
            values.iter().enumerate().find_map(each)
        }
        Value::Object(fields) => fields.iter().find_map(|(key, value)| {
            let named = &schema["properties"][key];
            let of = if named.is_null() { &schema["additionalProperties"] } else { named };
            if of.is_object() { against(value, of, root, &format!("{place}.{key}")) } else { None }
        }),
        _ => None,
    }
}

/// Text of a cell that is not a number with a fraction.
fn text(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return "null".to_owned();
    }
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => column.as_string::<i64>().value(row).to_owned(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Timestamp(..) => {
            let time = column.as_primitive::<TimestampNanosecondType>().value(row);
            jiff::Timestamp::from_nanosecond(i128::from(time)).unwrap().to_string()
        }
        _ => format!("{:?}", column.slice(row, 1)),
    }
}

/// Rows of a table by their text cells (times, numbers of frames, symbols), each with its numbers by column.
pub(crate) type Rows = Vec<(Vec<String>, Vec<Option<f64>>)>;

/// Rows of a table, with the names of the columns of its numbers. Text cells go through `name`; `sorted` by them.
pub(crate) fn rows(table: &RecordBatch, name: &dyn Fn(&str) -> String, sorted: bool) -> (Vec<String>, Rows) {
    let schema = table.schema();
    let is_number = |at: &usize| *schema.field(*at).data_type() == DataType::Float64;
    let (numbers, texts): (Vec<usize>, Vec<usize>) = (0..table.num_columns()).partition(is_number);
    let row = |row: usize| {
        let texts = texts.iter().map(|at| {
            let cell = text(table.column(*at), row);
            if schema.field(*at).name() == "symbol" { name(&cell) } else { cell }
        });
        let number = |at: &usize| {
            let column = table.column(*at).as_primitive::<Float64Type>();
            (!column.is_null(row)).then(|| column.value(row))
        };
        (texts.collect(), numbers.iter().map(number).collect())
    };
    let mut all: Rows = (0..table.num_rows()).map(row).collect();
    if sorted {
        all.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let names = numbers.iter().map(|at| schema.field(*at).name().clone()).collect();
    (names, all)
}

/// Rule by which a second run follows from a first one.
pub(crate) struct Rule<'a> {
    /// Factor of a number by its column and unit.
    pub(crate) scale: &'a dyn Fn(&str, &str) -> f64,
    /// Name in the second run of a symbol of the first.
    pub(crate) name: &'a dyn Fn(&str) -> String,
    /// Relative tolerance; 0 for equal bits.
    pub(crate) tolerance: f64,
    /// Absolute tolerance of a share; times the NAV at the start for an amount.
    pub(crate) absolute: f64,
    pub(crate) nav: f64,
    /// Tables that are compared; empty for all.
    pub(crate) tables: &'a [&'a str],
}

impl Rule<'_> {
    /// Rule of equal runs.
    pub(crate) const SAME: Rule<'static> = Rule {
        scale: &|_, _| 1.0,
        name: &|name| name.to_owned(),
        tolerance: 0.0,
        absolute: 0.0,
        nav: 1.0,
        tables: &[],
    };

    /// First difference between the second run and what follows from the first.
    pub(crate) fn difference(&self, first: &Run, second: &Run) -> Option<String> {
        let names = first.tables();
        if names != second.tables() {
            return Some(format!("tables {names:?} and {:?}", second.tables()));
        }
        names
            .iter()
            .filter(|name| self.tables.is_empty() || self.tables.contains(&name.as_str()))
            .find_map(|name| self.difference_of(name, &first.table(name), &second.table(name)))
    }

    /// Succeeds if there is no difference.
    pub(crate) fn check(&self, first: &Run, second: &Run) -> Result<bool, String> {
        self.difference(first, second).map_or(Ok(true), Err)
    }

    fn difference_of(&self, table: &str, first: &RecordBatch, second: &RecordBatch) -> Option<String> {
        let sorted = (self.name)("S00") != "S00" || self.tolerance > 0.0;
        let (columns, mut first) = rows(first, self.name, sorted);
        let (_, mut second) = rows(second, &str::to_owned, sorted);
        let units: Vec<&str> = columns
            .iter()
            .map(|column| declared::column(table, column).map_or("", |about| about.unit.as_str()))
            .collect();
        if self.tolerance > 0.0 {
            let keys = |rows: &Rows| rows.iter().map(|row| row.0.clone()).collect::<BTreeSet<_>>();
            let (in_first, in_second) = (keys(&first), keys(&second));
            first.retain(|row| in_second.contains(&row.0) || !self.is_nothing(table, &units, &row.1));
            second.retain(|row| in_first.contains(&row.0) || !self.is_nothing(table, &units, &row.1));
        }
        if first.len() != second.len() {
            return Some(format!("{table}: {} and {} rows", first.len(), second.len()));
        }
        for (row, (a, b)) in first.iter().zip(&second).enumerate() {
            if a.0 != b.0 {
                return Some(format!("{table}, row {row}: {:?} and {:?}", a.0, b.0));
            }
            for (at, (first, second)) in a.1.iter().zip(&b.1).enumerate() {
                let (column, unit) = (columns[at].as_str(), units[at]);
                // Where several limits hold at once, the last bit of a number decides which multiplier carries them.
                if self.tolerance > 0.0 && column.ends_with("_multiplier") {
                    continue;
                }
                let scale = (self.scale)(column, unit);
                if !self.equal(first.map(|first| first * scale), *second, unit) {
                    let place = format!("{table}, row {row} {:?}, {column} ({unit})", a.0);
                    return Some(format!("{place}: {first:?} times {scale} and {second:?}"));
                }
            }
        }
        None
    }

    /// Whether a row of a table that has rows for what is not zero has only zeros within rounding: weights, quantities and
    /// amounts. Such a row may be in one run alone.
    fn is_nothing(&self, table: &str, units: &[&str], numbers: &[Option<f64>]) -> bool {
        let mut sizes = numbers
            .iter()
            .zip(units)
            .filter(|(_, unit)| ["share of NAV", "currency", "units"].contains(unit));
        ["weights", "fills", "orders"].contains(&table)
            && sizes.all(|(number, unit)| self.equal(number.map(f64::abs), number.map(|_| 0.0), unit))
    }

    fn equal(&self, a: Option<f64>, b: Option<f64>, unit: &str) -> bool {
        match (a, b) {
            (Some(a), Some(b)) if self.tolerance == 0.0 || a == b => a == b,
            (Some(a), Some(b)) => {
                let size = match unit {
                    "currency" => self.nav,
                    // The cheapest instrument costs 1e-4.
                    "units" | "units a day" => 1e4 * self.nav,
                    _ => 1.0,
                };
                (a - b).abs() <= self.tolerance * a.abs().max(b.abs()) + self.absolute * size
            }
            (None, None) => true,
            _ => false,
        }
    }
}
