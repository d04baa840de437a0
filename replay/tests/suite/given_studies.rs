//! The user's files in `stress`, `tune` and `score`, and in stressed data.

use std::fs;
use std::path::Path;

use crate::support::user_files::{risk_model, signal};
use crate::support::{Panel, Run, Table, call, folder, joined, run};

const COMMON: [&str; 2] = ["estimator.warmup=60", "strategy.valid_for=20"];
const MODEL: [&str; 3] =
    ["estimator.kind=given", "estimator.betas=betas.parquet", "estimator.factor_cov=cov.parquet"];

/// Writes a panel and all files for it.
fn write(path: &Path) -> [String; 4] {
    let panel = Panel::new(41, 300, 8);
    signal(&path.join("scores.parquet"), &panel, 0..300, "forecast", 1);
    signal(&path.join("book.parquet"), &panel, 0..300, "weight", 2);
    risk_model(&path.join("betas.parquet"), &path.join("cov.parquet"), &panel);
    panel.write(path)
}

/// Arguments that name each kind of file.
fn kinds() -> [(&'static str, Vec<&'static str>); 3] {
    let forecasts = vec!["--forecasts", "scores.parquet"];
    [
        ("forecasts", forecasts.clone()),
        ("weights", vec!["--weights", "book.parquet"]),
        ("model", [forecasts, crate::support::sets(&MODEL)].concat()),
    ]
}

/// Compares each scenario of a grid with its replay; `sets` has the settings of each row.
fn assert_scenarios_equal(path: &Path, data: &[String], own: &[&str], grid: &str, sets: &[Vec<&str>]) {
    fs::write(path.join("grid.toml"), grid).unwrap();
    let more = ["--grid", "grid.toml", "--force", "--out", "stress"];
    let ended = call(path, &[&joined("stress", data, &COMMON), own, &more].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let table = Table::read(&path.join("stress/scenarios.parquet"));
    let digests = table.texts("digest");
    assert_eq!(digests.len(), sets.len());
    for (digest, set) in digests.iter().zip(sets) {
        let all =
            [&joined("replay", data, &COMMON), own, &crate::support::sets(set), &["--no-report", "--force"]];
        assert_eq!(digest, run(path, "one", &all.concat()).digest(), "{set:?}");
    }
    let distinct: std::collections::BTreeSet<&String> = digests.iter().collect();
    assert_eq!(distinct.len(), digests.len(), "each setting has an effect");
}

#[test]
fn scenarios_with_files_equal_their_replays() {
    let folder = folder();
    let path = folder.path();
    let data = write(path);
    for (kind, own) in kinds() {
        let grid = "[grid]\n\"sizing.turnover_cap\" = [0.02, 0.08]\n";
        let sets = [vec!["sizing.turnover_cap=0.02"], vec!["sizing.turnover_cap=0.08"]];
        assert_scenarios_equal(path, &data, &own, grid, &sets);
        // Resampled paths and a gap carry the rows of the files.
        let grid = "[grid]\n\"world.bootstrap_seed\" = [1, 2]\n";
        let sets = [vec!["world.bootstrap_seed=1"], vec!["world.bootstrap_seed=2"]];
        assert_scenarios_equal(path, &data, &own, grid, &sets);
        let gap = ["world.gap_from=2015-06-01", "world.gap_frames=10"];
        let all = [joined("replay", &data, &COMMON), own, crate::support::sets(&gap), vec!["--no-report"]];
        let gap = run(path, &format!("gap-{kind}"), &all.concat());
        assert!(gap.summary["given"]["files"][0]["dates"].as_u64().unwrap() > 200, "{kind}");
    }
}

#[test]
fn scenarios_vary_the_settings_of_forecasts() {
    let folder = folder();
    let path = folder.path();
    let data = write(path);
    // Without costs, small coefficients trade too.
    let sets = ["strategy.unit=zscore", "execution.half_spread_bps=0", "execution.commission_bps=0"];
    let own = [vec!["--forecasts", "scores.parquet"], crate::support::sets(&sets)].concat();
    let grid =
        "[grid]\n\"strategy.information_coefficient\" = [\"learned\", 0.05]\n\"strategy.horizon\" = [1, 5]\n";
    let sets: Vec<Vec<&str>> = ["learned", "0.05"]
        .iter()
        .flat_map(|coefficient| {
            ["1", "5"].map(|horizon| {
                let coefficient = format!("strategy.information_coefficient={coefficient}");
                let horizon = format!("strategy.horizon={horizon}");
                vec![&*coefficient.leak(), &*horizon.leak()]
            })
        })
        .collect();
    assert_scenarios_equal(path, &data, &own, grid, &sets);
    let grid = "[grid]\n\"strategy.path\" = [\"scores.parquet\", \"book.parquet\"]\n";
    let sets = [vec!["strategy.path=scores.parquet"], vec!["strategy.path=book.parquet"]];
    let own = crate::support::sets(&["strategy.kind=forecasts", "strategy.path=scores.parquet"]);
    assert_scenarios_equal(path, &data, &own, grid, &sets);
}

#[test]
fn tune_and_score_read_each_kind_of_file() {
    let folder = folder();
    let path = folder.path();
    let data = write(path);
    fs::write(path.join("grid.toml"), "[grid]\n\"sizing.turnover_cap\" = [0.02, 0.3]\n").unwrap();
    for (kind, own) in kinds() {
        let more = ["--set", "tune.embargo=10", "--grid", "grid.toml", "--force", "--out", "tune"];
        let ended = call(path, &[&joined("tune", &data, &COMMON), &own[..], &more].concat());
        assert_eq!(ended.code, Some(0), "{kind}: {}", ended.err);
        let whole = [joined("replay", &data, &COMMON), own.clone(), vec!["--no-report"]].concat();
        let whole = run(path, &format!("whole-{kind}"), &whole);
        let sealed = ["--set", "holdout.from=2015-12-01"];
        let score = [&joined("score", &data, &COMMON), &own[..], &sealed, &["--out"]].concat();
        let out = format!("score-{kind}");
        let ended = call(path, &[&score[..], &[&out]].concat());
        assert_eq!(ended.code, Some(0), "{kind}: {}", ended.err);
        assert_eq!(Run::at(path.join(&out)).digest(), whole.digest(), "{kind}");
    }
}
