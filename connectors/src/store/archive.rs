//! Move of inputs from the table into segments, on a separate thread.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags};

use super::disk::SharedDisk;
use super::error::StoreError;
use super::folder::StateFolder;
use super::inputs::{InputRow, first_in_table};
use super::segment::{SegmentFile, SegmentReader, SegmentWriter, segments};

/// Maximum bytes of the bodies in a segment.
const BYTES: usize = 32 << 20;
/// Maximum number of rows deleted per commit, and maximum bytes of their bodies: commits stay short.
const DELETED: u64 = 256;
const DELETED_BYTES: usize = 1 << 20;
/// Maximum number of rows read at a time, and bytes of their bodies at which a read ends.
const CHUNK: u64 = 256;
const CHUNK_BYTES: usize = 128 << 10;

/// Result of a move: number after the last moved input, `None` if there were too few inputs, or the error.
type MoveResult = Result<Option<u64>, String>;

/// Thread that writes segments, and its progress.
///
/// Writing a segment of 32 MiB takes some tenths of a second. The thread therefore reads with a separate
/// connection. The writer only deletes inputs whose segment has been read back, a few rows with each commit.
pub(super) struct Archive {
    mover: MoverPlace,
    busy: bool,
    /// Number of the first input that a restart may need.
    behind: u64,
    /// Number after the last input in segments, and after the last input deleted from the table.
    in_segments: u64,
    deleted: u64,
    /// Whether the last move failed.
    failed: bool,
}

/// Where segments are written.
enum MoverPlace {
    /// On a separate thread.
    Thread { asked: Option<Sender<u64>>, moved: Receiver<MoveResult>, thread: Option<JoinHandle<()>> },
    /// On the thread of the caller, when it looks for the result.
    Inline { mover: Mover, asked: Option<u64> },
}

impl Archive {
    /// Starts the archive. `inputs`: number of inputs per segment; fewer if their bodies reach [`BYTES`].
    pub(super) fn start(folder: &StateFolder, inputs: u64, inline: bool) -> Result<Self, StoreError> {
        let mover = Mover { database: folder.database().to_owned(), inputs, disk: folder.disk() };
        let mover = match inline {
            true => MoverPlace::Inline { mover, asked: None },
            false => Self::thread(folder, mover)?,
        };
        Ok(Self { mover, busy: false, behind: 0, in_segments: 0, deleted: 0, failed: false })
    }

    fn thread(folder: &StateFolder, mover: Mover) -> Result<MoverPlace, StoreError> {
        let (asked, asks) = channel::<u64>();
        let (sender, moved) = channel();
        let thread = std::thread::Builder::new().name("segments".to_owned()).spawn(move || {
            while let Ok(behind) = asks.recv() {
                let moved = mover.move_inputs(behind).map_err(|error| error.to_string());
                if sender.send(moved).is_err() {
                    break;
                }
            }
        });
        let thread = thread.map_err(|source| StoreError::Io {
            path: folder.path().to_owned(),
            doing: "start the thread that writes segments",
            source,
        })?;
        Ok(MoverPlace::Thread { asked: Some(asked), moved, thread: Some(thread) })
    }

    /// Records that no restart needs inputs before number `input`.
    pub(super) fn behind(&mut self, input: u64) {
        self.behind = self.behind.max(input);
        self.look();
    }

    fn look(&mut self) {
        let idle = !self.busy && self.deleted >= self.in_segments;
        if !idle {
            return;
        }
        self.busy = match &mut self.mover {
            // The send fails only if the thread has ended.
            MoverPlace::Thread { asked, .. } => {
                asked.as_ref().is_some_and(|asked| asked.send(self.behind).is_ok())
            }
            MoverPlace::Inline { asked, .. } => {
                *asked = Some(self.behind);
                true
            }
        };
    }

    /// Handles a result of the thread; returns the first of consecutive errors.
    pub(super) fn take_news(&mut self) -> Option<String> {
        let result = match &mut self.mover {
            MoverPlace::Thread { moved, .. } => moved.try_recv(),
            MoverPlace::Inline { mover, asked } => {
                let behind = asked.take().ok_or(TryRecvError::Empty);
                behind.map(|behind| mover.move_inputs(behind).map_err(|error| error.to_string()))
            }
        };
        match result {
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

    /// Deletes some rows already in segments, inside a transaction. Returns the number after the last deleted
    /// row, for [`Self::deleted`] after the commit.
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

    /// Records that the transaction is committed.
    pub(super) fn deleted(&mut self, end: u64) {
        let done = self.deleted < self.in_segments && end >= self.in_segments;
        self.deleted = end;
        if done {
            // There may be enough inputs for another segment.
            self.look();
        }
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        let MoverPlace::Thread { asked, thread, .. } = &mut self.mover else { return };
        *asked = None;
        if let Some(thread) = thread.take() {
            // The current segment is complete or absent after the join.
            let _ = thread.join();
        }
    }
}

/// Writer of segments.
struct Mover {
    database: PathBuf,
    /// Number of inputs per segment.
    inputs: u64,
    disk: SharedDisk,
}

impl Mover {
    /// Moves inputs before `behind` into a segment if there are enough; returns the number of the first input
    /// that the table still needs.
    fn move_inputs(&self, behind: u64) -> Result<Option<u64>, StoreError> {
        move_inputs(self, behind)
    }
}

fn move_inputs(mover: &Mover, behind: u64) -> Result<Option<u64>, StoreError> {
    let database = &*mover.database;
    let failed =
        |source| StoreError::Database { path: database.to_owned(), doing: "read the inputs", source };
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|connection| {
            connection.busy_timeout(super::layout::BUSY)?;
            connection.pragma_update(None, "cache_size", super::layout::CACHE)?;
            Ok(connection)
        })
        .map_err(failed)?;
    // The last bars stay in the table: the number of the next message follows from them.
    let last = "SELECT coalesce((SELECT seq FROM inputs WHERE kind = 'bars' ORDER BY seq DESC LIMIT 1), 0)";
    let last: u64 = connection.query_row(last, [], |row| row.get(0)).map_err(failed)?;
    let behind = behind.min(last);
    let Some(first) = first_in_table(&connection).map_err(failed)? else { return Ok(None) };
    if let Some(end) = made_already(database, first)? {
        return Ok((end <= behind).then_some(end));
    }
    let Some(end) = enough(&connection, (first, behind), mover.inputs).map_err(failed)? else {
        return Ok(None);
    };
    let mut segment = SegmentWriter::create(database, first, SharedDisk::clone(&mover.disk))?;
    let mut next = first;
    while next < end {
        // Read in small chunks: during a long read, SQLite cannot reset its log.
        for row in chunk(&connection, next, end).map_err(failed)? {
            let input = row.checked(database)?;
            if input.seq != next {
                return Err(StoreError::Hole { path: database.to_owned(), next, first: input.seq });
            }
            segment.push(&input)?;
            next += 1;
        }
    }
    Ok(Some(read_back(&segment.complete()?)?))
}

/// Returns the number after the last input of a segment whose rows an earlier run did not delete.
fn made_already(database: &Path, first: u64) -> Result<Option<u64>, StoreError> {
    let all = segments(database)?;
    let Some(segment) = all.iter().rfind(|segment| segment.first <= first) else { return Ok(None) };
    // An unreadable segment must not cause a deletion.
    match SegmentReader::end_of(segment) {
        Ok(end) if end > first => Ok(read_back(segment).ok()),
        Ok(_) | Err(_) => Ok(None),
    }
}

/// Reads a whole segment and returns the end of its inputs.
fn read_back(segment: &SegmentFile) -> Result<u64, StoreError> {
    let mut reader = SegmentReader::open(segment)?;
    let mut end = segment.first;
    while let Some(input) = reader.next()? {
        end = input.seq + 1;
    }
    Ok(end)
}

/// Returns the number after the last input of a segment that starts at `first`; `None` if there are too few
/// inputs.
fn enough(
    connection: &Connection,
    (first, behind): (u64, u64),
    inputs: u64,
) -> rusqlite::Result<Option<u64>> {
    let sizes =
        "SELECT seq, octet_length(body) FROM inputs WHERE seq >= ?1 AND seq < ?2 ORDER BY seq LIMIT ?3";
    let mut statement = connection.prepare(sizes)?;
    let mut rows = statement.query((first, behind, inputs))?;
    let (mut count, mut bytes) = (0, 0);
    while let Some(row) = rows.next()? {
        let seq: u64 = row.get(0)?;
        count += 1;
        bytes += row.get::<_, usize>(1)?;
        if count == inputs || bytes >= BYTES {
            return Ok(Some(seq + 1));
        }
    }
    Ok(None)
}

/// Reads the next inputs, at least one.
fn chunk(connection: &Connection, from: u64, to: u64) -> rusqlite::Result<Vec<InputRow>> {
    let query = "SELECT seq, kind, timestamp, body, checksum FROM inputs WHERE seq >= ?1 AND seq < ?2 ORDER BY seq \
                 LIMIT ?3";
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query((from, to, CHUNK))?;
    let (mut inputs, mut bytes) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let input = InputRow::of(row)?;
        bytes += input.body_len();
        inputs.push(input);
        if bytes >= CHUNK_BYTES {
            break;
        }
    }
    if inputs.is_empty() { Err(rusqlite::Error::QueryReturnedNoRows) } else { Ok(inputs) }
}
