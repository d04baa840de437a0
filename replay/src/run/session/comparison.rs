//! Comparison of the frames of a replay with those of its session recording.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use betaflow_connectors::record::{EquityRow, select};
use betaflow_connectors::store::StateView;
use betaflow_engine::ledger::{LedgerFrame, RecordError, Recorder, RunFacts, hex};
use betaflow_engine::model::Estimates;
use betaflow_engine::time::TimestampNs;

use crate::config::{Config, DatedTable, RECORDED_TABLES, first_difference};
use crate::terminal::{say, tell};

/// Digests read at a time.
const CHUNK: u64 = 512;

/// Comparison of a replay with the session recording that it reads.
pub(crate) struct SessionComparison {
    folder: PathBuf,
    /// Difference of the run from that of the session; with one, no frame is compared.
    difference: Option<String>,
    found: Arc<Mutex<Matches>>,
}

#[derive(Default)]
struct Matches {
    same: u64,
    /// Frames after the last recorded one.
    beyond: u64,
    /// First frame that differs, with the recorded and the computed digest.
    differs: Option<(u64, String, String)>,
}

impl SessionComparison {
    /// Prepares the comparison with the state folder `folder`.
    ///
    /// # Errors
    /// The folder is not a state folder.
    pub(crate) fn with(folder: &Path, config: &Config) -> Result<Self> {
        let view = StateView::open(folder)?;
        let written = view.meta("configuration_digest")?;
        let difference = match written == Some(hex(&config.digest()?)) {
            false => Some("its run had other settings".to_owned()),
            true => table_difference(&view, config)?,
        };
        Ok(Self { folder: folder.to_owned(), difference, found: Arc::default() })
    }

    /// Recorder that compares each frame; `None` with other settings or rows.
    pub(crate) fn recorder(&self) -> Option<Result<Box<dyn Recorder>>> {
        let new = || -> Result<Box<dyn Recorder>> {
            let view = StateView::open(&self.folder)?;
            Ok(Box::new(Comparer { view, found: Arc::clone(&self.found), rows: VecDeque::new(), next: 0 }))
        };
        self.difference.is_none().then(new)
    }

    /// Prints the result.
    ///
    /// # Errors
    /// A frame differs from the recorded one.
    pub(crate) fn conclude(self, json: bool) -> Result<()> {
        let line = |text: String| if json { tell(&text) } else { say(&format!("\n{text}\n")) };
        let folder = self.folder.display();
        if let Some(difference) = &self.difference {
            line(format!("not compared with {folder}: {difference}"));
            return Ok(());
        }
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((seq, written, now)) = &found.differs {
            bail!(
                "frame {seq} is the first that differs from {folder}: found the digest {now}, expected {written} as \
                 recorded; compare {folder} and the new run folder with `betaflow diff`"
            );
        }
        let beyond = match found.beyond {
            0 => String::new(),
            beyond => format!("; {beyond} later frames are not recorded yet"),
        };
        line(format!("Same result as the recorded session: all {} digests are equal{beyond}", found.same));
        Ok(())
    }
}

/// Returns the first row of a dated table up to the last recorded frame that is not the recorded one.
fn table_difference(view: &StateView, config: &Config) -> Result<Option<String>> {
    let Some(recorded) = view.meta(RECORDED_TABLES)? else { return Ok(None) };
    let recorded: Vec<DatedTable> =
        serde_json::from_str(&recorded).context("tables of settings in the state folder")?;
    let last: Option<i64> =
        view.connection().query_row("SELECT max(timestamp) FROM equity", [], |row| row.get(0))?;
    let zone = config.data.zone()?;
    let last = last.map_or(i64::MIN, |last| zone.date(TimestampNs(last)));
    let difference = first_difference(&config.dated_tables(), &recorded, last);
    Ok(difference.map(|difference| format!("{difference}; to compare, use the file of the run")))
}

struct Comparer {
    view: StateView,
    found: Arc<Mutex<Matches>>,
    rows: VecDeque<(u64, String)>,
    next: u64,
}

impl Comparer {
    fn next(&mut self) -> Result<Option<(u64, String)>, RecordError> {
        if self.rows.is_empty() {
            let rest = "WHERE seq >= ?1 ORDER BY seq LIMIT ?2";
            let rows: Vec<EquityRow> = select(self.view.connection(), rest, (self.next, CHUNK))?;
            let digest = |row: EquityRow| (row.seq, row.digest.0.unwrap_or_default().to_string());
            self.rows = rows.into_iter().map(digest).collect();
        }
        let next = self.rows.pop_front();
        if let Some((seq, _)) = &next {
            self.next = seq + 1;
        }
        Ok(next)
    }
}

impl Recorder for Comparer {
    fn ledger(&mut self, frame: &LedgerFrame) -> Result<(), RecordError> {
        let shared = Arc::clone(&self.found);
        let mut found = shared.lock().unwrap_or_else(PoisonError::into_inner);
        if found.differs.is_some() {
            return Ok(());
        }
        let now = hex(&frame.digest);
        match self.next()? {
            None => found.beyond += 1,
            Some((seq, written)) if seq == frame.seq && written == now => found.same += 1,
            Some((seq, written)) if seq == frame.seq => found.differs = Some((seq, written, now)),
            Some((seq, _)) if seq < frame.seq => {
                found.differs = Some((seq, "a frame".to_owned(), "no frame".to_owned()));
            }
            Some(_) => found.differs = Some((frame.seq, "no frame".to_owned(), now)),
        }
        Ok(())
    }

    fn estimates(&mut self, _: &Estimates) -> Result<(), RecordError> {
        Ok(())
    }

    fn finish(&mut self, _: &RunFacts) -> Result<(), RecordError> {
        Ok(())
    }
}
