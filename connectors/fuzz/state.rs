//! Files of a state folder: its database, and segments of its inputs.

use std::fs;
use std::path::Path;

use betaflow_connectors::store::{StateFolder, StateView, StoreError, Sync, read_inputs};
use tempfile::TempDir;

use super::harness::Target;

/// Words of the schema.
const WORDS: [&str; 14] = [
    "SQLite format 3\0",
    "CREATE TABLE ",
    "CREATE TRIGGER ",
    "CREATE VIEW ",
    "INTEGER",
    "TEXT",
    "BLOB",
    "meta",
    "inputs",
    "equity",
    "checkpoints",
    "schema_version",
    "WITHOUT ROWID",
    "bars",
];
const DATABASE: &[u8] = include_bytes!("corpus/state_database/paper.db");

/// State folder with these files alone.
fn folder(root: &TempDir, database: &[u8], segment: Option<&[u8]>) {
    for name in ["state.db", "state.db-wal", "state.db-shm", "state.db-journal"] {
        let _ = fs::remove_file(root.path().join(name));
    }
    fs::write(root.path().join("state.db"), database).unwrap();
    let session = root.path().join("session");
    let _ = fs::remove_dir_all(&session);
    if let Some(segment) = segment {
        fs::create_dir(&session).unwrap();
        fs::write(session.join("inputs-000000000000.parquet"), segment).unwrap();
    }
}

fn assert_of_folder(result: Result<(), StoreError>, root: &TempDir) {
    if let Err(error) = result {
        let text = error.to_string();
        assert!(text.contains(&root.path().display().to_string()), "expected the folder: {text}");
    }
}

fn view(path: &Path) -> Result<(), StoreError> {
    let view = StateView::open(path)?;
    for key in ["version", "started", "configuration", "feed", "schema_version"] {
        view.meta(key)?;
    }
    view.is_running()?;
    view.input_counts()?;
    let mut inputs = view.inputs()?;
    for _ in 0..10_000 {
        if inputs.next_input()?.is_none() {
            break;
        }
    }
    Ok(())
}

fn restart(path: &Path) -> Result<(), StoreError> {
    let folder = StateFolder::open(path, Sync::Normal)?;
    folder.ruined()?;
    folder.last_message()?;
    folder.value("configuration")?;
    let start = folder.start()?;
    let from = start.checkpoints.first().map_or(0, |saved| saved.next_input);
    let mut left = 10_000;
    folder.inputs(from, |_| {
        left -= 1;
        left > 0
    })
}

#[test]
fn state_database() {
    let root = tempfile::tempdir().unwrap();
    Target::new("state_database").memory_mib(128).words(&WORDS).run(move |bytes| {
        folder(&root, bytes, None);
        assert_of_folder(view(root.path()), &root);
        assert_of_folder(restart(root.path()), &root);
    });
}

#[test]
fn state_segment() {
    let root = tempfile::tempdir().unwrap();
    Target::new("state_segment").memory_mib(256).words(&WORDS).run(move |bytes| {
        folder(&root, DATABASE, Some(bytes));
        assert_of_folder(view(root.path()), &root);
        let mut left = 100_000;
        let read = read_inputs(root.path(), 0, &mut |_| {
            left -= 1;
            left > 0
        });
        assert_of_folder(read, &root);
    });
}
