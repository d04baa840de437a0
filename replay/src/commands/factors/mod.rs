//! `betaflow factors`: returns of factors over the last months, and the chance of luck.

mod args;
mod text;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use betaflow_connectors::parquet::{Input, ReturnRows, ReturnTable, read_returns};
use betaflow_connectors::record::{FactorWindowRow, PremiaRow, RunFolder, RunNames, TableError, TableWriter};
use betaflow_engine::frame::Frame;
use betaflow_engine::ledger::{Frames, RecordSettings};
use betaflow_engine::metrics::periods_per_year;
use betaflow_engine::source::{DataFacts, Source as _};
use betaflow_engine::time::TimestampNs;

use super::result_folder::{Written, refuse_overwritten};
use crate::config::{Config, Request, SettingFlag};
use crate::host::Host;
use crate::run::factor_history::FactorHistory;
use crate::run::{open, remove_when_interrupted};
use crate::summary::{Code, FactorsCommandSummary, FolderKind, Head, Rendered, to_json};
pub(super) use args::{FACTORS, FactorsArgs};

/// Tables of the folder.
const TABLES: [&str; 2] = ["factors.parquet", "premia.parquet"];

/// Shows the factors.
///
/// # Errors
/// Settings or data are invalid, there is no factor, or the folder cannot be written.
pub(super) fn factors(args: &FactorsArgs, host: &Host) -> Result<()> {
    let nothing = RecordSettings { betas: Frames::None, weights: Frames::None, expected_returns: None };
    // Without prices, --factors names the files as FILE does.
    let named = args.input.factors.iter().all(|file| file.as_os_str() != "none");
    let alone = args.input.prices.is_none() && args.input.config.is_none() && named;
    let files = if args.files.is_empty() && alone { &args.input.factors } else { &args.files };
    let paths: Vec<toml::Value> =
        files.iter().map(|file| toml::Value::String(file.display().to_string())).collect();
    let value = match paths.as_slice() {
        [] => None,
        [one] => Some(one.to_string()),
        _ => Some(toml::Value::Array(paths).to_string()),
    };
    let file = value.map(|value| SettingFlag { table: "data", key: "factors", value, flag: "FILE" });
    let config = Request::new(&args.input, nothing)
        .with_host(host)
        .without_trading()
        .until("--to", args.to.as_deref())
        .with_flags(file)
        .resolve()?;
    for file in args.files.iter().chain(&args.input.factors) {
        refuse_overwritten(file, args.out.as_deref(), &TABLES)?;
    }
    let folder = args.out.as_deref().map(|out| RunFolder::create(out, args.force)).transpose()?;
    if let Some(folder) = &folder {
        remove_when_interrupted(host, folder.path())?;
    }
    let premia = folder.as_ref().map(|folder| TableWriter::create(folder.path(), &RunNames::default(), None));
    let mut reading = Collector { history: None, premia: premia.transpose()?, row: PremiaRow::default() };
    let facts = match files.is_empty() {
        false => read_files(&config, &mut reading)?,
        true => read_frames(&config, &mut reading)?,
    };
    let Collector { history, premia, .. } = reading;
    premia.map(TableWriter::close).transpose()?;
    let history =
        history.context("the factors: found no frame with a factor return, expected at least one")?;
    let figures = history
        .summary(args.resamples as usize, args.seed)
        .context("the factors: found no column of returns, expected at least one")?;
    let warnings = warnings(&history, &facts, &config);
    let summary = FactorsCommandSummary {
        head: Head::new(&facts, None, &warnings),
        kind: FolderKind::Factors,
        file: (!files.is_empty())
            .then(|| files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")),
        holdout: config.holdout.from.clone(),
        figures,
    };
    let json = to_json(&summary)?;
    let written = args.out.as_deref().zip(folder).map(|(out, folder)| {
        write_windows(&summary, &history, folder.path())?;
        Written::complete(folder, out, &json)
    });
    let written = written.transpose()?;
    let page = || text::page(&summary, written.as_ref());
    host.conclude(args.json, &json, page, written.as_ref().map(Written::path));
    Ok(())
}

/// Collector of the frames read so far, and the table of their premia.
struct Collector {
    history: Option<FactorHistory>,
    premia: Option<TableWriter<PremiaRow>>,
    row: PremiaRow,
}

impl Collector {
    /// Adds a frame.
    fn observe(
        &mut self,
        (names, config): (&[String], &Config),
        timestamp: TimestampNs,
        factors: &[f64],
    ) -> Result<(), TableError> {
        let history = self.history.get_or_insert_with(|| FactorHistory::new(names, config));
        history.observe(config.zone().local(timestamp), factors);
        let Some(table) = &mut self.premia else { return Ok(()) };
        let deviations = history.moments.premium_deviations().collect::<Vec<f64>>();
        for (at, name) in names.iter().enumerate() {
            let row = &mut self.row;
            row.timestamp = timestamp;
            if *row.factor != **name {
                row.factor = Arc::from(name.as_str());
            }
            (row.premium, row.premium_sd) = (history.moments.premia()[at], deviations[at]);
            table.push(row)?;
        }
        Ok(())
    }
}

/// Reads the rows of factor files, each time that all files have as a frame.
fn read_files(config: &Config, reading: &mut Collector) -> Result<DataFacts> {
    let input = config.factor_file().context("FILE: found `none`, expected a file of factor returns")?;
    let source = config.source();
    let rows = ReturnRows {
        what: "factors",
        nulls: false,
        from: source.from,
        to: source.to,
        sealed_from: source.sealed_from,
    };
    let inputs = match input {
        Input::Several(inputs) => inputs,
        one => vec![one],
    };
    let mut tables = inputs.iter().map(|input| read_returns(input, &rows)).collect::<Result<Vec<_>, _>>()?;
    let table = join(&mut tables)?;
    if table.names.is_empty() {
        bail!(
            "the factors: found no column of returns, expected at least one besides the time column and `rf`"
        );
    }
    let mut factors = vec![0.0; table.names.len()];
    for (row, time) in table.times.iter().enumerate() {
        factors.iter_mut().zip(&table.returns).for_each(|(f, returns)| *f = returns[row]);
        reading.observe((&table.names, config), *time, &factors)?;
    }
    let count = table.times.len() as u64;
    let (first, last) = (table.times.first().copied(), table.times.last().copied());
    Ok(DataFacts { rows: count, frames: count, first, last, ..DataFacts::default() })
}

/// Joins tables by time: only the times that all of them have.
fn join(tables: &mut Vec<ReturnTable>) -> Result<ReturnTable> {
    let mut joined = tables.remove(0);
    for table in tables {
        if let Some(name) = table.names.iter().find(|name| joined.names.contains(name)) {
            bail!("the factors: found `{name}` in two files, expected each factor once; rename a column");
        }
        let rows: Vec<(usize, usize)> = joined
            .times
            .iter()
            .enumerate()
            .filter_map(|(row, time)| Some((row, table.times.binary_search(time).ok()?)))
            .collect();
        joined.times = rows.iter().map(|(row, _)| joined.times[*row]).collect();
        for series in &mut joined.returns {
            *series = rows.iter().map(|(row, _)| series[*row]).collect();
        }
        let others = table.returns.iter().map(|series| rows.iter().map(|(_, row)| series[*row]).collect());
        joined.returns.extend(others);
        joined.names.append(&mut table.names);
    }
    if joined.times.is_empty() {
        bail!("the factors: found no time that all files have, expected files of the same dates");
    }
    Ok(joined)
}

/// Reads prices with their factors.
fn read_frames(config: &Config, reading: &mut Collector) -> Result<DataFacts> {
    let mut source = open(config)?.source;
    let names = source.factor_names().to_vec();
    if names.is_empty() {
        bail!(
            "the factors: found none, expected FILE, --factors or a table [factors], such as --set 'factors.mkt=\"SPY\"'"
        );
    }
    let mut frame = Frame::default();
    while source.next_frame(&mut frame).map_err(|error| anyhow!(error))? {
        reading.observe((&names, config), frame.timestamp, &frame.factors)?;
    }
    Ok(source.facts())
}

/// Writes the figures of each factor and window.
fn write_windows(summary: &FactorsCommandSummary, history: &FactorHistory, folder: &Path) -> Result<()> {
    let mut table = TableWriter::<FactorWindowRow>::create(folder, &RunNames::default(), None)?;
    let days = f64::from(summary.figures.days_per_year);
    for (at, factor) in summary.figures.factors.iter().enumerate() {
        let name: Arc<str> = Arc::from(factor.factor.as_str());
        for window in history.returns.windows(at, days) {
            // A window that begins before the data has no date.
            let (Some(first), Some(last)) = (window.first, window.last) else { continue };
            table.push(&FactorWindowRow {
                factor: Arc::clone(&name),
                months: window.months.map(i64::unsigned_abs),
                first,
                last,
                dates: window.count as u64,
                total_return: window.total_return,
                annual_volatility: window.annual_volatility,
                t: window.t,
            })?;
        }
    }
    Ok(table.close()?)
}

/// Warnings about the data.
fn warnings(history: &FactorHistory, facts: &DataFacts, config: &Config) -> Vec<Rendered> {
    let mut all: Vec<Rendered> = facts.warnings.iter().map(Rendered::from).collect();
    let stated = config.data.days_per_year;
    let found = periods_per_year(&history.returns.times());
    if let Some(found) = found.filter(|found| *found >= 1.4 * stated || 1.4 * found <= stated) {
        all.push(Rendered::new(
            Code::DatesPerYear,
            format!(
                "The dates are those of {found:.0} a year by their spacing, and data.days_per_year is {stated}. Volatilities \
                 and premia a year use the setting: was --set data.days_per_year={found:.0} meant?"
            ),
        ));
    }
    all
}
