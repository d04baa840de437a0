//! From the table of inputs into segments, beside the thread that commits.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags};

use super::error::StoreError;
use super::folder::StateFolder;
use super::input::Input;
use super::inputs::{first_in_table, input_of};
use super::segment::{SegmentFile, SegmentReader, SegmentWriter, segments};

/// Inputs of a segment, at most; fewer make one where their bodies are this large together.
const INPUTS: u64 = 4_096;
const BYTES: usize = 32 << 20;
/// Rows deleted with a commit, at most, and the bytes of their bodies that are enough: it has to stay a short one.
const DELETED: u64 = 256;
const DELETED_BYTES: usize = 1 << 20;

/// What has become of a look for inputs to move.
type Moved = Result<Option<u64>, String>;

/// The thread that makes segments, and what is known of its work.
///
/// A segment of 32 MiB takes some tenths of a second. So the thread reads with a connection of its own, and all that the
/// writer does is to delete, some rows with each commit, what lies in a segment that has been read back.
pub(super) struct Archive {
    asked: Option<Sender<u64>>,
    moved: Receiver<Moved>,
    thread: Option<JoinHandle<()>>,
    busy: bool,
    /// Inputs before this no restart needs.
    behind: u64,
    /// Inputs before this lie in segments, and those before `deleted` are no longer in the table.
    in_segments: u64,
    deleted: u64,
    /// Whether the last look failed.
    failed: bool,
}

impl Archive {
    pub(super) fn start(folder: &StateFolder) -> Result<Self, StoreError> {
        let (asked, asks) = channel::<u64>();
        let (sender, moved) = channel();
        let database = folder.database().to_owned();
        let thread = std::thread::Builder::new().name("segments".to_owned()).spawn(move || {
            while let Ok(behind) = asks.recv() {
                let moved = move_inputs(&database, behind).map_err(|error| error.to_string());
                if sender.send(moved).is_err() {
                    break;
                }
            }
        });
        let thread = thread.map_err(|source| StoreError::Io {
            path: folder.path().to_owned(),
            doing: "start the thread that makes segments",
            source,
        })?;
        let thread = Some(thread);
        Ok(Self {
            asked: Some(asked),
            moved,
            thread,
            busy: false,
            behind: 0,
            in_segments: 0,
            deleted: 0,
            failed: false,
        })
    }

    /// No restart needs inputs before this number any more.
    pub(super) fn behind(&mut self, input: u64) {
        self.behind = self.behind.max(input);
        self.look();
    }

    fn look(&mut self) {
        let idle = !self.busy && self.deleted >= self.in_segments;
        if idle && let Some(asked) = &self.asked {
            // A thread that has gone says no more.
            self.busy = asked.send(self.behind).is_ok();
        }
    }

    /// What the thread has come to since; the first of several failures in words.
    pub(super) fn take_news(&mut self) -> Option<String> {
        match self.moved.try_recv() {
            Ok(moved) => {
                self.busy = false;
                let before = self.failed;
                self.failed = moved.is_err();
                match moved {
                    Ok(Some(end)) => self.in_segments = self.in_segments.max(end),
                    Ok(None) => {}
                    Err(error) if !before => return Some(error),
                    Err(_) => {}
                }
                None
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => None,
        }
    }

    /// Inside a transaction: deletes some of the rows that lie in segments. Returns the number up to which none is left,
    /// for [`Self::deleted`] once it is committed.
    pub(super) fn delete(&self, connection: &Connection) -> rusqlite::Result<u64> {
        if self.deleted >= self.in_segments {
            return Ok(self.deleted);
        }
        let sizes = "SELECT seq, octet_length(body) FROM inputs WHERE seq < ?1 ORDER BY seq LIMIT ?2";
        let mut statement = connection.prepare_cached(sizes)?;
        let mut rows = statement.query((self.in_segments, DELETED))?;
        let (mut end, mut bytes, mut count) = (self.in_segments, 0, 0);
        while let Some(row) = rows.next()? {
            bytes += row.get::<_, usize>(1)?;
            count += 1;
            if bytes >= DELETED_BYTES || count == DELETED {
                end = row.get::<_, u64>(0)? + 1;
                break;
            }
        }
        connection.prepare_cached("DELETE FROM inputs WHERE seq < ?1")?.execute([end])?;
        Ok(end)
    }

    /// The transaction is committed.
    pub(super) fn deleted(&mut self, end: u64) {
        let done = self.deleted < self.in_segments && end >= self.in_segments;
        self.deleted = end;
        if done {
            // There may be enough for another one.
            self.look();
        }
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        self.asked = None;
        if let Some(thread) = self.thread.take() {
            // A segment that it was at is either whole by then or not there.
            let _ = thread.join();
        }
    }
}

/// Moves inputs before `behind` into a segment, where there are enough: the number behind its last one, up to which the
/// table is no longer needed.
fn move_inputs(database: &Path, behind: u64) -> Result<Option<u64>, StoreError> {
    let failed =
        |source| StoreError::Database { path: database.to_owned(), doing: "read the inputs", source };
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|connection| connection.busy_timeout(super::layout::BUSY).map(|()| connection))
        .map_err(failed)?;
    // The last bars stay: they say which message is the next.
    let last = "SELECT coalesce((SELECT seq FROM inputs WHERE kind = 'bars' ORDER BY seq DESC LIMIT 1), 0)";
    let last: u64 = connection.query_row(last, [], |row| row.get(0)).map_err(failed)?;
    let behind = behind.min(last);
    let Some(first) = first_in_table(&connection).map_err(failed)? else { return Ok(None) };
    if let Some(end) = made_already(database, first)? {
        return Ok((end <= behind).then_some(end));
    }
    let Some(end) = enough(&connection, first, behind).map_err(failed)? else { return Ok(None) };
    let mut segment = SegmentWriter::create(database, first)?;
    let mut next = first;
    while next < end {
        // Some at a time: a long read would keep the log from starting over.
        for input in chunk(&connection, next, end).map_err(failed)? {
            if input.seq != next {
                return Err(StoreError::Hole { path: database.to_owned(), next, first: input.seq });
            }
            segment.push(&input)?;
            next += 1;
        }
    }
    Ok(Some(read_back(&segment.complete()?)?))
}

/// What a run before this one has put into a segment, and was ended before it had deleted it.
fn made_already(database: &Path, first: u64) -> Result<Option<u64>, StoreError> {
    let all = segments(database)?;
    let Some(segment) = all.iter().rfind(|segment| segment.first <= first) else { return Ok(None) };
    // One that cannot be read is no reason to delete anything.
    match SegmentReader::end_of(segment) {
        Ok(end) if end > first => Ok(read_back(segment).ok()),
        Ok(_) | Err(_) => Ok(None),
    }
}

/// Number behind the last input of a segment, all of which could be read.
fn read_back(segment: &SegmentFile) -> Result<u64, StoreError> {
    let mut reader = SegmentReader::open(segment)?;
    let mut end = segment.first;
    while let Some(input) = reader.next()? {
        end = input.seq + 1;
    }
    Ok(end)
}

/// Number behind the last input that a segment from `first` on would have; `None` where there are too few for one.
fn enough(connection: &Connection, first: u64, behind: u64) -> rusqlite::Result<Option<u64>> {
    let sizes =
        "SELECT seq, octet_length(body) FROM inputs WHERE seq >= ?1 AND seq < ?2 ORDER BY seq LIMIT ?3";
    let mut statement = connection.prepare(sizes)?;
    let mut rows = statement.query((first, behind, INPUTS))?;
    let (mut count, mut bytes) = (0, 0);
    while let Some(row) = rows.next()? {
        let seq: u64 = row.get(0)?;
        count += 1;
        bytes += row.get::<_, usize>(1)?;
        if count == INPUTS || bytes >= BYTES {
            return Ok(Some(seq + 1));
        }
    }
    Ok(None)
}

fn chunk(connection: &Connection, from: u64, to: u64) -> rusqlite::Result<Vec<Input>> {
    let rows =
        "SELECT seq, kind, timestamp, body FROM inputs WHERE seq >= ?1 AND seq < ?2 ORDER BY seq LIMIT 256";
    let mut statement = connection.prepare_cached(rows)?;
    let rows: Vec<Input> = statement.query_map((from, to), input_of)?.collect::<Result<_, _>>()?;
    if rows.is_empty() { Err(rusqlite::Error::QueryReturnedNoRows) } else { Ok(rows) }
}
