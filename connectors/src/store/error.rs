//! What can go wrong with a state folder.

use std::io;
use std::path::PathBuf;

/// An error of a state folder: where, what was found, what was expected, what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("{}: could not {doing}: {source}", path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("{}: could not {doing}: {source}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// Another process works on it.
    #[error(
        "{}: found another process at work on this state folder, expected none; stop it",
        .0.display()
    )]
    Locked(PathBuf),
    /// Another version wrote it.
    #[error(
        "{}: found a state folder of betaflow {by} (schema version {found}), expected one of betaflow {} (schema version \
         {expected}): results and tables differ between the two; go on with betaflow {by}, or begin a new state folder",
        path.display(),
        env!("CARGO_PKG_VERSION")
    )]
    Version {
        /// The database.
        path: PathBuf,
        /// Its schema version.
        found: String,
        /// The schema version of this betaflow.
        expected: u32,
        /// The version of the program that wrote it.
        by: String,
    },
    /// It is of a run with other settings.
    #[error(
        "{}: found the state of a run with other settings, expected those of this one; give the settings that are in it, \
         or begin a new state folder",
        .0.display()
    )]
    OtherSettings(PathBuf),
    /// What is computed again is not what was written.
    #[error(
        "{}: frame {seq} has the digest {found} now and {written} on record: the same inputs no longer give the same \
         results; use the version of betaflow that wrote it",
        path.display()
    )]
    NotReproduced {
        /// The database.
        path: PathBuf,
        /// Number of the frame.
        seq: u64,
        /// The digest on record.
        written: String,
        /// The digest now.
        found: String,
    },
    /// The database of earlier recordings is gone.
    #[error(
        "{}: found {found} beside recordings of an earlier run (session: {session} files, raw: {raw} files), expected the \
         state.db that belongs to them; put it back from a copy, with state.db-wal where there is one",
        path.display()
    )]
    Lost {
        /// The folder.
        path: PathBuf,
        /// Finding in place of the database.
        found: &'static str,
        /// Segments of inputs in it.
        session: usize,
        /// Recordings of a venue in it.
        raw: usize,
    },
    /// A folder is none of a run.
    #[error(
        "{}: found no state of a run, expected the state folder of a paper run, with state.db", .0.display()
    )]
    NoState(PathBuf),
    /// A segment of the session is not as it should be.
    #[error("{}: found {found}, expected {expected}", path.display())]
    Segment {
        /// The segment.
        path: PathBuf,
        /// What was found.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// Inputs are missing.
    #[error(
        "{}: found input {first} where input {next} was expected: a file of its folder `session` that has inputs from \
         {next} on is missing; put it back from a copy, without it the session can go on but not be replayed",
        path.display()
    )]
    Hole {
        /// The database.
        path: PathBuf,
        /// The first that is missing.
        next: u64,
        /// The first behind it.
        first: u64,
    },
    /// The thread that writes has ended.
    #[error("{}: the writer has stopped: {why}", path.display())]
    Stopped {
        /// The database.
        path: PathBuf,
        /// Why.
        why: String,
    },
}
