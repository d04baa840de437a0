//! Every numeric setting at and beyond its limits is refused by name, or the run writes only finite numbers.

#![cfg(unix)]

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::Array as _;
use arrow_array::cast::AsArray as _;
use arrow_array::types::Float64Type;
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::support::{Panel, folder, sets};

/// Values tried for each setting.
const VALUES: [&str; 13] = [
    "0",
    "5e-324",
    "1e-300",
    "1e-9",
    "1e9",
    "1e300",
    "1.7e308",
    "inf",
    "nan",
    "-1",
    "-1e308",
    "9223372036854775807",
    "18446744073709551615",
];
/// Virtual memory of a run in kB.
const MEMORY_KB: u64 = 4_000_000;

/// Fixed settings, tables whose numbers vary, and varying settings without a default.
struct Case {
    beside: &'static [&'static str],
    tables: &'static [&'static str],
    unset: &'static [&'static str],
}

const CASES: [Case; 9] = [
    Case {
        beside: &[],
        tables: &[
            "data",
            "estimator",
            "strategy",
            "sizing",
            "execution",
            "world",
            "pipeline",
            "tune",
            "feed",
        ],
        unset: &[
            "estimator.initial_alpha_variance",
            "estimator.observation_variance",
            "strategy.alpha_shrink",
            "sizing.net_target",
            "sizing.premium_half_life",
            "execution.participation_cap",
            "execution.cash_interest",
            "limits.daily_loss_max",
            "limits.drawdown_max",
            "limits.conflations_max",
            "pipeline.batch",
            "tune.folds",
            "world.bootstrap_seed",
        ],
    },
    Case {
        beside: &["estimator.kind=dlm"],
        tables: &["estimator"],
        unset: &["estimator.observation_variance"],
    },
    Case {
        beside: &[
            "estimator.kind=fixed",
            "estimator.transition_variance=1e-6",
            "estimator.observation_variance=1e-4",
        ],
        tables: &["estimator"],
        unset: &["estimator.alpha_transition_variance", "estimator.initial_alpha_variance"],
    },
    Case { beside: &["strategy.kind=max_sharpe"], tables: &["strategy"], unset: &["strategy.alpha_shrink"] },
    Case {
        beside: &["strategy.kind=min_variance", "strategy.from=returns", "strategy.window=15"],
        tables: &["strategy"],
        unset: &[],
    },
    Case { beside: &["strategy.kind=factor_momentum"], tables: &["strategy"], unset: &[] },
    Case { beside: &["strategy.kind=equal_weight"], tables: &["strategy", "sizing"], unset: &[] },
    // All costs.
    Case {
        beside: &[
            "sizing.weight_min=-0.2",
            "sizing.gross_max=3",
            "sizing.turnover_cap=1",
            "execution.impact_coefficient=1",
            "execution.permanent_impact_coefficient=0.3",
            "execution.spread_model=corwin_schultz",
            "execution.borrow_bps_per_year=50",
            "execution.financing_bps_per_year=100",
            "execution.commission_min=1",
            "execution.commission_per_share=0.01",
            "execution.participation_cap=0.5",
            "execution.delist_after=5",
            "execution.delisting_haircut=0.5",
        ],
        tables: &["execution", "world"],
        unset: &[],
    },
    Case {
        beside: &[
            "world.volatile_cost_multiplier=3",
            "world.spread_follows_volatility=1",
            "world.bootstrap_seed=1",
        ],
        tables: &["world"],
        unset: &[],
    },
];

/// Runs `replay` under a memory limit.
fn call(place: &Path, out: &str, settings: &[&str]) -> Output {
    let mut arguments = vec!["replay", "--prices", "prices.parquet", "--factors", "factors.parquet"];
    arguments.extend(["--no-report", "--force", "--out", out]);
    arguments.extend(sets(&["estimator.warmup=15", "record.betas=all"]));
    arguments.extend(sets(settings));
    let script = format!("ulimit -v {MEMORY_KB}; exec \"$0\" \"$@\"");
    Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_betaflow")])
        .args(arguments)
        .current_dir(place)
        .output()
        .unwrap()
}

/// Dotted names of the numbers and lists of numbers in a configuration, and true for each list.
fn numbers_of(config: &toml::Table, tables: &[&str]) -> Vec<(String, bool)> {
    let is_number = |value: &toml::Value| value.is_float() || value.is_integer();
    let mut names = Vec::new();
    for table in tables {
        for (key, value) in config.get(*table).and_then(toml::Value::as_table).into_iter().flatten() {
            let list =
                value.as_array().is_some_and(|values| values.iter().all(is_number) && !values.is_empty());
            if is_number(value) || list {
                names.push((format!("{table}.{key}"), list));
            }
        }
    }
    names
}

#[test]
fn numeric_setting_is_refused_by_name_or_leaves_finite_numbers() {
    let place = folder();
    Panel::new(31, 60, 5).write(place.path());
    let mut runs: Vec<(&Case, String, bool, &str)> = Vec::new();
    for case in &CASES {
        let base = call(place.path(), "base", case.beside);
        assert!(base.status.success(), "{:?}: {}", case.beside, String::from_utf8_lossy(&base.stderr));
        let config = fs::read_to_string(place.path().join("base/run.toml")).unwrap().parse().unwrap();
        let unset = case.unset.iter().map(|name| ((*name).to_owned(), false));
        for (name, list) in numbers_of(&config, case.tables).into_iter().chain(unset) {
            runs.extend(VALUES.map(|value| (case, name.clone(), list, value)));
        }
    }
    assert!(runs.len() > 1_000, "{}", runs.len());
    let next = AtomicUsize::new(0);
    let problems = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for lane in 0..2 {
            let (place, runs, next, problems) = (place.path(), &runs, &next, &problems);
            scope.spawn(move || {
                let out = format!("out-{lane}");
                while let Some((case, name, list, value)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let value = if *list { format!("[{value}]") } else { (*value).to_owned() };
                    let set = format!("{name}={value}");
                    let ended = call(place, &out, &[case.beside, &[set.as_str()]].concat());
                    if let Some(problem) = problem(place, &out, name, &ended) {
                        problems.lock().unwrap().push(format!("{set}, beside {:?}: {problem}", case.beside));
                    }
                }
            });
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{} of {} runs:\n{}", problems.len(), runs.len(), problems.join("\n"));
}

/// Fault of a run, if any.
fn problem(place: &Path, out: &str, name: &str, ended: &Output) -> Option<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (shown, error) = (text(&ended.stdout), text(&ended.stderr));
    match ended.status.code() {
        Some(0) => {
            let odd =
                |word: &str| matches!(word.trim_matches(['(', ')', ',', ';', '%']), "NaN" | "inf" | "-inf");
            if let Some(line) = shown.lines().find(|line| line.split_whitespace().any(odd)) {
                return Some(format!("the terminal shows: {line}"));
            }
            unfinite(&place.join(out))
        }
        Some(1 | 2) if error.contains("error: ") && !error.contains("panicked") => {
            let key = name.split('.').next_back().unwrap();
            let named = error.contains(key) || error.contains("expected a finite number");
            (!named || !error.contains("expected")).then_some(error)
        }
        code => Some(format!("ended with {code:?}: {error}")),
    }
}

/// Number of a run folder that is not finite, or null in a column without nulls.
fn unfinite(run: &Path) -> Option<String> {
    // Columns that may be null: without an order (delistings), without market history before a fill, or in
    // frames without a return, or with a NAV of 0 or less (predicted volatility).
    const NULLABLE: [&str; 13] = [
        "predicted_volatility",
        "delay",
        "shortfall",
        "daily_volume",
        "volatility",
        "decision_price",
        "forecast_mean",
        "forecast_sd",
        "forecast_dof",
        "forecast_error",
        "expected_return",
        "target_weight",
        "benchmark_nav",
    ];
    for entry in fs::read_dir(run).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "parquet") {
            continue;
        }
        let reader =
            ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap().build().unwrap();
        for batch in reader {
            let batch = batch.unwrap();
            for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
                if *field.data_type() != DataType::Float64 {
                    continue;
                }
                let place = format!("{} {}", path.file_name().unwrap().to_string_lossy(), field.name());
                let values = column.as_primitive::<Float64Type>();
                // The standard deviation of a t distribution with two or fewer degrees of freedom is infinite.
                let bounded = !field.name().ends_with("_sd") && field.name() != "forecast_dof";
                if bounded && let Some(value) = values.iter().flatten().find(|value| !value.is_finite()) {
                    return Some(format!("{place} is {value}"));
                }
                let table = path.file_stem().unwrap().to_string_lossy().into_owned();
                let always = ["equity", "fills", "weights"].contains(&table.as_str());
                if always && values.null_count() > 0 && !NULLABLE.contains(&field.name().as_str()) {
                    return Some(format!("{place} has a null"));
                }
            }
        }
    }
    let summary: Value = serde_json::from_slice(&fs::read(run.join("summary.json")).unwrap()).unwrap();
    let started = summary["performance"].is_object() || summary["turnover"]["mean"].is_number();
    let always = ["costs", "turnover"].iter().find(|key| started && has_null(&summary[**key]));
    always.map(|key| format!("summary.json has a null in {key}"))
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        _ => false,
    }
}
