//! A run folder with mutated tables gives a located error, or the report and the difference of the whole folder.
//!
//! `BETAFLOW_MUTATED_CASES` and `BETAFLOW_MUTATED_SEED` set the number of cases and the first seed.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

#[path = "../../connectors/tests/mutated/random.rs"]
mod random;
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use random::Random;
use support::{Panel, call, folder, joined, paper, run};

/// Tables that the report or the difference of two runs reads.
const TABLES: [&str; 4] = ["equity", "fills", "attribution", "betas"];

#[test]
fn mutated_run_folder_is_refused_or_read_alike() {
    let folder = folder();
    let path = folder.path();
    let data = Panel::new(101, 120, 4).write(path);
    let settings = [joined("replay", &data, &paper::SETTINGS), vec!["--set", "record.betas=all"]].concat();
    run(path, "whole", &settings);
    run(path, "case", &settings);
    let variable =
        |name: &str, default: u64| std::env::var(name).map_or(default, |value| value.parse().unwrap());
    let (first, count) = (variable("BETAFLOW_MUTATED_SEED", 1), variable("BETAFLOW_MUTATED_CASES", 16));
    let ended = call(path, &["report", "case"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let report = fs::read(path.join("case/report.html")).unwrap();
    let difference = call(path, &["diff", "whole", "case"]).out;
    let (mut errors, mut alike, mut failures) = (0, 0, Vec::new());
    for seed in first..first + count {
        let mut random = Random::new(seed);
        let table = *random.choose(&TABLES);
        let file = path.join(format!("case/{table}.parquet"));
        let whole = fs::read(&file).unwrap();
        let mut bytes = whole.clone();
        match random.below(4) {
            0 => bytes.truncate(random.below(bytes.len())),
            1 => {
                let (from, to) = (random.below(bytes.len() - 8), random.below(bytes.len() - 8));
                bytes.copy_within(from..from + 8, to);
            }
            _ => {
                for _ in 0..=random.below(3) {
                    let at = random.below(bytes.len());
                    bytes[at] ^= 1 << random.below(8);
                }
            }
        }
        fs::write(&file, bytes).unwrap();
        let is_report = random.one_in(2);
        let ended = match is_report {
            true => call(path, &["report", "case"]),
            false => call(path, &["diff", "whole", "case"]),
        };
        fs::write(&file, whole).unwrap();
        let same = match is_report {
            // A section whose table cannot be read shows the error.
            true => {
                let html = fs::read(path.join("case/report.html")).unwrap();
                let error = format!("{table}.parquet: could not read the table");
                html == report || String::from_utf8_lossy(&html).contains(&error)
            }
            false => ended.out == difference,
        };
        let name = format!("{table}.parquet");
        match ended.code {
            // `diff` ends with 1 for a difference.
            Some(code)
                if code == if is_report { 1 } else { 2 }
                    && ended.err.contains(&name)
                    && !ended.err.contains("panicked") =>
            {
                errors += 1
            }
            Some(0) if same => alike += 1,
            code => failures
                .push(format!("seed {seed}, {name}, report: {is_report}: exit {code:?} {}", ended.err)),
        }
    }
    println!("{errors} errors, {alike} alike");
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
}

/// Small files that decompress to large ones or declare absurd counts; `connectors/tests/mutated/bombs.rs` made them.
#[test]
#[cfg(target_os = "linux")]
fn bomb_is_refused_under_a_limit_on_memory() {
    let bombs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../connectors/tests/reference/bombs");
    let folder = folder();
    let mut count = 0;
    for entry in fs::read_dir(bombs).unwrap() {
        let path = entry.unwrap().path();
        let limited =
            "ulimit -v 1500000; exec \"$0\" replay --prices \"$1\" --factors none --no-report --out out";
        let ended = Command::new("sh")
            .args(["-c", limited, env!("CARGO_BIN_EXE_betaflow")])
            .arg(&path)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&ended.stderr).into_owned();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            ended.status.code() == Some(1) && error.contains(&name),
            "{name}: {:?} {error}",
            ended.status
        );
        assert!(!error.contains("panicked"), "{name}: {error}");
        count += 1;
    }
    assert_eq!(count, 5);
}
