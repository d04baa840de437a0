//! `betaflow state`: contents of a state folder.

mod args;
mod contents;
mod text;

use std::path::Path;

use anyhow::Result;
use betaflow_connectors::store::StateView;
use rusqlite::ErrorCode;

use crate::host::Host;
pub(super) use args::{STATE, StateArgs};
use contents::Contents;

/// Shows the contents of a state folder, without a lock that would stop a run.
///
/// # Errors
/// The folder is not a state folder, or was written by a newer version.
pub(crate) fn state(args: &StateArgs, host: &Host) -> Result<()> {
    let held = Contents::read(&StateView::open(&args.folder)?)?;
    let json = serde_json::to_string_pretty(&held)? + "\n";
    host.conclude(args.json, &json, || text::page(&held), None);
    Ok(())
}

/// Adds the state folder to an error of SQLite, which names no file; other errors name theirs.
pub(crate) fn located(error: anyhow::Error, folder: &Path) -> anyhow::Error {
    if error.is::<rusqlite::Error>() {
        error.context(format!("{}: cannot read the state", folder.display()))
    } else {
        error
    }
}

/// Returns the remedy for an error of SQLite, to be appended to it; empty if there is none.
pub(crate) fn advice(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "; the database is damaged: put state.db back from a copy, with state.db-wal if the copy has one, or try \
             `sqlite3 state.db .recover`; a new --state begins a new run"
        }
        Some(ErrorCode::DiskFull) => "; make room on the disk and start again",
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            "; check the permissions of the folder and its files"
        }
        _ => "",
    }
}
