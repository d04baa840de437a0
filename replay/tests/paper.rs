//! `betaflow paper` on the feed of `betaflow serve` gives the results of a replay, however often it is
//! killed.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use betaflow_connectors::store::{Input, InputKind};
use rusqlite::{Connection, params};
use support::disk::SmallDisk;
use support::paper::{SETTINGS, Serving, arguments, digest};
use support::{DAY_NS, Panel, call, folder, joined, run};

/// Content of the result tables of a state folder, bit by bit.
fn state(path: &Path) -> Vec<String> {
    let connection = Connection::open(path.join("state.db")).unwrap();
    let mut all = Vec::new();
    for table in ["equity", "fills", "orders", "weights", "betas"] {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1, 2")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let cell = |at: usize| match row.get_ref(at).unwrap() {
                rusqlite::types::ValueRef::Real(value) => format!("{:016x}", value.to_bits()),
                other => format!("{other:?}"),
            };
            all.push(format!("{table} {}", (0..columns).map(cell).collect::<Vec<_>>().join(" ")));
        }
    }
    all
}

#[test]
fn paper_run_equals_replay() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(71, 220, 8).acting().write(path);
    let replay = run(path, "replay", &[joined("replay", &data, &SETTINGS), vec!["--no-report"]].concat());
    let files = joined("serve", &data, &[]);
    let faults = [
        "--drop",
        "0.05",
        "--duplicate",
        "0.05",
        "--reorder",
        "0.05",
        "--disconnect-every",
        "200ms",
        "--seed",
        "3",
    ];
    for (name, faults) in [("plain", &[][..]), ("faulty", &faults)] {
        let serving = Serving::start(path, &files[1..], faults);
        let ended = call(path, &arguments(&serving.url, name));
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.err);
        assert_eq!(digest(&ended.out), replay.digest(), "{name}: {}", ended.out);
    }
    assert_eq!(state(&path.join("plain")), state(&path.join("faulty")));
    let fills = support::Table::read(&replay.path.join("fills.parquet")).rows();
    let written = state(&path.join("plain")).iter().filter(|row| row.starts_with("fills")).count();
    assert_eq!(written, fills);
}

#[test]
fn killed_run_resumes_with_identical_results() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(73, 1_200, 8).write(path);
    let files = joined("serve", &data, &[]);
    // Slow enough to be killed during the run.
    let serving = Serving::start(path, &files[1..], &["--speed", "24000000"]);
    let whole = call(path, &arguments(&serving.url, "whole"));
    assert_eq!(whole.code, Some(0), "{}", whole.err);
    let mut killed = 0;
    for at in 0..40_u64 {
        let mut program = Command::new(env!("CARGO_BIN_EXE_betaflow"))
            .args(arguments(&serving.url, "killed"))
            .current_dir(path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // From before its first input to well into the data.
        std::thread::sleep(Duration::from_millis(5 + at * 37 % 400));
        killed += u32::from(program.try_wait().unwrap().is_none());
        program.kill().unwrap();
        program.wait().unwrap();
    }
    assert!(killed > 10, "only {killed} runs were alive when killed");
    let ended = call(path, &arguments(&serving.url, "killed"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(digest(&ended.out), digest(&whole.out), "{}", ended.out);
    assert_eq!(state(&path.join("killed")), state(&path.join("whole")));
}

#[cfg(unix)]
#[test]
fn first_interrupt_ends_the_run_after_its_frame_and_says_what_a_second_one_does() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(71, 220, 8).write(path);
    let serving = Serving::start(path, &joined("serve", &data, &[])[1..], &["--speed", "200000"]);
    let mut program = Command::new(env!("CARGO_BIN_EXE_betaflow"))
        .args(arguments(&serving.url, "state"))
        .current_dir(path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.starts_with("paper trading")));
    let id = program.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let rest: Vec<String> = lines.collect();
    let mut log = String::new();
    program.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(program.wait().unwrap().code(), Some(0), "{log}{rest:?}");
    assert!(log.contains("a second Ctrl-C ends the program at once"), "{log}");
}

/// Last recorded frame of a state folder.
fn frames(state: &Path) -> Option<i64> {
    let database = Connection::open(state.join("state.db")).ok()?;
    database.query_row("SELECT max(seq) FROM equity", [], |row| row.get::<_, Option<i64>>(0)).ok()?
}

/// Starts a run on a small disk, and fills the disk after some frames. Returns the run, and its log up to the
/// message about the disk.
fn on_full_disk(
    path: &Path,
    typed: &[&str],
    disk: &SmallDisk<'_>,
) -> (Child, BufReader<ChildStderr>, String) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_betaflow"))
        .args(typed)
        .current_dir(path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while frames(&path.join("disk/state")).unwrap_or(0) < 100 {
        std::thread::sleep(Duration::from_millis(20));
        assert!(program.try_wait().unwrap().is_none());
    }
    disk.fill();
    let mut log = String::new();
    let mut err = BufReader::new(program.stderr.take().unwrap());
    while !log.contains("trading halted: cannot write the state folder") {
        assert_ne!(err.read_line(&mut log).unwrap(), 0, "the run ended: {log}");
    }
    (program, err, log)
}

#[test]
#[ignore = "mounts a small disk, which needs root"]
fn full_disk_halts_trading_until_there_is_room() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(89, 1_200, 8).write(path);
    let files = joined("serve", &data, &[]);
    let serving = Serving::start(path, &files[1..], &["--speed", "24000000"]);
    let whole = call(path, &arguments(&serving.url, "whole"));
    assert_eq!(whole.code, Some(0), "{}", whole.err);
    let mount = path.join("disk");
    let disk = SmallDisk::mount(&mount, 24);
    let (mut program, mut err, mut log) = on_full_disk(path, &arguments(&serving.url, "disk/state"), &disk);
    let state_of = mount.join("state");
    let (before, waits) = (frames(&state_of), Duration::from_millis(1_500));
    std::thread::sleep(waits);
    assert_eq!(frames(&state_of), before, "frames were recorded on a full disk");
    disk.free();
    err.read_to_string(&mut log).unwrap();
    let mut out = String::new();
    program.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert!(program.wait().unwrap().success(), "{log}");
    assert!(log.contains("trading resumed: the state folder can be written"), "{log}");
    assert_eq!(digest(&out), digest(&whole.out), "{out}{log}");
    assert_eq!(state(&state_of), state(&path.join("whole")));
}

#[test]
#[ignore = "mounts a small disk, which needs root"]
fn stopped_run_ends_on_a_full_disk_and_resumes_later() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(89, 1_200, 8).write(path);
    let files = joined("serve", &data, &[]);
    let serving = Serving::start(path, &files[1..], &["--speed", "24000000"]);
    let whole = call(path, &arguments(&serving.url, "whole"));
    for signal in ["-TERM", "-INT", "--for"] {
        let mount = path.join("disk");
        let disk = SmallDisk::mount(&mount, 24);
        let own = if signal == "--for" { &["--for", "3s"][..] } else { &[] };
        let typed = [&arguments(&serving.url, "disk/state")[..], own].concat();
        let (mut program, mut err, mut log) = on_full_disk(path, &typed, &disk);
        if signal == "--for" {
            std::thread::sleep(Duration::from_secs(3));
        } else {
            let id = program.id().to_string();
            assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        }
        let asked = Instant::now();
        err.read_to_string(&mut log).unwrap();
        let code = program.wait().unwrap().code();
        assert!(asked.elapsed() < Duration::from_secs(5), "{signal}: {:?}", asked.elapsed());
        assert!(code == Some(1) && log.contains("expected room for the state"), "{signal}: {code:?} {log}");
        disk.free();
        let ended = call(path, &arguments(&serving.url, "disk/state"));
        assert_eq!(digest(&ended.out), digest(&whole.out), "{signal}: {}{}", ended.out, ended.err);
        drop(disk);
        std::fs::remove_dir(&mount).unwrap();
    }
}

#[test]
fn recorded_input_that_cannot_be_processed_is_skipped_and_reported() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(79, 80, 4).write(path);
    let files = joined("serve", &data, &[]);
    let serving = Serving::start(path, &files[1..], &[]);
    let ended = call(path, &arguments(&serving.url, "state"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let bad = |price: &str| {
        format!(
            r#"{{"type":"bars","seq":80,"timestamp":4000000000000000000,"symbols":["S00"],"columns":{{"close":[{price}]}}}}"#
        )
    };
    for (number, body) in [bad("-1"), bad("1e400"), bad("0"), "{".to_owned()].iter().enumerate() {
        let database = Connection::open(path.join("state/state.db")).unwrap();
        let seq = database.query_row("SELECT max(seq) + 1 FROM inputs", [], |row| row.get(0)).unwrap();
        let input = Input { seq, kind: InputKind::Bars, timestamp: 0, body: body.clone() };
        let row = params![seq, body, input.checksum()];
        database.execute("INSERT INTO inputs VALUES(?1, 'bars', 0, ?2, ?3)", row).unwrap();
        drop(database);
        let again = call(path, &arguments(&serving.url, "state"));
        assert_eq!(again.code, Some(0), "{body}: {}", again.err);
        assert_eq!(digest(&again.out), digest(&ended.out), "{body}");
        let database = Connection::open(path.join("state/state.db")).unwrap();
        let skipped = "SELECT count(DISTINCT seq) FROM events WHERE kind = 'input_skipped'";
        let skipped: usize = database.query_row(skipped, [], |row| row.get(0)).unwrap();
        assert_eq!(skipped, number + 1, "{}", again.err);
    }
    let session = call(path, &["replay", "--session", "state", "--no-report"]);
    assert!(
        session.code == Some(0) && session.out.contains("Same result as the recorded session"),
        "{}{}",
        session.out,
        session.err
    );
}

#[test]
fn names_with_control_characters_are_shown_escaped() {
    let folder = folder();
    let path = folder.path();
    let mut panel = Panel::new(79, 60, 3);
    let name = "S00\u{1b}[31m\nerror: none";
    panel.bars.iter_mut().filter(|bar| bar.symbol == "S00").for_each(|bar| bar.symbol = name.to_owned());
    let [prices, file, ..] = panel.write(path);
    let odd = "odd\u{1b}]0;title\u{7}\nerror: a line.parquet";
    std::fs::rename(path.join(&file), path.join(odd)).unwrap();
    let serving = Serving::start(path, &[&prices, odd], &[]);
    let own = ["--factors", "none", "--set", "strategy.kind=equal_weight"];
    let ended = call(path, &[&arguments(&serving.url, "state"), &own[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let state = call(path, &["state", "state"]);
    for (what, text) in [("paper", &ended.out), ("log", &ended.err), ("state", &state.out)] {
        let control = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
        assert_eq!(control, None, "{what}: {text}");
        assert!(text.lines().all(|line| !line.starts_with("error:")), "{what}: {text}");
    }
    assert!(state.out.contains("  S00\\u{1b}[31m\\nerror: none"), "{}", state.out);
}

#[test]
fn history_warms_up_and_later_frames_trade() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(83, 260, 8);
    let data = panel.write(path);
    std::fs::create_dir(path.join("early")).unwrap();
    let [_, prices, _, factors] = panel.first(150).write(&path.join("early"));
    let files = joined("serve", &data, &[]);
    let history = ["--history", &prices, "--history-factors", &factors];
    let limits = ["--set", "limits.daily_loss_max=0.004", "--set", "limits.drawdown_max=0.03"];
    let serving = Serving::start(path, &files[1..], &[]);
    let paper = |state: &str, more: &[&str]| {
        let arguments = [&arguments(&serving.url, state), &history[..], &limits, more].concat();
        let ended = call(path, &arguments);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        ended
    };
    // First frame after the history.
    let days = panel.times[150] / DAY_NS - 16_436;
    let after = jiff::civil::date(2015, 1, 1).checked_add(jiff::Span::new().days(days)).unwrap();
    let after = format!("data.trade_from={after}");
    let settings = [joined("replay", &data, &SETTINGS), limits.to_vec()].concat();
    let replay = [settings, vec!["--no-report", "--set", &after]].concat();
    let replay = run(path, "replay", &replay);
    let ended = paper("history", &[]);
    assert_eq!(digest(&ended.out), replay.digest(), "{}", ended.out);
    let halted = replay.summary["sizing"]["halted"].as_u64().unwrap();
    assert!(halted > 5, "{halted}");
    let database = Connection::open(path.join("history/state.db")).unwrap();
    let halts = "SELECT count(*) FROM events WHERE kind = 'halted'";
    let halts: u64 = database.query_row(halts, [], |row| row.get(0)).unwrap();
    assert!(halts > 0, "{}", ended.err);
    drop(database);
    // A restart resumes from the state folder and gives the same digest.
    let ended = paper("history", &["--resume-trading"]);
    assert_eq!(digest(&ended.out), replay.digest(), "{}", ended.out);
    let others = ["--history", &factors, "--history-factors", &factors];
    let other = call(path, &[&arguments(&serving.url, "history"), &others[..], &limits].concat());
    assert!(other.code == Some(1) && other.err.contains("found a run with the history"), "{}", other.err);
}

#[test]
fn settings_that_the_feed_decides_are_refused_on_the_command_line_and_named_in_a_file() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(87, 120, 4);
    let data = panel.write(path);
    let serving = Serving::start(path, &joined("serve", &data, &[])[1..], &[]);
    let cases: [(&[&str], &str); 7] = [
        (&["--prices", "prices.parquet"], "data.prices"),
        (&["--set", "data.prices=prices.parquet"], "data.prices"),
        (&["--factors", "factors.parquet"], "data.factors"),
        (&["--set", "data.factors=[\"a.csv\",\"b.csv\"]"], "data.factors"),
        (&["--set", "data.price=open"], "data.price"),
        (&["--set", "data.time_is=open", "--set", "data.bar=1d"], "data.time_is"),
        (&["--set", "data.bar=1d"], "data.bar"),
    ];
    for (typed, name) in cases {
        let ended = call(path, &[&arguments(&serving.url, "refused"), typed].concat());
        assert_eq!(ended.code, Some(1), "{typed:?}: {}", ended.out);
        for part in [&format!("`{name}`, set by {}", typed[0]), "found", "expected", "`betaflow serve`"] {
            assert!(ended.err.contains(part), "{typed:?}, {part}: {}", ended.err);
        }
    }
    // The history has times of its own.
    let history = ["--history", data[1].as_str(), "--history-factors", data[3].as_str()];
    let typed = [&arguments(&serving.url, "history"), &history[..], cases[5].0].concat();
    let ended = call(path, &typed);
    assert!(!ended.err.contains("`data.time_is`"), "{}", ended.err);
    let ended = call(path, &arguments(&serving.url, "plain"));
    let plain = digest(&ended.out);
    std::fs::write(
        path.join("shared.toml"),
        "[data]\nprices = 'prices.parquet'\nfactors = 'none.csv'\nprice = 'open'\n",
    )
    .unwrap();
    let ended = call(path, &[arguments(&serving.url, "shared"), vec!["--config", "shared.toml"]].concat());
    assert_eq!((ended.code, digest(&ended.out)), (Some(0), plain), "{}", ended.err);
    for name in ["data.prices, data.factors", "data.price:"] {
        assert!(ended.err.contains(name), "{name}: {}", ended.err);
    }
}

#[test]
fn venue_feed_equals_replay_of_its_bars() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::of_bars(97, 60, &[14, 15, 16, 17, 18], 8);
    let [_, served, ..] = panel.write(path);
    std::fs::create_dir(path.join("closed")).unwrap();
    // The last served bar would close with the next one, which never arrives.
    let [prices, file, ..] = panel.first(299).write(&path.join("closed"));
    let settings =
        ["factors.mkt=S00", "data.frames_per_day=5", "estimator.warmup=10", "execution.fill_at=open"];
    let sets = support::sets(&settings);
    let replay = [&["replay", &prices, &file, "--factors", "none", "--no-report"], &sets[..]].concat();
    let replay = run(path, "replay", &replay);
    // A restart in the middle gets all bars again from the start; recorded bars are not processed twice.
    let spoken = ["--protocol", "binance", "--speed", "3600000"];
    let serving = Serving::start(path, &[&prices, &served, "--set", "data.bar=1h"], &spoken);
    let symbols = "S00,S01,S02,S03,S04,S05,S06,S07";
    let venue = ["--venue", "binance", "--symbols", symbols, "--set", "feed.bar=1h"];
    let own = ["--set", "feed.bars_from=venue", "--set", "feed.overflow=block", "--set", "data.factors=none"];
    let mut out = String::new();
    for time in ["1s", "3s", "6s"] {
        let paper =
            [&["paper", "--url", &serving.url, "--state", "state", "--for", time], &venue[..], &own, &sets];
        let ended = call(path, &paper.concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        out = ended.out;
    }
    assert_eq!(digest(&out), replay.digest(), "{out}{}", call(path, &["diff", "state", "replay"]).out);
    let session = call(path, &["replay", "--session", "state", "--out", "again", "--no-report"]);
    assert_eq!(session.code, Some(0), "{}", session.err);
    assert!(session.out.contains("Same result as the recorded session"), "{}", session.out);
    let same = call(path, &["diff", "state", "replay"]);
    assert_eq!(same.code, Some(0), "{}", same.out);
    // The raw log keeps the messages of the venue, and `check` counts them.
    let raw = std::fs::read_dir(path.join("state/raw")).unwrap().next().unwrap().unwrap().path();
    let checked = call(path, &["check", raw.to_str().unwrap(), "--venue", "binance"]);
    assert!(checked.code == Some(0) && checked.out.contains("kline_1h"), "{}{}", checked.out, checked.err);
}

#[test]
fn factor_without_bar_skips_the_update_and_keeps_trading() {
    let folder = folder();
    let path = folder.path();
    // One bar in ten of this instrument is missing.
    let [prices, file, ..] = Panel::new(101, 220, 8).write(path);
    let own = ["--factors", "none", "--set", "factors.mkt=S05"];
    let sets = support::sets(&SETTINGS);
    let carried = ["--set", "data.factor_gap=carry", "--no-report"];
    let replay = [&["replay", &prices, &file], &own[..], &sets, &carried].concat();
    let replay = run(path, "replay", &replay);
    let serving = Serving::start(path, &[&prices, &file], &[]);
    let ended = call(path, &[&arguments(&serving.url, "state"), &own[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(digest(&ended.out), replay.digest(), "{}", ended.out);
}

#[test]
fn refused_start_leaves_no_state_folder() {
    let folder = folder();
    let path = folder.path();
    for url in ["http://127.0.0.1:9000", "ws://127.0.0.1:99999"] {
        let ended = call(path, &arguments(url, "state"));
        assert!(ended.code == Some(1) && ended.err.contains(url), "{}", ended.err);
        assert!(!path.join("state").exists(), "{url}");
    }
}

#[test]
fn state_folder_belongs_to_one_run() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(79, 80, 4).write(path);
    let files = joined("serve", &data, &[]);
    let serving = Serving::start(path, &files[1..], &[]);
    let ended = call(path, &arguments(&serving.url, "state"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let other = [arguments(&serving.url, "state"), vec!["--set", "sizing.kelly_fraction=0.5"]].concat();
    let ended = call(path, &other);
    assert!(ended.code == Some(1) && ended.err.contains("other settings"), "{}", ended.err);
    Connection::open(path.join("state/state.db"))
        .unwrap()
        .execute_batch("UPDATE meta SET value = iif(key = 'version', '0.1.0', '1') WHERE key LIKE '%version'")
        .unwrap();
    // Every command names both versions.
    let readers = [
        arguments(&serving.url, "state"),
        vec!["state", "state"],
        vec!["replay", "--session", "state"],
        vec!["dashboard", "--state", "state", "--listen", "127.0.0.1:0"],
        vec!["diff", "state", "state"],
    ];
    for reader in readers {
        let ended = call(path, &reader);
        let named =
            ["betaflow 0.1.0 (schema version 1)", "expected one of betaflow", env!("CARGO_PKG_VERSION")];
        let all = named.iter().all(|word| ended.err.contains(word));
        let failed = matches!(ended.code, Some(1 | 2));
        assert!(failed && all, "{reader:?}: {}", ended.err);
    }
}
