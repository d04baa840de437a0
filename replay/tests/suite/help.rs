//! Help texts of the program.

use std::path::Path;

use crate::support::call;

const RUN: &[&str] =
    &["--prices", "--factors", "--config", "--set", "--from", "--to", "--out", "--force", "--timing"];
const REPORT: &[&str] = &["--plot", "--no-report"];
const OFFLINE: &[&str] = &["--smooth", "--em", "--compare"];
const TUNE: &[&str] = &[
    "--grid",
    "--shard",
    "--method",
    "--folds",
    "--embargo",
    "--objective",
    "--resume",
    "--trials",
    "--no-report",
];
const LUCK: &[&str] = &[
    "--trials",
    "--sharpe-variance",
    "--periods-per-year",
    "--blocks",
    "--max-correlation",
    "--out",
    "--force",
    "--json",
];
const SIZE: &[&str] = &["--at", "--json", "--prices", "--factors", "--config", "--set", "--from"];
const SERVE: &[&str] = &[
    "--prices",
    "--factors",
    "--config",
    "--set",
    "--from",
    "--to",
    "--listen",
    "--speed",
    "--protocol",
    "--capture",
    "--venue",
    "--tls-cert",
    "--tls-key",
    "--drop",
    "--duplicate",
    "--reorder",
    "--disconnect-every",
    "--stall",
    "--no-backfill",
    "--seed",
];
const PAPER: &[&str] = &[
    "--url",
    "--venue",
    "--symbols",
    "--state",
    "--ca",
    "--for",
    "--dashboard",
    "--token-file",
    "--prices",
    "--factors",
    "--config",
    "--set",
    "--from",
];
const IMPORT: &[&str] =
    &["--out", "--section", "--symbol", "--time", "--symbol-column", "--date-order", "--json"];
const CHECK: &[&str] =
    &["--out", "--venue", "--bars", "--json", "--factors", "--config", "--set", "--from", "--to"];

/// Every command with its flags.
const COMMANDS: &[(&str, &[&[&str]])] = &[
    ("replay", &[RUN, &["--session", "--no-report"]]),
    ("score", &[RUN, &["--no-report", "--profile"]]),
    ("estimate", &[RUN, REPORT, OFFLINE]),
    ("stress", &[RUN, &["--no-report", "--grid", "--shard", "--threads"]]),
    ("merge", &[&["--out", "--force", "--trials", "--no-report", "--json"]]),
    ("tune", &[RUN, TUNE]),
    ("signal", &[RUN, &["--horizons", "--carry-prices", "--no-replay", "--no-report"]]),
    ("factors", &[&["--prices", "--factors", "--to", "--resamples", "--seed", "--out", "--force", "--json"]]),
    ("luck", &[LUCK]),
    ("size", &[SIZE]),
    ("serve", &[SERVE]),
    ("paper", &[PAPER]),
    ("state", &[&["--json"]]),
    ("diff", &[&["--json"]]),
    ("report", &[&["--plot"]]),
    ("import", &[IMPORT]),
    ("check", &[CHECK]),
    ("dashboard", &[&["--state", "--listen", "--token-file"]]),
    ("schema", &[&["--summary", "--markdown"]]),
    ("completions", &[&[]]),
    ("man", &[&["--out"]]),
];

#[test]
fn help_names_every_flag_and_fits_110_columns() {
    let help = |arguments: &[&str]| {
        let ended = call(Path::new("."), &[arguments, &["--help"]].concat());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
        let long = ended.out.lines().find(|line| line.chars().count() > 110);
        assert_eq!(long, None, "{arguments:?}");
        ended.out
    };
    let all = help(&[]);
    let listed = all.split_once("Commands:\n").unwrap().1.lines().take_while(|line| !line.is_empty());
    let listed: Vec<&str> = listed
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    let known: Vec<&str> = COMMANDS.iter().map(|(name, _)| *name).collect();
    assert_eq!(listed, known, "a command is missing in this test");
    for (command, flags) in COMMANDS {
        let text = help(&[command]);
        let shown: Vec<&str> = text
            .lines()
            .filter_map(|line| line.trim_start().split([' ', '=']).find(|word| word.starts_with("--")))
            .collect();
        for flag in flags.concat() {
            assert!(shown.contains(&flag), "{command} --help does not name {flag}:\n{text}");
        }
    }
}
