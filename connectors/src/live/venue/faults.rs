//! Faults of a venue: each kind is reported when it is first seen, and counted from there on.

use std::collections::{BTreeSet, VecDeque};

use betaflow_engine::time::Iso;
use betaflow_engine::time::TimestampNs;
use serde_json::{Value, json};

use crate::live::client::EdgeEvent;
use crate::live::clock::now;
use crate::ticks::{BarCounts, ClockChange, Hole, Sequences};

/// Holes in a venue's numbers that may yet fill; with more of them the oldest are said.
const HOLES_MAX: usize = 128;
/// Multiple of the lateness that a hole may stay open before it is reported.
const LATENESSES: i64 = 4;

/// A fault that is to be said.
pub(super) struct Fault {
    /// A stable name of its kind.
    pub(super) kind: &'static str,
    /// Sentence for people.
    pub(super) text: String,
    /// Numbers and names of it, a JSON object.
    pub(super) details: Value,
}

impl Fault {
    pub(super) fn event(self) -> EdgeEvent {
        let Self { kind, text, details } = self;
        EdgeEvent::Fault { at: now(), kind, text, details }
    }
}

/// Kinds of faults that are counted.
#[derive(Default)]
pub(super) struct Faults {
    said: BTreeSet<&'static str>,
}

impl Faults {
    /// Those that are seen for the first time.
    pub(super) fn first(&mut self, counts: &BarCounts, venue: &str) -> Vec<Fault> {
        let of = [
            (
                "late",
                counts.late,
                "trades or bars after their bar was closed; they are dropped (feed.lateness)",
            ),
            (
                "far_behind",
                counts.far_behind,
                "trades or bars far behind its own clock, of before the first bar; they are dropped",
            ),
            ("duplicates", counts.duplicates, "trades or bars more than once; they count once"),
            ("doubted", counts.doubted, "times far ahead of all others; nothing agreed with them"),
            (
                "no_trade",
                counts.no_trade,
                "reports that are no trades, such as quantities of 0; they make no bars",
            ),
            ("bars_incomplete", counts.incomplete, "bars that were never complete; they are left out"),
            (
                "bars_without_price",
                counts.without_price,
                "trades of a bar none of which sets a price; it is left out",
            ),
            ("trades_dropped", counts.ahead, "trades of more intervals than can be open; they are dropped"),
            ("cancelled", counts.cancelled, "cancellations of trades; they are taken out of open bars"),
            ("corrected", counts.corrected, "corrections of trades; they change open bars"),
            (
                "cancelled_late",
                counts.cancelled_late,
                "cancellations of trades whose bar is closed; it stays as it is",
            ),
            (
                "corrected_late",
                counts.corrected_late,
                "corrections of trades whose bar is closed; it stays as it is",
            ),
        ];
        let new = of.into_iter().filter(|(kind, count, _)| *count > 0 && self.said.insert(kind));
        new.map(|(kind, count, what)| Fault {
            kind,
            text: format!("{venue} sends {what}; further ones are only counted"),
            details: json!({ "count": count }),
        })
        .collect()
    }
}

/// A change of the venue's clock.
pub(super) fn of_clock(change: ClockChange, venue: &str) -> Fault {
    let iso = |ns: i64| Iso(TimestampNs(ns)).to_string();
    match change {
        ClockChange::Ahead { from_ns, to_ns } => Fault {
            kind: "clock_ahead",
            text: format!(
                "the clock of {venue} goes from {} to {}: many messages agree",
                iso(from_ns),
                iso(to_ns)
            ),
            details: json!({ "from_ns": from_ns, "to_ns": to_ns }),
        },
        ClockChange::Back { from_ns, to_ns, dropped, resumes_ns } => {
            let resumes = match resumes_ns {
                Some(ns) => {
                    format!("no bar comes until its clock passes {}, where the last one ended", iso(ns))
                }
                None => "bars go on from there".to_owned(),
            };
            Fault {
                kind: "clock_back",
                text: format!(
                    "the clock of {venue} goes back from {} to {}: all messages agree on it; {dropped} trades or bars were \
                     dropped, {resumes}",
                    iso(from_ns),
                    iso(to_ns)
                ),
                details: json!({
                    "from_ns": from_ns, "to_ns": to_ns, "dropped": dropped, "resumes_ns": resumes_ns
                }),
            }
        }
    }
}

/// Holes in a venue's numbers that may yet fill: numbers that only come in another order are not missing.
pub(super) struct Holes {
    /// How long a hole may be open by the venue's clock, in ns.
    hold_ns: i64,
    /// Each with the venue's time when it opened.
    open: VecDeque<(Hole, Option<i64>)>,
}

impl Holes {
    /// Holes of a venue with this lateness.
    pub(super) fn new(lateness_ns: i64) -> Self {
        Self { hold_ns: lateness_ns.saturating_mul(LATENESSES), open: VecDeque::new() }
    }

    /// Those that have been open for too long at the venue's time `latest`, or all of them.
    pub(super) fn due(
        &mut self,
        sequences: &mut Sequences,
        latest: Option<i64>,
        all: bool,
    ) -> Vec<EdgeEvent> {
        self.open.extend(sequences.take_opened().map(|hole| (hole, latest)));
        let mut due = Vec::new();
        while let Some((_, opened)) = self.open.front_mut() {
            let opened = *opened.get_or_insert(latest.unwrap_or(i64::MIN));
            let waited = latest.map_or(0, |latest| latest.saturating_sub(opened).saturating_abs());
            if !all && self.open.len() <= HOLES_MAX && (latest.is_none() || waited < self.hold_ns) {
                break;
            }
            let Some((hole, _)) = self.open.pop_front() else { break };
            let missed = sequences.missing_in(&hole);
            if missed > 0 {
                let (stream, symbol) = (hole.stream, hole.symbol.into());
                due.push(EdgeEvent::Missing { at: now(), stream, symbol, missed });
            }
        }
        due
    }
}
