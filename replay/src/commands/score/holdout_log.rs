//! Hold-out log: openings as JSON lines, append-only.
//!
//! An opening is two lines: `opened`, before any return of the hold-out is computed, and its end: `scored`, or `failed`
//! where the run ended in an error. A failed opening showed no figures and does not count as seen. An opening without a
//! second line was interrupted or killed: whether it showed figures is unknown, and it counts.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use betaflow_engine::time::TimestampNs;
use serde::{Deserialize, Serialize};

use super::period::Period;
use crate::run::json_lines::{JsonLines, Lines};

/// Kind of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    /// The hold-out is about to be read.
    Opened,
    /// It was read, with this result.
    Scored,
    /// The run ended in an error and showed no figures.
    Failed,
}

/// A line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) event: Event,
    /// Counts the openings of the file, from 1.
    pub(crate) opening: u64,
    /// Time, UTC.
    pub(crate) time: String,
    /// SHA-256 of the bytes of prices and factors.
    pub(crate) data_digest: String,
    /// SHA-256 of the settings.
    pub(crate) configuration_digest: String,
    /// First date of the hold-out.
    pub(crate) from: String,
    /// The last time that is scored: of an opening as asked for, of a result as it was. Without it all is read that
    /// there is.
    #[serde(default)]
    pub(crate) to: Option<String>,
    /// Frames that were scored; only of a result.
    #[serde(default)]
    pub(crate) frames: Option<usize>,
    /// Version of the program.
    pub(crate) version: String,
    pub(crate) profile: String,
    /// The run's; only of a result.
    pub(crate) digest: Option<String>,
    /// Net Sharpe ratio of the hold-out; null where undefined.
    pub(crate) net_sharpe: Option<f64>,
    /// The error; only of a failed opening.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// Openings before this one.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// The openings of the file that did not fail, each with its result where there was one.
    openings: Vec<Entry>,
    /// Openings that ended in an error.
    pub(crate) failed: Vec<Entry>,
    /// Lines that cannot be read.
    pub(crate) unreadable: usize,
}

/// An earlier opening that has read some of what was scored.
pub(crate) struct Overlap {
    pub(crate) entry: Entry,
    /// True if data and start are the same to the byte.
    pub(crate) same: bool,
    /// The first and the last frame that both have read.
    pub(crate) period: Period,
    /// Frames of them.
    pub(crate) frames: usize,
}

impl History {
    /// The openings that have read one of the frames that were scored, whatever else they have read: the log
    /// belongs to the data, and data that has grown or was restated is still the same market. `times` ascend.
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

    /// Number of openings.
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

    /// Adds an opening under the next number, and says which there were before.
    ///
    /// # Errors
    /// The log cannot be read or written: then nothing may be scored.
    pub(crate) fn open(&self, entry: Entry) -> Result<(Entry, History)> {
        let opened = self.0.add(|lines| {
            let opening = lines.entries.iter().map(|line| line.opening).max().unwrap_or(0) + 1;
            let entry = Entry { opening, ..entry };
            (Some(entry.clone()), (entry, history(&lines)))
        });
        opened.with_context(|| {
            format!(
                "{}: the opening of the hold-out cannot be recorded, and without it nothing is scored; expected a file \
                 that can be written, or a folder in which it can be made",
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
                "{}: the result cannot be recorded; the opening is, and counts: make the file writable and run again",
                self.path().display()
            )
        })
    }
}

/// The openings of a file with their results.
fn history(lines: &Lines<Entry>) -> History {
    let of = |event| lines.entries.iter().filter(move |line| line.event == event);
    let end = |event, opening: &Entry| of(event).find(|line| line.opening == opening.opening);
    // A score on record was shown, whatever else is on record of the opening.
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
        // A score on record counts, whatever else went wrong after it.
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
        // Data, from, to; how many frames of it are scored now, and whether it is the same hold-out.
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
            // What cannot be understood is taken as seen.
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
