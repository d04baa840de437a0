//! State folder of a run: lock, database, and the position of a restart.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::checkpoint::SavedCheckpoint;
use super::disk::{DiskStep, SharedDisk, SystemDisk, as_sqlite, pass};
use super::error::StoreError;
use super::frame_sums::check_last;
use super::input::Input;
use super::inputs::{InputRow, check_segments, read_inputs};
use super::layout::{CACHE, DATABASE, LOCK, SCHEMA_VERSION, ruined, schema, value};
use super::segment::FOLDER as SEGMENTS;
use crate::links::follow;

/// Folder of a venue's messages.
const RAW: &str = "raw";
/// Number of attempts to take the lock, and the wait between them: readers hold it only for a moment.
const TRIES: u32 = 10;
const TRY_AGAIN: Duration = Duration::from_millis(20);

/// Durability of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// A commit survives a crash of the process immediately, and a power failure after the next log
    /// checkpoint. Inputs lost in a power failure are requested again from the feed.
    Normal,
    /// A commit survives a power failure immediately.
    Full,
    /// A commit survives a crash of the process, and no power failure. For simulations, which need speed.
    Off,
}

/// Files of a run folder.
const OF_RUN_FOLDERS: [&str; 2] = ["summary.json", "equity.parquet"];

/// Refuses a run folder without a state, before any file is created in it.
fn refuse_run_folder(path: &Path) -> Result<(), StoreError> {
    let found = OF_RUN_FOLDERS.into_iter().find(|name| path.join(name).exists());
    match found.filter(|_| !path.join(DATABASE).exists()) {
        Some(found) => Err(StoreError::RunFolder { path: path.to_owned(), found }),
        None => Ok(()),
    }
}

/// Creates a folder that only its owner reads: a state has positions, orders and the account. A folder that exists keeps its
/// permissions.
fn create_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(_) if folder.is_dir() => Ok(()),
        created => created,
    }
}

/// Position from which a run starts.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Last committed frame with its digest.
    pub committed: Option<(u64, String)>,
    /// Recorded checkpoints that belong to the recorded frames, the latest first.
    pub checkpoints: Vec<SavedCheckpoint>,
    /// Numbers of the frames of the other checkpoints.
    pub foreign: Vec<u64>,
    /// Number of the next input.
    pub next_input: u64,
}

/// State folder, locked by this process.
pub struct StateFolder {
    path: PathBuf,
    database: PathBuf,
    sync: Sync,
    disk: SharedDisk,
    _lock: File,
}

impl StateFolder {
    /// Opens the folder, or creates it.
    ///
    /// # Errors
    /// Another process uses the folder, another version wrote it, it is a run folder, or a system error.
    pub fn open(path: &Path, sync: Sync) -> Result<Self, StoreError> {
        Self::open_on(path, sync, Arc::new(SystemDisk))
    }

    /// Opens the folder on this disk, or creates it.
    ///
    /// # Errors
    /// Those of [`StateFolder::open`], or an error of the disk.
    pub fn open_on(path: &Path, sync: Sync, disk: Arc<dyn super::Disk>) -> Result<Self, StoreError> {
        let io = |doing: &'static str| {
            let path = path.to_owned();
            move |source| StoreError::Io { path, doing, source }
        };
        refuse_run_folder(path)?;
        // A symbolic link to a missing folder: create the folder.
        let target = follow(path).map_err(io("find the state folder"))?;
        let failed = |source| io("create the state folder")(source);
        let lock = pass(&*disk, DiskStep::CreateFolder, failed, || {
            create_private(&target).map_err(io("create the state folder"))?;
            File::create(path.join(LOCK)).map_err(io("create a file in the state folder"))
        })?;
        let mut tries = 0;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(fs::TryLockError::WouldBlock) if tries < TRIES => {
                    tries += 1;
                    std::thread::sleep(TRY_AGAIN);
                }
                Err(fs::TryLockError::WouldBlock) => return Err(StoreError::Locked(path.to_owned())),
                Err(fs::TryLockError::Error(source)) => return Err(io("lock the state folder")(source)),
            }
        }
        let folder = Self { path: path.to_owned(), database: path.join(DATABASE), sync, disk, _lock: lock };
        folder.refuse_lost_database()?;
        folder.prepare()?;
        Ok(folder)
    }

    /// Refuses a folder with recordings of a run but a missing or empty database: a new run would mix with
    /// the old one.
    fn refuse_lost_database(&self) -> Result<(), StoreError> {
        let size = fs::metadata(&self.database).map(|file| file.len());
        let found = match size {
            Ok(0) => "an empty state.db",
            Ok(_) => return Ok(()),
            Err(_) => "no state.db",
        };
        self.refuse_recordings(found)
    }

    /// Refuses recordings of an earlier run, if there are any.
    fn refuse_recordings(&self, found: &'static str) -> Result<(), StoreError> {
        let files = |name: &str| {
            let entries = fs::read_dir(self.path.join(name)).into_iter().flatten();
            entries
                .filter_map(Result::ok)
                .filter(|entry| entry.metadata().is_ok_and(|file| file.len() > 0))
                .count()
        };
        match (files(SEGMENTS), files(RAW)) {
            (0, 0) => Ok(()),
            (session, raw) => Err(StoreError::Lost { path: self.path.clone(), found, session, raw }),
        }
    }

    /// Returns the path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the database.
    #[must_use]
    pub fn database(&self) -> &Path {
        &self.database
    }

    /// Returns the disk of the folder.
    pub(super) fn disk(&self) -> SharedDisk {
        SharedDisk::clone(&self.disk)
    }

    fn failed(&self, doing: &'static str) -> impl FnOnce(rusqlite::Error) -> StoreError + use<> {
        let path = self.database.clone();
        move |source| StoreError::Database { path, doing, source }
    }

    /// Opens a connection that can write.
    ///
    /// # Errors
    /// An error of SQLite.
    pub(super) fn connection(&self) -> Result<Connection, StoreError> {
        let connection = Connection::open(&self.database).map_err(self.failed("open the database"))?;
        let sync = match self.sync {
            Sync::Normal => "NORMAL",
            Sync::Full => "FULL",
            Sync::Off => "OFF",
        };
        connection
            .execute_batch(&format!(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = {sync}; PRAGMA busy_timeout = 10000; \
                 PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = {CACHE};"
            ))
            .map_err(self.failed("configure the database"))?;
        Ok(connection)
    }

    fn prepare(&self) -> Result<(), StoreError> {
        let connection = self.connection()?;
        let failed = || self.failed("read the tables");
        let has_meta: bool = connection
            .query_row("SELECT count(*) FROM sqlite_master WHERE name = 'meta'", [], |row| {
                row.get::<_, i64>(0)
            })
            .map_err(failed())?
            > 0;
        if !has_meta {
            self.refuse_recordings("a state.db without tables")?;
        }
        if has_meta {
            let found = value(&connection, "schema_version").map_err(failed())?.unwrap_or_default();
            if found != SCHEMA_VERSION.to_string() {
                let by = value(&connection, "version").map_err(failed())?.unwrap_or_default();
                return Err(StoreError::Version {
                    path: self.database.clone(),
                    found,
                    expected: SCHEMA_VERSION,
                    by,
                });
            }
        }
        // One transaction, so that a folder has either all tables and its version, or none.
        pass(&*self.disk, DiskStep::CreateTables, as_sqlite, || {
            connection.execute_batch(&format!(
                "BEGIN IMMEDIATE; {} INSERT OR IGNORE INTO meta VALUES ('schema_version', '{SCHEMA_VERSION}'); COMMIT;",
                schema()
            ))
        })
        .map_err(self.failed("create the tables"))
    }

    /// Sets a value of `meta` unless it exists; returns the stored value.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn settle(&self, key: &str, fresh: &str) -> Result<String, StoreError> {
        let connection = self.connection()?;
        let set = pass(&*self.disk, DiskStep::Settle, as_sqlite, || {
            connection.execute("INSERT OR IGNORE INTO meta VALUES (?1, ?2)", params![key, fresh])
        });
        set.map_err(self.failed("write the settings"))?;
        Ok(value(&connection, key).map_err(self.failed("read the settings"))?.unwrap_or_default())
    }

    /// Sets a value of `meta`, whether it exists or not.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn replace(&self, key: &str, value: &str) -> Result<(), StoreError> {
        let connection = self.connection()?;
        let set = pass(&*self.disk, DiskStep::Settle, as_sqlite, || {
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", params![key, value])
        });
        set.map(drop).map_err(self.failed("write the settings"))
    }

    /// Returns a value of `meta`.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn value(&self, key: &str) -> Result<Option<String>, StoreError> {
        value(&self.connection()?, key).map_err(self.failed("read the settings"))
    }

    /// Returns time (ns since 1970 UTC) and value of the frame that ruined the account, if any.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn ruined(&self) -> Result<Option<(i64, f64)>, StoreError> {
        ruined(&self.connection()?).map_err(self.failed("read the last frame"))
    }

    /// Returns number and time (ns since 1970 UTC) of the last recorded message of the feed.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn last_message(&self) -> Result<Option<(u64, i64)>, StoreError> {
        // The last bars stay in the table when inputs move into segments.
        let last = "SELECT seq, kind, timestamp, body, checksum, json_extract(body, '$.seq') FROM inputs \
                    WHERE kind = 'bars' AND json_valid(body) ORDER BY seq DESC LIMIT 1";
        let connection = self.connection()?;
        let row = connection.query_row(last, [], |row| Ok((InputRow::of(row)?, row.get(5)?))).optional();
        let row = row.map_err(self.failed("read the last input"))?;
        row.map(|(row, message)| Ok((message, row.checked(&self.database)?.timestamp))).transpose()
    }

    /// Returns the position from which the run starts.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn start(&self) -> Result<Start, StoreError> {
        let connection = self.connection()?;
        let failed = || self.failed("read the position of the run");
        let committed = connection
            .query_row("SELECT seq, digest FROM equity ORDER BY seq DESC LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()
            .map_err(failed())?;
        let saved = SavedCheckpoint::read_all(&connection).map_err(failed())?;
        let (own, foreign): (Vec<_>, Vec<_>) = saved.into_iter().partition(|(_, belongs)| *belongs);
        let checkpoints: Vec<_> = own.into_iter().map(|(checkpoint, _)| checkpoint).collect();
        let foreign = foreign.into_iter().map(|(checkpoint, _)| checkpoint.seq).collect();
        let next_input: u64 = connection
            .query_row("SELECT coalesce(max(seq) + 1, 0) FROM inputs", [], |row| row.get(0))
            .map_err(failed())?;
        self.refuse_missing_rows(&connection, &checkpoints, next_input)?;
        Ok(Start { committed, checkpoints, foreign, next_input })
    }

    /// Refuses a record without some of its frames, or without the inputs of a checkpoint: a run would go on with a gap.
    fn refuse_missing_rows(
        &self,
        connection: &Connection,
        checkpoints: &[SavedCheckpoint],
        next_input: u64,
    ) -> Result<(), StoreError> {
        let incomplete =
            |found, expected| StoreError::Incomplete { path: self.database.clone(), found, expected };
        if let Some(checkpoint) = checkpoints.iter().find(|checkpoint| checkpoint.next_input > next_input) {
            return Err(incomplete(
                format!("{next_input} inputs"),
                format!("at least {}, the inputs before a checkpoint", checkpoint.next_input),
            ));
        }
        let span = "SELECT count(*), coalesce(max(seq) - min(seq) + 1, 0) FROM equity";
        let (frames, span): (u64, u64) = connection
            .query_row(span, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(self.failed("read the recorded frames"))?;
        match frames == span {
            true => Ok(()),
            false => {
                Err(incomplete(format!("{frames} frames"), format!("{span} from the first to the last")))
            }
        }
    }

    /// Checks the rows of all recorded frames against their checksums.
    ///
    /// # Errors
    /// A row was changed after it was recorded, a checksum is missing, or an error of SQLite.
    pub fn check_frames(&self) -> Result<(), StoreError> {
        check_last(&self.connection()?, &self.database, i64::MAX as u64, true)
    }

    /// Checks that no segment of the session is missing or cut off. A run can resume without them.
    ///
    /// # Errors
    /// The first missing or damaged segment, or an error of SQLite.
    pub fn check_segments(&self) -> Result<(), StoreError> {
        check_segments(&self.database, &self.connection()?)
    }

    /// Passes the inputs from number `from` on to `take`, in order, until it returns `false`.
    ///
    /// # Errors
    /// A segment is missing or damaged, or an error of SQLite.
    pub fn inputs(&self, from: u64, mut take: impl FnMut(Input) -> bool) -> Result<(), StoreError> {
        read_inputs(&self.database, from, &mut take)
    }
}
