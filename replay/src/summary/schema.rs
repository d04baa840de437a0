//! JSON schema of `summary.json` against the structs that write it.

#![allow(clippy::unwrap_used)]

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::*;

/// Returns the schema of the serialised form.
fn schema_of<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().to_value()
}

/// Checks types, required keys, and that no key is unknown. Returns the places that differ.
fn disagreements(schema: &Value, root: &Value, value: &Value, place: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        return disagreements(&root["$defs"][name.rsplit('/').next().unwrap()], root, value, place);
    }
    for alternatives in ["anyOf", "oneOf"] {
        if let Some(schemas) = schema[alternatives].as_array() {
            // Use the alternative with the fewest differences; skip `null` for a value.
            let is_none = |schema: &&Value| schema["type"] == "null" && !value.is_null();
            let each = schemas
                .iter()
                .filter(|schema| !is_none(schema))
                .map(|schema| disagreements(schema, root, value, place));
            return each.min_by_key(Vec::len).unwrap();
        }
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().map(|name| name.as_str().unwrap()).collect(),
        _ => Vec::new(),
    };
    let is = |name: &&str| match *name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{place}: type {other}"),
    };
    if !types.is_empty() && !types.iter().any(is) {
        return vec![format!("{place}: found {value}, expected {types:?}")];
    }
    let mut found = Vec::new();
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        found.extend(values.iter().flat_map(|value| disagreements(items, root, value, place)));
    }
    let Some(object) = value.as_object() else { return found };
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    found.extend(
        required.filter(|key| !object.contains_key(*key)).map(|key| format!("{place}.{key}: is missing")),
    );
    let empty = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&empty);
    for (key, value) in object {
        let place = format!("{place}.{key}");
        match properties.get(key).or(schema.get("additionalProperties")) {
            Some(schema) => found.extend(disagreements(schema, root, value, &place)),
            None if schema.get("properties").is_some() => {
                found.push(format!("{place}: is not a key of the schema"))
            }
            None => {}
        }
    }
    found
}

/// Checks a summary against its schema, and that it is read back as it was written.
fn assert_consistent<T: JsonSchema + Serialize + DeserializeOwned>(summary: &T) {
    let (schema, text) = (schema_of::<T>(), to_json(summary).unwrap());
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(disagreements(&schema, &schema, &value, ""), Vec::<String>::new());
    let again: T = serde_json::from_str(&text).unwrap();
    assert_eq!(to_json(&again).unwrap(), text);
    // A folder of an earlier version lacks keys.
    serde_json::from_str::<T>("{}").unwrap();
}

fn head() -> Head {
    Head::new(&Default::default(), None, &[Rendered::new(Code::Ruined, "RUINED")])
}

/// Metrics with one undefined figure.
fn metrics() -> Metrics {
    let mut metrics = Metrics { excess: Some(Default::default()), ..Metrics::default() };
    metrics.figures.sharpe = 0.5;
    metrics
}

fn luck() -> LuckSummary {
    let chosen = ChosenLuck { deflated: Some(DeflatedLuck::default()), ..ChosenLuck::default() };
    LuckSummary {
        base: Some(ChosenLuck::default()),
        best: Some(chosen),
        overfitting: Some(OverfittingSummary::default()),
        ..LuckSummary::default()
    }
}

fn study() -> StudyHead {
    StudyHead {
        head: head(),
        luck: Some(luck()),
        grid: Some([("sizing.turnover_cap".to_owned(), vec![0.08].into())].into()),
        ruined: vec![RuinedScenario::default()],
        holdout: Some(HoldoutSummary::kept("2020-01-01")),
        ..StudyHead::default()
    }
}

#[test]
fn summary_of_a_run_agrees_with_its_schema() {
    let mut run = RunSummary { head: head(), ..RunSummary::default() };
    run.estimator.alarms.insert("too_wide".to_owned(), 1);
    run.estimator.instruments.push(InstrumentSummary::default());
    assert_consistent(&run);
    let series = MetricsBySeries { net: metrics(), gross: metrics(), benchmark: metrics() };
    let trading = TradingSummary {
        strategy: "flat".to_owned(),
        metrics: Some(series.clone()),
        outcome: Some(run::Outcome::Ruined { at: "2020-01-01".to_owned() }),
        costs: CostSums::from(betaflow_engine::execution::Costs::default()),
        monthly: Some(vec![PeriodSummary { month: Some(1), ..PeriodSummary::default() }]),
        drawdowns: Some(vec![DrawdownSummary::default()]),
        distribution: Some(run::DistributionSummary { edges: vec![0.0, 1.0], counts: vec![2] }),
        ..TradingSummary::default()
    };
    let score = ScoreSummary {
        inside: PeriodMetrics { frames: 1, metrics: series },
        earlier_openings: vec![EarlierOpening::default()],
        failed_openings: vec![FailedOpening::default()],
        trials: Some(TrialsInside::default()),
        ..ScoreSummary::default()
    };
    run.holdout = Some(HoldoutSummary { from: "2020-01-01".to_owned(), opened: true, score: Some(score) });
    run.offline.compare = Some(vec![WindowSummary::default()]);
    run.trading = Some(trading);
    assert_consistent(&run);
}

#[test]
fn summary_of_the_tutorial_agrees_with_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let arguments = ["betaflow", "replay", "--no-report", "--out"].map(std::ffi::OsString::from);
    crate::main(arguments.into_iter().chain([out.clone().into()]));
    let text = std::fs::read_to_string(out.join("summary.json")).unwrap();
    let (schema, value) = (schema_of::<RunSummary>(), serde_json::from_str(&text).unwrap());
    assert_eq!(disagreements(&schema, &schema, &value, ""), Vec::<String>::new());
    let read: RunSummary = serde_json::from_str(&text).unwrap();
    assert_eq!(to_json(&read).unwrap(), text);
    // The schema refuses a key that is missing, unknown or of another type.
    let mut changed = value;
    let metrics = changed["metrics"]["net"].as_object_mut().unwrap();
    metrics.insert("sharpe".to_owned(), "high".into());
    metrics.insert("sharp".to_owned(), 1.0.into());
    changed["data"].as_object_mut().unwrap().remove("frames");
    let found = disagreements(&schema, &schema, &changed, "");
    assert_eq!(found.len(), 3, "{found:?}");
}

#[test]
fn summary_of_trials_agrees_with_its_schema() {
    assert_consistent(&TrialsSummary {
        head: head(),
        kind: FolderKind::Luck,
        best: Some(BestTrial::default()),
        overfitting: Some(OverfittingSummary::default()),
        each: vec![TrialSummary::default()],
        ..TrialsSummary::default()
    });
}

/// Figures of one factor, with every part.
fn factors() -> FactorsSummary {
    let factor = FactorSummary {
        windows: vec![FactorWindowSummary { months: Some(1), ..FactorWindowSummary::default() }],
        last_month: Some(LastMonthSummary::default()),
        ..FactorSummary::default()
    };
    FactorsSummary {
        factors: vec![factor],
        correlations: vec![vec![Number(1.0)]],
        luck: Some(FactorLuckSummary::default()),
        ..FactorsSummary::default()
    }
}

#[test]
fn summary_of_factors_agrees_with_its_schema() {
    let kind = FolderKind::Factors;
    let command = FactorsCommandSummary { head: head(), kind, figures: factors(), ..Default::default() };
    assert_consistent(&command);
    assert_consistent(&RunSummary { head: head(), factors: Some(factors()), ..RunSummary::default() });
}

#[test]
fn summaries_of_studies_agree_with_their_schemas() {
    let paths = PathsSummary { net_sharpe: Some(QuantilesSummary::default()), ..PathsSummary::default() };
    assert_consistent(&StressSummary { study: study(), paths: vec![paths], ..StressSummary::default() });
    let mut choice = ChoiceSummary { runner_up: Some(RunnerUp::default()), ..ChoiceSummary::default() };
    choice.settings.insert("strategy.kind".to_owned(), "flat".into());
    let mut recommended = choice.clone();
    recommended.best.metrics = Some(metrics());
    assert_consistent(&TuneSummary {
        study: study(),
        choices: vec![FoldSummary { test: vec![FrameRange::default()], choice, ..FoldSummary::default() }],
        in_sample: Recommendation { choice: recommended, ..Recommendation::default() },
        ..TuneSummary::default()
    });
}

#[test]
fn summary_of_a_signal_agrees_with_its_schema() {
    let horizon = HorizonSummary {
        quantiles: vec![QuantileSummary::default()],
        years: vec![YearSummary::default()],
        ..HorizonSummary::default()
    };
    let signal = SignalKeys {
        horizons: vec![horizon],
        exposures: vec![ExposureSummary::default()],
        ..SignalKeys::default()
    };
    let mut run = RunSummary { head: head(), ..RunSummary::default() };
    assert_consistent(&SignalSummary { run: run.clone(), kind: FolderKind::Signal, signal: signal.clone() });
    run.trading = Some(TradingSummary { strategy: "forecasts".to_owned(), ..TradingSummary::default() });
    assert_consistent(&SignalSummary { run, kind: FolderKind::Signal, signal });
}

#[test]
fn undefined_figure_is_null_and_read_as_nan() {
    let written = serde_json::to_value(metrics()).unwrap();
    assert_eq!((&written["sharpe"], &written["sortino"]), (&0.5.into(), &Value::Null));
    assert_eq!(written["sharpe_standard_error"], Value::Null);
    let read: Metrics = serde_json::from_value(written).unwrap();
    assert!(read.figures.sharpe == 0.5 && read.figures.uncertainty.standard_error.is_nan());
    let names = read.figures.all().map(|(name, _)| name);
    let keys = serde_json::to_value(Metrics::default()).unwrap();
    assert_eq!(names.count(), keys.as_object().unwrap().len());
    assert!(read.figures.all().all(|(name, _)| keys.get(name).is_some()));
}
