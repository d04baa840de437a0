//! A state folder in words.

use std::fmt::Write as _;

use betaflow_connectors::live::shown;
use serde_json::Value;

use super::contents::Contents;

/// Positions that are listed; `--json` has all.
const POSITIONS: usize = 20;

/// Lines for a terminal.
pub(crate) fn of(held: &Contents) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write(held, &mut text);
    text
}

fn write(held: &Contents, out: &mut String) -> std::fmt::Result {
    let unknown = || "unknown".to_owned();
    let running = match held.last_run {
        _ if held.running => "a run is at work",
        Some("failed") => "no run is at work; the last one ended with an error",
        Some("killed") => "no run is at work; the last one was killed",
        Some(_) => "no run is at work; the last one ended in order",
        None => "no run is at work",
    };
    writeln!(out, "{}: {running}", held.folder)?;
    if let Some(time) = &held.ruined {
        writeln!(out, "RUINED at {time}: the value fell to 0 or below, and this run trades no more")?;
    }
    if let Some(fault) = &held.configuration_fault {
        writeln!(out, "DAMAGED settings: {fault}")?;
    }
    let version = held.version.clone().unwrap_or_else(unknown);
    writeln!(out, "version     {version}, started {}", held.started.clone().unwrap_or_else(unknown))?;
    match &held.feed {
        Some(feed) => {
            let factors = match feed.factors.is_empty() {
                true => "no factors of its own".to_owned(),
                false => format!("factors {}", feed.factors.join(", ")),
            };
            let (name, columns) = (shown(&feed.name), shown(&feed.columns.join(", ")));
            writeln!(out, "feed        {name} ({columns}; {})", shown(&factors))?;
        }
        None => writeln!(out, "feed        none yet")?,
    }
    for (name, value) in &held.configuration {
        writeln!(out, "            {name} = {value}")?;
    }
    let inputs = &held.inputs;
    let span = |first: &Option<String>, last: &Option<String>| match (first, last) {
        (Some(first), Some(last)) => format!(", {first} to {last}"),
        _ => String::new(),
    };
    writeln!(
        out,
        "inputs      {}{}; {} in {} segments, {} in the database",
        inputs.total,
        span(&inputs.first, &inputs.last),
        inputs.in_segments,
        inputs.segments,
        inputs.in_table
    )?;
    let frames = &held.frames;
    writeln!(
        out,
        "frames      {} committed from the first decision on{}",
        frames.count,
        span(&frames.first, &frames.last)
    )?;
    if let (Some(seq), Some(digest)) = (frames.last_seq, &frames.digest) {
        writeln!(out, "            frame {seq} has the digest {digest}")?;
    }
    if let Some(value) = &held.value {
        write_value(value, out)?;
    }
    let ended: Vec<String> = held.orders.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let ended = if ended.is_empty() { "none".to_owned() } else { ended.join(", ") };
    writeln!(out, "fills       {}; orders that ended: {ended}", held.fills)?;
    let costs: Vec<String> = held
        .costs
        .iter()
        .filter(|(_, sum)| *sum != 0.0)
        .map(|(item, sum)| format!("{item} {sum:.2}"))
        .collect();
    writeln!(out, "costs       {}", if costs.is_empty() { "none".to_owned() } else { costs.join(", ") })?;
    write_positions(held, out)?;
    match &held.checkpoint {
        Some(checkpoint) => writeln!(
            out,
            "checkpoint  after frame {}, {} bytes; next input {}",
            checkpoint.seq, checkpoint.bytes, checkpoint.next_input
        )?,
        None => writeln!(out, "checkpoint  none")?,
    }
    for event in &held.events {
        writeln!(out, "event       {} {}: {}", event.time, event.kind, shown(&event.text))?;
    }
    let restart = &held.restart;
    let words = if held.running { "a start after this run" } else { "a start" };
    writeln!(out, "{words} goes on from frame {}, {} inputs to run again", restart.from_frame, restart.inputs)
}

fn write_value(value: &Value, out: &mut String) -> std::fmt::Result {
    // Null where a value is out of range, and of the benchmark where there is none.
    let shown =
        |key: &str, form: fn(f64) -> String| value[key].as_f64().map_or_else(|| "not known".to_owned(), form);
    let amount = |key: &str| shown(key, |value| format!("{value:.2}"));
    let percent = |key: &str| shown(key, |value| format!("{:+.2} %", 100.0 * value));
    let ratio = |key: &str| shown(key, |value| format!("{value:.3}"));
    writeln!(
        out,
        "value       {}, {} since the start (benchmark {}); cash {}",
        amount("nav"),
        percent("return"),
        percent("benchmark_return"),
        amount("cash")
    )?;
    writeln!(out, "exposure    gross {}, net {}", ratio("gross_exposure"), ratio("net_exposure"))
}

fn write_positions(held: &Contents, out: &mut String) -> std::fmt::Result {
    for position in held.positions.iter().take(POSITIONS) {
        writeln!(
            out,
            "position    {:<12} held {:>8.4}, wanted {:>8.4}",
            shown(&position.symbol),
            position.held_weight,
            position.target_weight
        )?;
    }
    match held.positions.len().saturating_sub(POSITIONS) {
        0 => Ok(()),
        more => writeln!(out, "            and {more} more (--json has all)"),
    }
}
