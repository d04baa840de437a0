//! Folders that the program wrote and reads again: a state folder, and the files of a run folder.

use std::fs;
use std::path::Path;

use betaflow_replay::{Call, call};
use tempfile::TempDir;

use super::harness::{Target, assert_error, kind_and_rest};

/// Database of a `paper` run, with pages of 512 bytes.
pub(crate) const DATABASE: &[u8] = include_bytes!("../../connectors/fuzz/corpus/state_database/paper.db");

const WORDS: [&str; 22] = [
    "SQLite format 3\0",
    "[sizing]\n",
    "\"digest\":",
    "\"kind\":",
    "\"run\":",
    "null",
    "inputs",
    "equity",
    "orders",
    "fills",
    "weights",
    "betas",
    "events",
    "checkpoints",
    "status",
    "\"time\":",
    "\"stages\":",
    "\"buckets\":",
    "\"queues\":",
    "[[[[",
    "{\"a\":",
    "\u{1b}[31m",
];

/// Runs a command, which succeeds or ends in an error that names its folder.
fn run(arguments: &[&str], place: &Path) {
    let arguments = ["betaflow"].iter().chain(arguments).map(Into::into).collect();
    if let Err(error) = call(Call { arguments, ..Call::default() }) {
        assert_error(&error.message, &[&place.display().to_string()]);
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn state_command() {
    let folder = TempDir::new().unwrap();
    Target::new("state_command").memory_mib(128).words(&WORDS).run(move |bytes| {
        let path = folder.path();
        for name in ["state.db-wal", "state.db-shm", "state.db-journal"] {
            let _ = fs::remove_file(path.join(name));
        }
        fs::write(path.join("state.db"), bytes).unwrap();
        run(&["state", &text(path)], path);
        run(&["diff", &text(path), &text(path)], path);
    });
}

/// The first line of an input names the file of a run folder whose content is the rest.
#[test]
fn run_folders() {
    let root = TempDir::new().unwrap();
    let whole = root.path().join("whole");
    let prices =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/fuzz/corpus/parquet_prices/tidy.parquet");
    let arguments = [
        "betaflow",
        "replay",
        "--no-report",
        "--out",
        &text(&whole),
        "--prices",
        prices,
        "--factors",
        "none",
        "--set",
        "factors.mkt=IBM",
        "--set",
        "estimator.warmup=5",
        "--set",
        "strategy.kind=equal_weight",
    ];
    call(Call { arguments: arguments.iter().map(Into::into).collect(), ..Call::default() }).unwrap();
    Target::new("run_folders").memory_mib(256).words(&WORDS).run(move |bytes| {
        let (kind, rest) = kind_and_rest(bytes);
        let changed = root.path().join("changed");
        let _ = fs::remove_dir_all(&changed);
        fs::create_dir(&changed).unwrap();
        for entry in fs::read_dir(&whole).unwrap().map(Result::unwrap) {
            fs::copy(entry.path(), changed.join(entry.file_name())).unwrap();
        }
        let name = if kind == "run.toml" { "run.toml" } else { "summary.json" };
        // An input is a change of the file: text that replaces one of its lines.
        let mut lines: Vec<Vec<u8>> =
            fs::read(changed.join(name)).unwrap().split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let (number, rest) =
            rest.split_first().map_or((0, rest), |(number, rest)| (usize::from(*number), rest));
        let at = number % lines.len();
        lines[at] = rest.to_vec();
        fs::write(changed.join(name), lines.join(&b'\n')).unwrap();
        run(&["report", &text(&changed)], &changed);
        run(&["diff", &text(&whole), &text(&changed)], root.path());
    });
}
