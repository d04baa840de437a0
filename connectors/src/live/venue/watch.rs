//! Symbols that are not heard, not asked for, or quiet while others go on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use super::faults::Fault;
use super::{BarsFrom, VenueSettings};
use crate::ticks::Event;

/// Most names outside of the subscription that are kept; events of further ones are only counted.
const NOT_ASKED_MAX: usize = 64;
/// Names in a sentence.
const NAMES_MAX: usize = 20;
/// How often it is looked at most.
const LOOK: Duration = Duration::from_secs(1);
/// Trades after which it is known how often a symbol trades.
const KNOWN: u64 = 10;
/// Mean intervals between trades that a symbol may be quiet.
const MEANS: i64 = 20;
/// Longest intervals so far that it may be quiet.
const LONGEST: i64 = 4;
/// Bars that it may be quiet.
const BARS: i64 = 3;

/// Symbols as they were heard so far, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SymbolsHeard {
    /// Asked for and never heard.
    pub never_heard: Vec<String>,
    /// Heard and not asked for, the first 64.
    pub not_asked: Vec<String>,
    /// Quiet while others go on.
    pub quiet: Vec<String>,
}

/// When a symbol was heard, by the venue's clock, in ns.
#[derive(Clone, Copy, Debug, Default)]
struct Heard {
    count: u64,
    first: i64,
    last: i64,
    longest: i64,
    quiet: bool,
}

impl Heard {
    fn add(&mut self, time_ns: i64) {
        if self.count == 0 {
            (self.first, self.last) = (time_ns, time_ns);
        }
        self.count += 1;
        self.longest = self.longest.max(time_ns.saturating_sub(self.last));
        self.last = self.last.max(time_ns);
    }

    /// How long it may be quiet.
    fn patience_ns(&self, least_ns: i64) -> Option<i64> {
        let intervals = i64::try_from(self.count).ok().filter(|_| self.count >= KNOWN)? - 1;
        let mean = self.last.saturating_sub(self.first) / intervals;
        Some(least_ns.max(mean.saturating_mul(MEANS)).max(self.longest.saturating_mul(LONGEST)))
    }
}

/// Watches over the symbols of a venue.
pub(super) struct SymbolWatch {
    venue: String,
    after: Duration,
    quiet_ns: i64,
    asked: BTreeMap<String, Heard>,
    not_asked: BTreeMap<String, u64>,
    connected: Instant,
    looked: Instant,
    /// When it was last said what was never heard or not asked for.
    reported: Option<Instant>,
    /// How many were said to be never heard and not asked for.
    said: (usize, usize),
    /// First event of this connection, and the latest of all, by the venue's clock, in ns.
    from: Option<i64>,
    newest: i64,
    /// Symbols that are back, and for how long they were quiet, in ns.
    back: Vec<(String, i64)>,
}

impl SymbolWatch {
    /// Watch over the symbols of these settings, which are the venue's names.
    pub(super) fn new(settings: &VenueSettings) -> Self {
        let now = Instant::now();
        // A venue may send its own bars once they are complete.
        let bar = Duration::from_nanos(settings.bar_ns.unsigned_abs()).min(Duration::from_secs(60));
        let own = if settings.bars_from == BarsFrom::Venue { bar } else { Duration::ZERO };
        let quiet = i64::try_from(settings.quiet_after.as_nanos()).unwrap_or(i64::MAX);
        Self {
            venue: settings.venue.clone(),
            after: settings.symbols_after + own,
            quiet_ns: quiet.max(settings.bar_ns.saturating_mul(BARS)),
            asked: settings.symbols.iter().map(|symbol| (symbol.clone(), Heard::default())).collect(),
            not_asked: BTreeMap::new(),
            connected: now,
            looked: now,
            reported: None,
            said: (0, 0),
            from: None,
            newest: i64::MIN,
            back: Vec::new(),
        }
    }

    /// Another connection begins, or the venue's clock was set back: no symbol was quiet before.
    pub(super) fn begin(&mut self) {
        (self.connected, self.from, self.newest) = (Instant::now(), None, i64::MIN);
    }

    /// Notes an event; times later than `until_ns` are not believed.
    pub(super) fn see(&mut self, event: &Event<'_>, until_ns: i64) {
        let (symbol, time_ns) = match event {
            Event::Trade(trade) => (&trade.symbol, trade.time_ns),
            Event::NoTrade(report) => (&report.symbol, report.time_ns),
            Event::Bar(bar) => (&bar.symbol, bar.time_ns),
            _ => return,
        };
        let time_ns = time_ns.min(until_ns);
        if let Some(heard) = self.asked.get_mut(symbol.as_ref()) {
            if heard.quiet {
                heard.quiet = false;
                self.back.push((symbol.to_string(), time_ns.saturating_sub(heard.last)));
            }
            heard.add(time_ns);
        } else if let Some(count) = self.not_asked.get_mut(symbol.as_ref()) {
            *count += 1;
        } else if self.not_asked.len() < NOT_ASKED_MAX {
            self.not_asked.insert(symbol.to_string(), 1);
        }
        self.from.get_or_insert(time_ns);
        self.newest = self.newest.max(time_ns);
    }

    /// Faults that are new since the last look.
    pub(super) fn look(&mut self, now: Instant) -> Option<(Vec<Fault>, SymbolsHeard)> {
        if now.saturating_duration_since(self.looked) < LOOK.min(self.after) {
            return None;
        }
        self.looked = now;
        let mut faults = self.quiet();
        let since = self.reported.map_or(self.connected, |reported| reported.max(self.connected));
        if now.saturating_duration_since(since) >= self.after {
            self.reported = Some(now);
            faults.extend(self.names());
        }
        Some((faults, self.heard()))
    }

    fn heard(&self) -> SymbolsHeard {
        let asked = |wanted: fn(&Heard) -> bool| {
            let of = self.asked.iter().filter(|(_, heard)| wanted(heard));
            of.map(|(symbol, _)| symbol.clone()).collect()
        };
        SymbolsHeard {
            never_heard: asked(|heard| heard.count == 0),
            not_asked: self.not_asked.keys().cloned().collect(),
            quiet: asked(|heard| heard.quiet),
        }
    }

    /// Symbols that have fallen silent, and those that are back.
    fn quiet(&mut self) -> Vec<Fault> {
        let seconds = |ns: i64| ns / 1_000_000_000;
        let mut faults: Vec<Fault> = self
            .back
            .drain(..)
            .map(|(symbol, ns)| Fault {
                kind: "symbol_back",
                text: format!("{symbol} trades again after {} s", seconds(ns)),
                details: json!({ "symbol": symbol, "seconds": seconds(ns) }),
            })
            .collect();
        let Some(from) = self.from else { return faults };
        for (symbol, heard) in self.asked.iter_mut().filter(|(_, heard)| !heard.quiet) {
            let silence = self.newest.saturating_sub(heard.last.max(from));
            if heard.patience_ns(self.quiet_ns).is_some_and(|patience| silence >= patience) {
                heard.quiet = true;
                faults.push(Fault {
                    kind: "symbol_quiet",
                    text: format!(
                        "{symbol} has had no trade for {} s, while other symbols go on",
                        seconds(silence)
                    ),
                    details: json!({ "symbol": symbol, "seconds": seconds(silence) }),
                });
            }
        }
        faults
    }

    /// Symbols that were never heard, and those that were not asked for, where these are others than were said.
    fn names(&mut self) -> Vec<Fault> {
        let heard = self.heard();
        let (never, others) = (heard.never_heard.len(), heard.not_asked.len());
        let mut faults = Vec::new();
        if never != self.said.0 {
            let (all, venue) = (self.asked.len(), &self.venue);
            let seconds = self.after.as_secs_f64();
            let (kind, text) = match never {
                0 => ("symbols_heard", format!("all {all} symbols of {venue} are heard now")),
                _ => (
                    "symbols_never_heard",
                    format!(
                        "{venue} has sent nothing of {never} of {all} symbols in {seconds:.0} s: {}; check feed.symbols \
                         if they are no quiet ones",
                        names(&heard.never_heard)
                    ),
                ),
            };
            let symbols = &heard.never_heard[..never.min(NOT_ASKED_MAX)];
            faults.push(Fault { kind, text, details: json!({ "symbols": symbols, "count": never }) });
        }
        if others > self.said.1 {
            let events: u64 = self.not_asked.values().sum();
            faults.push(Fault {
                kind: "symbols_not_asked",
                text: format!(
                    "{} sends symbols that were not asked for ({others}): {}; they make no bars",
                    self.venue,
                    names(&heard.not_asked)
                ),
                details: json!({ "symbols": heard.not_asked, "count": others, "events": events }),
            });
        }
        self.said = (never, others);
        faults
    }
}

/// The first names, and how many more there are. A venue's names may hold anything.
fn names(all: &[String]) -> String {
    let first = all.iter().take(NAMES_MAX).map(|name| name.escape_debug().to_string());
    let first = first.collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMES_MAX) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
