//! Seam between the record of a run and the disk.
//!
//! Every step that changes a state folder passes [`Disk::before`] and [`Disk::after`]. The program uses
//! [`SystemDisk`], which lets all steps pass; a simulation fails some, or ends the run at one of them.
//!
//! A commit of SQLite is one step: SQLite itself proves that a commit is atomic. The order of commits, segment
//! files, renames and deletions is ours.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::ffi;

/// Step that changes a state folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiskStep {
    /// Creates the folder and its lock.
    CreateFolder,
    /// Creates the tables.
    CreateTables,
    /// Commits a value of `meta`.
    Settle,
    /// Commits a batch of the writer.
    Commit,
    /// Creates the temporary file of a segment.
    CreateSegment,
    /// Writes a row group of a segment.
    WriteSegment,
    /// Syncs a segment.
    SyncSegment,
    /// Moves a segment to its final path.
    RenameSegment,
    /// Removes the temporary file of an abandoned segment.
    RemovePartial,
}

/// Disk of a state folder.
pub trait Disk: Send + Sync {
    /// Runs before a step.
    ///
    /// # Errors
    /// The step must fail with this error and change nothing.
    fn before(&self, step: DiskStep) -> io::Result<()>;

    /// Runs after a step that succeeded.
    ///
    /// # Errors
    /// The step counts as failed, although it has had its effect.
    fn after(&self, step: DiskStep) -> io::Result<()>;

    /// Waits before a failed commit is retried.
    fn wait(&self, wait: Duration);
}

/// Disk of the program.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn before(&self, _: DiskStep) -> io::Result<()> {
        Ok(())
    }

    fn after(&self, _: DiskStep) -> io::Result<()> {
        Ok(())
    }

    fn wait(&self, wait: Duration) {
        std::thread::sleep(wait);
    }
}

/// Disk shared by the parts of a state folder.
pub(super) type SharedDisk = Arc<dyn Disk>;

/// Runs a step between its two hooks. `failed` converts an error of the disk.
pub(super) fn pass<T, E>(
    disk: &dyn Disk,
    step: DiskStep,
    failed: impl Fn(io::Error) -> E,
    act: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    disk.before(step).map_err(&failed)?;
    let done = act()?;
    disk.after(step).map_err(&failed)?;
    Ok(done)
}

/// Converts an error of the disk to the error of SQLite for the same cause.
pub(super) fn as_sqlite(error: io::Error) -> rusqlite::Error {
    let code = match error.kind() {
        io::ErrorKind::StorageFull => ffi::SQLITE_FULL,
        io::ErrorKind::Interrupted => ffi::SQLITE_INTERRUPT,
        _ => ffi::SQLITE_IOERR,
    };
    rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some(error.to_string()))
}
