//! Log of a venue's messages, byte for byte, in rotating files.
//!
//! ```text
//! {"recv_ns":1723161253937085768,"conn":"1","dir":"in","raw":"{\"stream\":\"btcusdt@trade\", ...}"}
//! ```
//!
//! A line holds one message: time of receipt by the wall clock, number of the connection, `in` or `out`, and
//! the text. A separate thread writes the lines from a bounded channel; the edge blocks while the channel is
//! full. A full disk does not stop trading: unwritten messages are counted and reported once.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use betaflow_engine::time::Iso;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use serde::Serialize;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::error::LiveError;
use crate::clock::now;

/// Capacity of the channel to the writer.
const WAITING: usize = 4_096;
/// Size of a write, in bytes.
const BLOCK: usize = 64 << 10;
/// Maximum time from receipt to the write.
const FLUSH: Duration = Duration::from_secs(1);

/// Settings of the log.
#[derive(Clone, Debug)]
pub struct RawLogSettings {
    /// Folder; created if missing.
    pub folder: PathBuf,
    /// Approximate size of a file, in bytes.
    pub file_max: u64,
    /// Maximum size of all files, in bytes; beyond it the oldest are removed.
    pub total_max: u64,
}

impl RawLogSettings {
    /// Creates settings with files of 64 MiB and 4 GiB in total.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), file_max: 64 << 20, total_max: 4 << 30 }
    }
}

/// Counts of the log so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawLogCounts {
    /// Messages written.
    pub messages: u64,
    /// Messages that could not be written.
    pub lost: u64,
    /// Files created.
    pub files: u64,
    /// Files removed to free space.
    pub removed: u64,
}

#[derive(Default)]
struct LogState {
    messages: AtomicU64,
    lost: AtomicU64,
    files: AtomicU64,
    removed: AtomicU64,
    /// Notice for the user, not reported yet.
    news: Mutex<Option<String>>,
}

struct Entry {
    recv_ns: i64,
    connection: u64,
    direction: &'static str,
    raw: Utf8Bytes,
}

#[derive(Serialize)]
struct Line<'a> {
    recv_ns: i64,
    conn: String,
    dir: &'a str,
    raw: &'a str,
}

/// Handle of the writer thread. Dropping it waits until all messages are written.
pub(super) struct RawLog {
    sender: Option<Sender<Entry>>,
    shared: Arc<LogState>,
    thread: Option<JoinHandle<()>>,
}

impl RawLog {
    /// Creates the first file and starts the writer.
    ///
    /// # Errors
    /// The folder cannot be written, or the system cannot start a thread.
    pub(super) fn start(settings: RawLogSettings) -> Result<Self, LiveError> {
        let refused = |source| LiveError::RawLog { path: settings.folder.display().to_string(), source };
        std::fs::create_dir_all(&settings.folder).map_err(refused)?;
        let shared = Arc::<LogState>::default();
        let mut files =
            Files { settings: settings.clone(), shared: Arc::clone(&shared), number: 0, open: None };
        files.open().map_err(refused)?;
        let (sender, entries) = crossbeam_channel::bounded(WAITING);
        let mut writer =
            Writer { files, shared: Arc::clone(&shared), block: Vec::new(), lines: 0, failing: None };
        let thread = std::thread::Builder::new()
            .name("betaflow-raw-log".to_owned())
            .spawn(move || writer.run(&entries))
            .map_err(LiveError::Start)?;
        Ok(Self { sender: Some(sender), shared, thread: Some(thread) })
    }

    /// Queues a message; blocks while the queue is full.
    pub(super) fn put(&self, connection: u64, direction: &'static str, raw: Utf8Bytes) {
        let entry = Entry { recv_ns: now().0, connection, direction, raw };
        if let Some(Err(_)) = self.sender.as_ref().map(|sender| sender.send(entry)) {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns and clears the pending notice for the user.
    pub(super) fn news(&self) -> Option<String> {
        self.shared.news.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Returns the counts so far.
    pub(super) fn counts(&self) -> RawLogCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let shared = &self.shared;
        RawLogCounts {
            messages: read(&shared.messages),
            lost: read(&shared.lost),
            files: read(&shared.files),
            removed: read(&shared.removed),
        }
    }
}

impl Drop for RawLog {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Writer that gathers lines into blocks.
struct Writer {
    files: Files,
    shared: Arc<LogState>,
    block: Vec<u8>,
    lines: u64,
    /// Time of the last failed write; the next attempt follows after [`FLUSH`].
    failing: Option<Instant>,
}

impl Writer {
    fn run(&mut self, entries: &Receiver<Entry>) {
        let mut due = Instant::now() + FLUSH;
        loop {
            let over = match entries.recv_deadline(due) {
                Ok(entry) => {
                    self.add(&entry);
                    false
                }
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => true,
            };
            let now = Instant::now();
            if over || self.block.len() >= BLOCK || now >= due {
                self.write();
                due = now + FLUSH;
            }
            if over {
                return;
            }
        }
    }

    fn add(&mut self, entry: &Entry) {
        let Entry { recv_ns, connection, direction, raw } = entry;
        let line = Line { recv_ns: *recv_ns, conn: connection.to_string(), dir: direction, raw };
        // Serialising a line cannot fail.
        if serde_json::to_writer(&mut self.block, &line).is_ok() {
            self.block.push(b'\n');
            self.lines += 1;
        }
    }

    fn write(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        // After a failure, writes are retried once per second.
        let resting = self.failing.is_some_and(|since| since.elapsed() < FLUSH);
        let written = if resting { None } else { Some(self.files.write(&self.block)) };
        self.block.clear();
        match written {
            Some(Ok(())) => {
                self.shared.messages.fetch_add(lines, Ordering::Relaxed);
                if self.failing.take().is_some() {
                    let lost = self.shared.lost.load(Ordering::Relaxed);
                    self.tell(format!(
                        "the messages of the venue are recorded again; {lost} messages could not be recorded so far"
                    ));
                }
            }
            Some(Err(error)) => {
                self.shared.lost.fetch_add(lines, Ordering::Relaxed);
                if self.failing.replace(Instant::now()).is_none() {
                    let folder = self.files.settings.folder.display();
                    self.tell(format!(
                        "{folder}: cannot record the messages of the venue ({error}); trading continues, and recording \
                         resumes once writes succeed"
                    ));
                }
            }
            None => _ = self.shared.lost.fetch_add(lines, Ordering::Relaxed),
        }
    }

    fn tell(&self, text: String) {
        *self.shared.news.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }
}

/// Files of the log's folder.
struct Files {
    settings: RawLogSettings,
    shared: Arc<LogState>,
    number: u64,
    open: Option<OpenFile>,
}

/// File being written.
struct OpenFile {
    file: File,
    path: PathBuf,
    bytes: u64,
}

impl Drop for Files {
    fn drop(&mut self) {
        self.close();
    }
}

impl Files {
    /// Writes whole lines. After an error the next attempt creates a new file, because the last line may be
    /// torn.
    fn write(&mut self, block: &[u8]) -> io::Result<()> {
        if block.is_empty() {
            return Ok(());
        }
        if self.open.as_ref().is_none_or(|open| open.bytes >= self.settings.file_max) {
            self.open()?;
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        match open.file.write_all(block) {
            Ok(()) => {
                open.bytes += block.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.close();
                Err(error)
            }
        }
    }

    /// Closes the current file. Removes it if it is empty: retries on a full disk must not leave empty files.
    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        if open.file.metadata().is_ok_and(|file| file.len() == 0) && std::fs::remove_file(&open.path).is_ok()
        {
            self.shared.files.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Creates the next file, and removes the oldest files beyond the total size.
    fn open(&mut self) -> io::Result<()> {
        self.close();
        self.make_room()?;
        let (year, month, day) = Iso(now()).civil();
        let second = now().0.div_euclid(1_000_000_000).rem_euclid(86_400);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        loop {
            self.number += 1;
            let number = self.number;
            let name =
                format!("raw-{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}-{number:06}.jsonl");
            let path = self.settings.folder.join(name);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    self.open = Some(OpenFile { file, path, bytes: 0 });
                    self.shared.files.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn make_room(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.settings.folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("raw-") && name.ends_with(".jsonl") {
                files.push((name, entry.metadata()?.len(), entry.path()));
            }
        }
        files.sort_unstable();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files {
            if total + self.settings.file_max <= self.settings.total_max {
                break;
            }
            std::fs::remove_file(path)?;
            total -= bytes;
            if self.shared.removed.fetch_add(1, Ordering::Relaxed) == 0 {
                let text = format!(
                    "{}: the recorded messages of the venue have reached {:.1} GB (feed.raw_log_max_gb); the oldest are \
                     removed from now on",
                    self.settings.folder.display(),
                    self.settings.total_max as f64 / 1e9
                );
                *self.shared.news.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
            }
        }
        Ok(())
    }
}
