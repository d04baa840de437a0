//! Candidates of a study: its scenarios as points on axes, and those that compete to be the best. Terminal, summary and
//! report use the same candidates.

use betaflow_connectors::record::{Setting, Values};
use betaflow_engine::sweep::{self, Axis, Candidates, Sweep};
use serde_json::Value;

use super::Settings;
use crate::config::is_choice;

/// Name of a value that neither a scenario nor the configuration sets.
const UNSET: &str = "unset";

/// Places scenarios on the axes of the settings that vary, and finds the candidates. `base`: values of the configuration;
/// `level`: writes a number where some scenarios leave it unset.
pub(crate) fn candidates(
    settings: &[Setting],
    base: &Settings,
    level: impl Fn(&str, f64) -> String,
) -> Candidates {
    let value = |setting: &Setting| base.get(&setting.name).unwrap_or(&Value::Null);
    let axes = settings.iter().map(|setting| axis(setting, value(setting), &level)).collect();
    let sweep = Sweep::new(axes);
    let configured = settings.iter().zip(sweep.axes());
    let configured: Vec<_> = configured.map(|(setting, axis)| wanted(value(setting), axis)).collect();
    Candidates::new(sweep, &configured, |axis| is_choice(&settings[axis].name))
}

/// Returns the name of the environment of the candidates.
pub(crate) fn environment_name(candidates: &Candidates) -> &'static str {
    match candidates.environment {
        Some(environment) if !environment.exact => "the environment nearest to the configured one",
        _ => "the configured environment",
    }
}

/// Returns the levels of a setting and the level of each scenario. A scenario that leaves it unset has the configured value.
fn axis(setting: &Setting, base: &Value, level: impl Fn(&str, f64) -> String) -> (Axis, Vec<usize>) {
    let unset = name(base);
    match &setting.values {
        Values::Texts(values) => {
            let text = |value: &Option<String>| value.clone().unwrap_or_else(|| unset.clone());
            Axis::of_names(&values.iter().map(text).collect::<Vec<_>>())
        }
        Values::Numbers(values) => {
            let numbers: Option<Vec<f64>> = values.iter().map(|value| value.or(base.as_f64())).collect();
            numbers.map_or_else(
                || {
                    let text = |value: &Option<f64>| {
                        value.map_or_else(|| unset.clone(), |value| level(&setting.name, value))
                    };
                    Axis::of_names(&values.iter().map(text).collect::<Vec<_>>())
                },
                |numbers| Axis::of_numbers(&numbers),
            )
        }
    }
}

/// Returns the value of the configuration as a value of the axis.
fn wanted(value: &Value, axis: &Axis) -> Option<sweep::Value> {
    match (axis, value) {
        (Axis::Numbers(_), value) => value.as_f64().map(sweep::Value::Number),
        (Axis::Names(_), value) => Some(sweep::Value::Name(name(value))),
    }
}

/// Returns a value of the configuration as the table of scenarios writes it; a list is TOML.
fn name(value: &Value) -> String {
    match value {
        Value::Null => UNSET.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            format!("[{}]", items.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use betaflow_engine::sweep::Anchor;
    use serde_json::json;

    use super::*;

    #[test]
    fn value_that_a_list_leaves_unset_is_the_configured_one() {
        let settings = [
            ("sizing.turnover_cap", [Some(0.02), None, None, Some(0.3)], json!(0.08)),
            ("execution.half_spread_bps", [None, Some(9.0), None, Some(4.0)], json!(4.0)),
            ("execution.delay_bars", [None, None, None, Some(2.0)], json!(1)),
        ];
        let base = settings.iter().map(|(name, _, value)| ((*name).to_owned(), value.clone())).collect();
        let settings = settings.map(|(name, values, _)| Setting {
            name: name.to_owned(),
            values: Values::Numbers(values.to_vec()),
        });
        let list = candidates(&settings, &base, |_, value| value.to_string());
        assert_eq!(list.base, Some(Anchor { row: 2, exact: true }));
        let rows: Vec<usize> = (0..list.sweep.rows()).filter(|row| list.contains(*row)).collect();
        assert_eq!(rows, [0, 2]);
    }
}
