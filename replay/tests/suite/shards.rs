//! Shards of a study merge into the folder of the run without shards, bit for bit.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Panel, call, folder, joined};

const PRODUCT: &str = r#"[grid]
"sizing.turnover_cap" = [0.02, 0.3]
"estimator.discount_factor" = [0.95, 0.99]
"execution.half_spread_bps" = [0, 4.5, 25]
"#;
const LIST: &str = r#"[[scenario]]
"execution.impact_coefficient" = 1.0
"execution.fill_at" = "open"
[[scenario]]
"execution.delay_bars" = 2
"sizing.weight_min" = -0.1
[[scenario]]
"estimator.kind" = "mixture"
[[scenario]]
"strategy.kind" = "equal_weight"
[[scenario]]
"world.bootstrap_block" = 5
"world.bootstrap_seed" = 3
[[scenario]]
"#;
const SAMPLE: &str = r#"[sample]
count = 8
seed = 5
"sizing.turnover_cap" = { from = 0.01, to = 0.64, scale = "log" }
"strategy.kind" = ["quarter_kelly", "equal_weight"]
"#;
const FIXED: &str = r#"trades = "fixed"
[grid]
"execution.half_spread_bps" = [0, 3, 9]
"execution.commission_bps" = { from = 0, to = 4 }
"#;
const CHOICES: &str =
    "[grid]\n\"sizing.turnover_cap\" = [0.02, 0.3]\n\"sizing.kelly_fraction\" = [0.1, 0.5, 1.0]\n";
/// Each scenario needs its own pass, so that a run completes in parts.
const PASSES: &str = r#"[grid]
"estimator.discount_factor" = { from = 0.9, to = 0.99, count = 40 }
"#;
const DLM: [&str; 2] = ["estimator.warmup=60", "estimator.kind=dlm"];

/// Command on a grid file, with its data and settings.
struct Case<'a> {
    path: &'a Path,
    arguments: Vec<&'a str>,
}

impl<'a> Case<'a> {
    fn new(path: &'a Path, command: &'a str, data: &'a [String], grid: &str, settings: &[&'a str]) -> Self {
        fs::write(path.join("grid.toml"), grid).unwrap();
        let arguments = [joined(command, data, settings), vec!["--grid", "grid.toml"]].concat();
        Self { path, arguments }
    }

    fn run(&self, more: &[&str]) -> crate::support::Ended {
        call(self.path, &[&self.arguments[..], more].concat())
    }

    /// Runs the command without shards, and moves its trials log aside.
    fn whole(&self, more: &[&str]) {
        let ended = self.run(&[&["--out", "whole", "--force", "--trials", "trials.jsonl"], more].concat());
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        fs::rename(self.path.join("trials.jsonl"), self.path.join("whole.jsonl")).unwrap();
    }

    /// Runs all shards into `shards/1`, `shards/2`, ….
    fn shards(&self, of: usize) {
        _ = fs::remove_dir_all(self.path.join("shards"));
        fs::create_dir(self.path.join("shards")).unwrap();
        for number in 1..=of {
            let (shard, out) = (format!("{number}/{of}"), format!("shards/{number}"));
            let ended = self.run(&["--shard", &shard, "--out", &out]);
            assert_eq!(ended.code, Some(0), "{shard}: {}", ended.err);
            let files = names(&self.path.join(&out));
            assert!(!files.contains("report.html") && !files.contains("summary.json"), "{files:?}");
        }
    }
}

/// Prices that fall by 70 % in frame 150, which ruins an account with leverage.
fn falling() -> Panel {
    let mut panel = Panel::new(53, 220, 5);
    let at = panel.times[150];
    for bar in panel.bars.iter_mut().filter(|bar| bar.time >= at) {
        bar.open *= 0.3;
        bar.close *= 0.3;
    }
    panel
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Merges `shards` into `merged`, and compares it with `whole`.
fn merge_equals_whole(path: &Path, more: &[&str], name: &str) {
    let arguments = ["merge", "shards", "--out", "merged", "--force", "--trials", "trials.jsonl", "--json"];
    let ended = call(path, &[&arguments[..], more].concat());
    assert_eq!(ended.code, Some(0), "{name}: {}", ended.err);
    let [whole, merged] = ["whole", "merged"].map(|run| path.join(run));
    assert_eq!(names(&whole), names(&merged), "{name}");
    for file in names(&whole).iter().filter(|file| *file != "summary.json") {
        assert!(
            fs::read(whole.join(file)).unwrap() == fs::read(merged.join(file)).unwrap(),
            "{name}: {file} differs"
        );
    }
    let [mut expected, mut found] = [whole, merged].map(|run| json(&run.join("summary.json")));
    assert_eq!(serde_json::from_str::<Value>(&ended.out).unwrap(), found);
    for summary in [&mut expected, &mut found] {
        let timing = summary["timing"].as_object_mut().unwrap();
        assert_eq!(timing.keys().collect::<Vec<_>>(), ["passes", "seconds"]);
        timing.clear();
    }
    assert_eq!(expected, found, "{name}");
    let lines = |file: &str| -> Vec<Value> {
        let text = fs::read_to_string(path.join(file)).unwrap();
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.iter_mut().for_each(|line| _ = line.as_object_mut().unwrap().remove("time"));
        lines
    };
    assert_eq!(lines("whole.jsonl"), lines("trials.jsonl"), "{name}");
    fs::remove_file(path.join("trials.jsonl")).unwrap();
}

#[test]
fn merged_shards_equal_the_stress_run_without_shards() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(41, 160, 8).acting().write(path);
    let falls = falling().write(&path.join("falls"));
    let ruin =
        ["strategy.kind=equal_weight", "estimator.warmup=40", "sizing.turnover_cap=2", "sizing.weight_max=1"];
    let leverage = "[grid]\n\"sizing.gross_max\" = [1, 4]\n\"sizing.net_target\" = [0.5, 1, 3]\n";
    let cases: [(&str, &str, &[&str], &[usize]); 5] = [
        ("product", PRODUCT, &DLM, &[1, 2, 3, 7, 13]),
        ("list", LIST, &DLM[..1], &[3]),
        ("sample", SAMPLE, &DLM, &[3]),
        ("fixed", FIXED, &DLM, &[2]),
        ("ruin", leverage, &ruin, &[2]),
    ];
    for (name, grid, settings, counts) in cases {
        let data = if name == "ruin" { &falls } else { &data };
        let case = Case::new(path, "stress", data, grid, settings);
        case.whole(&[]);
        if name == "ruin" {
            let ruined = json(&path.join("whole/summary.json"))["ruined"].as_array().unwrap().len();
            assert!((1..6).contains(&ruined), "{ruined} of 6 scenarios are ruined");
        }
        for of in counts {
            case.shards(*of);
            merge_equals_whole(path, &[], &format!("{name} in {of} shards"));
        }
    }
}

#[test]
fn merged_shards_equal_the_tuning_without_shards() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(43, 300, 6).write(path);
    let settings = ["estimator.warmup=60", "tune.embargo=10"];
    let with_base =
        ["estimator.warmup=60", "tune.embargo=10", "sizing.turnover_cap=0.3", "sizing.kelly_fraction=0.5"];
    let combinatorial = [&settings[..], &["tune.method=combinatorial", "tune.folds=4"]].concat();
    let cases: [(&str, &[&str], &[usize]); 3] = [
        ("walk_forward", &settings, &[1, 2, 3, 7]),
        ("combinatorial", &combinatorial, &[2]),
        ("base in the grid", &with_base, &[2]),
    ];
    for (name, settings, counts) in cases {
        let case = Case::new(path, "tune", &data, CHOICES, settings);
        case.whole(&["--no-report"]);
        for of in counts {
            case.shards(*of);
            merge_equals_whole(path, &["--no-report"], &format!("{name} in {of} shards"));
        }
    }
}

#[test]
fn merging_reads_no_data_and_no_file_of_the_user() {
    let folder = folder();
    let path = folder.path();
    let panel = Panel::new(61, 160, 6);
    let inputs = path.join("inputs");
    let data = panel.write(&inputs);
    let mut forecasts = "date,symbol,forecast\n".to_owned();
    for (at, bar) in panel.bars.iter().enumerate().filter(|(at, _)| at % 3 == 0) {
        let day =
            jiff::Timestamp::from_nanosecond(i128::from(bar.time)).unwrap().strftime("%Y-%m-%d").to_string();
        forecasts += &format!("{day},{},{}\n", bar.symbol, (at % 7) as f64 / 1_000.0 - 0.002);
    }
    fs::write(inputs.join("forecasts.csv"), forecasts).unwrap();
    fs::write(inputs.join("spreads.csv"), "symbol,half_spread_bps\nS00,7\n").unwrap();
    fs::write(inputs.join("holdings.csv"), "symbol,quantity\nS00,10\n,1e5\n").unwrap();
    // The horizon of the costs follows from that of the forecasts in each scenario, but not in a run.toml.
    let grid = "[grid]\n\"strategy.horizon\" = [2, 10]\n\"sizing.turnover_cap\" = [0.1, 0.2]\n";
    let settings = [
        "estimator.warmup=60",
        "strategy.kind=forecasts",
        "strategy.path=inputs/forecasts.csv",
        "execution.spread_file=inputs/spreads.csv",
        "execution.holdings=inputs/holdings.csv",
    ];
    let case = Case::new(path, "stress", &data, grid, &settings);
    case.whole(&[]);
    case.shards(3);
    fs::remove_dir_all(&inputs).unwrap();
    fs::remove_file(path.join("grid.toml")).unwrap();
    merge_equals_whole(path, &[], "without data");
}

#[test]
fn missing_repeated_and_foreign_shards_are_named() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(47, 120, 5).write(path);
    let case = Case::new(path, "stress", &data, PRODUCT, &DLM);
    case.whole(&["--no-report"]);
    case.shards(5);
    let merge = |folders: &[&str]| {
        let ended = call(path, &[&["merge"], folders, &["--out", "merged", "--trials", "none"]].concat());
        assert!(ended.code == Some(0) || !path.join("merged").exists());
        ended
    };
    let refused = |folders: &[&str], words: &[&str]| {
        let ended = merge(folders);
        assert_eq!(ended.code, Some(1), "{}", ended.out);
        for word in words {
            assert!(ended.err.contains(word), "{word}: {}", ended.err);
        }
    };
    refused(&["shards/1", "shards/2", "shards/4"], &["shards 3 and 5 of 5 are missing"]);
    refused(&["shards/1", "shards/2", "shards/4", "shards/5"], &["shard 3 of 5 is missing"]);
    refused(&["whole"], &["whole: found no shard"]);
    refused(&["absent"], &["absent"]);

    // A copy of a shard counts once, other results under its number do not.
    let copy = |from: &str, to: &str| {
        fs::create_dir(path.join(to)).unwrap();
        for name in names(&path.join(from)) {
            fs::copy(path.join(from).join(&name), path.join(to).join(&name)).unwrap();
        }
    };
    copy("shards/2", "again");
    merge_equals_whole(path, &["again", "shards/2", "--no-report"], "a shard three times");
    copy("shards/2", "altered");
    fs::copy(path.join("shards/3/scenarios.parquet"), path.join("altered/scenarios.parquet")).unwrap();
    _ = fs::remove_dir_all(path.join("merged"));
    refused(&["shards", "altered"], &["altered: found other results of shard 2/5", "shards/2"]);
    let others = ["shards/1", "shards/3", "shards/4", "shards/5"];
    refused(&[&["altered"], &others[..]].concat(), &["altered", "other scenarios in scenarios.parquet"]);

    // A file of another shard in a shard that is given once.
    for file in ["scenarios.parquet", "scenario_returns.parquet", "settings.toml"] {
        let name = format!("mixed-{file}");
        copy("shards/2", &name);
        fs::copy(path.join("shards/3").join(file), path.join(&name).join(file)).unwrap();
        refused(
            &[&[&name[..]], &others[..]].concat(),
            &[&name, &format!("other scenarios in {file} than in")],
        );
    }
    copy("shards/2", "without");
    fs::remove_file(path.join("without/scenario_returns.parquet")).unwrap();
    refused(
        &[&["without"], &others[..]].concat(),
        &["without", "scenario_returns.parquet", "none, expected"],
    );

    // Shards of other settings, grids, counts, data, commands and versions.
    let foreign = |case: &Case, shard: &str, word: &str| {
        let ended = case.run(&["--shard", shard, "--out", "foreign"]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        refused(&["shards", "foreign"], &["foreign: found a shard of another study than shards/1", word]);
        fs::remove_dir_all(path.join("foreign")).unwrap();
    };
    foreign(&case, "2/3", "one of 3 shards");
    let set = [&DLM[..], &["sizing.weight_max=0.2"]].concat();
    foreign(&Case::new(path, "stress", &data, PRODUCT, &set), "2/5", "settings or its grid");
    let set = [&DLM[..], &["sizing.turnover_cap=0.5"]].concat();
    foreign(&Case::new(path, "stress", &data, PRODUCT, &set), "2/5", "configuration differs");
    foreign(&Case::new(path, "stress", &data, CHOICES, &DLM), "2/5", "it has 6 scenarios");
    let other = path.join("other");
    let data = Panel::new(48, 120, 5).write(&other);
    foreign(&Case::new(path, "stress", &data, PRODUCT, &DLM), "2/5", "data differs");
    let text = fs::read_to_string(path.join("again/shard.json")).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    fs::write(path.join("again/shard.json"), text.replace(version, "0.1.9")).unwrap();
    refused(&["shards", "again"], &["again: found a shard of betaflow 0.1.9", version]);
}

#[test]
fn shards_are_refused_that_no_study_has() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(49, 100, 4).write(path);
    let case = Case::new(path, "stress", &data, PRODUCT, &DLM);
    for (flags, code, word) in [
        (&["--shard", "0/3", "--out", "out"][..], 2, "expected I/N with I from 1 to N"),
        (&["--shard", "4/3", "--out", "out"], 2, "expected I/N with I from 1 to N"),
        (&["--shard", "1/3"], 2, "--out"),
        (&["--shard", "1/3", "--out", "out", "--trials", "none"], 2, "--trials"),
    ] {
        let ended = case.run(flags);
        assert_eq!(ended.code, Some(code), "{flags:?}");
        assert!(ended.err.contains(word), "{flags:?}: {}", ended.err);
    }
    assert!(!path.join("out").exists() && !path.join("prices.parquet.trials.jsonl").exists());
}

#[test]
fn killed_shard_resumes_to_the_same_bytes() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(51, 1_500, 20).write(path);
    let case = Case::new(path, "stress", &data, PASSES, &DLM);
    case.whole(&["--no-report"]);
    fs::create_dir(path.join("shards")).unwrap();
    let shard = ["--shard", "1/2", "--out", "shards/1"];
    let resume = [&shard[..], &["--resume"]].concat();
    let parts = || {
        let parts = path.join("shards/.1.unfinished");
        let names = if parts.exists() { names(&parts) } else { BTreeSet::new() };
        names.iter().filter(|name| name.starts_with("part-") && !name.ends_with(".partial")).count()
    };
    let mut program = Command::new(env!("CARGO_BIN_EXE_betaflow"))
        .args([&case.arguments[..], &shard].concat())
        .current_dir(path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while parts() < 2 && program.try_wait().unwrap().is_none() {
        assert!(started.elapsed() < Duration::from_secs(120), "no completed pass");
        std::thread::sleep(Duration::from_millis(1));
    }
    // On Unix this is SIGKILL: no cleanup code runs.
    program.kill().unwrap();
    program.wait().unwrap();
    let kept = parts();
    assert!(kept >= 2 && !path.join("shards/1").exists(), "{kept}");
    assert!(case.run(&["--shard", "2/2", "--out", "shards/2"]).code == Some(0));
    let ended = call(path, &["merge", "shards", "--out", "merged", "--trials", "none"]);
    assert!(ended.code == Some(1) && ended.err.contains("shard 1 of 2 is missing"), "{}", ended.err);
    // Another shard does not resume it.
    let ended = case.run(&["--shard", "2/2", "--out", "shards/1", "--resume"]);
    assert!(
        ended.code == Some(1) && ended.err.contains("it has shard 1/2, and this shard 2/2"),
        "{}",
        ended.err
    );
    let ended = case.run(&resume);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains(&format!("{kept} of 20 scenarios resumed")), "{}", ended.err);
    assert!(!path.join("shards/.1.unfinished").exists());
    // A complete shard stays as it is: a task may start again after it has ended.
    let ended = case.run(&resume);
    assert!(ended.code == Some(0) && ended.err.contains("shard 1/2 is complete"), "{}", ended.err);
    assert!(case.run(&shard).err.contains("not empty"));
    merge_equals_whole(path, &["--no-report"], "a killed shard");
}

#[test]
fn failed_merge_leaves_nothing_behind() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(53, 100, 4).write(path);
    // Too few frames for the folds.
    let case = Case::new(path, "tune", &data, CHOICES, &["estimator.warmup=60", "tune.folds=20"]);
    case.shards(2);
    let before = names(path);
    let ended = call(path, &["merge", "shards", "--out", "merged"]);
    assert!(ended.code == Some(1) && ended.err.contains("20 folds"), "{}", ended.err);
    assert_eq!(names(path), before);
}
