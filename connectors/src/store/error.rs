//! Errors of state folders.

use std::io;
use std::path::PathBuf;

/// Error of a state folder.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Error of the operating system.
    #[error("{}: cannot {doing}: {source}", path.display())]
    Io {
        /// Path of the file or folder.
        path: PathBuf,
        /// Failed operation.
        doing: &'static str,
        /// System error.
        source: io::Error,
    },
    /// Error of SQLite.
    #[error("{}: cannot {doing}: {source}", path.display())]
    Database {
        /// Path of the database.
        path: PathBuf,
        /// Failed operation.
        doing: &'static str,
        /// SQLite error.
        source: rusqlite::Error,
    },
    /// State folder in use by another process.
    #[error(
        "{}: found another process that uses this state folder, expected none; stop it",
        .0.display()
    )]
    Locked(PathBuf),
    /// State folder of another version.
    #[error(
        "{}: found a state folder of betaflow {by} (schema version {found}), expected one of betaflow {} (schema version \
         {expected}): results and tables may differ; continue with betaflow {by}, or start a new state folder",
        path.display(),
        env!("CARGO_PKG_VERSION")
    )]
    Version {
        /// Path of the database.
        path: PathBuf,
        /// Schema version of the database.
        found: String,
        /// Schema version of this betaflow.
        expected: u32,
        /// Version of the program that wrote it.
        by: String,
    },
    /// State folder of a run with other settings.
    #[error(
        "{}: found the state of a run with other settings, expected those of this run; use the settings of the \
         state folder, or start a new one",
        .0.display()
    )]
    OtherSettings(PathBuf),
    /// Recomputed frame that differs from the recorded one.
    #[error(
        "{}: frame {seq}: found the digest {found}, expected the recorded {written}: the same inputs no longer \
         give the same results; use the version of betaflow that wrote the folder",
        path.display()
    )]
    NotReproduced {
        /// Path of the database.
        path: PathBuf,
        /// Number of the frame.
        seq: u64,
        /// Recorded digest.
        written: String,
        /// Recomputed digest.
        found: String,
    },
    /// Missing or empty database beside recordings of an earlier run.
    #[error(
        "{}: found {found} beside recordings of an earlier run (session: {session} files, raw: {raw} files), \
         expected the state.db that belongs to them; restore it from a copy, with state.db-wal if there is one",
        path.display()
    )]
    Lost {
        /// Path of the folder.
        path: PathBuf,
        /// Finding about the database.
        found: &'static str,
        /// Number of segments of inputs.
        session: usize,
        /// Number of recordings of a venue.
        raw: usize,
    },
    /// Folder that is not a state folder.
    #[error(
        "{}: found no state of a run, expected the state folder of a paper run, with state.db", .0.display()
    )]
    NoState(PathBuf),
    /// Run folder, which a paper run must not write to.
    #[error(
        "{}: found a run folder (with {found}), expected a state folder of a paper run or a new folder; use another \
         --state",
        path.display()
    )]
    RunFolder {
        /// Path of the folder.
        path: PathBuf,
        /// File of the run folder.
        found: &'static str,
    },
    /// Invalid segment of the session.
    #[error("{}: found {found}, expected {expected}", path.display())]
    Segment {
        /// Path of the segment.
        path: PathBuf,
        /// Finding.
        found: String,
        /// Expectation and remedy.
        expected: &'static str,
    },
    /// Missing inputs.
    #[error(
        "{}: found input {first}, expected input {next}: the file of the folder `session` with inputs from \
         {next} on is missing; restore it from a copy; without it the session can resume but not be replayed",
        path.display()
    )]
    Hole {
        /// Path of the database.
        path: PathBuf,
        /// First missing input.
        next: u64,
        /// First input found after it.
        first: u64,
    },
    /// Recorded input that was changed.
    #[error(
        "{}: found input {seq} with another content than its checksum, expected the input as recorded; restore \
         state.db from a copy, or start a new state folder",
        path.display()
    )]
    ChangedInput {
        /// Path of the database.
        path: PathBuf,
        /// Number of the input.
        seq: u64,
    },
    /// Recorded frame that was changed.
    #[error(
        "{}: frame {seq}: found rows with another content than their checksum, expected them as recorded; restore \
         state.db from a copy",
        path.display()
    )]
    ChangedFrame {
        /// Path of the database.
        path: PathBuf,
        /// Number of the frame.
        seq: u64,
    },
    /// Record without some of its rows.
    #[error(
        "{}: found {found}, expected {expected}; restore state.db from a copy, or start a new state folder",
        path.display()
    )]
    Incomplete {
        /// Path of the database.
        path: PathBuf,
        /// Finding.
        found: String,
        /// Expectation.
        expected: String,
    },
    /// Writer thread that has ended.
    #[error("{}: the writer has stopped: {why}", path.display())]
    Stopped {
        /// Path of the database.
        path: PathBuf,
        /// Reason.
        why: String,
    },
}
