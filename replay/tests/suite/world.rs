//! Scenarios of `[world]` from the command line, the same in every command.

use std::fs;
use std::path::Path;

use crate::support::{Ended, Panel, Run, Table, call, folder, joined, run, sets};

/// Settings of each scenario, and part of its note.
const WORLDS: &[(&[&str], &str)] = &[
    (&["world.cost_multiplier=3"], "world.cost_multiplier = 3"),
    (&["world.spread_multiplier=5", "world.sizing_knows=false"], "world.sizing_knows = false"),
    (&["world.volatile_cost_multiplier=4", "world.volatile_share=0.2"], "world.volatile_share = 0.2"),
    (&["world.spread_follows_volatility=1"], "world.spread_follows_volatility = 1"),
    (&["world.gap_from=2015-06-01", "world.gap_frames=10"], "loses 10 frames from 2015-06-01 to 2015-06-12"),
    (
        &["world.reverse_factor=mom", "world.reverse_from=\"2015-05-01\""],
        "`mom` have the opposite sign from 2015-05-01",
    ),
    (&["world.worst_windows=2", "world.worst_window_days=20"], "repeats the 2 worst windows of 20 dates"),
    (&["world.bootstrap_seed=7", "world.bootstrap_block=10"], "in blocks of 10 days on average"),
];
const COMMON: &[&str] = &["estimator.warmup=60", "sizing.weight_min=-0.05", "estimator.kind=dlm"];

fn panel(folder: &Path) -> [String; 4] {
    // Longer than a year, before which no day counts as volatile.
    Panel::new(51, 420, 8).acting().write(folder)
}

fn replay(folder: &Path, data: &[String], settings: &[&str], out: &str) -> Run {
    run(folder, out, &[joined("replay", data, settings), vec!["--force"]].concat())
}

#[test]
fn every_world_is_reported_and_reproducible() {
    let folder = folder();
    let path = folder.path();
    let data = panel(path);
    let plain = replay(path, &data, COMMON, "plain");
    assert!(plain.summary["world"].is_null());
    let world = plain.config["world"].as_table().unwrap();
    assert_eq!(world["cost_multiplier"].as_float(), Some(1.0));
    assert!(!world.contains_key("bootstrap_seed") && !world.contains_key("gap_from"), "{world}");
    for (at, (settings, words)) in WORLDS.iter().enumerate() {
        let ended = call(
            path,
            &[joined("replay", &data, &[COMMON, settings].concat()), vec!["--force", "--out", "world"]]
                .concat(),
        );
        assert_eq!(ended.code, Some(0), "{settings:?}: {}", ended.err);
        let stressed = Run::at(path.join("world"));
        assert_ne!(stressed.digest(), plain.digest(), "{settings:?}");
        let report = fs::read_to_string(path.join("world/report.html")).unwrap();
        let summary = serde_json::to_string(&stressed.summary["warnings"]).unwrap();
        let note = stressed.summary["world"].as_str().unwrap();
        assert!(note.starts_with("STRESSED ENVIRONMENT"), "{note}");
        for text in [&ended.flat(), &summary, &report] {
            assert!(text.contains("STRESSED ENVIRONMENT"), "{settings:?}: {text}");
        }
        assert!(summary.contains(words), "{settings:?}: {summary}");
        if at % 3 == 0 {
            let config = path.join("world/run.toml").display().to_string();
            let again = run(path, "again", &["replay", "--config", &config, "--force"]);
            assert_eq!(again.digest(), stressed.digest());
        }
    }
}

#[test]
fn world_applies_to_the_embedded_data() {
    let folder = folder();
    let path = folder.path();
    let settings = [
        "world.worst_windows=3",
        "world.reverse_factor=mom",
        "world.gap_from=2020-03-02",
        "world.gap_frames=5",
    ];
    let stressed = run(path, "out", &[vec!["replay", "--no-report"], sets(&settings)].concat());
    assert_eq!(stressed.summary["data"]["frames"], 2264 + 3 * 63 - 5);
    let warnings = stressed.summary["warnings"].to_string();
    // The worst 63 days of the embedded data end in March 2020.
    assert!(warnings.contains("to 2020-03-2"), "{warnings}");
}

#[test]
fn multiplied_cost_is_charged_in_every_fill() {
    let folder = folder();
    let path = folder.path();
    let data = panel(path);
    let settings =
        ["world.cost_multiplier=2", "world.spread_multiplier=1.5", "world.commission_multiplier=0"];
    let fills = replay(path, &data, &[COMMON, &settings].concat(), "out").table("fills");
    let [notional, spread, commission, bps] =
        ["notional", "spread", "commission", "half_spread_bps"].map(|name| fills.numbers(name));
    assert!(fills.rows() > 50);
    let reasons = fills.texts("reason");
    for row in (0..fills.rows()).filter(|row| reasons[*row] == "order") {
        assert_eq!((bps[row], commission[row]), (12.0, 0.0));
        assert!((spread[row] - notional[row].abs() * 12e-4).abs() < 1e-9);
    }
}

#[test]
fn stress_over_worlds_has_the_digests_of_replays() {
    let folder = folder();
    let path = folder.path();
    let data = panel(path);
    let scenarios: Vec<Vec<&str>> = WORLDS.iter().map(|(settings, _)| settings.to_vec()).collect();
    let grid: String = scenarios
        .iter()
        .map(|settings| {
            let line = |setting: &&str| {
                let (name, value) = setting.split_once('=').unwrap();
                let bare =
                    value.chars().next().unwrap().is_alphabetic() && !["true", "false"].contains(&value);
                if bare { format!("\"{name}\" = \"{value}\"\n") } else { format!("\"{name}\" = {value}\n") }
            };
            format!("[[scenario]]\n{}", settings.iter().map(line).collect::<String>())
        })
        .collect();
    fs::write(path.join("worlds.toml"), grid).unwrap();
    let ended = call(
        path,
        &[joined("stress", &data, COMMON), vec!["--grid", "worlds.toml", "--out", "stress"]].concat(),
    );
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    // Scenarios that change only costs share a pass; each of the others has its own frames.
    assert!(ended.err.contains("8 scenarios in 5 passes"), "{}", ended.err);
    let digests = Table::read(&path.join("stress/scenarios.parquet")).texts("digest");
    for (settings, digest) in scenarios.iter().zip(&digests) {
        let one = run(
            path,
            "one",
            &[joined("replay", &data, &[COMMON, settings].concat()), vec!["--no-report", "--force"]].concat(),
        );
        assert_eq!(one.digest(), digest, "{settings:?}");
    }
}

#[test]
fn resampled_paths_differ() {
    let folder = folder();
    let path = folder.path();
    let data = panel(path);
    fs::write(path.join("paths.toml"), "[grid]\n\"world.bootstrap_seed\" = [1, 2, 3, 4, 5, 6]\n").unwrap();
    let arguments = [joined("stress", &data, COMMON), vec!["--grid", "paths.toml", "--out", "out"]].concat();
    let ended = call(path, &arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let table = Table::read(&path.join("out/scenarios.parquet"));
    let mut digests = table.texts("digest");
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), 6);
    // The summary has no note about a single path.
    let summary = fs::read_to_string(path.join("out/summary.json")).unwrap();
    assert!(!summary.contains("a resampled path"), "{summary}");
}

#[test]
fn world_applies_to_estimates() {
    let folder = folder();
    let path = folder.path();
    let data = panel(path);
    let of = |settings: &[&str], out: &str| {
        run(path, out, &joined("estimate", &data, &[COMMON, settings].concat()))
    };
    let plain = of(&["world.cost_multiplier=3"], "costs");
    assert!(plain.summary["world"].is_null(), "costs do not apply without trades");
    let gap = of(&["world.gap_from=2015-06-01", "world.gap_frames=10"], "gap");
    assert!(gap.summary["world"].as_str().unwrap().contains("gap_frames = 10"));
    assert_eq!(gap.summary["data"]["frames"], 410);
    let report = fs::read_to_string(gap.path.join("report.html")).unwrap();
    assert!(report.contains("STRESSED ENVIRONMENT"));
    let frames = [&plain, &gap].map(|run| {
        let mut times = run.table("betas").times();
        times.dedup();
        times.len()
    });
    assert_eq!(frames[0] - frames[1], 10);
}

#[test]
fn hold_out_does_not_reach_a_world() {
    let folder = folder();
    let path = folder.path();
    let market = Panel::new(52, 300, 6);
    let seal = market.times[220];
    let mut other = market.clone();
    other.bars.iter_mut().filter(|bar| bar.time >= seal).for_each(|bar| bar.close *= 1.5);
    let data = market.write(path);
    crate::support::write_tidy(&path.join("other.parquet"), &other.bars);
    let from = format!("holdout.from={}", day(seal));
    for settings in
        [&["world.bootstrap_seed=3"][..], &["world.worst_windows=2", "world.worst_window_days=20"]]
    {
        let settings = [COMMON, &[from.as_str()], settings].concat();
        let one = replay(path, &data, &settings, "one");
        let two = replay(path, &market.arguments(path, "other.parquet"), &settings, "two");
        assert_eq!(one.digest(), two.digest());
    }
}

/// Date of a time, computed independently.
fn day(time: i64) -> String {
    let (mut year, mut days) = (1970, time / crate::support::DAY_NS);
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while days >= 365 + i64::from(leap(year)) {
        days -= 365 + i64::from(leap(year));
        year += 1;
    }
    let february = 28 + i64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

#[test]
fn invalid_world_is_refused_with_its_place() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(53, 90, 5).write(path);
    let cases: &[(&str, &[&str], &[&str])] = &[
        (
            "replay",
            &["world.cost_multiplier=-1"],
            &["`world.cost_multiplier`", "--set", "found -1", "from 0 to 1e4"],
        ),
        ("replay", &["world.volatile_share=0"], &["`world.volatile_share`", "found 0", "from 1e-6 to 1"]),
        ("replay", &["world.volume_multiplier=0"], &["`world.volume_multiplier`", "from 1e-9 to 1e9"]),
        ("replay", &["world.spread_follows_volatility=9"], &["from 0 to 4"]),
        ("replay", &["world.gap_frames=3"], &["`world.gap_frames`", "found 3", "`gap_from`"]),
        ("replay", &["world.gap_from=2020-02-30"], &["`world.gap_from`", "2020-02-30"]),
        ("replay", &["world.gap_from=soon"], &["`world.gap_from`", "soon", "a date such as 2015-01-31"]),
        ("replay", &["world.bootstrap_block=0.5"], &["`world.bootstrap_block`", "from 1 to 1e6"]),
        ("replay", &["world.bootstrap_seed=-1"], &["`world.bootstrap_seed`", "a whole number"]),
        ("replay", &["world.worst_window_days=0"], &["`world.worst_window_days`", "from 1"]),
        ("replay", &["world.cost_multipler=2"], &["did you mean `world.cost_multiplier`"]),
        ("replay", &["wordl.cost_multiplier=2"], &["did you mean `world`"]),
        ("replay", &["world.reverse_factor=value"], &["world.reverse_factor", "\"value\"", "mkt, mom"]),
        (
            "replay",
            &["world.worst_windows=1", "world.worst_window_days=200"],
            &["world.worst_window_days", "90 date(s)"],
        ),
        (
            "replay",
            &["world.gap_from=2015-01-01", "world.gap_frames=500"],
            &["world.gap_frames", "all 90 frames"],
        ),
        (
            "score",
            &["world.bootstrap_seed=1", "holdout.from=2015-04-01"],
            &["score: found", "bootstrap_seed", "leave out"],
        ),
        (
            "score",
            &["world.worst_windows=1", "holdout.from=2015-04-01"],
            &["score: found", "worst_windows = 1"],
        ),
    ];
    for (command, settings, words) in cases {
        refused(&call(path, &[joined(command, &data, settings), vec!["--out", "out"]].concat()), words);
        assert!(!path.join("out").exists(), "{settings:?}");
    }
    let arguments = joined("size", &data, &["world.bootstrap_seed=1"]);
    refused(
        &call(path, &[arguments, vec!["--at", "2015-04-01"]].concat()),
        &["size: found world.bootstrap_seed"],
    );
}

#[test]
fn commands_on_data_as_it_is_refuse_a_change_of_it() {
    let folder = folder();
    let path = folder.path();
    let [prices, file, ..] = Panel::new(53, 90, 5).write(path);
    // (settings, the one that is named, value)
    let cases: [(&[&str], &str, &str); 4] = [
        (&["world.gap_from=2015-02-02", "world.gap_frames=5"], "world.gap_from", "2015-02-02"),
        (&["world.reverse_factor=mom", "world.cost_multiplier=2"], "world.reverse_factor", "mom"),
        (&["world.worst_windows=2"], "world.worst_windows", "2"),
        (&["world.bootstrap_seed=7"], "world.bootstrap_seed", "7"),
    ];
    for (settings, name, value) in cases {
        let paper = ["paper", "--url", "ws://127.0.0.1:9", "--state", "state", "--for", "1s"];
        // No machine has this address: a command that is not refused ends as well.
        let serve = ["serve", "--listen", "203.0.113.1:9", &prices, &file];
        for command in [&paper[..], &serve] {
            let ended = call(path, &[command.to_vec(), sets(settings)].concat());
            refused(&ended, &[&format!("`{name}`: found {value},"), command[0]]);
            assert!(!path.join("state").exists(), "{settings:?}");
        }
    }
}

fn refused(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(1), "{words:?}: {}", ended.out);
    for word in words {
        assert!(ended.err.contains(word), "{word}: {}", ended.err);
    }
}

#[test]
fn size_applies_the_world() {
    let folder = folder();
    let path = folder.path();
    let data = panel(path);
    let settings = [COMMON, &["world.cost_multiplier=3"]].concat();
    let shown = call(path, &[joined("size", &data, &settings), vec!["--at", "2015-09-01"]].concat());
    assert!(
        shown.out.contains("STRESSED ENVIRONMENT") && shown.code == Some(0),
        "{} {}",
        shown.out,
        shown.err
    );
    let json = |settings: &[&str]| -> serde_json::Value {
        let ended =
            call(path, &[joined("size", &data, settings), vec!["--at", "2015-09-01", "--json"]].concat());
        serde_json::from_str(&ended.out).unwrap()
    };
    let cost = |shown: &serde_json::Value| shown["problem"]["cost"][0].as_f64().unwrap();
    let (one, three) = (json(COMMON), json(&settings));
    assert!((cost(&three) / cost(&one) - 3.0).abs() < 1e-12);
    let unaware = json(&[&settings[..], &["world.sizing_knows=false"]].concat());
    assert!((cost(&unaware) / cost(&one) - 1.0).abs() < 1e-12);
}
