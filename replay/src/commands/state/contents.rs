//! Contents of a state folder, read in one transaction.

use anyhow::{Context as _, Result};
use betaflow_connectors::record::{EquityRow, WeightRow, select};
use betaflow_connectors::store::{StateView, ruined};
use betaflow_engine::execution::CostItem;
use betaflow_engine::time::TimestampNs;
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::Serialize;
use serde_json::Value;
use toml::Table;

use crate::commands::paper::halts::LastChange;
use crate::run::session;
use crate::summary::time_text;

/// Maximum events read, the latest first.
const EVENTS: u32 = 10;

/// Number of the last frames whose rows are checked.
const CHECKED_FRAMES: u64 = 256;

/// Kinds of events of a frame, which have its time.
const OF_FRAMES: [&str; 3] = ["halted", "trading", "ruined"];

/// Contents of a state folder.
#[derive(Debug, Serialize)]
pub(crate) struct Contents {
    pub(crate) folder: String,
    /// True while a run is active.
    pub(crate) running: bool,
    /// End of the last run: `ended`, `failed` or `killed`; null during a run and before the first one.
    pub(crate) last_run: Option<&'static str>,
    /// Version of the program that wrote it.
    pub(crate) version: Option<String>,
    pub(crate) started: Option<String>,
    pub(crate) feed: Option<Feed>,
    /// The main settings.
    pub(crate) configuration: Vec<(String, String)>,
    pub(crate) configuration_digest: Option<String>,
    /// Error of the recorded settings, if they are not those of the run.
    pub(crate) configuration_fault: Option<String>,
    pub(crate) inputs: Inputs,
    /// Files of the user that were taken.
    pub(crate) user_files: UserFiles,
    pub(crate) frames: Frames,
    pub(crate) value: Option<Value>,
    /// The halt, if trading is halted.
    pub(crate) halt: Option<Halt>,
    /// Time of the frame that ruined the account.
    pub(crate) ruined: Option<String>,
    pub(crate) positions: Vec<Position>,
    pub(crate) fills: u64,
    /// Ended orders by state.
    pub(crate) orders: Vec<(String, u64)>,
    /// Sums in currency.
    pub(crate) costs: Vec<(String, f64)>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) events: Vec<Event>,
    pub(crate) restart: Restart,
}

#[derive(Debug, Serialize)]
pub(crate) struct Feed {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    pub(crate) factors: Vec<String>,
    /// True if the settings make factors from instruments.
    pub(crate) makes_factors: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Inputs {
    pub(crate) total: u64,
    pub(crate) segments: u64,
    pub(crate) in_segments: u64,
    pub(crate) in_table: u64,
    pub(crate) first: Option<String>,
    pub(crate) last: Option<String>,
}

/// Files of the user among the latest events.
#[derive(Debug, Serialize)]
pub(crate) struct UserFiles {
    pub(crate) taken: u64,
    /// Sentence about the last one.
    pub(crate) last: Option<String>,
    /// Files that could not be read.
    pub(crate) refused: u64,
}

/// Frames whose outputs are committed.
#[derive(Debug, Serialize)]
pub(crate) struct Frames {
    pub(crate) count: u64,
    pub(crate) first_seq: Option<u64>,
    pub(crate) last_seq: Option<u64>,
    pub(crate) first: Option<String>,
    pub(crate) last: Option<String>,
    pub(crate) digest: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Position {
    pub(crate) symbol: String,
    pub(crate) target_weight: f64,
    pub(crate) held_weight: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Checkpoint {
    pub(crate) seq: u64,
    pub(crate) next_input: u64,
    pub(crate) bytes: u64,
}

/// Halt of trading.
#[derive(Debug, Serialize)]
pub(crate) struct Halt {
    pub(crate) since: String,
    pub(crate) frame: u64,
    /// Reason and remedy.
    pub(crate) reason: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Event {
    pub(crate) time: String,
    /// Clock of the time: `market` for an event of a frame, `machine` for others.
    pub(crate) clock: &'static str,
    pub(crate) kind: String,
    pub(crate) text: String,
}

/// Inputs that the next start replays.
#[derive(Debug, Serialize)]
pub(crate) struct Restart {
    /// First frame that is not recorded.
    pub(crate) from_frame: u64,
    /// Number of inputs to replay.
    pub(crate) inputs: u64,
    /// Recorded frames that are computed again.
    pub(crate) frames: u64,
}

impl Contents {
    /// Reads the contents.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(crate) fn read(view: &StateView) -> Result<Self> {
        let running = view.is_running()?;
        let connection = view.connection();
        // All queries see the same commit. A read transaction does not block the writer.
        let transaction = connection.unchecked_transaction()?;
        view.check_last_frames(CHECKED_FRAMES)?;
        let configuration = view.meta("configuration")?.unwrap_or_default();
        let frames = frames(connection)?;
        let checkpoint = checkpoint(connection)?;
        let inputs = inputs(view)?;
        let end: u64 =
            connection.query_row("SELECT coalesce(max(seq) + 1, 0) FROM inputs", [], |row| row.get(0))?;
        let held = Self {
            folder: view.path().display().to_string(),
            running,
            last_run: if running { None } else { last_run(connection)? },
            version: view.meta("version")?,
            started: view.meta("started")?,
            feed: view.meta("feed")?.as_deref().and_then(|hello| feed(hello, &configuration)),
            configuration: settings(&configuration),
            configuration_digest: view.meta("configuration_digest")?,
            configuration_fault: session::verify_settings(view).err().map(|error| format!("{error:#}")),
            value: value(connection)?,
            halt: halt(connection)?,
            ruined: time(ruined(connection)?.map(|(time, _)| time)),
            positions: positions(connection)?,
            fills: connection.query_row("SELECT count(*) FROM fills", [], |row| row.get(0))?,
            orders: all(
                connection,
                "SELECT state, count(*) FROM orders GROUP BY state ORDER BY state",
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?,
            costs: costs(connection)?,
            events: events(connection)?,
            restart: Restart {
                from_frame: frames.last_seq.map_or(0, |seq| seq + 1),
                inputs: end - checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.next_input).min(end),
                frames: frames.last_seq.map_or(0, |last| {
                    let first = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.seq + 1);
                    (last + 1).saturating_sub(first)
                }),
            },
            inputs,
            user_files: user_files(connection)?,
            frames,
            checkpoint,
        };
        drop(transaction);
        Ok(held)
    }
}

/// Returns the end of the last run, from its last status.
fn last_run(connection: &Connection) -> Result<Option<&'static str>> {
    let status = "SELECT value FROM status WHERE key = 'trading'";
    let status: Option<String> = connection.query_row(status, [], |row| row.get(0)).optional()?;
    let status = status.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    Ok(status.map(|status| match status["state"].as_str() {
        Some("failed") => "failed",
        _ if status["ended"].is_i64() => "ended",
        _ => "killed",
    }))
}

fn all<T>(
    connection: &Connection,
    select: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare(select)?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn feed(hello: &str, configuration: &str) -> Option<Feed> {
    let hello: Value = serde_json::from_str(hello).ok()?;
    let texts = |key: &str| -> Vec<String> {
        let list = hello[key].as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect()
    };
    Some(Feed {
        name: hello["name"].as_str()?.to_owned(),
        columns: texts("columns"),
        factors: texts("factors"),
        makes_factors: configuration.parse::<Table>().is_ok_and(|tables| {
            tables.get("factors").and_then(toml::Value::as_table).is_some_and(|made| !made.is_empty())
        }),
    })
}

/// Returns the main settings as text.
fn settings(configuration: &str) -> Vec<(String, String)> {
    const SHOWN: [(&str, &[&str]); 5] = [
        ("strategy", &["kind"]),
        ("estimator", &["kind", "warmup"]),
        ("sizing", &["kelly_fraction", "turnover_cap", "weight_min", "weight_max", "gross_max"]),
        ("limits", &["daily_loss_max", "drawdown_max", "stale_after", "conflations_max"]),
        ("execution", &["nav", "delay_bars", "fill_at", "commission_bps", "half_spread_bps"]),
    ];
    let tables: Table = configuration.parse().unwrap_or_default();
    let values = SHOWN.into_iter().flat_map(|(table, keys)| keys.iter().map(move |key| (table, *key)));
    values
        .filter_map(|(table, key)| {
            let value = tables.get(table)?.get(key)?;
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Some((format!("{table}.{key}"), text))
        })
        .collect()
}

fn inputs(view: &StateView) -> Result<Inputs> {
    let counts = view.input_counts()?;
    let first = view.inputs()?.next_input()?.map(|input| input.timestamp);
    let last = "SELECT timestamp FROM inputs ORDER BY seq DESC LIMIT 1";
    let last = view.connection().query_row(last, [], |row| row.get(0)).optional()?;
    Ok(Inputs {
        total: counts.total(),
        segments: counts.segments,
        in_segments: counts.in_segments,
        in_table: counts.in_table,
        first: time(first),
        last: time(last),
    })
}

fn user_files(connection: &Connection) -> Result<UserFiles> {
    let count = |kind: &str| {
        let count = "SELECT count(*) FROM events WHERE kind = ?1";
        connection.query_row(count, [kind], |row| row.get(0))
    };
    let last = "SELECT text FROM events WHERE kind = 'user_file' ORDER BY id DESC LIMIT 1";
    Ok(UserFiles {
        taken: count("user_file")?,
        last: connection.query_row(last, [], |row| row.get(0)).optional()?,
        refused: count("user_file_refused")?,
    })
}

fn frames(connection: &Connection) -> Result<Frames> {
    let (first, last) = (end(connection, "ASC")?, end(connection, "DESC")?);
    Ok(Frames {
        count: connection.query_row("SELECT count(*) FROM equity", [], |row| row.get(0))?,
        first_seq: first.as_ref().map(|row| row.seq),
        last_seq: last.as_ref().map(|row| row.seq),
        first: time(first.map(|row| row.timestamp.0)),
        last: time(last.as_ref().map(|row| row.timestamp.0)),
        digest: last.and_then(|row| row.digest.0).map(|digest| digest.to_string()),
    })
}

/// Returns the value on the first and the last frame, the return between them, cash and exposure.
fn value(connection: &Connection) -> Result<Option<Value>> {
    let (Some(first), Some(last)) = (end(connection, "ASC")?, end(connection, "DESC")?) else {
        return Ok(None);
    };
    let grown = |last: f64, first: f64| known(last / first - 1.0).map(|grown| grown.max(-1.0));
    Ok(Some(serde_json::json!({
        "first_nav": known(first.nav), "nav": known(last.nav), "return": grown(last.nav, first.nav),
        "benchmark_return": grown(last.benchmark_nav, first.benchmark_nav), "cash": known(last.cash),
        "gross_exposure": known(last.gross_exposure), "net_exposure": known(last.net_exposure), "last_frame": last,
    })))
}

/// Returns the first or the last recorded frame.
fn end(connection: &Connection, order: &str) -> Result<Option<EquityRow>> {
    Ok(select(connection, &format!("ORDER BY seq {order} LIMIT 1"), [])?.pop())
}

fn known(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

fn positions(connection: &Connection) -> Result<Vec<Position>> {
    let rows: Vec<WeightRow> = select(connection, "ORDER BY abs(held_weight) DESC, symbol", [])?;
    let or_zero = |weight: f64| known(weight).unwrap_or(0.0);
    let position = |row: WeightRow| Position {
        symbol: row.symbol.to_string(),
        target_weight: or_zero(row.target_weight),
        held_weight: or_zero(row.held_weight),
    };
    Ok(rows.into_iter().map(position).collect())
}

fn costs(connection: &Connection) -> Result<Vec<(String, f64)>> {
    let names = CostItem::NAMES;
    let sums = names.map(|item| format!("total({item})")).join(", ");
    let read = |row: &Row<'_>| -> rusqlite::Result<Vec<(String, f64)>> {
        names.iter().enumerate().map(|(at, item)| Ok(((*item).to_owned(), row.get(at)?))).collect()
    };
    connection
        .query_row(&format!("SELECT {sums} FROM equity"), [], read)
        .context("cannot read the sums of the costs")
}

fn checkpoint(connection: &Connection) -> Result<Option<Checkpoint>> {
    let last = "SELECT seq, next_input, length(state) FROM checkpoints ORDER BY seq DESC LIMIT 1";
    let read =
        |row: &Row<'_>| Ok(Checkpoint { seq: row.get(0)?, next_input: row.get(1)?, bytes: row.get(2)? });
    Ok(connection.query_row(last, [], read).optional()?)
}

fn halt(connection: &Connection) -> Result<Option<Halt>> {
    let last = LastChange::read(connection)?.filter(|last| last.halted);
    Ok(last.map(|last| {
        let (since, reason) = last.since();
        Halt { since, frame: last.seq, reason: reason.to_owned() }
    }))
}

fn events(connection: &Connection) -> Result<Vec<Event>> {
    let rows = format!("SELECT time, kind, text FROM events ORDER BY id DESC LIMIT {EVENTS}");
    all(connection, &rows, |row| {
        let text =
            |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(at)?.unwrap_or_default());
        let kind = text(1)?;
        let clock = if OF_FRAMES.contains(&&*kind) { "market" } else { "machine" };
        Ok(Event { time: time(row.get(0)?).unwrap_or_default(), clock, kind, text: text(2)? })
    })
}

fn time(nanoseconds: Option<i64>) -> Option<String> {
    time_text(nanoseconds.map(TimestampNs))
}
