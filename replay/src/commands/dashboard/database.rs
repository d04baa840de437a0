//! Read-only connection to `state.db` that never blocks the writer.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use betaflow_connectors::store::{CACHE, SCHEMA_VERSION, StoreError};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

/// Busy timeout of a query, for example while SQLite recovers the write-ahead log.
const BUSY: Duration = Duration::from_millis(500);

/// A read-only connection.
///
/// With a write-ahead log, a query reads the last commit before it and blocks no writer. It only keeps the log
/// from restarting, which is why every query here is short.
///
/// No other code may open the file: closing any descriptor of it drops the POSIX locks of this process,
/// including those of a run.
pub(crate) struct Database {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
    identity: Identity,
}

impl Database {
    /// # Errors
    /// The file does not exist, is not the database of a state folder, or has another schema version.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let identity = match Identity::of(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(StoreError::NoState(path.parent().unwrap_or(path).to_owned()).into());
            }
            identity => identity.with_context(|| format!("{}: cannot read it", path.display()))?,
        };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let context = || format!("{}: cannot read it as SQLite", path.display());
        let connection = Connection::open_with_flags(path, flags).with_context(context)?;
        connection.busy_timeout(BUSY).with_context(context)?;
        connection.pragma_update(None, "cache_size", CACHE).with_context(context)?;
        let database = Self { connection, path: path.to_owned(), identity };
        let version = database.meta("schema_version").with_context(context)?;
        match version.as_deref().and_then(|version| version.parse::<u32>().ok()) {
            Some(SCHEMA_VERSION) => Ok(database),
            Some(version) => {
                let by = database.meta("version").with_context(context)?.unwrap_or_default();
                let (path, found) = (path.to_owned(), version.to_string());
                Err(StoreError::Version { path, found, expected: SCHEMA_VERSION, by }.into())
            }
            None => bail!("{}: found no schema_version, expected state.db of a run", path.display()),
        }
    }

    /// Returns the value of a row of `meta`.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn meta(&self, key: &str) -> rusqlite::Result<Option<String>> {
        let mut statement = self.connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
        statement.query_row([key], |row| row.get(0)).optional()
    }

    /// Returns a number that changes with every commit of another connection.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn data_version(&self) -> rusqlite::Result<i64> {
        self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))
    }

    /// True if the path still names the open file.
    pub(crate) fn is_current(&self) -> bool {
        Identity::of(&self.path).is_ok_and(|identity| identity == self.identity)
    }
}

/// Device and inode of a file, or its time of creation where there are no inodes.
#[derive(PartialEq)]
struct Identity(u64, u64);

impl Identity {
    #[cfg(unix)]
    fn of(path: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = std::fs::metadata(path)?;
        Ok(Self(metadata.dev(), metadata.ino()))
    }

    #[cfg(not(unix))]
    fn of(path: &Path) -> std::io::Result<Self> {
        let created = std::fs::metadata(path)?.created()?;
        let since = created.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Ok(Self(since.as_secs(), u64::from(since.subsec_nanos())))
    }
}
