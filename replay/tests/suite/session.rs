//! `betaflow replay --session` reproduces a paper run from its recorded inputs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;

use crate::support::{Panel, TABLES, call, folder, joined, paper, run};

#[test]
fn session_replays_to_the_recorded_digests() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(83, 200, 8).acting().write(path);
    let own = vec!["--set", "record.betas=rebalances", "--no-report"];
    let from_files = run(path, "files", &[joined("replay", &data, &paper::SETTINGS), own].concat());
    let serving =
        paper::Serving::start(path, &joined("serve", &data, &[])[1..], &["--drop", "0.05", "--seed", "4"]);
    let ended = call(path, &paper::arguments(&serving.url, "state"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    drop(serving);

    let again = call(path, &["replay", "--session", "state", "--out", "again"]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    assert!(again.out.contains("Same result as the recorded session"), "{}", again.out);
    let again = crate::support::Run::at(path.join("again"));
    assert_eq!(again.digest(), paper::digest(&ended.out));
    for table in TABLES {
        assert_eq!(again.bytes(table), from_files.bytes(table), "{table}");
    }
    assert!(again.path.join("report.html").exists());
    let ended = call(path, &["diff", "state", "again"]);
    assert!(
        ended.code == Some(0) && ended.flat().contains("Result no difference"),
        "{} {}",
        ended.out,
        ended.err
    );
    assert!(ended.out.contains(again.digest()), "{}", ended.out);

    // Its run.toml can be replayed, and other commands refuse it.
    let toml = call(path, &["replay", "--config", "again/run.toml", "--out", "toml", "--no-report"]);
    assert_eq!(toml.code, Some(0), "{}", toml.err);
    assert_eq!(crate::support::Run::at(path.join("toml")).digest(), again.digest());
    let other = call(path, &["estimate", "--config", "again/run.toml", "--out", "other"]);
    assert!(other.code == Some(1) && other.err.contains("`data.session`"), "{}", other.err);

    // Digests are compared unless a setting changes results.
    for (set, compared) in [("record.weights=all", true), ("sizing.kelly_fraction=0.5", false)] {
        let ended = call(path, &["replay", "--session", "state", "--set", set, "--out", set, "--no-report"]);
        assert_eq!(ended.code, Some(0), "{set}: {}", ended.err);
        let expected = if compared { "Same result as the recorded session" } else { "not compared with" };
        assert!(ended.out.contains(expected), "{set}: {}", ended.out);
    }

    // A changed recording is detected, with its frame.
    let connection = Connection::open(path.join("state/state.db")).unwrap();
    let seq: u64 = connection.query_row("SELECT max(seq) - 20 FROM equity", [], |row| row.get(0)).unwrap();
    connection.execute("UPDATE equity SET digest = 'ab' WHERE seq = ?1", [seq]).unwrap();
    drop(connection);
    let ended = call(path, &["replay", "--session", "state", "--out", "changed", "--no-report"]);
    let expected = format!("frame {seq} is the first that differs");
    assert!(
        ended.code == Some(1) && ended.err.contains(&expected) && ended.err.contains("betaflow diff"),
        "{}",
        ended.err
    );
    assert_eq!(crate::support::Run::at(path.join("changed")).digest(), again.digest());
}

#[test]
fn session_in_progress_is_replayed_up_to_its_last_input() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(89, 1_200, 6).write(path);
    let serving = paper::Serving::start(path, &joined("serve", &data, &[])[1..], &["--speed", "24000000"]);
    let mut program = Command::new(env!("CARGO_BIN_EXE_betaflow"))
        .args(paper::arguments(&serving.url, "state"))
        .current_dir(path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for_frames(path, 100);
    let ended = call(path, &["replay", "--session", "state", "--out", "part", "--no-report"]);
    let state = call(path, &["state", "state"]);
    let ended_before = program.try_wait().unwrap();
    program.kill().unwrap();
    program.wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out.contains("Same result as the recorded session"), "{}", ended.out);
    assert_eq!(ended_before, None, "the run had ended");
    assert!(state.out.contains("a run is at work"), "{} {}", state.out, state.err);
    assert!(crate::support::Run::at(path.join("part")).table("equity").rows() < 1_150);
}

fn wait_for_frames(path: &Path, count: u64) {
    for _ in 0..600 {
        let frames = Connection::open(path.join("state/state.db")).and_then(|connection| {
            connection.query_row("SELECT count(*) FROM equity", [], |row| row.get::<_, u64>(0))
        });
        if frames.is_ok_and(|frames| frames >= count) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("no {count} frames within 30 s");
}
