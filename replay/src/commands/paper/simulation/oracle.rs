//! Oracle of a simulation: the record covers the feed, the results are a function of the record, and those of a whole record
//! are the results of a replay.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use betaflow_connectors::live::{Bars, ServerMessage};
use betaflow_connectors::store::{Input, InputKind, StateFolder, StateView, Sync, SystemDisk, read_inputs};
use betaflow_engine::ledger::hex;
use betaflow_engine::time::{Iso, TimestampNs};
use rusqlite::{Connection, params};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::market::Market;
use super::network::Network;
use super::process::recompute;
use super::scenario::{FeedFaultKind, Scenario};
use crate::host::Call;

/// Tables that are functions of the inputs.
const TABLES: [&str; 5] = ["equity", "fills", "orders", "weights", "betas"];

/// Refusals of a process that are named one by one.
const REFUSALS_NAMED: usize = 16;

/// Reads all recorded inputs, numbered from 0 without a hole.
pub(super) fn inputs(folder: &Path) -> Result<Vec<Input>, String> {
    let mut all = Vec::new();
    let database = folder.join("state.db");
    if !database.exists() || !has_tables(&database)? {
        return Ok(all);
    }
    let read = read_inputs(folder, 0, &mut |input| {
        all.push(input);
        true
    });
    read.map_err(|error| format!("the record cannot be read: {error}"))?;
    match all.iter().enumerate().find(|(number, input)| *number as u64 != input.seq) {
        Some((number, input)) => Err(format!("found input {}, expected input {number}", input.seq)),
        None => Ok(all),
    }
}

/// False after a crash before the tables were created.
fn has_tables(database: &Path) -> Result<bool, String> {
    let count = "SELECT count(*) FROM sqlite_master WHERE name = 'inputs'";
    let connection = Connection::open(database).map_err(text)?;
    connection.query_row(count, [], |row| row.get::<_, u64>(0)).map(|count| count > 0).map_err(text)
}

/// Checks the record between two processes: no output without its input.
pub(super) fn consistent(folder: &Path) -> Result<(), String> {
    let inputs = inputs(folder)?;
    if inputs.is_empty() {
        return Ok(());
    }
    let view = StateView::open(folder).map_err(|error| format!("the folder cannot be viewed: {error}"))?;
    let bars = inputs.iter().filter(|input| input.kind == InputKind::Bars).map(|input| input.timestamp);
    let bars: BTreeSet<i64> = bars.collect();
    let mut rows = view.connection().prepare("SELECT timestamp FROM equity").map_err(text)?;
    let times = rows.query_map([], |row| row.get(0)).map_err(text)?;
    for time in times {
        let time: i64 = time.map_err(text)?;
        if !bars.contains(&time) {
            return Err(format!("a frame of time {time} is recorded, but not its bars"));
        }
    }
    Ok(())
}

/// Checks that every message of the feed is recorded once and in order, or named as lost.
pub(super) fn covers(scenario: &Scenario, market: &Market, inputs: &[Input]) -> Result<(), String> {
    let mut named = BTreeSet::new();
    let harmless = scenario.is_harmless();
    let (mut last, mut merged, mut refusals) = (None, None, 0);
    let inside = |(from, to): (i64, i64)| {
        let bars = market.bars.iter().filter(move |bars| (from..=to).contains(&bars.timestamp));
        bars.map(|bars| bars.seq)
    };
    for input in inputs {
        if input.kind == InputKind::Control {
            let body: Value = serde_json::from_str(&input.body).map_err(text)?;
            match body["kind"].as_str().unwrap_or_default() {
                kind @ ("gap" | "bars_refused") if harmless => {
                    return Err(format!("input {}: {kind} without a cause: {}", input.seq, input.body));
                }
                "gap" => {
                    let [from, to] = ["from", "to"].map(|key| body[key].as_u64().unwrap_or(0));
                    named.extend(from..=to.min(scenario.frames as u64));
                }
                "bars_refused" => {
                    refusals += 1;
                    named.extend(body["seq"].as_u64());
                    // Merged bars are refused as one message.
                    named.extend(merged.take().into_iter().flat_map(inside));
                }
                "conflated" => {
                    let [from, to] = ["from_ns", "to_ns"].map(|key| body[key].as_i64().unwrap_or(0));
                    merged = Some((from, to));
                }
                _ => {}
            }
            continue;
        }
        let ServerMessage::Bars(bars) = ServerMessage::parse(&input.body, input.seq).map_err(text)? else {
            return Err(format!("input {}: no bars", input.seq));
        };
        if last.is_some_and(|last| bars.seq <= last) {
            return Err(format!("input {}: message {} follows message {last:?}", input.seq, bars.seq));
        }
        last = Some(bars.seq);
        let span = merged.take().filter(|(_, to)| *to == bars.timestamp);
        if let Some(span) = span {
            named.extend(inside(span));
        } else {
            same(scenario, market, &bars, input)?;
        }
        named.insert(bars.seq);
    }
    // Refusals after the first ones of a process are counted, not named.
    if refusals >= REFUSALS_NAMED {
        return Ok(());
    }
    match (0..scenario.frames as u64).find(|seq| !named.contains(seq)) {
        Some(seq) => Err(format!("message {seq} is neither recorded nor named as lost")),
        None => Ok(()),
    }
}

/// Messages within which a file that arrives is read.
const READ_WITHIN: usize = 30;

/// Checks that the last version of each file of forecasts is recorded once.
pub(super) fn has_files(
    scenario: &Scenario,
    network: &Network,
    folder: &Path,
    inputs: &[Input],
) -> Result<(), String> {
    for number in 0..3 {
        let Some(at) = network.arrived(number) else { continue };
        let name = format!("{number}.csv");
        let bytes = fs::read(folder.join(&name)).map_err(text)?;
        let digest = hex(&Sha256::digest(&bytes).into());
        let of_file = |input: &&Input| input.kind == InputKind::Control && input.body.contains(&digest);
        let count = inputs.iter().filter(of_file).count();
        let least = usize::from(at + READ_WITHIN < scenario.frames);
        if !(least..=1).contains(&count) {
            return Err(format!("{name} arrived before message {at} and is recorded {count} times"));
        }
    }
    Ok(())
}

/// Checks that recorded bars are those of the feed. A feed that lies about a time in a plausible way is not found out.
fn same(scenario: &Scenario, market: &Market, bars: &Bars, input: &Input) -> Result<(), String> {
    let lies = scenario.feed.iter().any(|fault| {
        fault.seq as u64 == bars.seq
            && matches!(fault.kind, FeedFaultKind::LateTime(_) | FeedFaultKind::EarlyTime(_))
    });
    let truth = market.texts.get(bars.seq as usize);
    if truth == Some(&input.body) || lies {
        return Ok(());
    }
    Err(format!("input {}: found {}, expected {truth:?}", input.seq, input.body))
}

/// Checks that the results equal those of the recorded inputs, computed without a restart.
pub(super) fn reproduces(scenario: &Scenario, folder: &Path, inputs: &[Input]) -> Result<(), String> {
    let again = folder.with_extension("again");
    copy(folder, &again, inputs).map_err(|error| format!("copy of the record: {error:#}"))?;
    recompute(scenario, &again).map_err(|error| format!("recomputation: {error:#}"))?;
    let [found, expected] = [folder, &again].map(|folder| Connection::open(folder.join("state.db")));
    let (found, expected) = (found.map_err(text)?, expected.map_err(text)?);
    for table in TABLES {
        let [found, expected] = [rows(&found, table)?, rows(&expected, table)?];
        if found != expected {
            let at = found.iter().zip(&expected).position(|(a, b)| a != b);
            let at = at.unwrap_or(found.len().min(expected.len()));
            return Err(format!(
                "{table}: found {} rows, expected {}; row {at}: found {:?}, expected {:?}",
                found.len(),
                expected.len(),
                found.get(at),
                expected.get(at)
            ));
        }
    }
    Ok(())
}

/// Events of a connection that change no frame, by kind.
const HARMLESS: [&str; 3] = ["connected", "disconnected", "refused"];

/// Checks that a run whose record is the whole feed has the digest of `replay` on the same data as files. Returns false for
/// a record with other events, and for limits, which only a live run has.
pub(super) fn equals_replay(
    scenario: &Scenario,
    market: &Market,
    folder: &Path,
    inputs: &[Input],
) -> Result<bool, String> {
    let (bars, controls): (Vec<&Input>, Vec<&Input>) =
        inputs.iter().partition(|input| input.kind == InputKind::Bars);
    let is_harmless = |input: &Input| -> Result<bool, String> {
        let body: Value = serde_json::from_str(&input.body).map_err(text)?;
        Ok(HARMLESS.iter().any(|kind| body["kind"] == *kind))
    };
    let mut is_whole = bars.iter().map(|input| &input.body).eq(&market.texts);
    for control in controls {
        is_whole &= is_harmless(control)?;
    }
    let has_limits = scenario.settings.iter().any(|setting| setting.starts_with("limits."));
    // A frame without any bar is one of the feed alone.
    let has_bars = market.bars.iter().all(|bars| !bars.symbols.is_empty());
    if !is_whole || has_limits || !has_bars {
        return Ok(false);
    }
    let state = StateFolder::open_on(folder, Sync::Off, Arc::new(SystemDisk)).map_err(text)?;
    let traded = state.start().map_err(text)?.committed.map(|(_, digest)| digest);
    drop(state);
    let replayed = replay(scenario, market, &folder.with_extension("replay"))?;
    match traded.as_deref() == replayed["digest"].as_str() {
        true => Ok(true),
        false => Err(format!("found the digest {traded:?}, the one of the replay is {}", replayed["digest"])),
    }
}

/// Replays the market from files of text; returns the summary.
fn replay(scenario: &Scenario, market: &Market, folder: &Path) -> Result<Value, String> {
    let mut prices = "date,symbol,close,open,volume\n".to_owned();
    let mut factors = format!("date,{},rf\n", market.hello.factors.join(","));
    for bars in &market.bars {
        let time = Iso(TimestampNs(bars.timestamp));
        for (at, symbol) in bars.symbols.iter().enumerate() {
            let numbers = bars.columns.iter().map(|(_, column)| format!(",{}", column[at]));
            prices += &format!("{time},{symbol}{}\n", numbers.collect::<String>());
        }
        let returns = bars.factors.iter().flatten().chain(&bars.rf).map(|number| format!(",{number}"));
        factors += &format!("{time}{}\n", returns.collect::<String>());
    }
    let [file, other, out] = ["prices.csv", "factors.csv", "run"].map(|name| folder.join(name));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&file, prices))
        .and_then(|()| fs::write(&other, factors))
        .map_err(text)?;
    let [file, other, out] = [file, other, out].map(PathBuf::into_os_string);
    let of_feed = |setting: &&String| setting.starts_with("feed.");
    let settings = scenario.settings.iter().filter(|setting| !of_feed(setting));
    let typed = ["betaflow", "replay", "--no-report", "--set", "data.factor_gap=\"carry\"", "--prices"];
    let mut arguments: Vec<OsString> = typed.map(Into::into).to_vec();
    arguments.extend([file, "--factors".into(), other, "--out".into(), out]);
    arguments.extend(settings.flat_map(|setting| ["--set".into(), setting.into()]));
    let reply = crate::call(Call { arguments, ..Call::default() }).map_err(|error| error.message.clone())?;
    serde_json::from_str(&reply.json).map_err(text)
}

fn copy(folder: &Path, again: &Path, inputs: &[Input]) -> anyhow::Result<()> {
    drop(StateFolder::open_on(again, Sync::Off, Arc::new(SystemDisk))?);
    let mut connection = Connection::open(again.join("state.db"))?;
    let transaction = connection.transaction()?;
    for input in inputs {
        let row = params![input.seq, input.kind.name(), input.timestamp, input.body, input.checksum()];
        transaction.prepare_cached("INSERT INTO inputs VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(row)?;
    }
    let from = Connection::open(folder.join("state.db"))?;
    let mut meta = from.prepare("SELECT key, value FROM meta")?;
    let meta = meta.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?)))?;
    for row in meta {
        let (key, value) = row?;
        transaction.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", params![key, value])?;
    }
    Ok(transaction.commit()?)
}

fn rows(connection: &Connection, table: &str) -> Result<Vec<String>, String> {
    let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).map_err(text)?;
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let values = (0..columns).map(|n| row.get_ref(n).map(|value| format!("{value:?}")));
        Ok(values.collect::<Result<Vec<_>, _>>()?.join(" "))
    });
    rows.and_then(Iterator::collect).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
