//! `betaflow check CAPTURE.jsonl`: messages, symbols and bars that an adapter reads from the capture of a venue.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use betaflow_connectors::hint;
use betaflow_connectors::live::{Capture, Direction};
use betaflow_connectors::record::write_bars;
use betaflow_connectors::ticks::{
    BarCounts, BarSettings, Bars, ClosedInterval, Counts, Event, LatePolicy, Parsed, VENUES, Venue, venue,
};
use betaflow_engine::time::{DAY_NS, Iso, TimestampNs, duration_ns};
use serde_json::json;

use super::CheckArgs;
use crate::terminal::{Page, Table, grouped, say, tell};

/// Lateness of bars, the default of `[feed]`.
const LATENESS_NS: i64 = 2_000_000_000;
/// Maximum messages read to find the venue of a capture.
const SAMPLE: u64 = 4_000;
/// Maximum symbols kept; events of further symbols are only counted.
const SYMBOLS_MAX: usize = 10_000;
/// Maximum symbols of the table; `--json` has all.
const SHOWN: usize = 40;

/// Events of one instrument.
#[derive(Default)]
struct InstrumentEvents {
    trades: u64,
    quotes: u64,
    bars: u64,
    span: Option<(i64, i64)>,
}

/// Contents of a capture.
#[derive(Default)]
struct Contents {
    counts: Counts,
    symbols: BTreeMap<String, InstrumentEvents>,
    unlisted: u64,
    /// Errors of the venue, each with its count.
    errors: BTreeMap<String, u64>,
    sent: u64,
    span: Option<(i64, i64)>,
}

/// Returns true if the data is a capture.
pub(crate) fn is_capture(args: &CheckArgs) -> bool {
    args.venue.is_some() || args.data.extension().is_some_and(|extension| extension == "jsonl")
}

/// Reads a capture through the adapter of its venue, and shows its contents.
pub(crate) fn check(args: &CheckArgs) -> Result<()> {
    let name = args.venue.as_deref().with_context(|| {
        format!(
            "{}: found a capture, expected --venue with one of {}",
            args.data.display(),
            VENUES.join(", ")
        )
    })?;
    let mut adapter = venue(name).with_context(|| {
        let (near, known) = (hint(name, VENUES), VENUES.join(", "));
        format!("--venue {name}: unknown venue{near}; expected one of {known}")
    })?;
    let bar_ns = match &args.bars {
        Some(text) => {
            let ns = duration_ns(text).ok().filter(|ns| DAY_NS % ns == 0);
            Some(ns.with_context(|| {
                format!("--bars {text}: expected a length that divides a day, such as 1s, 1m or 1h")
            })?)
        }
        None if args.out.is_some() => {
            bail!(
                "--out: expected --bars with it, such as --bars 1m: a check of a capture has no other table"
            )
        }
        None => None,
    };
    let read = read(&args.data, &mut *adapter)?;
    reject_another_venue(&args.data, name, &read)?;
    let made = bar_ns.map(|bar_ns| bars_of(&args.data, name, bar_ns, &read)).transpose()?;
    if let (Some(out), Some((intervals, _))) = (&args.out, &made) {
        write_bars(out, intervals)?;
    }
    let counts = made.as_ref().map(|(_, counts)| *counts);
    if args.json {
        say(&as_json(name, &read, &*adapter, counts)?);
        if let Some(out) = &args.out {
            tell(&format!("written to {}", out.display()));
        }
        return Ok(());
    }
    let mut page = page_of(name, &read, &*adapter, counts);
    if let Some(out) = &args.out {
        page.section("Files").field("Bars", out.display());
    }
    page.print();
    Ok(())
}

fn read(path: &Path, adapter: &mut dyn Venue) -> Result<Contents> {
    let (mut capture, mut read) = (Capture::open(path)?, Contents::default());
    let mut connections = std::collections::BTreeSet::new();
    while let Some(message) = capture.read()? {
        if message.dir == Direction::Out {
            read.sent += 1;
            continue;
        }
        if connections.insert(message.conn) && connections.len() > 1 {
            adapter.reconnected();
        }
        let mut events = Vec::new();
        read.counts.record(adapter.parse(&message.raw, &mut events));
        for event in &events {
            read.add(event);
        }
    }
    Ok(read)
}

/// Rejects a capture if most messages are unknown to the adapter and none is a trade, quote or bar. The error names the
/// venue whose adapter reads most messages.
fn reject_another_venue(path: &Path, name: &str, read: &Contents) -> Result<()> {
    let (total, failed) = (read.counts.total(), read.counts.unknown() + read.counts.refused());
    if !read.symbols.is_empty() || failed * 2 <= total {
        return Ok(());
    }
    let mut best: Option<(&str, u64, u64)> = None;
    for other in VENUES.into_iter().filter(|other| *other != name) {
        let (understood, of) = understood(path, other)?;
        if understood * 2 > of && best.is_none_or(|(_, known, _)| understood > known) {
            best = Some((other, understood, of));
        }
    }
    let remedy = match best {
        Some((other, understood, of)) => {
            format!("the adapter of {other} reads {understood} of the first {of}: use --venue {other}")
        }
        None => format!("no adapter reads it; expected a capture of one of {}", VENUES.join(", ")),
    };
    bail!(
        "{}: found {failed} of {total} messages that {name} does not send, and no trade, quote or bar; {remedy}",
        path.display()
    );
}

/// Returns how many of the first messages the adapter of a venue reads, and their number.
fn understood(path: &Path, name: &str) -> Result<(u64, u64)> {
    let (mut capture, mut counts) = (Capture::open(path)?, (0, 0));
    let Some(mut adapter) = venue(name) else { return Ok(counts) };
    while let Some(message) = capture.read()? {
        if message.dir == Direction::Out {
            continue;
        }
        let known = matches!(adapter.parse(&message.raw, &mut Vec::new()), Parsed::Known(_));
        counts = (counts.0 + u64::from(known), counts.1 + 1);
        if counts.1 == SAMPLE {
            break;
        }
    }
    Ok(counts)
}

impl Contents {
    /// Counts an event.
    fn add(&mut self, event: &Event<'_>) {
        let (symbol, time) = match event {
            Event::Trade(trade) => (&trade.symbol, event.time_ns()),
            Event::Quote(quote) => (&quote.symbol, event.time_ns()),
            Event::Bar(bar) => (&bar.symbol, event.time_ns()),
            Event::Error(words) => {
                *self.errors.entry(words.to_string()).or_default() += 1;
                return;
            }
            _ => return,
        };
        if self.symbols.len() >= SYMBOLS_MAX && !self.symbols.contains_key(&**symbol) {
            self.unlisted += 1;
            return;
        }
        let seen = self.symbols.entry(symbol.to_string()).or_default();
        match event {
            Event::Trade(_) => seen.trades += 1,
            Event::Quote(_) => seen.quotes += 1,
            _ => seen.bars += 1,
        }
        for span in [&mut seen.span, &mut self.span] {
            if let Some(time) = time {
                *span = Some(span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
            }
        }
    }
}

/// Builds the bars of a capture, as live trading would have built them.
fn bars_of(
    path: &Path,
    name: &str,
    bar_ns: i64,
    read: &Contents,
) -> Result<(Vec<ClosedInterval>, BarCounts)> {
    let settings = BarSettings {
        length_ns: bar_ns,
        lateness_ns: LATENESS_NS,
        late: LatePolicy::DropAndCount,
        from_ns: i64::MIN,
    };
    let (Some(mut adapter), false) = (venue(name), read.symbols.is_empty()) else {
        bail!("{}: found no trades and no bars, expected some to build bars from", path.display());
    };
    let mut bars = Bars::new(settings, 1, read.symbols.keys().map(String::as_str))?;
    if adapter.cancels() {
        bars = bars.with_cancels();
    }
    let (mut capture, mut intervals) = (Capture::open(path)?, Vec::new());
    // Time of the latest event and of its receipt. The clocks differ, so only elapsed times are compared.
    let mut heard: Option<(i64, i64)> = None;
    while let Some(message) = capture.read()? {
        if message.dir == Direction::Out {
            continue;
        }
        let mut events = Vec::new();
        adapter.parse(&message.raw, &mut events);
        if let Some((latest, received)) = heard {
            bars.expect(0, latest.saturating_add(message.recv_ns.saturating_sub(received).max(0)));
        }
        bars.observe_message_at(0, &events, message.recv_ns, &mut intervals);
        if let Some(latest) =
            bars.heard_ns(0).filter(|latest| heard.is_none_or(|(known, _)| known != *latest))
        {
            heard = Some((latest, message.recv_ns));
        }
    }
    bars.advance(0, i64::MAX, &mut intervals);
    Ok((intervals, bars.counts()))
}

fn iso(ns: i64) -> String {
    Iso(TimestampNs(ns)).to_string()
}

/// Returns the page of a capture.
fn page_of(name: &str, read: &Contents, adapter: &dyn Venue, bars: Option<BarCounts>) -> Page {
    let (counts, sequences) = (&read.counts, adapter.sequences());
    let number = |count: u64| grouped(count as f64);
    let mut page = Page::default();
    page.section(format!("Capture of {name}"));
    page.field("Messages", format!("{} received, {} sent", number(counts.total()), number(read.sent)));
    if let Some((first, last)) = read.span {
        page.field("Period", format!("{} to {}", iso(first), iso(last)));
    }
    page.field("Unknown", number(counts.unknown())).field("Rejected", number(counts.refused()));
    counts.last_refusals().for_each(|refusal| _ = page.field("", refusal));
    for (words, count) in &read.errors {
        page.field("Errors of the venue", format!("{} × {words}", number(*count)));
    }
    page.field(
        "Sequence numbers",
        format!(
            "{} open gaps, {} missing, {} filled, {} repeated",
            number(sequences.open_gaps()),
            number(sequences.missing()),
            number(sequences.filled()),
            number(sequences.repeats())
        ),
    );
    if let Some(bars) = bars {
        page.field(
            "Bars",
            format!(
                "{} from {} trades and bars; {} late, {} repeated, {} far ahead of all others, {} not requested",
                number(bars.bars),
                number(bars.in_bars),
                number(bars.late),
                number(bars.duplicates),
                number(bars.doubted),
                number(bars.not_asked)
            ),
        );
        for (name, count) in counted(&bars).into_iter().filter(|(_, count)| *count > 0) {
            page.field("", format!("{}: {}", name.replace('_', " "), number(count)));
        }
    }
    page.section("Messages by type");
    let mut types = Table::new(["Type", "Count", ""]).words([2]);
    counts.by_type().iter().for_each(|(kind, count)| {
        types.row([kind.to_string(), number(*count), String::new()]);
    });
    counts.unknown_names().iter().for_each(|(kind, count)| {
        types.row([kind.to_string(), number(*count), "unknown".to_owned()]);
    });
    page.table(types);
    page.section(format!("Symbols: {}", number(read.symbols.len() as u64)));
    let mut table =
        Table::new(["", "Trades", "Quotes", "Bars", "First", "Last"]).words([4, 5]).optional([4, 5]);
    for (symbol, seen) in read.symbols.iter().take(SHOWN) {
        let ends = seen.span.map_or([const { String::new() }; 2], |(first, last)| [first, last].map(iso));
        let [first, last] = ends;
        table.row([symbol.clone(), number(seen.trades), number(seen.quotes), number(seen.bars), first, last]);
    }
    page.table(table);
    if read.symbols.len() > SHOWN {
        page.text(format!("… {} more symbols with --json", number((read.symbols.len() - SHOWN) as u64)));
    }
    if read.unlisted > 0 {
        page.text(format!("{} events of further symbols are only counted.", number(read.unlisted)));
    }
    page
}

/// Returns counts that are 0 for most captures, by name.
fn counted(bars: &BarCounts) -> [(&'static str, u64); 9] {
    [
        ("no_trade", bars.no_trade),
        ("clock_back", bars.clock_back),
        ("dropped", bars.ahead),
        ("incomplete", bars.incomplete),
        ("without_price", bars.without_price),
        ("cancelled", bars.cancelled),
        ("corrected", bars.corrected),
        ("cancelled_late", bars.cancelled_late),
        ("corrected_late", bars.corrected_late),
    ]
}

fn as_json(name: &str, read: &Contents, adapter: &dyn Venue, bars: Option<BarCounts>) -> Result<String> {
    let (counts, sequences) = (&read.counts, adapter.sequences());
    let symbols: BTreeMap<_, _> = read
        .symbols
        .iter()
        .map(|(symbol, seen)| {
            let (first, last) = seen.span.map(|(first, last)| (iso(first), iso(last))).unzip();
            let numbers = json!({
                "trades": seen.trades, "quotes": seen.quotes, "bars": seen.bars, "first": first, "last": last
            });
            (symbol, numbers)
        })
        .collect();
    let refusals: Vec<String> = counts.last_refusals().map(ToString::to_string).collect();
    let bars = bars.map(|bars| {
        let mut all = json!({
            "bars": bars.bars, "in_bars": bars.in_bars, "late": bars.late, "twice": bars.duplicates,
            "doubted": bars.doubted, "not_asked": bars.not_asked
        });
        counted(&bars).into_iter().for_each(|(what, count)| all[what] = count.into());
        all
    });
    let all = json!({
        "venue": name, "messages": counts.total(), "sent": read.sent, "by_type": counts.by_type(),
        "unknown": counts.unknown(), "unknown_types": counts.unknown_names(), "refused": counts.refused(),
        "last_refusals": refusals, "said": read.errors, "gaps": sequences.open_gaps(), "missing": sequences.missing(),
        "filled": sequences.filled(), "repeats": sequences.repeats(), "symbols": symbols, "unlisted": read.unlisted, "bars": bars
    });
    Ok(serde_json::to_string_pretty(&all)? + "\n")
}
