//! Settings: files in TOML, texts of `--set`, and grid files.

use std::path::Path;

use betaflow_replay::{Call, call, scenarios};
use tempfile::TempDir;

use super::harness::{Target, assert_error};

const WORDS: [&str; 48] = [
    "[data]\n",
    "[universe]\n",
    "[factors]\n",
    "[estimator]\n",
    "[sizing]\n",
    "[execution]\n",
    "[benchmark]\n",
    "[strategy]\n",
    "[record]\n",
    "[holdout]\n",
    "[world]\n",
    "[feed]\n",
    "[limits]\n",
    "[alerts]\n",
    "[tune]\n",
    "[pipeline]\n",
    "[grid]\n",
    "[[scenario]]\n",
    "[sample]\n",
    "trades = \"fixed\"\n",
    "kind = ",
    "warmup = ",
    "turnover_cap = ",
    "fill_at = ",
    "from = ",
    "to = ",
    "timezone = ",
    "frames_per_day = ",
    "= \"",
    "\"\"\"",
    "'''",
    " = nan\n",
    " = inf\n",
    " = -1\n",
    " = []\n",
    " = {}\n",
    " = 1e308\n",
    " = 9223372036854775807\n",
    " = 2015-01-31\n",
    " = 07:32:00\n",
    "{ from = 1, to = 20, steps = 3 }",
    "log = true",
    "\"sizing.turnover_cap\" = [",
    "\"execution.delay_bars\" = [",
    "count = ",
    "seed = ",
    "[[[[[[[[",
    "a.a.a.a.a.a.",
];

/// Runs `betaflow replay` with arguments, and without prices: settings are checked before the data is opened.
fn replay(folder: &Path, arguments: &[&str]) {
    let missing = folder.join("missing.parquet").display().to_string();
    let out = folder.join("run").display().to_string();
    let fixed = ["betaflow", "replay", "--no-report", "--out", &out, "--prices", &missing];
    let arguments = fixed.iter().chain(arguments).map(Into::into).collect();
    let error = call(Call { arguments, ..Call::default() }).expect_err("there are no prices");
    assert_error(&error.message, &[""]);
    assert!(!folder.join("run").exists(), "a refused run leaves no folder");
}

#[test]
fn configuration_files() {
    let folder = TempDir::new().unwrap();
    Target::new("configuration_files").words(&WORDS).run(move |bytes| {
        let path = folder.path().join("settings.toml");
        std::fs::write(&path, bytes).unwrap();
        replay(folder.path(), &["--config", &path.display().to_string()]);
    });
}

#[test]
fn set_texts() {
    let folder = TempDir::new().unwrap();
    Target::new("set_texts").words(&WORDS).run(move |bytes| {
        let text = String::from_utf8_lossy(bytes).replace('\0', "0");
        let arguments: Vec<&str> = text.lines().take(20).flat_map(|line| ["--set", line]).collect();
        replay(folder.path(), &arguments);
    });
}

#[test]
fn grid_files() {
    let folder = TempDir::new().unwrap();
    Target::new("grid_files").memory_mib(512).words(&WORDS).run(move |bytes| {
        let path = folder.path().join("grid.toml");
        std::fs::write(&path, bytes).unwrap();
        match scenarios(&path, None) {
            Ok(count) => assert!((1..=1_000_000).contains(&count), "{count}"),
            Err(error) => assert_error(&error.message, &["grid.toml"]),
        }
    });
}
