//! What a venue said, byte for byte, in files that replace each other.
//!
//! ```text
//! {"recv_ns":1723161253937085768,"conn":"1","dir":"in","raw":"{\"stream\":\"btcusdt@trade\", ...}"}
//! ```
//!
//! A line is a message: when it was received by the wall clock, the number of the connection, `in` or `out`, and the
//! message. It is written by a thread of its own over a bounded channel; the edge waits while that is full. A disk that
//! refuses stops nothing: what could not be written is counted, and said once.

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

use super::clock::now;
use super::error::LiveError;

/// Messages that wait for the disk.
const WAITING: usize = 4_096;
/// Bytes that are written at once.
const BLOCK: usize = 64 << 10;
/// What was received is in its file after so long.
const FLUSH: Duration = Duration::from_secs(1);

/// Where what a venue says is written.
#[derive(Clone, Debug)]
pub struct RawLogSettings {
    /// The folder; made where there is none.
    pub folder: PathBuf,
    /// Bytes of a file, about.
    pub file_max: u64,
    /// Bytes of all files: the oldest are removed beyond that.
    pub total_max: u64,
}

impl RawLogSettings {
    /// Files of 64 MiB, 4 GiB in all.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), file_max: 64 << 20, total_max: 4 << 30 }
    }
}

/// What was written so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawLogCounts {
    /// Messages.
    pub messages: u64,
    /// Messages that could not be written.
    pub lost: u64,
    /// Files that were begun.
    pub files: u64,
    /// Files that were removed to make room.
    pub removed: u64,
}

#[derive(Default)]
struct Shared {
    messages: AtomicU64,
    lost: AtomicU64,
    files: AtomicU64,
    removed: AtomicU64,
    /// What a user should know and was not told.
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

/// The way to the thread that writes. What was handed over is written before the drop of it ends.
pub(super) struct RawLog {
    sender: Option<Sender<Entry>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl RawLog {
    /// Begins a file.
    ///
    /// # Errors
    /// The folder cannot be written, or the system refuses a thread.
    pub(super) fn start(settings: RawLogSettings) -> Result<Self, LiveError> {
        let refused = |source| LiveError::RawLog { path: settings.folder.display().to_string(), source };
        std::fs::create_dir_all(&settings.folder).map_err(refused)?;
        let shared = Arc::<Shared>::default();
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

    /// Hands a message over; waits while the disk is behind.
    pub(super) fn put(&self, connection: u64, direction: &'static str, raw: Utf8Bytes) {
        let entry = Entry { recv_ns: now().0, connection, direction, raw };
        if let Some(Err(_)) = self.sender.as_ref().map(|sender| sender.send(entry)) {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What a user should know, once.
    pub(super) fn news(&self) -> Option<String> {
        self.shared.news.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What was written so far.
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

/// Gathers lines into blocks.
struct Writer {
    files: Files,
    shared: Arc<Shared>,
    block: Vec<u8>,
    lines: u64,
    /// Since when the disk refuses; it is asked again once in a while.
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
        // It has no part that could fail.
        if serde_json::to_writer(&mut self.block, &line).is_ok() {
            self.block.push(b'\n');
            self.lines += 1;
        }
    }

    fn write(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        // While the disk refuses it is asked about once a second.
        let resting = self.failing.is_some_and(|since| since.elapsed() < FLUSH);
        let written = if resting { None } else { Some(self.files.write(&self.block)) };
        self.block.clear();
        match written {
            Some(Ok(())) => {
                self.shared.messages.fetch_add(lines, Ordering::Relaxed);
                if self.failing.take().is_some() {
                    let lost = self.shared.lost.load(Ordering::Relaxed);
                    self.tell(format!(
                        "what the venue says is recorded again; {lost} messages could not be recorded so far"
                    ));
                }
            }
            Some(Err(error)) => {
                self.shared.lost.fetch_add(lines, Ordering::Relaxed);
                if self.failing.replace(Instant::now()).is_none() {
                    let folder = self.files.settings.folder.display();
                    self.tell(format!(
                        "{folder}: what the venue says cannot be recorded ({error}); trading goes on, and recording \
                         once there is room"
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

/// The files of a folder.
struct Files {
    settings: RawLogSettings,
    shared: Arc<Shared>,
    number: u64,
    open: Option<OpenFile>,
}

/// The file that is written.
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
    /// Writes whole lines. After an error the next attempt begins a new file: the last line of this one may be torn.
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

    /// Ends the file that is written. One with nothing in it is removed: a full disk must not be littered with them.
    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        if open.file.metadata().is_ok_and(|file| file.len() == 0) && std::fs::remove_file(&open.path).is_ok()
        {
            self.shared.files.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Begins another file, and removes the oldest beyond what they may have in all.
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
                    "{}: the recordings of the venue have reached {:.1} GB (feed.raw_log_max_gb); from now on the oldest are \
                     removed",
                    self.settings.folder.display(),
                    self.settings.total_max as f64 / 1e9
                );
                *self.shared.news.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
            }
        }
        Ok(())
    }
}
