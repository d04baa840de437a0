//! Only thread that writes a state folder.
//!
//! It commits all pending writes in one transaction: slow frames are committed one by one, and frames faster
//! than the disk share a commit. The queue is bounded, so a slow disk slows the run. A simulation runs the same steps on
//! the thread of its callers (`InlineWriter`).

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, params};

use super::archive::Archive;
use super::checkpoint::SavedCheckpoint;
use super::disk::{DiskStep, SharedDisk, as_sqlite, pass};
use super::error::StoreError;
use super::folder::StateFolder;
use super::input::Input;
use super::rows::{FrameRows, Inserts, beta_horizon};
use crate::clock::now;

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

/// Number of inputs per segment of the program. A larger segment raises the memory of a run by more when it is written.
const SEGMENT_INPUTS: u64 = 1_024;

/// Settings of a writer.
pub struct WriterSettings {
    /// Betas older than 1,500 times this number of frames are deleted.
    pub betas_every: u64,
    /// Number of inputs per segment.
    pub segment_inputs: u64,
    /// Number of writes in each next transaction of a writer on the thread of its callers; `None` for a thread
    /// of its own.
    pub inline: Option<Box<dyn FnMut() -> usize + Send>>,
}

impl WriterSettings {
    /// Settings of the program.
    #[must_use]
    pub fn new(betas_every: u64) -> Self {
        Self { betas_every, segment_inputs: SEGMENT_INPUTS, inline: None }
    }
}

/// Queue of a writer.
#[derive(Clone)]
enum Queue {
    Thread(SyncSender<Write>),
    /// Writes are committed by the thread that sends them.
    Inline(Arc<Mutex<InlineWriter>>),
}

/// Handle of a writer; any number of handles may share a writer.
#[derive(Clone)]
pub struct WriterHandle {
    queue: Queue,
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
        let status = Write::Status(key, value);
        match &self.queue {
            Queue::Thread(sender) => match sender.try_send(status) {
                Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
            },
            // If the writer has stopped, the next input ends the run.
            Queue::Inline(_) => drop(self.send(status)),
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
        match &self.queue {
            Queue::Thread(sender) => sender.send(write).map_err(|_| self.gone()),
            Queue::Inline(writer) => {
                let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                writer.push(write).map_err(|error| {
                    let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
                    let why = stopped.get_or_insert(error.to_string()).clone();
                    StoreError::Stopped { path: self.path.clone(), why }
                })
            }
        }
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
        Self::start_with(folder, WriterSettings::new(betas_every), trouble)
    }

    /// Starts the writer with these settings.
    ///
    /// # Errors
    /// An error of SQLite, or the system cannot start a thread.
    pub fn start_with(
        folder: &StateFolder,
        settings: WriterSettings,
        trouble: Trouble,
    ) -> Result<Self, StoreError> {
        let WriterSettings { betas_every, segment_inputs, inline } = settings;
        let (sender, receiver) = sync_channel(QUEUE);
        let stopped = Arc::new(Mutex::new(None));
        let give_up = Arc::new(AtomicBool::new(false));
        let in_trouble = Arc::new(AtomicBool::new(false));
        let mut work = Work {
            connection: folder.connection()?,
            inserts: Inserts::new(),
            betas_every,
            trouble,
            in_trouble: Arc::clone(&in_trouble),
            give_up: Arc::clone(&give_up),
            archive: Archive::start(folder, segment_inputs, inline.is_some())?,
            disk: folder.disk(),
        };
        let handle = |queue| WriterHandle {
            queue,
            in_trouble,
            stopped: Arc::clone(&stopped),
            path: folder.database().to_owned(),
        };
        if let Some(batch_size) = inline {
            let writer = Arc::new(Mutex::new(InlineWriter::new(work, batch_size)));
            return Ok(Self { handle: handle(Queue::Inline(writer)), give_up, thread: None });
        }
        let handle = handle(Queue::Thread(sender));
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
        self.handle.queue = Queue::Thread(sync_channel(0).0);
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
    disk: SharedDisk,
}

/// Writer on the thread of its callers. Commits come at the writes that `batch_size` names, and a failed one is
/// retried at the next write, as if a thread of its own retried it while the run goes on.
struct InlineWriter {
    work: Work,
    batch: Vec<Write>,
    batch_size: Box<dyn FnMut() -> usize + Send>,
    /// Number of writes at which the batch is committed.
    at: usize,
    /// Reason for which the writer ended.
    ended: Option<String>,
}

impl InlineWriter {
    fn new(work: Work, mut batch_size: Box<dyn FnMut() -> usize + Send>) -> Self {
        let at = batch_size();
        Self { work, batch: Vec::new(), batch_size, at, ended: None }
    }

    fn push(&mut self, write: Write) -> Result<(), String> {
        if let Some(why) = &self.ended {
            return Err(why.clone());
        }
        let must_commit = matches!(write, Write::Committed(_));
        self.batch.push(write);
        let in_trouble = self.work.in_trouble.load(Ordering::Relaxed);
        if self.batch.len() < self.at && !must_commit && !in_trouble {
            return Ok(());
        }
        let done = loop {
            match self.work.step(&mut self.batch) {
                Ok(false) if must_commit => self.work.disk.wait(RETRY),
                done => break done,
            }
        };
        self.at = (self.batch_size)();
        done.map(drop).map_err(|error| self.ended.insert(error.to_string()).clone())
    }
}

impl Drop for InlineWriter {
    fn drop(&mut self) {
        // As the thread, the writer commits what was sent before it ends.
        while !self.batch.is_empty() && self.ended.is_none() {
            match self.work.step(&mut self.batch) {
                Ok(_) => self.work.disk.wait(RETRY),
                Err(_) => return,
            }
        }
    }
}

impl Work {
    fn run(&mut self, receiver: &Receiver<Write>) -> Result<(), rusqlite::Error> {
        let mut batch = Vec::new();
        while let Ok(first) = receiver.recv() {
            batch.push(first);
            batch.extend(receiver.try_iter().take(TOGETHER - 1));
            while !self.step(&mut batch)? {
                self.disk.wait(RETRY);
            }
        }
        Ok(())
    }

    /// Tries to commit a batch, and empties it; returns false if a retry may succeed.
    fn step(&mut self, batch: &mut Vec<Write>) -> Result<bool, rusqlite::Error> {
        if let Some(why) = self.archive.take_news() {
            let text = format!("inputs stay in the database for now: {why}");
            batch.push(Write::Event { time: now().0, seq: None, kind: "segment".to_owned(), text });
        }
        if !self.commit(batch)? {
            return Ok(false);
        }
        if batch.iter().any(|write| matches!(write, Write::Checkpoint(_))) {
            self.archive.behind(self.oldest_needed()?);
        }
        for write in batch.drain(..) {
            if let Write::Committed(done) = write {
                // The caller may have ended.
                let _ = done.send(());
            }
        }
        Ok(true)
    }

    /// Tries to commit one transaction; returns false if a retry may succeed.
    fn commit(&mut self, batch: &[Write]) -> Result<bool, rusqlite::Error> {
        match self.try_commit(batch) {
            Ok(deleted) => {
                self.archive.deleted(deleted);
                if self.in_trouble.swap(false, Ordering::AcqRel) {
                    (self.trouble)(None);
                }
                Ok(true)
            }
            Err(error) if waits(&error) && !self.give_up.load(Ordering::Relaxed) => {
                if !self.in_trouble.swap(true, Ordering::AcqRel) {
                    (self.trouble)(Some(&error.to_string()));
                }
                Ok(false)
            }
            Err(error) => Err(error),
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
        pass(&*self.disk, DiskStep::Commit, as_sqlite, || transaction.commit())?;
        Ok(deleted)
    }
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
