//! Reference of all settings: JSON schema, Markdown, comments of `run.toml`, completions, manual pages.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::{call, folder, run};

/// Standard output of a call that succeeds.
fn printed(arguments: &[&str]) -> String {
    let ended = call(Path::new("."), arguments);
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
    ended.out
}

fn schema() -> Value {
    serde_json::from_str(&printed(&["schema"])).unwrap()
}

/// Places of a value that a schema does not allow. Supports only the keywords of this schema.
fn violations(schema: &Value, root: &Value, value: &Value, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (keyword, expected) in schema.as_object().unwrap() {
        let number = |least: bool| {
            value.as_f64().zip(expected.as_f64()).is_none_or(
                |(value, end)| {
                    if least { value >= end } else { value <= end }
                },
            )
        };
        let length = value.as_array().map_or(0, Vec::len) as u64;
        let valid = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" | "default" | "format" => true,
            "$ref" => {
                let name = expected.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                found.extend(violations(&root["$defs"][name], root, value, place));
                true
            }
            "type" => {
                let types = expected.as_array().cloned().unwrap_or_else(|| vec![expected.clone()]);
                types.iter().any(|name| match name.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "number" => value.is_number(),
                    "integer" => value.is_i64() || value.is_u64(),
                    "null" => value.is_null(),
                    other => panic!("type {other}"),
                })
            }
            "const" => {
                value == expected || value.as_f64().is_some_and(|value| Some(value) == expected.as_f64())
            }
            "enum" => expected.as_array().unwrap().contains(value),
            "minimum" => number(true),
            "maximum" => number(false),
            "minItems" => length >= expected.as_u64().unwrap(),
            "maxItems" => length <= expected.as_u64().unwrap(),
            "items" => {
                let each = value.as_array().into_iter().flatten();
                found.extend(each.flat_map(|item| violations(expected, root, item, place)));
                true
            }
            "anyOf" | "oneOf" => {
                let each = expected.as_array().unwrap().iter();
                let count = each.filter(|schema| violations(schema, root, value, place).is_empty()).count();
                if keyword == "anyOf" { count > 0 } else { count == 1 }
            }
            "required" => {
                let keys = expected.as_array().unwrap().iter();
                keys.map(|key| key.as_str().unwrap()).all(|key| value.get(key).is_some())
            }
            "properties" => {
                for (key, schema) in expected.as_object().unwrap() {
                    let value = value.get(key);
                    let place = format!("{place}.{key}");
                    found.extend(value.into_iter().flat_map(|value| violations(schema, root, value, &place)));
                }
                true
            }
            "additionalProperties" => {
                let others = value.as_object().into_iter().flatten();
                for (key, value) in others.filter(|(key, _)| schema["properties"].get(key).is_none()) {
                    match expected {
                        Value::Bool(allowed) if *allowed => {}
                        Value::Bool(_) => found.push(format!("{place}.{key}: unknown key")),
                        schema => found.extend(violations(schema, root, value, &format!("{place}.{key}"))),
                    }
                }
                true
            }
            other => panic!("keyword {other} of the schema"),
        };
        if !valid {
            found.push(format!("{place}: found {value}, expected {keyword} {expected}"));
        }
    }
    found
}

/// Configuration as JSON.
fn configuration(toml: &str) -> Value {
    serde_json::to_value(toml.parse::<toml::Table>().unwrap()).unwrap()
}

#[test]
fn schema_accepts_the_settings_of_runs_and_refuses_unknown_keys_and_values_out_of_range() {
    let place = folder();
    let schema = schema();
    let valid = |value: &Value| violations(&schema, &schema, value, "run.toml");
    assert_eq!(valid(&json!({})), [""; 0], "an empty configuration");
    let defaults = configuration(&run_toml(place.path(), "default", &[]));
    assert_eq!(valid(&defaults), [""; 0], "the default configuration");
    let sets: [&[&str]; 5] = [
        &["strategy.kind=max_sharpe", "execution.lot=1", "execution.cash_interest=0.03"],
        &["strategy.kind=factor_momentum", "execution.half_spreads={AAPL=3}", "record.betas=none"],
        &["sizing.exposure_bounds={mkt=[0, 0.5]}", "pipeline.placement=[1, 4]", "limits.stale_after=5m"],
        &["world.gap_from=2020-03-02", "world.gap_frames=5", "holdout.from=2021-01-01"],
        &[
            "estimator.kind=fixed",
            "estimator.transition_variance=1e-6",
            "estimator.observation_variance=1e-4",
        ],
    ];
    for (at, set) in sets.iter().enumerate() {
        let settings = configuration(&run_toml(place.path(), &format!("run-{at}"), set));
        assert_eq!(valid(&settings), [""; 0], "{set:?}");
    }
    let wrong = [
        ("sizing", "turnover_capp", json!(0.1)),
        ("sizing", "turnover_cap", json!(-0.1)),
        ("sizing", "turnover_cap", json!("much")),
        ("sizing", "weight_min", json!(0.5)),
        ("estimator", "warmup", json!(1.5)),
        ("estimator", "warmup", json!(100_001)),
        ("estimator", "discount_grid", json!([])),
        ("estimator", "kind", json!("arima")),
        ("strategy", "half_life", json!(10)),
        ("execution", "lot", json!(1e-13)),
        ("execution", "cash_interest", json!("risk-free")),
    ];
    for (table, key, value) in wrong {
        let mut settings = defaults.clone();
        settings[table][key] = value.clone();
        assert!(!valid(&settings).is_empty(), "{table}.{key} = {value}");
        // The program gives the same result.
        let set = format!("{table}.{key}={value}");
        let ended = call(place.path(), &["replay", "--no-report", "--out", "wrong", "--set", &set]);
        assert_eq!(ended.code, Some(1), "{set}");
        assert!(ended.err.contains(&format!("`{table}.{key}`")), "{}", ended.err);
    }
    let mut settings = defaults;
    settings["sizeing"] = json!({});
    assert!(!valid(&settings).is_empty(), "an unknown table");
}

/// Text of the `run.toml` of a short replay.
fn run_toml(place: &Path, name: &str, set: &[&str]) -> String {
    let arguments = [&["replay", "--no-report", "--from", "2019-06-03"][..], &support::sets(set)].concat();
    let run = run(place, name, &arguments);
    fs::read_to_string(run.path.join("run.toml")).unwrap()
}

#[test]
fn schema_of_the_summary_accepts_the_summary_of_a_run() {
    let place = folder();
    let schema: Value = serde_json::from_str(&printed(&["schema", "--summary", "run"])).unwrap();
    let run = run(place.path(), "run", &["replay", "--no-report", "--from", "2019-06-03"]);
    assert_eq!(violations(&schema, &schema, &run.summary, "summary.json"), [""; 0]);
}

#[test]
fn defaults_of_the_schema_are_those_of_a_run() {
    let place = folder();
    let run = run(place.path(), "run", &["replay", "--no-report"]);
    let settings = configuration(&fs::read_to_string(run.path.join("run.toml")).unwrap());
    let schema = schema();
    let mut count = 0;
    for (table, properties) in schema["properties"].as_object().unwrap() {
        for (key, property) in properties["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].as_str().is_some_and(|text| text.len() > 5), "{table}.{key}");
            if let (Some(default), Some(found)) = (property.get("default"), settings[table].get(key)) {
                assert_eq!(found, default, "{table}.{key}");
                count += 1;
            }
        }
    }
    assert!(count > 80, "{count} defaults");
}

/// `UPDATE_DOCS=1 cargo test -p betaflow-replay --test reference` writes the file again.
#[test]
fn settings_md_matches_the_declarations() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md");
    let expected = printed(&["schema", "--markdown"]);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "replay/docs/settings.md: write it again with UPDATE_DOCS=1");
}

#[test]
fn run_toml_describes_each_key_and_runs_again() {
    let place = folder();
    let text = run_toml(place.path(), "first", &["sizing.exposure_bounds={mkt=[0, 0.5]}"]);
    let lines: Vec<&str> = text.lines().collect();
    let mut table = "";
    for pair in lines.windows(2) {
        let (above, line) = (pair[0], pair[1]);
        if line.starts_with('[') {
            table = line;
        }
        let described = above.starts_with("# ") && above.ends_with('.');
        let is_key = line.starts_with('[') || line.contains(" = ") && !line.starts_with('#');
        // Factors and the names in a table of names are the user's.
        let is_own = matches!(table, "[factors]" | "[sizing.exposure_bounds]") && line != table;
        assert!(described || !is_key || is_own, "{line}: the line above is {above}");
    }
    let first = support::Run::at(place.path().join("first"));
    let again = run(place.path(), "again", &["replay", "--no-report", "--config", "first/run.toml"]);
    assert_eq!(again.digest(), first.digest());
    assert_eq!(again.config, first.config);
}

#[test]
fn help_lists_settings_with_the_defaults_of_a_run() {
    let place = folder();
    let run = run(place.path(), "run", &["replay", "--no-report"]);
    let help = printed(&["replay", "--help"]);
    let list = help.split_once("Some settings, with their defaults:\n").unwrap().1;
    let list = list.split_once("All settings:").unwrap().0;
    let settings =
        list.lines().filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    let mut count = 0;
    for setting in settings {
        let (name, default) = setting.split(' ').next().unwrap().split_once('=').unwrap();
        let (table, key) = name.split_once('.').unwrap();
        match run.config[table].get(key) {
            Some(value) => {
                assert_eq!(value.as_str().map_or(value.to_string(), str::to_owned), default, "{name}")
            }
            None => assert_eq!(default, "(unset)", "{name}"),
        }
        count += 1;
    }
    assert_eq!(count, 18);
}

#[test]
fn completions_and_manual_pages_have_every_command() {
    let place = folder();
    let ended = call(place.path(), &["man", "--out", "man/man1"]);
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let page = |name: &str| fs::read_to_string(place.path().join("man/man1").join(name)).unwrap();
    assert!(page("betaflow.1").contains("betaflow\\-replay(1)"));
    assert!(page("betaflow-replay.1").contains("\\-\\-prices"));
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = printed(&["completions", shell]);
        for word in ["replay", "completions", "no-report"] {
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
}
