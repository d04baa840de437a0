//! The ledger of openings: a file of JSON lines that only ever grows.
//!
//! An opening is two lines: that the hold-out was opened, before anything of it is read, and what came of it. A crash
//! between the two leaves the first, which counts.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use serde::{Deserialize, Serialize};

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    /// The hold-out is about to be read.
    Opened,
    /// It was read, with this result.
    Scored,
}

/// A line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) event: Event,
    /// Counts the openings of the file, from 1.
    pub(super) opening: u64,
    /// When, UTC.
    pub(super) time: String,
    /// SHA-256 of the bytes of prices and factors.
    pub(super) data_digest: String,
    /// SHA-256 of the settings.
    pub(super) configuration_digest: String,
    /// Where the hold-out begins.
    pub(super) from: String,
    /// Of the program.
    pub(super) version: String,
    pub(super) profile: String,
    /// The run's; only of a result.
    pub(super) digest: Option<String>,
    /// Of the hold-out; null where it is not defined.
    pub(super) net_sharpe: Option<f64>,
}

/// What the ledger said before an opening.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Openings of the same hold-out, each with its result where there was one.
    pub(super) earlier: Vec<Entry>,
    /// Openings of the file with other data or another start.
    pub(super) others: usize,
    /// Lines that cannot be read.
    pub(super) unreadable: usize,
}

/// The file.
pub(super) struct Ledger {
    path: PathBuf,
}

impl Ledger {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Adds an opening under the next number, and says which there were before.
    ///
    /// # Errors
    /// The ledger cannot be read or written: then nothing may be scored.
    pub(super) fn open(&self, entry: Entry) -> Result<(Entry, History)> {
        self.try_open(entry).with_context(|| {
            format!(
                "{}: the opening of the hold-out cannot be recorded, and without it nothing is scored; expected a file \
                 that can be written, or a folder in which it can be made",
                self.path.display()
            )
        })
    }

    fn try_open(&self, mut entry: Entry) -> Result<(Entry, History)> {
        let is_new = !self.path.exists();
        let (mut file, text) = self.locked()?;
        let (entries, unreadable) = read(&text);
        let openings = || entries.iter().filter(|line| line.event == Event::Opened);
        entry.opening = entries.iter().map(|line| line.opening).max().unwrap_or(0) + 1;
        let same = |line: &&Entry| line.data_digest == entry.data_digest && line.from == entry.from;
        let result = |opening: &Entry| {
            let mut lines = entries.iter().filter(|line| line.event == Event::Scored);
            let result = lines.find(|line| line.opening == opening.opening).unwrap_or(opening).clone();
            Entry { time: opening.time.clone(), ..result }
        };
        let earlier: Vec<Entry> = openings().filter(same).map(result).collect();
        let history = History { others: openings().count() - earlier.len(), earlier, unreadable };
        write(&mut file, &text, &entry)?;
        if is_new {
            self.sync_folder()?;
        }
        Ok((entry, history))
    }

    /// Adds a line.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub(super) fn append(&self, entry: &Entry) -> Result<()> {
        let append = || -> Result<()> {
            let (mut file, text) = self.locked()?;
            Ok(write(&mut file, &text, entry)?)
        };
        append().with_context(|| {
            format!(
                "{}: the result cannot be recorded; the opening is, and counts: make the file writable and run again",
                self.path.display()
            )
        })
    }

    /// The file and what is in it; nobody else writes until it is closed.
    fn locked(&self) -> Result<(File, Vec<u8>)> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
        // Where a file system knows no locks, each line is still written at once, at the end.
        if let Err(error) = file.lock()
            && error.kind() != ErrorKind::Unsupported
        {
            return Err(anyhow!(error));
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok((file, text))
    }

    /// A new file is only there for good once its folder is written.
    fn sync_folder(&self) -> io::Result<()> {
        match self.path.parent() {
            Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
            _ => Ok(()),
        }
    }
}

/// Writes a whole line at once, and not behind half a line that a crash has left.
fn write(file: &mut File, before: &[u8], entry: &Entry) -> io::Result<()> {
    let torn = before.last().is_some_and(|byte| *byte != b'\n');
    let line = format!("{}{}\n", if torn { "\n" } else { "" }, serde_json::to_string(entry)?);
    file.write_all(line.as_bytes())?;
    file.flush()?;
    file.sync_all()
}

/// The lines that can be read, and how many cannot.
fn read(text: &[u8]) -> (Vec<Entry>, usize) {
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let (mut entries, mut unreadable) = (Vec::new(), 0);
    for line in lines {
        match serde_json::from_slice(line) {
            Ok(entry) => entries.push(entry),
            Err(_) => unreadable += 1,
        }
    }
    (entries, unreadable)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn entry(event: Event, data: &str) -> Entry {
        let text = str::to_owned;
        let (time, data_digest, from) = (text("2026-01-01T00:00:00Z"), text(data), text("2020-01-01"));
        let (version, profile) = (text("0"), text("full"));
        let configuration_digest = String::new();
        let (opening, digest, net_sharpe) = (0, None, None);
        Entry {
            event,
            opening,
            time,
            data_digest,
            configuration_digest,
            from,
            version,
            profile,
            digest,
            net_sharpe,
        }
    }

    #[test]
    fn an_opening_counts_with_and_without_a_result_and_behind_half_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::new(folder.path().join("p.holdout.jsonl"));
        let (first, history) = ledger.open(entry(Event::Opened, "a")).unwrap();
        assert_eq!((first.opening, history.earlier.len()), (1, 0));
        ledger.append(&Entry { event: Event::Scored, net_sharpe: Some(0.5), ..first }).unwrap();
        let (second, history) = ledger.open(entry(Event::Opened, "a")).unwrap();
        assert_eq!((second.opening, history.earlier.len(), history.earlier[0].net_sharpe), (2, 1, Some(0.5)));
        // A crash in the middle of a line, before the second result.
        let mut file = OpenOptions::new().append(true).open(ledger.path()).unwrap();
        file.write_all(b"{\"event\": \"sco").unwrap();
        let (third, history) = ledger.open(entry(Event::Opened, "a")).unwrap();
        assert_eq!((third.opening, history.earlier.len(), history.unreadable), (3, 2, 1));
        assert_eq!(history.earlier[1].net_sharpe, None);
        let (_, history) = ledger.open(entry(Event::Opened, "b")).unwrap();
        assert_eq!((history.earlier.len(), history.others), (0, 3));
    }
}
