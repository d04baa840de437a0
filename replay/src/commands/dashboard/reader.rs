//! The thread that reads the state for all clients, so that the reading cost does not depend on their number.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::sync::{oneshot, watch};

use super::betas::Betas;
use super::database::Database;
use super::history::History;
use super::snapshot::Snapshot;
use super::status::LiveStatus;

/// Interval between checks for a new commit.
const POLL: Duration = Duration::from_millis(250);
/// Interval between snapshots when nothing is committed.
const IDLE: Duration = Duration::from_secs(5);
/// Interval between snapshots when nothing is committed and a run in the same process has a new status.
const PULSE: Duration = Duration::from_secs(1);
/// Pause after a read, as a multiple of its duration: reading uses at most a fifth of one core.
const REST: u32 = 4;
/// Maximum waiting requests; further requests are refused.
const REQUESTS: usize = 64;
/// Timeout of a waiting request.
const PATIENCE: Duration = Duration::from_secs(5);

/// Result of the last read.
pub(crate) enum Published {
    /// Snapshot as a value and as JSON.
    State(Box<Snapshot>, String),
    /// Reason why the state cannot be read.
    Nothing(String),
}

/// Last published result, replaced as a whole.
pub(crate) type Latest = Arc<Published>;

/// Reason why a request has no answer.
pub(crate) enum Refused {
    /// The state has no entry of this name.
    Missing,
    /// The state cannot be read.
    Unreadable(String),
    /// Too many requests are waiting.
    Busy,
}

enum Request {
    State(oneshot::Sender<Latest>),
    Betas(String, oneshot::Sender<Result<String, Refused>>),
    Lines((i64, i64), oneshot::Sender<Result<String, Refused>>),
}

/// Handle of the thread; the thread ends when the last handle is dropped.
#[derive(Clone)]
pub(crate) struct Reader {
    requests: SyncSender<Request>,
    latest: Arc<watch::Sender<Latest>>,
}

impl Reader {
    /// Starts the thread.
    ///
    /// # Errors
    /// The state cannot be read, or the system refuses another thread.
    pub(crate) fn start(path: PathBuf, live: Option<LiveStatus>) -> Result<(Self, JoinHandle<()>)> {
        let mut reading = ReaderThread {
            database: Some(Database::open(&path)?),
            path,
            history: History::default(),
            seen: None,
            live,
            seen_live: 0,
            rest_until: Instant::now(),
            read_at: Instant::now(),
        };
        let latest = Arc::new(watch::Sender::new(Arc::new(reading.read())));
        let (requests, inbox) = sync_channel(REQUESTS);
        let published = Arc::clone(&latest);
        let thread = std::thread::Builder::new()
            .name("dashboard reader".to_owned())
            .spawn(move || reading.run(&inbox, &published))
            .context("cannot start the thread that reads the state")?;
        Ok((Self { requests, latest }, thread))
    }

    /// Returns the current state.
    pub(crate) async fn state(&self) -> Result<Latest, Refused> {
        let (answer, coming) = oneshot::channel();
        self.ask(Request::State(answer))?;
        waited(coming).await
    }

    /// Returns the current betas of an instrument as JSON.
    pub(crate) async fn betas(&self, symbol: String) -> Result<String, Refused> {
        let (answer, coming) = oneshot::channel();
        self.ask(Request::Betas(symbol, answer))?;
        waited(coming).await?
    }

    /// Returns the lines between two times as JSON.
    pub(crate) async fn lines(&self, range: (i64, i64)) -> Result<String, Refused> {
        let (answer, coming) = oneshot::channel();
        self.ask(Request::Lines(range, answer))?;
        waited(coming).await?
    }

    /// Subscribes to all later states. Commits are checked for only while a subscriber exists.
    pub(crate) fn follow(&self) -> watch::Receiver<Latest> {
        self.latest.subscribe()
    }

    fn ask(&self, request: Request) -> Result<(), Refused> {
        self.requests.try_send(request).map_err(|error| match error {
            TrySendError::Full(_) => Refused::Busy,
            TrySendError::Disconnected(_) => Refused::stopped(),
        })
    }
}

impl Refused {
    fn stopped() -> Self {
        Self::Unreadable("the reader of the state has stopped".to_owned())
    }
}

async fn waited<T>(coming: oneshot::Receiver<T>) -> Result<T, Refused> {
    match tokio::time::timeout(PATIENCE, coming).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(Refused::stopped()),
        Err(_) => Err(Refused::Busy),
    }
}

struct ReaderThread {
    path: PathBuf,
    database: Option<Database>,
    history: History,
    /// `data_version` before the last read.
    seen: Option<i64>,
    /// Status of a run in the same process.
    live: Option<LiveStatus>,
    seen_live: u64,
    rest_until: Instant,
    read_at: Instant,
}

impl ReaderThread {
    fn run(mut self, inbox: &Receiver<Request>, latest: &watch::Sender<Latest>) {
        loop {
            match inbox.recv_timeout(POLL) {
                Ok(Request::State(answer)) => {
                    // The client may have timed out while other requests were served.
                    if !answer.is_closed() {
                        self.refresh(latest);
                        let state = Arc::clone(&latest.borrow());
                        let _ = answer.send(state);
                    }
                }
                Ok(Request::Betas(symbol, answer)) => {
                    if !answer.is_closed() {
                        let _ = answer.send(self.betas(&symbol));
                    }
                }
                Ok(Request::Lines(range, answer)) => {
                    if !answer.is_closed() {
                        let _ = answer.send(self.lines(range));
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    if latest.receiver_count() > 0 {
                        self.refresh(latest);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Reads the state after a new commit, or after an idle interval.
    fn refresh(&mut self, latest: &watch::Sender<Latest>) {
        if self.database.as_ref().is_some_and(|database| !database.is_current()) {
            self.database = None;
        }
        let version = self.database.as_ref().and_then(|database| database.data_version().ok());
        let is_same = self.live_version() == self.seen_live;
        let idle = if is_same { IDLE } else { PULSE };
        if version.is_some() && version == self.seen && self.read_at.elapsed() < idle {
            return;
        }
        self.rest();
        let published = self.read();
        latest.send_replace(Arc::new(published));
    }

    fn read(&mut self) -> Published {
        let started = Instant::now();
        let published = match self.snapshot() {
            Ok((snapshot, json)) => Published::State(Box::new(snapshot), json),
            Err(error) => {
                // The next read reopens the database and starts over.
                self.database = None;
                Published::Nothing(format!("{error:#}"))
            }
        };
        self.read_at = Instant::now();
        self.rest_until = self.read_at + started.elapsed() * REST;
        published
    }

    fn snapshot(&mut self) -> Result<(Snapshot, String)> {
        if self.database.is_none() {
            self.history = History::default();
        }
        let database = match self.database.take() {
            Some(database) => database,
            None => Database::open(&self.path)?,
        };
        // Get the version before the read, so that a change during it causes another read.
        self.seen_live = self.live_version();
        self.seen = Some(database.data_version()?);
        let database = self.database.insert(database);
        let snapshot = Snapshot::read(database, &mut self.history, self.live.as_ref())?;
        let json = serde_json::to_string(&snapshot)?;
        Ok((snapshot, json))
    }

    fn live_version(&self) -> u64 {
        self.live.as_ref().map_or(0, LiveStatus::version)
    }

    fn betas(&mut self, symbol: &str) -> Result<String, Refused> {
        self.rest();
        let Some(database) = &self.database else {
            return Err(Refused::Unreadable("there is no state to read".to_owned()));
        };
        let started = Instant::now();
        let betas = Betas::read(&database.connection, symbol);
        self.rest_until = Instant::now() + started.elapsed() * REST;
        match betas {
            Ok(Some(betas)) => {
                serde_json::to_string(&betas).map_err(|error| Refused::Unreadable(error.to_string()))
            }
            Ok(None) => Err(Refused::Missing),
            Err(error) => Err(Refused::Unreadable(error.to_string())),
        }
    }

    /// Lines between two times, as JSON.
    fn lines(&mut self, (from, to): (i64, i64)) -> Result<String, Refused> {
        self.rest();
        let Some(database) = &self.database else {
            return Err(Refused::Unreadable("there is no state to read".to_owned()));
        };
        let started = Instant::now();
        let lines = self.history.between(&database.connection, from, to);
        self.rest_until = Instant::now() + started.elapsed() * REST;
        let unreadable = |error: &dyn std::fmt::Display| Refused::Unreadable(error.to_string());
        match lines {
            // The range covers most of the run: return the lines of the whole run.
            Ok(None) => serde_json::to_string(&self.history.lines).map_err(|error| unreadable(&error)),
            Ok(Some(lines)) => serde_json::to_string(&lines).map_err(|error| unreadable(&error)),
            Err(error) => Err(unreadable(&error)),
        }
    }

    fn rest(&self) {
        std::thread::sleep(self.rest_until.saturating_duration_since(Instant::now()));
    }
}
