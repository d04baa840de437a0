//! Detection of symbols without any message, outside the subscription, or quiet while others trade.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use super::faults::Fault;
use super::{BarsFrom, VenueSettings};
use crate::ticks::Event;

/// Maximum number of names kept outside the subscription; events of other names are only counted.
const NOT_ASKED_MAX: usize = 64;
/// Maximum number of names in a sentence.
const NAMES_MAX: usize = 20;
/// Minimum interval between checks.
const LOOK: Duration = Duration::from_secs(1);
/// Minimum number of trades from which the trading rate of a symbol is estimated.
const KNOWN: u64 = 10;
/// Permitted silence, in mean intervals between trades.
const MEANS: i64 = 20;
/// Permitted silence, in longest intervals so far.
const LONGEST: i64 = 4;
/// Permitted silence, in bars.
const BARS: i64 = 3;

/// Symbols of a venue that need attention, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SymbolsHeard {
    /// Symbols in the subscription without any event.
    pub never_heard: Vec<String>,
    /// Symbols with events outside the subscription, at most 64.
    pub not_asked: Vec<String>,
    /// Symbols that are quiet while others trade.
    pub quiet: Vec<String>,
}

/// Activity of a symbol, by the venue's clock, in ns.
#[derive(Clone, Copy, Debug, Default)]
struct Activity {
    count: u64,
    first: i64,
    last: i64,
    longest: i64,
    quiet: bool,
}

impl Activity {
    fn add(&mut self, time_ns: i64) {
        if self.count == 0 {
            (self.first, self.last) = (time_ns, time_ns);
        }
        self.count += 1;
        self.longest = self.longest.max(time_ns.saturating_sub(self.last));
        self.last = self.last.max(time_ns);
    }

    /// Returns the permitted silence; `None` while the trading rate is unknown.
    fn patience_ns(&self, least_ns: i64) -> Option<i64> {
        let intervals = i64::try_from(self.count).ok().filter(|_| self.count >= KNOWN)? - 1;
        let mean = self.last.saturating_sub(self.first) / intervals;
        Some(least_ns.max(mean.saturating_mul(MEANS)).max(self.longest.saturating_mul(LONGEST)))
    }
}

/// Monitor of the symbols of a venue.
pub(super) struct SymbolWatch {
    venue: String,
    after: Duration,
    quiet_ns: i64,
    asked: BTreeMap<String, Activity>,
    not_asked: BTreeMap<String, u64>,
    connected: Instant,
    looked: Instant,
    /// Time of the last report of symbols without any message or outside the subscription.
    reported: Option<Instant>,
    /// Last reported numbers of symbols without any message and of symbols outside the subscription.
    said: (usize, usize),
    /// First event of this connection and latest event of all, by the venue's clock, in ns.
    from: Option<i64>,
    newest: i64,
    /// Symbols that trade again after a silence, with its length in ns.
    back: Vec<(String, i64)>,
}

impl SymbolWatch {
    /// Creates the monitor for the symbols of the settings, by the venue's names.
    pub(super) fn new(settings: &VenueSettings) -> Self {
        let now = Instant::now();
        // A venue may send its own bars only when they are complete.
        let bar = Duration::from_nanos(settings.bar_ns.unsigned_abs()).min(Duration::from_secs(60));
        let own = if settings.bars_from == BarsFrom::Venue { bar } else { Duration::ZERO };
        let quiet = i64::try_from(settings.quiet_after.as_nanos()).unwrap_or(i64::MAX);
        Self {
            venue: settings.venue.clone(),
            after: settings.symbols_after + own,
            quiet_ns: quiet.max(settings.bar_ns.saturating_mul(BARS)),
            asked: settings.symbols.iter().map(|symbol| (symbol.clone(), Activity::default())).collect(),
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

    /// Restarts the measurement of silence, after a reconnection or a step of the venue's clock.
    pub(super) fn begin(&mut self) {
        (self.connected, self.from, self.newest) = (Instant::now(), None, i64::MIN);
    }

    /// Records an event; its time is capped at `until_ns`.
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

    /// Returns the faults since the last check.
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
        let asked = |wanted: fn(&Activity) -> bool| {
            let of = self.asked.iter().filter(|(_, heard)| wanted(heard));
            of.map(|(symbol, _)| symbol.clone()).collect()
        };
        SymbolsHeard {
            never_heard: asked(|heard| heard.count == 0),
            not_asked: self.not_asked.keys().cloned().collect(),
            quiet: asked(|heard| heard.quiet),
        }
    }

    /// Returns a fault for each symbol that became quiet or trades again.
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
                        "{symbol} has had no trade for {} s, while other symbols trade",
                        seconds(silence)
                    ),
                    details: json!({ "symbol": symbol, "seconds": seconds(silence) }),
                });
            }
        }
        faults
    }

    /// Returns faults that list symbols without any message and outside the subscription, if their numbers
    /// have changed.
    fn names(&mut self) -> Vec<Fault> {
        let heard = self.heard();
        let (never, others) = (heard.never_heard.len(), heard.not_asked.len());
        let mut faults = Vec::new();
        if never != self.said.0 {
            let (all, venue) = (self.asked.len(), &self.venue);
            let seconds = self.after.as_secs_f64();
            let (kind, text) = match never {
                0 => ("symbols_heard", format!("messages of all {all} symbols of {venue} have arrived")),
                _ => (
                    "symbols_never_heard",
                    format!(
                        "{venue} has sent no message for {never} of {all} symbols in {seconds:.0} s: {}; check feed.symbols \
                         unless these trade rarely",
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
                    "{} sends symbols outside the subscription ({others}): {}; they are ignored",
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

/// Joins the first names, escaped, and the number of other names.
fn names(all: &[String]) -> String {
    let first = all.iter().take(NAMES_MAX).map(|name| name.escape_debug().to_string());
    let first = first.collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMES_MAX) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
