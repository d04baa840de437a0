//! Files of forecasts, weights or a risk model in a paper run: those that are there at the start act as in a replay,
//! late ones from the next bar on, and the recorded session has the digest of the run.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rusqlite::Connection;

use crate::support::paper::{Serving, arguments, digest};
use crate::support::user_files::{risk_model, signal};
use crate::support::{DAY_NS, Panel, call, folder, joined, run};

const VALID: [&str; 2] = ["--set", "strategy.valid_for=20"];

fn texts(state: &Path, kind: &str) -> Vec<String> {
    let database = Connection::open(state.join("state.db")).unwrap();
    let mut statement = database.prepare("SELECT text FROM events WHERE kind = ?1 ORDER BY id").unwrap();
    let rows = statement.query_map([kind], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

fn assert_session_equals(path: &Path, digest: &str) {
    let session = call(path, &["replay", "--session", "state", "--force", "--out", "again", "--no-report"]);
    assert_eq!(session.code, Some(0), "{}", session.err);
    assert!(session.out.contains("Same result as the recorded session"), "{}", session.out);
    assert_eq!(crate::support::Run::at(path.join("again")).digest(), digest);
}

#[test]
fn paper_run_with_files_at_the_start_equals_replay() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(71, 220, 8);
    let data = panel.write(path);
    for (column, name) in [("forecast", "scores"), ("weight", "book")] {
        fs::create_dir(path.join(name)).unwrap();
        signal(&path.join(name).join("a.parquet"), &panel, 0..100, column, 1);
        signal(&path.join(name).join("b.parquet"), &panel, 100..220, column, 2);
    }
    risk_model(&path.join("betas.parquet"), &path.join("cov.parquet"), &panel);
    let model = ["estimator.kind=given", "estimator.betas=betas.parquet", "estimator.factor_cov=cov.parquet"];
    let forecasts = [&["--forecasts", "scores"], &VALID[..]].concat();
    let cases = [
        ("forecasts", forecasts.clone(), "of forecasts"),
        ("weights", vec!["--weights", "book/a.parquet"], "of weights"),
        ("both", [crate::support::sets(&model), forecasts].concat(), "of factor covariances"),
    ];
    let serving = Serving::start(path, &joined("serve", &data, &[])[1..], &[]);
    for (name, own, content) in cases {
        let typed =
            [joined("replay", &data, &crate::support::paper::SETTINGS), own.clone(), vec!["--no-report"]];
        let replay = run(path, name, &typed.concat());
        fs::remove_dir_all(path.join("state")).unwrap_or_default();
        let typed = [arguments(&serving.url, "state"), own].concat();
        let ended = call(path, &typed);
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.err);
        assert_eq!(digest(&ended.out), replay.digest(), "{name}: {}{}", ended.out, ended.err);
        let state = call(path, &["state", "state"]);
        assert!(state.flat().contains("Your files"), "{}", state.out);
        // The session needs none of the files.
        fs::rename(path.join("scores"), path.join("moved")).unwrap();
        assert_session_equals(path, replay.digest());
        fs::rename(path.join("moved"), path.join("scores")).unwrap();
        let again = crate::support::Run::at(path.join("again"));
        let files = again.summary["given"]["files"].as_array().unwrap();
        assert_eq!(files.len(), replay.summary["given"]["files"].as_array().unwrap().len(), "{content}");
        // A restart takes no file again.
        let before = texts(&path.join("state"), "user_file");
        let ended = call(path, &typed);
        assert_eq!(digest(&ended.out), replay.digest(), "{name}: {}{}", ended.out, ended.err);
        assert_eq!(texts(&path.join("state"), "user_file"), before);
    }
}

#[test]
fn files_at_the_start_act_on_the_frames_of_history() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(83, 260, 8);
    let data = panel.write(path);
    fs::create_dir(path.join("early")).unwrap();
    let [_, prices, _, factors] = panel.first(150).write(&path.join("early"));
    signal(&path.join("scores.parquet"), &panel, 0..260, "forecast", 3);
    // The information coefficient is learned from the scores of history.
    let own = [&["--forecasts", "scores.parquet", "--set", "strategy.unit=zscore"], &VALID[..]].concat();
    let days = panel.times[150] / DAY_NS - 16_436;
    let after = jiff::civil::date(2015, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
    let after = format!("data.trade_from={after}");
    let typed = [
        joined("replay", &data, &crate::support::paper::SETTINGS),
        own.clone(),
        vec!["--no-report", "--set", &after],
    ];
    let replay = run(path, "replay", &typed.concat());
    let serving = Serving::start(path, &joined("serve", &data, &[])[1..], &[]);
    let history = vec!["--history", prices.as_str(), "--history-factors", &factors];
    let typed = [arguments(&serving.url, "state"), own, history].concat();
    let ended = call(path, &typed);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(digest(&ended.out), replay.digest(), "{}", ended.out);
    assert_session_equals(path, replay.digest());
    // The history is recorded once, behind the file.
    let ended = call(path, &typed);
    assert_eq!(digest(&ended.out), replay.digest(), "{}{}", ended.out, ended.err);
    assert_eq!(texts(&path.join("state"), "history").len(), 1);
    assert_eq!(texts(&path.join("state"), "user_file").len(), 1);
    let other = ["replay", "--session", "state", "--set", "strategy.path=scores.parquet", "--out", "other"];
    let other = call(path, &other);
    assert!(other.code == Some(1) && other.err.contains("found a file with --session"), "{}", other.err);
}

/// Starts a run, in the background.
fn start(path: &Path, typed: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_betaflow"))
        .args(typed)
        .current_dir(path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn files_that_arrive_late_and_while_the_run_is_down_are_recorded_once() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(73, 1_200, 8);
    let data = panel.write(path);
    let scores = path.join("scores");
    fs::create_dir(&scores).unwrap();
    let put = |name: &str, frames, seed| signal(&scores.join(name), &panel, frames, "forecast", seed);
    let serving = Serving::start(path, &joined("serve", &data, &[])[1..], &["--speed", "24000000"]);
    let own = ["--forecasts", "scores", "--set", "strategy.valid_for=2000"];
    let typed = [&arguments(&serving.url, "state"), &own[..]].concat();
    put("00.parquet", 0..60, 1);
    // A file that is not complete for a long time.
    let part = scores.join("part.parquet");
    put("whole.parquet", 0..100, 7);
    let whole = fs::read(scores.join("whole.parquet")).unwrap();
    fs::remove_file(scores.join("whole.parquet")).unwrap();
    fs::write(&part, &whole[..whole.len() / 2]).unwrap();
    let mut killed = 0;
    for at in 0..16_u64 {
        let mut program = start(path, &typed);
        std::thread::sleep(Duration::from_millis(5 + at * 37 % 300));
        // Dates up to a time near that of the run's bars.
        put(&format!("{at:02}.parquet"), 0..60 + 20 * at as usize, at);
        std::thread::sleep(Duration::from_millis(at * 41 % 120));
        killed += u32::from(program.try_wait().unwrap().is_none());
        program.kill().unwrap();
        program.wait().unwrap();
        put(&format!("down{at:02}.parquet"), 0..70 + 20 * at as usize, 100 + at);
    }
    assert!(killed > 5, "only {killed} runs were alive when killed");
    // Revised between two starts.
    put("down03.parquet", 0..500, 999);
    let ended = call(path, &typed);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let state = path.join("state");
    let taken = texts(&state, "user_file");
    let distinct: BTreeSet<&String> = taken.iter().collect();
    let named = |name: &str| taken.iter().filter(|text| text.contains(name)).count();
    for at in 0..16 {
        assert!(named(&format!("from {at:02}.parquet")) > 0, "{taken:?}");
        assert_eq!(named(&format!("down{at:02}.parquet")), 1 + usize::from(at == 3), "{taken:?}");
    }
    assert!(taken.iter().any(|text| text.contains("down03") && text.contains("revise")), "{taken:?}");
    assert!(distinct.len() + 1 >= taken.len(), "{taken:?}");
    assert_session_equals(path, &digest(&ended.out));
    let json = call(path, &["state", "state", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["user_files"]["taken"], taken.len());
}

#[test]
fn unreadable_file_is_reported_and_taken_once_it_is_complete() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(79, 1_200, 6);
    let data = panel.write(path);
    let scores = path.join("scores");
    fs::create_dir(&scores).unwrap();
    signal(&path.join("whole.parquet"), &panel, 0..100, "forecast", 7);
    let whole = fs::read(path.join("whole.parquet")).unwrap();
    fs::write(scores.join("part.parquet"), &whole[..whole.len() / 2]).unwrap();
    let serving = Serving::start(path, &joined("serve", &data, &[])[1..], &["--speed", "12000000"]);
    let mut program =
        start(path, &[&arguments(&serving.url, "state"), &["--forecasts", "scores"][..]].concat());
    let wait = |kind: &str| {
        let found = || path.join("state/state.db").exists() && !texts(&path.join("state"), kind).is_empty();
        (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            found()
        })
    };
    let reported = wait("user_file_refused");
    fs::write(scores.join("part.parquet"), &whole).unwrap();
    let taken = wait("user_file");
    let code = program.wait().unwrap().code();
    assert!(reported && taken && code == Some(0), "{reported} {taken} {code:?}");
    let refused = texts(&path.join("state"), "user_file_refused");
    assert!(refused.len() == 1 && refused[0].contains("part.parquet"), "{refused:?}");
    let missing = call(path, &[&arguments(&serving.url, "other"), &["--forecasts", "none"][..]].concat());
    assert!(missing.code == Some(1) && missing.err.contains("expected a folder"), "{}", missing.err);
}
