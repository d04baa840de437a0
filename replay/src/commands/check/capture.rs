//! `betaflow check CAPTURE.jsonl`: what an adapter makes of what a venue said.

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
use crate::terminal::say;

/// How much later than the latest a trade may come, as in `[feed]`.
const LATENESS_NS: i64 = 2_000_000_000;
/// Messages that are read to see whose they are.
const SAMPLE: u64 = 4_000;
/// Symbols that are listed; more are only counted.
const SYMBOLS_MAX: usize = 10_000;

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
struct Read {
    counts: Counts,
    symbols: BTreeMap<String, InstrumentEvents>,
    unlisted: u64,
    said: BTreeMap<String, u64>,
    sent: u64,
    span: Option<(i64, i64)>,
}

/// Returns true if the data is a capture.
pub(crate) fn is_capture(args: &CheckArgs) -> bool {
    args.venue.is_some() || args.data.extension().is_some_and(|extension| extension == "jsonl")
}

/// Reads a capture through the adapter of its venue, and says what came of it.
pub(crate) fn check(args: &CheckArgs) -> Result<()> {
    let name = args.venue.as_deref().with_context(|| {
        format!("{}: is a capture; expected --venue with one of {}", args.data.display(), VENUES.join(", "))
    })?;
    let mut adapter = venue(name).with_context(|| {
        let (near, known) = (hint(name, VENUES), VENUES.join(", "));
        format!("--venue {name}: is no venue that is known{near}; expected one of {known}")
    })?;
    let bar_ns = match &args.bars {
        Some(text) => {
            let ns = duration_ns(text).ok().filter(|ns| DAY_NS % ns == 0);
            Some(ns.with_context(|| {
                format!(
                    "--bars {text}: expected the length of a bar that divides a day, such as 1s, 1m or 1h"
                )
            })?)
        }
        None if args.out.is_some() => {
            bail!("--out: expected --bars with it, such as --bars 1m: a capture has no findings")
        }
        None => None,
    };
    let read = read(&args.data, &mut *adapter)?;
    refuse_another_venue(&args.data, name, &read)?;
    let made = bar_ns.map(|bar_ns| make(&args.data, name, bar_ns, &read)).transpose()?;
    if let (Some(out), Some((intervals, _))) = (&args.out, &made) {
        write_bars(out, intervals)?;
    }
    let counts = made.as_ref().map(|(_, counts)| *counts);
    say(&if args.json {
        as_json(name, &read, &*adapter, counts)?
    } else {
        as_text(name, &read, &*adapter, counts)
    });
    if let (Some(out), false) = (&args.out, args.json) {
        say(&format!("written to {}\n", out.display()));
    }
    Ok(())
}

fn read(path: &Path, adapter: &mut dyn Venue) -> Result<Read> {
    let (mut capture, mut read) = (Capture::open(path)?, Read::default());
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
            read.see(event);
        }
    }
    Ok(read)
}

/// Refuses a capture if the adapter reads neither most messages nor any trade, quote or bar, and names the venue
/// whose adapter reads most of it.
fn refuse_another_venue(path: &Path, name: &str, read: &Read) -> Result<()> {
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
        Some((other, understood, of)) => format!(
            "it looks like a capture of {other}, whose adapter reads {understood} of the first {of}: use --venue {other}"
        ),
        None => format!("no adapter reads it; expected a capture of one of {}", VENUES.join(", ")),
    };
    bail!(
        "{}: found {failed} of {total} messages that are none of {name}, and no trade, quote or bar; {remedy}",
        path.display()
    );
}

/// How many of the first messages the adapter of a venue reads, and how many there are.
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

impl Read {
    fn see(&mut self, event: &Event<'_>) {
        let (symbol, time) = match event {
            Event::Trade(trade) => (&trade.symbol, event.time_ns()),
            Event::Quote(quote) => (&quote.symbol, event.time_ns()),
            Event::Bar(bar) => (&bar.symbol, event.time_ns()),
            Event::Error(words) => {
                *self.said.entry(words.to_string()).or_default() += 1;
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

/// The bars of a capture, as live trading would have made them.
fn make(path: &Path, name: &str, bar_ns: i64, read: &Read) -> Result<(Vec<ClosedInterval>, BarCounts)> {
    let settings = BarSettings {
        length_ns: bar_ns,
        lateness_ns: LATENESS_NS,
        late: LatePolicy::DropAndCount,
        from_ns: i64::MIN,
    };
    let (Some(mut adapter), false) = (venue(name), read.symbols.is_empty()) else {
        bail!("{}: found no trades and no bars to make bars of", path.display());
    };
    let mut bars = Bars::new(settings, 1, read.symbols.keys().map(String::as_str))?;
    if adapter.cancels() {
        bars = bars.with_cancels();
    }
    let (mut capture, mut intervals) = (Capture::open(path)?, Vec::new());
    // The latest event, and when the recorder had it: both clocks run, and only what passes between is compared.
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

fn as_text(name: &str, read: &Read, adapter: &dyn Venue, bars: Option<BarCounts>) -> String {
    let (counts, sequences) = (&read.counts, adapter.sequences());
    let span =
        read.span.map(|(first, last)| format!(", {} to {}", iso(first), iso(last))).unwrap_or_default();
    let mut text = format!("{name}: {} messages of the venue, {} sent{span}\n", counts.total(), read.sent);
    for (kind, count) in counts.by_type() {
        text += &format!("  {kind:<24} {count:>10}\n");
    }
    text += &format!("unknown {}\n", counts.unknown());
    for (kind, count) in counts.unknown_names() {
        text += &format!("  {kind:<24} {count:>10}\n");
    }
    text += &format!("refused {}\n", counts.refused());
    counts.last_refusals().for_each(|refusal| text += &format!("  {refusal}\n"));
    for (words, count) in &read.said {
        text += &format!("the venue says {count} times: {words}\n");
    }
    text += &format!(
        "numbers: {} gaps, {} missing, {} filled, {} twice\n",
        sequences.open_gaps(),
        sequences.missing(),
        sequences.filled(),
        sequences.repeats()
    );
    text += &format!("{:<16} {:>8} {:>8} {:>8}  first and last\n", "symbol", "trades", "quotes", "bars");
    for (symbol, seen) in &read.symbols {
        let span = seen.span.map(|(first, last)| format!("{} {}", iso(first), iso(last))).unwrap_or_default();
        text += &format!("{symbol:<16} {:>8} {:>8} {:>8}  {span}\n", seen.trades, seen.quotes, seen.bars);
    }
    if read.unlisted > 0 {
        text += &format!("{} events of further symbols\n", read.unlisted);
    }
    if let Some(bars) = bars {
        text += &format!(
            "{} bars of {} trades and bars; {} late, {} twice, {} far ahead of all others, {} not asked for\n",
            bars.bars, bars.in_bars, bars.late, bars.duplicates, bars.doubted, bars.not_asked
        );
        let more = counted(&bars).into_iter().filter(|(_, count)| *count > 0);
        more.for_each(|(what, count)| text += &format!("  {:<24} {count:>10}\n", what.replace('_', " ")));
    }
    text
}

/// Counts that most captures have none of, by name.
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

fn as_json(name: &str, read: &Read, adapter: &dyn Venue, bars: Option<BarCounts>) -> Result<String> {
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
        "last_refusals": refusals, "said": read.said, "gaps": sequences.open_gaps(), "missing": sequences.missing(),
        "filled": sequences.filled(), "repeats": sequences.repeats(), "symbols": symbols, "unlisted": read.unlisted, "bars": bars
    });
    Ok(serde_json::to_string_pretty(&all)? + "\n")
}
