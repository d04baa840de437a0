//! Terminal output: plain text in a pipe, colours only on request, `--json` alone on standard output, and no negative zero.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Panel, Run, call, folder, joined, paper, sets};

const ESCAPE: char = '\u{1b}';
const GRID: &str = "[grid]\n\"sizing.turnover_cap\" = [0.01, 0.02, 0.04, 0.08, 0.16]\n";
const SETTINGS: [&str; 2] = ["estimator.warmup=60", "tune.embargo=5"];

/// Standard output with variables of the environment.
fn output(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_betaflow"));
    command.args(arguments).current_dir(folder).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    let output = command.envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Commands that print a summary, with their arguments; the first of each pair is the run folder, if it writes one.
fn commands(data: &[String]) -> Vec<(Option<&'static str>, Vec<String>)> {
    let holdout = [&SETTINGS[..], &["holdout.from=2015-10-01"]].concat();
    let own = |command: &str, settings: &[&str], more: &[&str]| {
        let all = [&joined(command, data, settings)[..], more].concat();
        all.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let written = ["--no-report", "--force"];
    vec![
        (Some("replay"), own("replay", &SETTINGS, &[&written[..], &["--out", "replay"]].concat())),
        (Some("score"), own("score", &holdout, &[&written[..], &["--out", "score"]].concat())),
        (Some("estimate"), own("estimate", &SETTINGS[..1], &[&written[..], &["--out", "estimate"]].concat())),
        (
            Some("stress"),
            own("stress", &SETTINGS, &[&written[..], &["--grid", "grid.toml", "--out", "stress"]].concat()),
        ),
        (
            Some("tune"),
            own("tune", &SETTINGS, &[&written[..], &["--grid", "grid.toml", "--out", "tune"]].concat()),
        ),
        (None, own("size", &SETTINGS, &["--at", "2015-10-12"])),
        (None, ["check", "prices.parquet", "--factors", "factors.parquet"].map(str::to_owned).to_vec()),
        (None, ["diff", "replay", "replay"].map(str::to_owned).to_vec()),
        (None, ["state", "state"].map(str::to_owned).to_vec()),
    ]
}

#[test]
fn output_in_a_pipe_is_plain_and_json_is_the_summary_alone() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(7, 240, 6).write(path);
    fs::write(path.join("grid.toml"), GRID).unwrap();
    let serving = paper::Serving::start(path, &joined("serve", &data, &[])[1..], &[]);
    let ended = call(path, &paper::arguments(&serving.url, "state"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(!ended.out.contains(ESCAPE) && ended.out.contains("\nFiles\n"), "{}", ended.out);
    for (folder, arguments) in commands(&data) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let plain = output(path, &arguments, &[]);
        let lines = || plain.lines();
        assert!(!plain.contains(ESCAPE), "{plain}");
        assert!(!plain.contains("-0.00 %") && !plain.contains("NaN"), "{plain}");
        assert!(lines().all(|line| line.trim_end() == line), "trailing spaces: {plain}");
        assert!(lines().any(|line| line.starts_with(|c: char| c.is_ascii_uppercase())), "{plain}");
        if let Some(folder) = folder {
            assert!(lines().any(|line| line.starts_with("  Folder ") && line.ends_with(folder)), "{plain}");
            assert!(plain.contains("summary.json"), "{plain}");
        }

        let forced = output(path, &arguments, &[("CLICOLOR_FORCE", "1")]);
        assert!(forced.contains("\u{1b}[1m"), "bold headings: {forced}");
        let none = output(path, &arguments, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]);
        assert!(!none.contains(ESCAPE), "{none}");

        let text = output(path, &[&arguments[..], &["--json"]].concat(), &[]);
        let json: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(json.is_object());
        if let Some(folder) = folder {
            let written: Value = Run::at(path.join(folder)).summary;
            assert_eq!(json, written, "{folder}");
        }
    }
}

#[test]
fn warnings_are_last_and_numbered_with_their_codes() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(9, 200, 5).write(path);
    let settings = ["estimator.warmup=60", "sizing.weight_min=-0.1", "sizing.gross_max=20"];
    let arguments = [joined("replay", &data, &settings), vec!["--no-report", "--out", "run"]].concat();
    let text = output(path, &arguments, &[]);
    let run = Run::at(path.join("run"));
    let codes: Vec<&str> =
        run.summary["warning_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap()).collect();
    assert!(codes.contains(&"free_shorts") && codes.contains(&"percent_for_share"), "{codes:?}");
    let section = text.split("\nWarnings\n").nth(1).expect("a section of warnings");
    let shown: Vec<&str> =
        section.lines().filter_map(|line| line.strip_suffix(']')?.rsplit('[').next()).collect();
    assert_eq!(shown, codes);
    for number in 1..=codes.len() {
        assert!(section.contains(&format!("{number}. ")), "{section}");
    }
    assert!(section.lines().all(|line| line.chars().count() <= 100), "{section}");
}

#[test]
fn profit_that_is_mostly_interest_is_pointed_out() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(11, 200, 5).write(path);
    let common = ["estimator.warmup=60", "execution.cash_interest=0.05"];
    for (kind, expected) in [("flat", true), ("equal_weight", false)] {
        let kind = format!("strategy.kind={kind}");
        let all = [joined("replay", &data, &common), sets(&[&kind]), vec!["--no-report"]].concat();
        let run = crate::support::run(path, &kind, &all);
        let codes = run.summary["warning_codes"].to_string();
        let (interest, nav) = (run.summary["interest"].as_f64().unwrap(), &run.summary["nav"]);
        let profit = nav["last"].as_f64().unwrap() - nav["first"].as_f64().unwrap();
        assert_eq!(interest > 0.5 * profit && profit > 0.0, expected, "{kind}: {interest} of {profit}");
        assert_eq!(codes.contains("\"cash_interest\""), expected, "{kind}: {codes}");
    }
}

#[test]
fn first_rebalance_and_active_risk_are_those_of_the_equity() {
    let folder = folder();
    let data = Panel::new(9, 200, 5).write(folder.path());
    let arguments = [joined("replay", &data, &["estimator.warmup=60"]), vec!["--no-report", "--out", "run"]];
    let text = crate::support::flat(&output(folder.path(), &arguments.concat(), &[]));
    let run = Run::at(folder.path().join("run"));
    let equity = run.table("equity");
    let first = jiff::Timestamp::from_nanosecond(equity.times()[0].into()).unwrap().to_string();
    let shown = run.summary["first_rebalance"].as_str().unwrap();
    assert_eq!(shown, &first[..10]);
    assert!(text.contains(&format!("First rebalance {shown}, after 60 days of warm-up")), "{text}");
    let returns = |name: &str| -> Vec<f64> {
        equity.numbers(name).windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect()
    };
    let active: Vec<f64> =
        returns("nav").iter().zip(returns("benchmark_nav")).map(|(net, benchmark)| net - benchmark).collect();
    let count = active.len() as f64;
    let mean = active.iter().sum::<f64>() / count;
    let squares = active.iter().map(|a| (a - mean) * (a - mean)).sum::<f64>();
    let error = (252.0 * squares / (count - 1.0)).sqrt();
    let found = ["tracking_error", "information_ratio"].map(|key| run.summary["active_risk"][key].as_f64());
    assert!((found[0].unwrap() / error - 1.0).abs() < 1e-9, "{found:?}, expected {error}");
    assert!((found[1].unwrap() - 252.0 * mean / error).abs() < 1e-9, "{found:?}");
    assert!(text.contains(&format!("Tracking error {:.2} % a year", 100.0 * error)), "{text}");
    assert!(text.contains(&format!("Information ratio {:.2}", found[1].unwrap())), "{text}");
}

#[test]
fn study_names_environments_robust_scenario_and_survivorship() {
    let folder = folder();
    let path = folder.path();
    let grid = "[grid]\n\"sizing.turnover_cap\" = [0.02, 0.1]\n\"world.cost_multiplier\" = [1, 2]\n";
    std::fs::write(path.join("grid.toml"), grid).unwrap();
    let study = ["--grid", "grid.toml", "--no-report", "--trials", "none", "--set", "data.to=2016-12-31"];
    let text = output(path, &[&["stress", "--out", "run"], &study[..]].concat(), &[]);
    let run = Run::at(path.join("run"));
    assert!(run.summary["warning_codes"].to_string().contains("\"survivorship\""), "{text}");
    let text = crate::support::flat(&text);
    let robust = run.summary["luck"]["robust"]["scenario"].as_u64().unwrap();
    for part in [
        "Environments world.cost_multiplier varies",
        ": best of the 2 choices in the configured environment;",
        &format!("Robust scenario {robust}: "),
        "(0.50: choosing is no better than chance)",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Paths alone: no scenario is the best choice.
    std::fs::write(path.join("grid.toml"), "[grid]\n\"world.bootstrap_seed\" = [1, 2]\n").unwrap();
    let text = output(path, &[&["stress", "--out", "paths"], &study[..]].concat(), &[]);
    assert!(!text.contains("  Best ") && !text.contains("  Robust "), "{text}");
    assert!(crate::support::flat(&text).contains("not defined: the grid has one choice"), "{text}");
}
