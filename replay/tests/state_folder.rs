//! `betaflow state` says what a state folder holds, while a run is at work and after it, and disturbs nothing.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::fs;
use std::fs::File;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;
use support::{Panel, call, folder, joined, paper};

fn held(path: &Path, folder: &str) -> Value {
    let ended = call(path, &["state", folder, "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap()
}

#[test]
fn it_says_what_is_on_record() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(91, 160, 6).write(path);
    let serving = paper::Serving::start(path, &joined("serve", &data, &[])[1..], &[]);
    let ended = call(path, &paper::arguments(&serving.url, "state"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let before = fs::read(path.join("state/state.db")).unwrap();

    let held = held(path, "state");
    assert_eq!((held["running"].as_bool(), held["last_run"].as_str()), (Some(false), Some("ended")));
    let connection = Connection::open(path.join("state/state.db")).unwrap();
    let number = |sql: &str| -> f64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(held["running"], false);
    assert_eq!(held["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        held["inputs"]["total"],
        160.0 as u64 + number("SELECT sum(kind = 'control') FROM inputs") as u64
    );
    assert_eq!(held["frames"]["count"].as_f64(), Some(number("SELECT count(*) FROM equity")));
    assert_eq!(held["frames"]["digest"], paper::digest(&ended.out));
    let last = "SELECT nav FROM equity ORDER BY seq DESC LIMIT 1";
    assert_eq!(held["value"]["nav"].as_f64(), Some(number(last)));
    let earned = number(last) / number("SELECT nav FROM equity ORDER BY seq LIMIT 1") - 1.0;
    assert_eq!(held["value"]["return"].as_f64(), Some(earned));
    assert_eq!(held["positions"].as_array().unwrap().len() as f64, number("SELECT count(*) FROM weights"));
    assert_eq!(held["fills"].as_f64(), Some(number("SELECT count(*) FROM fills")));
    assert_eq!(held["costs"][0][1].as_f64(), Some(number("SELECT total(commission) FROM equity")));
    assert_eq!(held["restart"]["from_frame"].as_f64(), Some(number("SELECT max(seq) + 1 FROM equity")));

    // In words, while somebody holds the lock, and then not.
    let lock = File::open(path.join("state/lock")).unwrap();
    lock.lock().unwrap();
    let words = call(path, &["state", "state"]);
    assert!(words.code == Some(0) && words.out.contains("a run is at work"), "{} {}", words.out, words.err);
    drop(lock);
    let words = call(path, &["state", "state"]).out;
    assert!(words.contains("no run is at work") && words.contains(&paper::digest(&ended.out)), "{words}");
    assert!(words.contains("sizing.turnover_cap = 0.08") && words.contains("prices.parquet"), "{words}");
    drop(connection);
    assert_eq!(fs::read(path.join("state/state.db")).unwrap(), before, "it only reads");
    // It does not hold the lock either.
    let again = call(path, &paper::arguments(&serving.url, "state"));
    assert_eq!(again.code, Some(0), "{}", again.err);
}

#[test]
fn what_is_no_state_folder_is_refused_in_a_sentence() {
    let folder = folder();
    let path = folder.path();
    fs::create_dir(path.join("empty")).unwrap();
    let mut state = support::state::State::create(path, &["A"]);
    state.frames(3);
    let newer = path.join("newer");
    fs::create_dir(&newer).unwrap();
    let other = support::state::State::create(&newer, &["A"]);
    other.meta("schema_version", "9");
    other.meta("version", "7.1.0");
    fs::create_dir(path.join("strange")).unwrap();
    Connection::open(path.join("strange/state.db")).unwrap().execute_batch("CREATE TABLE a(b)").unwrap();
    for (name, said) in [
        ("absent", "found no state of a run"),
        ("empty", "found no state of a run"),
        ("strange", "found no state of a run"),
        ("newer", "of betaflow 7.1.0 (schema version 9), expected one of betaflow"),
    ] {
        for command in [vec!["state", name], vec!["replay", "--session", name]] {
            let ended = call(path, &command);
            assert!(ended.code == Some(1) && ended.err.contains(said), "{command:?}: {}", ended.err);
        }
    }
    assert_eq!(held(path, ".")["frames"]["count"], 3);
}

#[test]
fn a_database_that_is_gone_empty_damaged_or_changed_is_refused_with_advice() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(79, 80, 4).write(path);
    let files = joined("serve", &data, &[]);
    let serving = paper::Serving::start(path, &files[1..], &[]);
    assert_eq!(call(path, &paper::arguments(&serving.url, "state")).code, Some(0));
    let database = path.join("state/state.db");
    // Changed settings.
    let text: String = Connection::open(&database)
        .unwrap()
        .query_row("SELECT value FROM meta WHERE key = 'configuration'", [], |row| row.get(0))
        .unwrap();
    let set = |text: &str| {
        let connection = Connection::open(&database).unwrap();
        connection.execute("UPDATE meta SET value = ?1 WHERE key = 'configuration'", [text]).unwrap();
    };
    set(&text.replace("kelly_fraction = 0.25", "kelly_fraction = 0.5"));
    assert!(held(path, "state")["configuration_fault"].as_str().unwrap().contains("were changed after it"));
    let session = call(path, &["replay", "--session", "state"]);
    assert!(session.code == Some(1) && session.err.contains("were changed after it"), "{}", session.err);
    set(&text);
    assert!(held(path, "state")["configuration_fault"].is_null());
    // What is left of a run without its database is no new folder.
    for name in ["state.db-wal", "state.db-shm"] {
        let _ = fs::remove_file(path.join("state").join(name));
    }
    fs::create_dir_all(path.join("state/raw")).unwrap();
    fs::write(path.join("state/raw/raw-20260101T000000-000001.jsonl"), "{}\n").unwrap();
    let whole = fs::read(&database).unwrap();
    type Change<'a> = (&'a dyn Fn(), &'a str);
    let cases: [Change<'_>; 3] = [
        (&|| fs::write(&database, "").unwrap(), "found an empty state.db beside recordings"),
        (&|| fs::remove_file(&database).unwrap(), "found no state.db beside recordings"),
        (
            &|| fs::write(&database, [&whole[..4_096], &vec![7; whole.len() - 4_096]].concat()).unwrap(),
            "is damaged: put",
        ),
    ];
    for (change, part) in cases {
        change();
        let ended = call(path, &paper::arguments(&serving.url, "state"));
        assert!(ended.code == Some(1) && ended.err.contains(part), "{part}: {}", ended.err);
        if database.exists() {
            let ended = call(path, &["state", "state"]);
            assert_eq!(ended.code, Some(1), "{part}: {}", ended.out);
        }
    }
}
