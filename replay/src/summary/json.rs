//! The summary as `summary.json`.

use betaflow_engine::ledger::RunFacts;
use betaflow_engine::model::CalibrationFacts;
use betaflow_engine::source::DataFacts;
use serde_json::{Map, Value, json};

use super::{Rendered, Summary, time_text};

/// A number, or null where it is not one.
pub(crate) fn number(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// Named numbers as an object.
pub(crate) fn object(items: impl IntoIterator<Item = (&'static str, f64)>) -> Map<String, Value> {
    items.into_iter().map(|(name, value)| (name.to_owned(), number(value))).collect()
}

/// How well forecasts have held.
fn calibration_json(facts: &CalibrationFacts) -> Map<String, Value> {
    let value = |value: Option<f64>| value.map_or(Value::Null, number);
    let [inside50, inside90, inside95] = facts.coverage.map(value);
    let json = json!({
        "forecasts": facts.forecasts,
        "hedged_r2": value(facts.hedged_r2),
        "nis": value(facts.nis),
        "autocorrelation": value(facts.autocorrelation),
        "coverage_50": inside50,
        "coverage_90": inside90,
        "coverage_95": inside95,
        "log_predictive_density": value(facts.log_predictive_density),
        "baseline_log_predictive_density": value(facts.baseline_log_predictive_density),
        "share_in_alarm": value(facts.share_in_alarm),
        "alarm": facts.alarm.map(|alarm| alarm.name()),
        "log_likelihood": value(facts.log_likelihood),
    });
    match json {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// What was read.
pub(crate) fn data_json(data: &DataFacts) -> Value {
    json!({
        "rows": data.rows,
        "frames": data.frames,
        "instruments": data.instruments,
        "first": time_text(data.first),
        "last": time_text(data.last),
        "skipped": data.skipped,
        "left_out": data.left_out,
    })
}

/// `warnings`, a sentence each, and `warning_codes`, the kind of each.
pub(crate) fn add_warnings(warnings: &[Rendered], summary: &mut Value) {
    summary["warnings"] = warnings.iter().map(|warning| warning.text.as_str()).collect();
    summary["warning_codes"] = warnings.iter().map(|warning| warning.code).collect();
}

impl Summary<'_> {
    /// As `summary.json`.
    pub(crate) fn json(&self) -> Value {
        let RunFacts { data, .. } = self.facts;
        let mut summary = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "data": data_json(data),
            "estimator": self.estimator_json(),
            "timing": self.timing_json(),
        });
        add_warnings(&self.warnings(), &mut summary);
        summary["world"] = self.config.world_note(self.trading.is_some()).into();
        if let Some(trading) = &self.trading {
            self.add_trading(trading, &mut summary);
        }
        match (&self.score, &self.config.holdout.from) {
            (Some(score), _) => summary["holdout"] = score.json(),
            (None, Some(from)) => summary["holdout"] = json!({"from": from, "opened": false}),
            (None, None) => {}
        }
        self.findings.add_to(&mut summary);
        summary
    }

    fn estimator_json(&self) -> Value {
        let facts = &self.facts.estimator;
        let mut estimator = calibration_json(&facts.total);
        estimator.insert("kind".into(), json!(self.config.estimator.kind));
        // The name that the density has had from the start, beside that of a single instrument's.
        let density = facts.total.log_predictive_density.map_or(Value::Null, number);
        estimator.insert("mean_log_predictive_density".into(), density);
        estimator.insert("groups".into(), facts.groups.into());
        estimator.insert("largest_group".into(), facts.largest_group.into());
        let mut alarms = Map::new();
        for alarm in facts.instruments.iter().filter_map(|instrument| instrument.alarm) {
            let count = alarms.entry(alarm.name()).or_insert(json!(0));
            *count = json!(count.as_u64().unwrap_or_default() + 1);
        }
        estimator.insert("alarms".into(), alarms.into());
        let instruments = self.facts.names.iter().zip(&facts.instruments).map(|(name, facts)| {
            let mut instrument = calibration_json(facts);
            instrument.insert("symbol".into(), json!(**name));
            Value::Object(instrument)
        });
        estimator.insert("instruments".into(), instruments.collect());
        estimator.into()
    }
}
