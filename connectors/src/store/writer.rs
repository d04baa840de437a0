//! The one thread that writes a state folder.
//!
//! It takes what has come meanwhile into one transaction: frames that come slowly are committed one by one, and those
//! that come faster than the disk commits share a commit. Its queue is bounded, so a slow disk slows the run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, ErrorCode, params};

use super::archive::Archive;
use super::error::StoreError;
use super::folder::StateFolder;
use super::input::Input;
use super::rows::{FrameRows, Inserts, beta_horizon};

/// Writes that wait for the writer.
const QUEUE: usize = 256;
/// Most that share a transaction.
const TOGETHER: usize = 256;
/// Events that are kept.
const EVENTS: i64 = 10_000;
/// How long a full disk is given before it is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// What is written.
pub(super) enum Write {
    Inputs(Vec<Input>),
    Frame(Box<FrameRows>),
    Checkpoint { seq: u64, next_input: u64, state: Vec<u8> },
    Event { time: i64, seq: Option<u64>, kind: String, text: String },
    Status(&'static str, String),
    Committed(SyncSender<()>),
}

/// Called when the disk refuses (`Some` with why) and when it takes again (`None`).
pub type Trouble = Box<dyn Fn(Option<&str>) + Send>;

/// Where writes go; any number of them share a writer.
#[derive(Clone)]
pub struct WriterHandle {
    sender: SyncSender<Write>,
    /// Whether the disk refuses.
    in_trouble: Arc<AtomicBool>,
    /// Why the writer has ended.
    stopped: Arc<Mutex<Option<String>>>,
    path: PathBuf,
}

/// State of a writer, for others to look at; it does not keep the writer alive.
#[derive(Clone)]
pub struct WriterWatch(Arc<AtomicBool>);

impl WriterWatch {
    /// Whether the disk refuses at the moment, so that the run waits.
    #[must_use]
    pub fn is_in_trouble(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl WriterHandle {
    /// Puts inputs on record. What follows from them is sent behind them, and so is committed with them or after them: to
    /// whoever reads the record an input is there before what it did. While the disk refuses, it waits until they are
    /// committed: nothing is decided that could not be written.
    ///
    /// # Errors
    /// The writer has stopped.
    pub fn log(&self, inputs: Vec<Input>) -> Result<(), StoreError> {
        self.send(Write::Inputs(inputs))?;
        if self.in_trouble.load(Ordering::Acquire) { self.flush() } else { Ok(()) }
    }

    /// Adds an event; `time` in nanoseconds since 1970.
    ///
    /// # Errors
    /// The writer has stopped.
    pub fn event(&self, time: i64, seq: Option<u64>, kind: &str, text: String) -> Result<(), StoreError> {
        self.send(Write::Event { time, seq, kind: kind.to_owned(), text })
    }

    /// Keeps the state of all stages after frame `seq`; `next_input`: the first input that it does not contain. The one
    /// before is kept too, and inputs before both may move into segments.
    ///
    /// # Errors
    /// The writer has stopped.
    pub fn checkpoint(&self, seq: u64, next_input: u64, state: Vec<u8>) -> Result<(), StoreError> {
        self.send(Write::Checkpoint { seq, next_input, state })
    }

    /// Sets a status; where the writer is busy it is left out: there will be a newer one.
    pub fn status(&self, key: &'static str, value: String) {
        match self.sender.try_send(Write::Status(key, value)) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }

    /// Returns once everything that was sent is committed.
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

    /// The database.
    #[must_use]
    pub fn database(&self) -> &Path {
        &self.path
    }

    /// Why the writer has ended.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn gone(&self) -> StoreError {
        StoreError::Stopped {
            path: self.path.clone(),
            why: self.trouble().unwrap_or_else(|| "it was ended".to_owned()),
        }
    }
}

/// The thread.
pub struct Writer {
    handle: WriterHandle,
    give_up: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts writing. Betas older than 1,500 times `betas_every` frames are forgotten.
    ///
    /// # Errors
    /// SQLite refuses, or there is no thread to be had.
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
            doing: "start the thread that writes",
            source,
        })?;
        Ok(Self { handle, give_up, thread: Some(thread) })
    }

    /// Handle that sends writes to it.
    #[must_use]
    pub fn handle(&self) -> WriterHandle {
        self.handle.clone()
    }

    /// A look at whether the disk refuses.
    #[must_use]
    pub fn watch(&self) -> WriterWatch {
        WriterWatch(Arc::clone(&self.handle.in_trouble))
    }

    /// A flag that has the writer give up instead of waiting for room on the disk.
    #[must_use]
    pub fn give_up(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.give_up)
    }
}

impl Drop for Writer {
    /// Commits what was sent, once all other handles are gone.
    fn drop(&mut self) {
        // The thread ends when no sender is left: this one is replaced by one without a receiver.
        self.handle.sender = sync_channel(0).0;
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has said so.
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
            if batch.iter().any(|write| matches!(write, Write::Checkpoint { .. })) {
                self.archive.behind(self.oldest_needed()?);
            }
            for write in batch.drain(..) {
                if let Write::Committed(done) = write {
                    // Whoever asked may have gone.
                    let _ = done.send(());
                }
            }
        }
        Ok(())
    }

    /// One transaction, tried until the disk takes it.
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

    /// Number of the first input that a restart may need, from the oldest checkpoint on record.
    fn oldest_needed(&self) -> Result<u64, rusqlite::Error> {
        let oldest = "SELECT coalesce(min(next_input), 0) FROM checkpoints";
        self.connection.query_row(oldest, [], |row| row.get(0))
    }

    /// Returns up to which input the table has been cleared.
    fn try_commit(&mut self, batch: &[Write]) -> Result<u64, rusqlite::Error> {
        // Dropped before it is committed, a transaction is rolled back.
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
                Write::Checkpoint { seq, next_input, state } => {
                    transaction
                        .prepare_cached("INSERT OR REPLACE INTO checkpoints VALUES (?1, ?2, ?3)")?
                        .execute(params![seq, next_input, state])?;
                    // The one before stays, should this one be found wanting.
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

/// Nanoseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn write_inputs(connection: &Connection, inputs: &[Input]) -> Result<(), rusqlite::Error> {
    let mut insert = connection.prepare_cached("INSERT INTO inputs VALUES (?1, ?2, ?3, ?4)")?;
    for input in inputs {
        insert.execute(params![input.seq, input.kind.name(), input.timestamp, input.body])?;
    }
    Ok(())
}

/// Whether a later try may succeed: the disk is full, or refuses for now.
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
