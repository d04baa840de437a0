//! Changed and missing rows of a state folder are found before a run uses them.

use std::path::Path;

use betaflow_connectors::store::{Input, InputKind, StateFolder, Sync, Writer, read_inputs};
use rusqlite::Connection;
use tempfile::TempDir;

const INPUTS: u64 = 40;

/// Writes a state folder with inputs, frames 10 to 29 and checkpoints after the frames 19 and 29.
fn create(folder: &Path) {
    let state = StateFolder::open(folder, Sync::Normal).unwrap();
    let writer = Writer::start(&state, 1, Box::new(|_| {})).unwrap();
    let handle = writer.handle();
    let input = |seq| Input { seq, kind: InputKind::Bars, timestamp: 7, body: format!(r#"{{"seq":{seq}}}"#) };
    handle.log((0..INPUTS).map(input).collect()).unwrap();
    handle.flush().unwrap();
    let connection = Connection::open(folder.join("state.db")).unwrap();
    for (from, last) in [(10, 19), (20, 29)] {
        for seq in from..=last {
            let row = (seq, 7, 100.0, format!("digest {seq}"));
            let insert = "INSERT INTO equity(seq, timestamp, nav, digest) VALUES(?1, ?2, ?3, ?4)";
            connection.execute(insert, row).unwrap();
        }
        handle.checkpoint(last, last + 5, vec![u8::try_from(last).unwrap(); 30]).unwrap();
        handle.flush().unwrap();
    }
}

/// Checkpoints that a start would use, or the error.
fn start(folder: &Path) -> Result<Vec<u64>, String> {
    let start =
        StateFolder::open(folder, Sync::Normal).unwrap().start().map_err(|error| error.to_string())?;
    Ok(start.checkpoints.iter().map(|checkpoint| checkpoint.seq).collect())
}

#[test]
fn changed_checkpoint_or_frame_is_not_resumed_from() {
    let cases: [(&str, Result<&[u64], &str>); 9] = [
        ("SELECT 1", Ok(&[29, 19])),
        ("UPDATE checkpoints SET state = x'00' WHERE seq = 29", Ok(&[19])),
        ("UPDATE checkpoints SET next_input = 3 WHERE seq = 29", Ok(&[19])),
        ("UPDATE checkpoints SET state = (SELECT state FROM checkpoints WHERE seq = 19)", Ok(&[19])),
        ("UPDATE checkpoints SET digest = 'digest 28' WHERE seq = 29", Ok(&[19])),
        ("UPDATE equity SET digest = 'another' WHERE seq = 29", Ok(&[19])),
        ("DELETE FROM equity WHERE seq > 25", Ok(&[19])),
        ("DELETE FROM equity WHERE seq = 15", Err("found 19 frames, expected 20 from the first to the last")),
        ("DELETE FROM inputs WHERE seq >= 20", Err("found 20 inputs, expected at least 34")),
    ];
    for (sql, expected) in cases {
        let root = TempDir::new().unwrap();
        create(root.path());
        Connection::open(root.path().join("state.db")).unwrap().execute_batch(sql).unwrap();
        let found = start(root.path());
        match expected {
            Ok(seqs) => assert_eq!(found.as_deref(), Ok(seqs), "{sql}"),
            Err(part) => assert!(found.as_ref().is_err_and(|error| error.contains(part)), "{sql}: {found:?}"),
        }
    }
}

#[test]
fn changed_or_missing_input_is_refused() {
    let cases = [
        ("UPDATE inputs SET body = '{\"seq\":8}' WHERE seq = 7", "found input 7 with another content"),
        ("UPDATE inputs SET timestamp = 8 WHERE seq = 30", "found input 30 with another content"),
        ("UPDATE inputs SET kind = 'control' WHERE seq = 30", "found input 30 with another content"),
        ("DELETE FROM inputs WHERE seq = 21", "found no input 21"),
    ];
    for (sql, expected) in cases {
        let root = TempDir::new().unwrap();
        create(root.path());
        Connection::open(root.path().join("state.db")).unwrap().execute_batch(sql).unwrap();
        let error = read_inputs(root.path(), 0, &mut |_| true).unwrap_err().to_string();
        assert!(error.contains("state.db") && error.contains(expected), "{sql}: {error}");
    }
}
