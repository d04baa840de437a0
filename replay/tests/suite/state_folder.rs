//! `betaflow state` shows the content of a state folder during and after a run, and only reads it.

use std::fs;
use std::fs::File;
use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;

use crate::support::{Panel, call, folder, joined, paper};

fn contents(path: &Path, folder: &str) -> Value {
    let ended = call(path, &["state", folder, "--json"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    serde_json::from_str(&ended.out).unwrap()
}

#[test]
fn state_shows_the_recorded_contents() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(91, 160, 6).write(path);
    let serving = paper::Serving::start(path, &joined("serve", &data, &[])[1..], &[]);
    let ended = call(path, &paper::arguments(&serving.url, "state"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let before = fs::read(path.join("state/state.db")).unwrap();

    let contents = contents(path, "state");
    assert_eq!((contents["running"].as_bool(), contents["last_run"].as_str()), (Some(false), Some("ended")));
    let connection = Connection::open(path.join("state/state.db")).unwrap();
    let number = |sql: &str| -> f64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(contents["running"], false);
    assert_eq!(contents["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        contents["inputs"]["total"],
        160.0 as u64 + number("SELECT sum(kind = 'control') FROM inputs") as u64
    );
    assert_eq!(contents["frames"]["count"].as_f64(), Some(number("SELECT count(*) FROM equity")));
    assert_eq!(contents["frames"]["digest"], paper::digest(&ended.out));
    let last = "SELECT nav FROM equity ORDER BY seq DESC LIMIT 1";
    assert_eq!(contents["value"]["nav"].as_f64(), Some(number(last)));
    let earned = number(last) / number("SELECT nav FROM equity ORDER BY seq LIMIT 1") - 1.0;
    assert_eq!(contents["value"]["return"].as_f64(), Some(earned));
    assert_eq!(
        contents["positions"].as_array().unwrap().len() as f64,
        number("SELECT count(*) FROM weights")
    );
    assert_eq!(contents["fills"].as_f64(), Some(number("SELECT count(*) FROM fills")));
    assert_eq!(contents["costs"][0][1].as_f64(), Some(number("SELECT total(commission) FROM equity")));
    assert_eq!(contents["restart"]["from_frame"].as_f64(), Some(number("SELECT max(seq) + 1 FROM equity")));

    // As text, with and without a lock on the folder.
    let lock = File::open(path.join("state/lock")).unwrap();
    lock.lock().unwrap();
    let words = call(path, &["state", "state"]);
    assert!(words.code == Some(0) && words.out.contains("a run is at work"), "{} {}", words.out, words.err);
    drop(lock);
    let words = call(path, &["state", "state"]).out;
    assert!(words.contains("no run is at work") && words.contains(&paper::digest(&ended.out)), "{words}");
    assert!(
        crate::support::flat(&words).contains("sizing.turnover_cap 0.08") && words.contains("prices.parquet"),
        "{words}"
    );
    drop(connection);
    assert_eq!(fs::read(path.join("state/state.db")).unwrap(), before, "the state was changed");
    // The command does not hold the lock.
    let again = call(path, &paper::arguments(&serving.url, "state"));
    assert_eq!(again.code, Some(0), "{}", again.err);
}

#[test]
fn halt_is_shown_and_only_a_halted_run_resumes_trading() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(91, 160, 6).write(path);
    let serving = paper::Serving::start(path, &joined("serve", &data, &[])[1..], &[]);
    let limit = ["--set", "limits.drawdown_max=0.001"];
    let paper = |state: &str, more: &[&str]| {
        let ended = call(path, &[&paper::arguments(&serving.url, state)[..], more].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended
    };
    let resumed = |state: &str| -> u64 {
        let connection = Connection::open(path.join(state).join("state.db")).unwrap();
        let sql = "SELECT count(*) FROM events WHERE kind = 'resumed'";
        connection.query_row(sql, [], |row| row.get(0)).unwrap()
    };
    let ended = paper("halted", &limit);
    assert!(ended.err.contains("exceeds limits.drawdown_max (0.10 %)"), "{}", ended.err);
    let found = contents(path, "halted");
    let halt = &found["halt"];
    assert!(halt["frame"].is_u64() && halt["since"].is_string(), "{halt}");
    assert!(halt["reason"].as_str().unwrap().contains("--resume-trading"), "{halt}");
    assert!(found["configuration"].to_string().contains("limits.drawdown_max"), "{found}");
    let shown = crate::support::flat(&call(path, &["state", "halted"]).out);
    assert!(shown.contains("Trading halted since") && shown.contains("Market time"), "{shown}");
    paper("halted", &[&limit[..], &["--resume-trading"]].concat());
    assert_eq!(resumed("halted"), 1);
    let found = contents(path, "halted");
    for (kind, clock) in [("halted", "market"), ("restarted", "machine"), ("resumed", "machine")] {
        let mut events = found["events"].as_array().unwrap().iter();
        assert!(events.any(|event| event["kind"] == kind && event["clock"] == clock), "{kind}: {found}");
    }

    paper("free", &[]);
    assert!(contents(path, "free")["halt"].is_null());
    let again = paper("free", &["--resume-trading"]);
    assert!(again.out.contains("trading was not halted"), "{}", again.out);
    assert_eq!(resumed("free"), 0);
}

#[test]
fn run_folder_is_no_state_folder_and_run_without_rebalance_has_no_digest() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(91, 60, 6).write(path);
    let settings = [joined("replay", &data, &paper::SETTINGS), vec!["--no-report"]].concat();
    crate::support::run(path, "replayed", &settings);
    let serving = paper::Serving::start(path, &joined("serve", &data, &[])[1..], &[]);
    let refused = call(path, &paper::arguments(&serving.url, "replayed"));
    assert!(refused.code == Some(1) && refused.err.contains("found a run folder"), "{}", refused.err);
    assert!(!path.join("replayed/lock").exists() && !path.join("replayed/state.db").exists());
    let warm_up = [&paper::arguments(&serving.url, "new")[..], &["--set", "estimator.warmup=100"]].concat();
    let ended = call(path, &warm_up);
    assert_eq!((ended.code, &paper::digest(&ended.out)[..]), (Some(0), "none"), "{}", ended.out);
}

#[test]
fn folder_without_state_is_refused() {
    let folder = folder();
    let path = folder.path();
    fs::create_dir(path.join("empty")).unwrap();
    let mut state = crate::support::state::State::create(path, &["A"]);
    state.frames(3);
    let newer = path.join("newer");
    fs::create_dir(&newer).unwrap();
    let other = crate::support::state::State::create(&newer, &["A"]);
    other.meta("schema_version", "9");
    other.meta("version", "7.1.0");
    fs::create_dir(path.join("strange")).unwrap();
    Connection::open(path.join("strange/state.db")).unwrap().execute_batch("CREATE TABLE a(b)").unwrap();
    for (name, expected) in [
        ("absent", "found no state of a run"),
        ("empty", "found no state of a run"),
        ("strange", "found no state of a run"),
        ("newer", "of betaflow 7.1.0 (schema version 9), expected one of betaflow"),
    ] {
        for command in [vec!["state", name], vec!["replay", "--session", name]] {
            let ended = call(path, &command);
            assert!(ended.code == Some(1) && ended.err.contains(expected), "{command:?}: {}", ended.err);
        }
    }
    assert_eq!(contents(path, ".")["frames"]["count"], 3);
}

#[test]
fn missing_empty_damaged_or_changed_database_is_refused_with_remedy() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(79, 80, 4).write(path);
    let files = joined("serve", &data, &[]);
    let serving = paper::Serving::start(path, &files[1..], &[]);
    assert_eq!(call(path, &paper::arguments(&serving.url, "state")).code, Some(0));
    let database = path.join("state/state.db");
    // A changed row of an early frame.
    let change = |factor: f64| {
        let connection = Connection::open(&database).unwrap();
        let early = "UPDATE fills SET price = price * ?1 WHERE seq = (SELECT min(seq) FROM fills)";
        assert!(connection.execute(early, [factor]).unwrap() > 0);
    };
    change(2.0);
    let ended = call(path, &paper::arguments(&serving.url, "state"));
    assert!(ended.code == Some(1) && ended.err.contains("state.db"), "{}", ended.err);
    change(0.5);
    // A missing checksum.
    let sums = fs::read(&database).unwrap();
    let connection = Connection::open(&database).unwrap();
    assert_eq!(
        connection.execute("DELETE FROM sums WHERE seq = (SELECT max(seq) FROM sums)", []).unwrap(),
        1
    );
    drop(connection);
    let ended = call(path, &paper::arguments(&serving.url, "state"));
    assert!(ended.code == Some(1) && ended.err.contains("state.db"), "{}", ended.err);
    fs::write(&database, sums).unwrap();
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
    assert!(
        contents(path, "state")["configuration_fault"].as_str().unwrap().contains("were changed afterwards")
    );
    let session = call(path, &["replay", "--session", "state"]);
    assert!(session.code == Some(1) && session.err.contains("were changed afterwards"), "{}", session.err);
    set(&text);
    assert!(contents(path, "state")["configuration_fault"].is_null());
    // A folder with recordings but without a database is not a new folder.
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
