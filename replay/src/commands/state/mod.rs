//! `betaflow state`: what a state folder holds.

mod args;
mod contents;
mod text;

use anyhow::Result;
use betaflow_connectors::store::StateView;

use rusqlite::ErrorCode;

use crate::terminal::say;
pub(super) use args::{STATE, StateArgs};
use contents::Contents;

/// Says what is in a state folder, and disturbs nothing.
///
/// # Errors
/// It is no state folder, or of a newer version.
pub(crate) fn state(args: &StateArgs) -> Result<()> {
    let held = Contents::read(&StateView::open(&args.folder)?)?;
    let text = if args.json { serde_json::to_string_pretty(&held)? + "\n" } else { text::of(&held) };
    say(&text);
    Ok(())
}

/// Advice for an error of SQLite, to be put behind it; empty where there is none to give.
pub(crate) fn advice(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "; the database is damaged: put state.db back from a copy, with state.db-wal where there is one, or try \
             `sqlite3 state.db .recover`; a new --state begins a new run"
        }
        Some(ErrorCode::DiskFull) => "; make room on the disk and start again",
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            "; check the permissions of the folder and its files"
        }
        _ => "",
    }
}
