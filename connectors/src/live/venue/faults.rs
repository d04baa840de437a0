//! Faults of a venue: each kind is reported at its first occurrence, and counted from then on.

use std::collections::{BTreeSet, VecDeque};

use betaflow_engine::time::Iso;
use betaflow_engine::time::TimestampNs;
use serde_json::{Value, json};

use crate::clock::now;
use crate::live::client::EdgeEvent;
use crate::ticks::{BarCounts, ClockChange, Hole, Sequences};

/// Maximum number of open holes in a venue's numbering; beyond it, the oldest are reported.
const HOLES_MAX: usize = 128;
/// Maximum time that a hole stays open before it is reported, in multiples of the lateness.
const LATENESSES: i64 = 4;

/// Fault to be reported.
pub(super) struct Fault {
    /// Stable name of its kind.
    pub(super) kind: &'static str,
    /// Text for the user, one sentence.
    pub(super) text: String,
    /// JSON object with numbers and names.
    pub(super) details: Value,
}

impl Fault {
    pub(super) fn event(self) -> EdgeEvent {
        let Self { kind, text, details } = self;
        EdgeEvent::Fault { at: now(), kind, text, details }
    }
}

/// Kinds of faults already reported.
#[derive(Default)]
pub(super) struct Faults {
    said: BTreeSet<&'static str>,
}

impl Faults {
    /// Returns the faults whose kind occurs for the first time.
    pub(super) fn first(&mut self, counts: &BarCounts, venue: &str) -> Vec<Fault> {
        let of = [
            (
                "late",
                counts.late,
                "trades or bars after their bar was closed; they are dropped (see feed.lateness)",
            ),
            (
                "far_behind",
                counts.far_behind,
                "trades or bars far behind its clock and before the first bar; they are dropped",
            ),
            ("duplicates", counts.duplicates, "repeated trades or bars; each counts once"),
            (
                "doubted",
                counts.doubted,
                "times far ahead of all others that no message confirmed; they are dropped",
            ),
            (
                "no_trade",
                counts.no_trade,
                "reports that are not trades, such as quantities of 0; they are ignored",
            ),
            ("bars_incomplete", counts.incomplete, "bars that were never completed; they are omitted"),
            (
                "bars_without_price",
                counts.without_price,
                "bars without a trade that sets a price; they are omitted",
            ),
            ("trades_dropped", counts.ahead, "trades of too many open intervals; they are dropped"),
            ("cancelled", counts.cancelled, "cancellations of trades; these are removed from open bars"),
            ("corrected", counts.corrected, "corrections of trades; they are applied to open bars"),
            (
                "cancelled_late",
                counts.cancelled_late,
                "cancellations of trades whose bar is closed; the bar is kept",
            ),
            (
                "corrected_late",
                counts.corrected_late,
                "corrections of trades whose bar is closed; the bar is kept",
            ),
        ];
        let new = of.into_iter().filter(|(kind, count, _)| *count > 0 && self.said.insert(kind));
        new.map(|(kind, count, what)| Fault {
            kind,
            text: format!("{venue} sends {what}; later ones are only counted"),
            details: json!({ "count": count }),
        })
        .collect()
    }
}

/// Returns the fault for a change of the venue's clock.
pub(super) fn of_clock(change: ClockChange, venue: &str) -> Fault {
    let iso = |ns: i64| Iso(TimestampNs(ns)).to_string();
    match change {
        ClockChange::Ahead { from_ns, to_ns } => Fault {
            kind: "clock_ahead",
            text: format!(
                "the clock of {venue} moves ahead from {} to {}, because many messages agree",
                iso(from_ns),
                iso(to_ns)
            ),
            details: json!({ "from_ns": from_ns, "to_ns": to_ns }),
        },
        ClockChange::Back { from_ns, to_ns, dropped, resumes_ns } => {
            let resumes = match resumes_ns {
                Some(ns) => {
                    format!("no bar follows until the clock passes {}, the end of the last bar", iso(ns))
                }
                None => "bars continue from there".to_owned(),
            };
            Fault {
                kind: "clock_back",
                text: format!(
                    "the clock of {venue} steps back from {} to {}, because all messages agree; {dropped} trades or bars were \
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

/// Open holes in a venue's numbering, which late numbers may still fill.
pub(super) struct Holes {
    /// Maximum time that a hole may be open by the venue's clock, in ns.
    hold_ns: i64,
    /// Open holes, each with the venue's time when it opened.
    open: VecDeque<(Hole, Option<i64>)>,
}

impl Holes {
    /// Creates an empty list of holes for a venue with this lateness.
    pub(super) fn new(lateness_ns: i64) -> Self {
        Self { hold_ns: lateness_ns.saturating_mul(LATENESSES), open: VecDeque::new() }
    }

    /// Returns the holes that have been open for too long at the venue's time `latest`, or all.
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
