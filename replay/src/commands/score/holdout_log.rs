//! Hold-out log: openings as JSON lines, append-only.
//!
//! An opening has two lines: `opened`, before any return of the hold-out is computed, and then `scored`, or `failed` if the
//! run ended in an error. A failed opening showed no figures and does not count as seen. An opening without a second line
//! was interrupted or killed: it may have shown figures, and counts.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use betaflow_engine::time::TimestampNs;
use serde::{Deserialize, Serialize};

use super::period::Period;
use crate::run::json_lines::{JsonLines, Lines};

/// Kind of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    /// The hold-out is about to be read.
    Opened,
    /// The hold-out was scored, with this result.
    Scored,
    /// The run ended in an error and showed no figures.
    Failed,
}

/// Line of the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) event: Event,
    /// Number of the opening in the file, from 1.
    pub(crate) opening: u64,
    /// Time of the line, UTC.
    pub(crate) time: String,
    /// SHA-256 of the bytes of prices and factors.
    pub(crate) data_digest: String,
    /// SHA-256 of the settings.
    pub(crate) configuration_digest: String,
    /// First date of the hold-out.
    pub(crate) from: String,
    /// Last time that is scored: the requested one in `opened`, the actual one in `scored`. Without it, all data counts as
    /// read.
    #[serde(default)]
    pub(crate) to: Option<String>,
    /// Number of scored frames; only in `scored`.
    #[serde(default)]
    pub(crate) frames: Option<usize>,
    /// Version of the program.
    pub(crate) version: String,
    pub(crate) profile: String,
    /// Digest of the run; only in `scored`.
    pub(crate) digest: Option<String>,
    /// Net Sharpe ratio of the hold-out; null where undefined.
    pub(crate) net_sharpe: Option<f64>,
    /// Error message; only in `failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// Openings before this one.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// Openings that did not fail, each with its result if it has one.
    openings: Vec<Entry>,
    /// Openings that ended in an error.
    pub(crate) failed: Vec<Entry>,
    /// Lines that cannot be read.
    pub(crate) unreadable: usize,
}

/// An earlier opening that has read some of the scored frames.
pub(crate) struct Overlap {
    pub(crate) entry: Entry,
    /// True if the bytes of the data and the start are equal.
    pub(crate) same: bool,
    /// First and last frame that both have read.
    pub(crate) period: Period,
    /// Number of frames that both have read.
    pub(crate) frames: usize,
}

impl History {
    /// Returns the openings that have read at least one scored frame. Other data digests count too: the log belongs to the
    /// data beside it, and data that has grown or was restated is still the same market. `times`: ascending.
    pub(crate) fn seen(&self, now: &Entry, times: &[TimestampNs]) -> Vec<Overlap> {
        let seen = |entry: &Entry| {
            let period = Period::of(&entry.from, entry.to.as_deref());
            let inside = period.part_of(times);
            let period = Period { from: *inside.first()?, to: *inside.last()? };
            let same = entry.data_digest == now.data_digest && entry.from == now.from;
            Some(Overlap { entry: entry.clone(), same, period, frames: inside.len() })
        };
        self.openings.iter().filter_map(seen).collect()
    }

    /// Returns the number of openings.
    pub(crate) fn len(&self) -> usize {
        self.openings.len()
    }
}

/// Hold-out log.
pub(crate) struct HoldoutLog(JsonLines<Entry>);

impl HoldoutLog {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self(JsonLines::new(path))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Adds an opening under the next number, and returns it with the earlier ones.
    ///
    /// # Errors
    /// The log cannot be read or written; then the hold-out must not be scored.
    pub(crate) fn open(&self, entry: Entry) -> Result<(Entry, History)> {
        let opened = self.0.add(|lines| {
            let opening = lines.entries.iter().map(|line| line.opening).max().unwrap_or(0) + 1;
            let entry = Entry { opening, ..entry };
            (Some(entry.clone()), (entry, history(&lines)))
        });
        opened.with_context(|| {
            format!(
                "{}: the opening of the hold-out cannot be recorded, and nothing is scored without a record; expected a \
                 writable file or folder",
                self.path().display()
            )
        })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// The log cannot be written.
    pub(crate) fn append(&self, entry: &Entry) -> Result<()> {
        self.0.add(|_| (Some(entry.clone()), ())).with_context(|| {
            format!(
                "{}: the result cannot be recorded, but the opening is recorded and counts: make the file writable and run \
                 again",
                self.path().display()
            )
        })
    }
}

/// Joins the openings of a file with their results.
fn history(lines: &Lines<Entry>) -> History {
    let of = |event| lines.entries.iter().filter(move |line| line.event == event);
    let end = |event, opening: &Entry| of(event).find(|line| line.opening == opening.opening);
    // A recorded score was shown, even if a `failed` line follows it.
    let is_failed =
        |opening: &&Entry| end(Event::Scored, opening).is_none() && end(Event::Failed, opening).is_some();
    let whole = |event| {
        move |opening: &Entry| {
            let end = end(event, opening).unwrap_or(opening);
            Entry { time: opening.time.clone(), ..end.clone() }
        }
    };
    let (failed, openings): (Vec<&Entry>, Vec<&Entry>) = of(Event::Opened).partition(is_failed);
    History {
        openings: openings.into_iter().map(whole(Event::Scored)).collect(),
        failed: failed.into_iter().map(whole(Event::Failed)).collect(),
        unreadable: lines.unreadable,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use betaflow_engine::time::DAY_NS;

    use super::*;

    /// 2020-01-01.
    const START: i64 = 18_262;

    fn entry(event: Event, data: &str, from: &str, to: Option<&str>) -> Entry {
        let text = str::to_owned;
        let (time, data_digest, from, to) =
            (text("2026-01-01T00:00:00Z"), text(data), text(from), to.map(text));
        let (version, profile) = (text("0"), text("full"));
        let configuration_digest = String::new();
        let (opening, frames, digest, net_sharpe, error) = (0, None, None, None, None);
        Entry {
            event,
            opening,
            time,
            data_digest,
            configuration_digest,
            from,
            to,
            frames,
            version,
            profile,
            digest,
            net_sharpe,
            error,
        }
    }

    fn days(days: std::ops::Range<i64>) -> Vec<TimestampNs> {
        days.map(|day| TimestampNs((START + day) * DAY_NS)).collect()
    }

    #[test]
    fn failed_opening_is_reported_and_does_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let log = HoldoutLog::new(folder.path().join("p.holdout.jsonl"));
        let opened = || entry(Event::Opened, "a", "2020-01-01", None);
        let failed =
            |opened: &Entry| Entry { event: Event::Failed, error: Some("no".into()), ..opened.clone() };
        let (first, _) = log.open(opened()).unwrap();
        log.append(&failed(&first)).unwrap();
        let (second, history) = log.open(opened()).unwrap();
        assert_eq!((history.len(), history.failed.len()), (0, 1));
        assert!(history.seen(&second, &days(0..5)).is_empty());
        // A recorded score counts, even if an error follows it.
        log.append(&Entry { event: Event::Scored, ..second.clone() }).unwrap();
        log.append(&failed(&second)).unwrap();
        let (_, history) = log.open(opened()).unwrap();
        assert_eq!((history.len(), history.failed.len()), (1, 1));
    }

    #[test]
    fn an_opening_counts_with_and_without_a_result() {
        let folder = tempfile::tempdir().unwrap();
        let log = HoldoutLog::new(folder.path().join("p.holdout.jsonl"));
        let opened = || entry(Event::Opened, "a", "2020-01-01", None);
        let (first, history) = log.open(opened()).unwrap();
        assert_eq!((first.opening, history.len()), (1, 0));
        log.append(&Entry { event: Event::Scored, net_sharpe: Some(0.5), ..first }).unwrap();
        let (second, history) = log.open(opened()).unwrap();
        let seen = history.seen(&second, &days(0..5));
        assert_eq!((second.opening, seen.len(), seen[0].entry.net_sharpe), (2, 1, Some(0.5)));
        // A crash before the second result.
        let (third, history) = log.open(opened()).unwrap();
        let seen = history.seen(&third, &days(0..5));
        assert_eq!((third.opening, seen.len(), seen[1].entry.net_sharpe), (3, 2, None));
    }

    #[test]
    fn an_opening_counts_where_its_period_overlaps() {
        let now = entry(Event::Opened, "a", "2020-01-05", None);
        let scored = days(4..10);
        // Data, from, to; number of common frames, and true for the same hold-out.
        type Case = (&'static str, &'static str, Option<&'static str>, Option<(usize, bool)>);
        let cases: [Case; 9] = [
            ("a", "2020-01-05", Some("2020-01-10"), Some((6, true))),
            ("b", "2020-01-05", Some("2020-01-10"), Some((6, false))),
            ("a", "2020-01-06", Some("2020-01-10"), Some((5, false))),
            ("a", "2020-01-06", Some("2020-01-07"), Some((2, false))),
            ("a", "2019-01-01", None, Some((6, false))),
            ("a", "2019-01-01", Some("2020-01-05"), Some((1, false))),
            ("a", "2019-01-01", Some("2020-01-04T23:00:00Z"), None),
            ("a", "2020-01-11", None, None),
            // A period that cannot be parsed counts as seen.
            ("a", "yesterday", Some("today"), Some((6, false))),
        ];
        for (data, from, to, expected) in cases {
            let openings = vec![entry(Event::Scored, data, from, to)];
            let seen = History { openings, ..History::default() }.seen(&now, &scored);
            let found = seen.first().map(|seen| (seen.frames, seen.same));
            assert_eq!(found, expected, "{data} {from} {to:?}");
        }
    }
}
