//! Terminal page of `state`.

use betaflow_connectors::live::shown;
use serde_json::Value;

use super::contents::Contents;
use crate::terminal::{NONE, Page, Table, decimals, grouped, percent, signed_percent};

/// Maximum positions of the table; `--json` has all.
const POSITIONS: usize = 20;

/// Returns the page of a state folder.
pub(crate) fn page(held: &Contents) -> Page {
    let mut page = Page::default();
    if let Some(time) = &held.ruined {
        page.alert(format!("RUINED at {time}: the value fell to 0 or below, and this run trades no more."));
    }
    if let Some(fault) = &held.configuration_fault {
        page.alert(format!("DAMAGED settings: {fault}"));
    }
    add_run(held, &mut page);
    add_settings(held, &mut page);
    add_records(held, &mut page);
    if let Some(value) = &held.value {
        add_value(value, &mut page);
    }
    add_trading(held, &mut page);
    add_events(held, &mut page);
    page
}

fn add_run(held: &Contents, page: &mut Page) {
    let unknown = || "unknown".to_owned();
    let status = match held.last_run {
        _ if held.running => "a run is at work",
        Some("failed") => "no run is at work; the last one ended with an error",
        Some("killed") => "no run is at work; the last one was killed",
        Some(_) => "no run is at work; the last one ended normally",
        None => "no run is at work",
    };
    page.section("State folder").field("Folder", &held.folder).field("Status", status);
    if let Some(halt) = &held.halt {
        page.field("Trading", format!("halted since {}, frame {}: {}", halt.since, halt.frame, halt.reason));
    }
    page.field("Started", held.started.clone().unwrap_or_else(unknown));
    page.field("Version", held.version.clone().unwrap_or_else(unknown));
    match &held.feed {
        Some(feed) => {
            page.field("Feed", shown(&feed.name)).field("Columns", shown(&feed.columns.join(", ")));
            let factors = match (feed.factors.is_empty(), feed.makes_factors) {
                (true, true) => "none in the feed; made from instruments".to_owned(),
                (true, false) => "none".to_owned(),
                (false, _) => feed.factors.join(", "),
            };
            page.field("Factors", shown(&factors));
        }
        None => _ = page.field("Feed", "none yet"),
    }
}

fn add_settings(held: &Contents, page: &mut Page) {
    if held.configuration.is_empty() {
        return;
    }
    page.section("Settings");
    for (name, value) in &held.configuration {
        page.field(name, value);
    }
    page.text(format!(
        "All settings are in state.db; `betaflow replay --session {}` writes them to the run.toml of its run folder.",
        held.folder
    ));
}

fn add_records(held: &Contents, page: &mut Page) {
    let span = |first: &Option<String>, last: &Option<String>| match (first, last) {
        (Some(first), Some(last)) => format!(", {first} to {last}"),
        _ => String::new(),
    };
    let count = |count: u64| grouped(count as f64);
    let (inputs, frames) = (&held.inputs, &held.frames);
    page.section("Records");
    page.field("Inputs", format!("{}{}", count(inputs.total), span(&inputs.first, &inputs.last)));
    page.field(
        "Stored",
        format!(
            "{} inputs in state.db, {} in older Parquet files",
            count(inputs.in_table),
            count(inputs.in_segments)
        ),
    );
    let files = &held.user_files;
    if files.taken + files.refused > 0 {
        let last =
            files.last.as_ref().map_or_else(String::new, |last| format!("; the last one: {}", shown(last)));
        let refused = match files.refused {
            0 => String::new(),
            refused => format!("; {} not readable (events)", count(refused)),
        };
        page.field("Your files", format!("{} taken{last}{refused}", count(files.taken)));
    }
    page.field(
        "Frames",
        format!(
            "{}, counted from the first rebalance{}",
            count(frames.count),
            span(&frames.first, &frames.last)
        ),
    );
    match &held.checkpoint {
        Some(checkpoint) => page.field(
            "Checkpoint",
            format!("after frame {}, {} bytes", checkpoint.seq, count(checkpoint.bytes)),
        ),
        None => page.field("Checkpoint", "none"),
    };
    let restart = &held.restart;
    let restart = match (frames.last_seq, restart.frames) {
        (None, _) => format!(
            "continues before the first rebalance and first computes {} inputs again",
            count(restart.inputs)
        ),
        (Some(seq), 0) => format!("continues after frame {seq}"),
        (Some(seq), 1) => format!("continues after frame {seq} and first computes the last frame again"),
        (Some(seq), again) => {
            format!("continues after frame {seq} and first computes the last {} frames again", count(again))
        }
    };
    page.field("A restart", restart);
    if let (Some(seq), Some(digest)) = (frames.last_seq, &frames.digest) {
        page.field("Digest", format!("{digest} of frame {seq}"));
    }
}

fn add_value(value: &Value, page: &mut Page) {
    // Null if a value is out of range, and for the benchmark if there is none.
    let shown =
        |key: &str, form: fn(f64) -> String| value[key].as_f64().map_or_else(|| "not known".to_owned(), form);
    let amount = |key: &str| shown(key, grouped);
    page.section("Value");
    page.field("Net asset value", amount("nav"));
    page.field(
        "Return since the start",
        format!(
            "{}, benchmark {}",
            shown("return", signed_percent),
            shown("benchmark_return", signed_percent)
        ),
    );
    page.field("Cash", amount("cash"));
    page.field(
        "Exposure",
        format!("gross {}, net {}", shown("gross_exposure", percent), shown("net_exposure", percent)),
    );
}

fn add_trading(held: &Contents, page: &mut Page) {
    let ended: Vec<String> =
        held.orders.iter().map(|(state, count)| format!("{} {state}", grouped(*count as f64))).collect();
    let none = |list: &[String]| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
    page.section("Trading").field("Fills", grouped(held.fills as f64)).field("Ended orders", none(&ended));
    let costs = held.costs.iter().filter(|(_, sum)| *sum != 0.0);
    let costs: Vec<String> =
        costs.map(|(item, sum)| format!("{} {}", item.replace('_', " "), decimals(*sum, 2))).collect();
    page.field("Costs", none(&costs));
    if held.positions.is_empty() {
        return;
    }
    page.section(format!("Positions: {}", held.positions.len()));
    let mut table = Table::new(["", "Held weight", "Target weight"]);
    for position in held.positions.iter().take(POSITIONS) {
        let (held, target) = (percent(position.held_weight), percent(position.target_weight));
        table.row([shown(&position.symbol).to_string(), held, target]);
    }
    page.table(table);
    if held.positions.len() > POSITIONS {
        page.text(format!("… {} more positions with --json", held.positions.len() - POSITIONS));
    }
}

fn add_events(held: &Contents, page: &mut Page) {
    if held.events.is_empty() {
        return;
    }
    page.section("Latest events, the last one first");
    let mut table = Table::new(["Market time", "Machine time", "Kind", "Event"]).words([1, 2, 3]);
    for event in &held.events {
        let text = if event.text.is_empty() { NONE.to_owned() } else { shown(&event.text).to_string() };
        let (time, none) = (event.time.clone(), NONE.to_owned());
        let (market, machine) = if event.clock == "market" { (time, none) } else { (none, time) };
        table.row([market, machine, event.kind.clone(), text]);
    }
    page.table(table);
}
