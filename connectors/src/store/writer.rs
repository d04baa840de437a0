//! Only thread that writes a state folder.
//!
//! It commits all pending writes in one transaction: slow frames are committed one by one, and frames faster
//! than the disk share a commit. The queue is bounded, so a slow disk slows the run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, params};

use super::archive::Archive;
use super::error::StoreError;
use super::checkpoint::SavedCheckpoint;
use super::folder::StateFolder;
use super::input::Input;
use super::rows::{FrameRows, Inserts, beta_horizon};

/// Capacity of the queue.
const QUEUE: usize = 256;
/// Maximum number of writes per transaction.
const TOGETHER: usize = 256;
/// Number of events kept.
const EVENTS: i64 = 10_000;
/// Wait before a failed commit is retried.
const RETRY: Duration = Duration::from_millis(500);

/// Item of the writer's queue.
pub(super) enum Write {
    Inputs(Vec<Input>),
    Frame(Box<FrameRows>),
    Checkpoint(SavedCheckpoint),
    Event { time: i64, seq: Option<u64>, kind: String, text: String },
    Status(&'static str, String),
    Committed(SyncSender<()>),
}

/// Callback for a failing commit (`Some` with the reason) and for the first success after it (`None`).
pub type Trouble = Box<dyn Fn(Option<&str>) + Send>;

/// Handle of a writer; any number of handles may share a writer.
#[derive(Clone)]
pub struct WriterHandle {
    sender: SyncSender<Write>,
    /// Whether commits fail.
    in_trouble: Arc<AtomicBool>,
    /// Reason for which the writer ended.
    stopped: Arc<Mutex<Option<String>>>,
    path: PathBuf,
}

/// Observer of a writer, which does not keep the writer alive.
#[derive(Clone)]
pub struct WriterWatch(Arc<AtomicBool>);

impl WriterWatch {
    /// Returns whether commits fail, so that the run waits.
    #[must_use]
    pub fn is_in_trouble(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl WriterHandle {
    /// Records inputs. Their outputs are sent after them and committed with them or later, so the record
    /// never holds an output without its input. While commits fail, the call waits until the inputs are
    /// committed, so that no rebalance uses unrecorded inputs.
    ///
    /// # Errors
    /// The writer has stopped.
    pub fn log(&self, inputs: Vec<Input>) -> Result<(), StoreError> {
        self.send(Write::Inputs(inputs))?;
        if self.in_trouble.load(Ordering::Acquire) { self.flush() } else { Ok(()) }
    }

    /// Adds an event; `time` in ns since 1970.
    ///
    /// # Errors
    /// The writer has stopped.
    pub fn event(&self, time: i64, seq: Option<u64>, kind: &str, text: String) -> Result<(), StoreError> {
        self.send(Write::Event { time, seq, kind: kind.to_owned(), text })
    }

    /// Records the state of all stages after frame `seq`; `next_input` is the first input that it does not
    /// include. The preceding checkpoint is kept too; inputs that both include may move into segments.
    ///
    /// # Errors
    /// The writer has stopped.
    pub fn checkpoint(&self, seq: u64, next_input: u64, state: Vec<u8>) -> Result<(), StoreError> {
        self.send(Write::Checkpoint(SavedCheckpoint { seq, next_input, state }))
    }

    /// Sets a status; if the queue is full, drops it, because a newer status follows.
    pub fn status(&self, key: &'static str, value: String) {
        match self.sender.try_send(Write::Status(key, value)) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }

    /// Waits until all sent writes are committed.
    ///
    /// # Errors
    /// The writer has stopped.
    pub fn flush(&self) -> Result<(), StoreError> {
        let (done, committed) = sync_channel(1);
        self.send(Write::Committed(done))?;
        committed.recv().map_err(|_| self.gone())
    }

    pub(super) fn send(&self, write: Write) -> Result<(), StoreError> {
        self.sender.send(write).map_err(|_| self.gone())
    }

    /// Returns the path of the database.
    #[must_use]
    pub fn database(&self) -> &Path {
        &self.path
    }

    /// Returns the reason for which the writer ended.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn gone(&self) -> StoreError {
        StoreError::Stopped {
            path: self.path.clone(),
            why: self.trouble().unwrap_or_else(|| "the writer thread was stopped".to_owned()),
        }
    }
}

/// Writer thread.
pub struct Writer {
    handle: WriterHandle,
    give_up: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the writer. Betas older than 1,500 times `betas_every` frames are deleted.
    ///
    /// # Errors
    /// An error of SQLite, or the system cannot start a thread.
    pub fn start(folder: &StateFolder, betas_every: u64, trouble: Trouble) -> Result<Self, StoreError> {
        let (sender, receiver) = sync_channel(QUEUE);
        let stopped = Arc::new(Mutex::new(None));
        let give_up = Arc::new(AtomicBool::new(false));
        let in_trouble = Arc::new(AtomicBool::new(false));
        let handle = WriterHandle {
            sender,
            in_trouble: Arc::clone(&in_trouble),
            stopped: Arc::clone(&stopped),
            path: folder.database().to_owned(),
        };
        let mut work = Work {
            connection: folder.connection()?,
            inserts: Inserts::new(),
            betas_every,
            trouble,
            in_trouble,
            give_up: Arc::clone(&give_up),
            archive: Archive::start(folder)?,
        };
        let thread = std::thread::Builder::new().name("state".to_owned()).spawn(move || {
            if let Err(error) = work.run(&receiver) {
                *stopped.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
            }
        });
        let thread = thread.map_err(|source| StoreError::Io {
            path: folder.path().to_owned(),
            doing: "start the writer thread",
            source,
        })?;
        Ok(Self { handle, give_up, thread: Some(thread) })
    }

    /// Returns a handle of the writer.
    #[must_use]
    pub fn handle(&self) -> WriterHandle {
        self.handle.clone()
    }

    /// Returns an observer of the writer.
    #[must_use]
    pub fn watch(&self) -> WriterWatch {
        WriterWatch(Arc::clone(&self.handle.in_trouble))
    }

    /// Returns a flag that makes the writer fail instead of retrying.
    #[must_use]
    pub fn give_up(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.give_up)
    }
}

impl Drop for Writer {
    /// Waits until all other handles are dropped and all sent writes are committed.
    fn drop(&mut self) {
        // The thread ends when no sender is left, so this sender is replaced by one without a receiver.
        self.handle.sender = sync_channel(0).0;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has already been printed.
            let _ = thread.join();
        }
    }
}

struct Work {
    connection: Connection,
    inserts: Inserts,
    betas_every: u64,
    trouble: Trouble,
    in_trouble: Arc<AtomicBool>,
    give_up: Arc<AtomicBool>,
    archive: Archive,
}

impl Work {
    fn run(&mut self, receiver: &Receiver<Write>) -> Result<(), rusqlite::Error> {
        let mut batch = Vec::new();
        while let Ok(first) = receiver.recv() {
            batch.push(first);
            batch.extend(receiver.try_iter().take(TOGETHER - 1));
            if let Some(why) = self.archive.take_news() {
                let text = format!("inputs stay in the database for now: {why}");
                batch.push(Write::Event { time: now(), seq: None, kind: "segment".to_owned(), text });
            }
            self.commit(&batch)?;
            if batch.iter().any(|write| matches!(write, Write::Checkpoint(_))) {
                self.archive.behind(self.oldest_needed()?);
            }
            for write in batch.drain(..) {
                if let Write::Committed(done) = write {
                    // The caller may have ended.
                    let _ = done.send(());
                }
            }
        }
        Ok(())
    }

    /// Commits one transaction, retried until it succeeds.
    fn commit(&mut self, batch: &[Write]) -> Result<(), rusqlite::Error> {
        loop {
            match self.try_commit(batch) {
                Ok(deleted) => {
                    self.archive.deleted(deleted);
                    if self.in_trouble.swap(false, Ordering::AcqRel) {
                        (self.trouble)(None);
                    }
                    return Ok(());
                }
                Err(error) if waits(&error) && !self.give_up.load(Ordering::Relaxed) => {
                    if !self.in_trouble.swap(true, Ordering::AcqRel) {
                        (self.trouble)(Some(&error.to_string()));
                    }
                    std::thread::sleep(RETRY);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the number of the first input that a restart may need, from the oldest recorded checkpoint.
    fn oldest_needed(&self) -> Result<u64, rusqlite::Error> {
        let oldest = "SELECT coalesce(min(next_input), 0) FROM checkpoints";
        self.connection.query_row(oldest, [], |row| row.get(0))
    }

    /// Tries to commit; returns the number after the last input deleted from the table.
    fn try_commit(&mut self, batch: &[Write]) -> Result<u64, rusqlite::Error> {
        // A transaction that is dropped before the commit is rolled back.
        let transaction = self.connection.transaction()?;
        for write in batch {
            match write {
                Write::Inputs(inputs) => write_inputs(&transaction, inputs)?,
                Write::Frame(rows) => {
                    rows.write(&self.inserts, &transaction)?;
                    if rows.seq().is_multiple_of(64 * self.betas_every.max(1)) {
                        let horizon = beta_horizon(rows.seq(), self.betas_every.max(1));
                        transaction.prepare_cached("DELETE FROM betas WHERE seq < ?1")?.execute([horizon])?;
                    }
                }
                Write::Checkpoint(checkpoint) => {
                    checkpoint.write(&transaction)?;
                    // The preceding checkpoint stays, in case the new one is unusable.
                    transaction
                        .prepare_cached(
                            "DELETE FROM checkpoints WHERE seq NOT IN (SELECT seq FROM checkpoints ORDER BY seq DESC LIMIT 2)",
                        )?
                        .execute([])?;
                }
                Write::Event { time, seq, kind, text } => {
                    transaction
                        .prepare_cached("INSERT INTO events(time, seq, kind, text) VALUES (?1, ?2, ?3, ?4)")?
                        .execute(params![time, seq, kind, text])?;
                    transaction
                        .prepare_cached("DELETE FROM events WHERE id <= ?1")?
                        .execute([transaction.last_insert_rowid() - EVENTS])?;
                }
                Write::Status(key, value) => {
                    transaction
                        .prepare_cached("INSERT OR REPLACE INTO status VALUES (?1, ?2)")?
                        .execute(params![key, value])?;
                }
                Write::Committed(_) => {}
            }
        }
        let deleted = self.archive.delete(&transaction)?;
        transaction.commit()?;
        Ok(deleted)
    }
}

/// Returns the time in ns since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn write_inputs(connection: &Connection, inputs: &[Input]) -> Result<(), rusqlite::Error> {
    let mut insert = connection.prepare_cached("INSERT INTO inputs VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for input in inputs {
        let checksum = input.checksum();
        insert.execute(params![input.seq, input.kind.name(), input.timestamp, input.body, checksum])?;
    }
    Ok(())
}

/// Returns whether a retry may succeed: the disk is full, or the error is temporary.
fn waits(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseBusy
                | ErrorCode::CannotOpen
        )
    )
}
