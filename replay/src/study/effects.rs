//! Settings of a grid that change no result.

use std::collections::BTreeMap;

use anyhow::Result;
use betaflow_connectors::record::{ScenarioRow, SettingValue};

use super::{Outcome, Study};
use crate::summary::{Code, Rendered, Settings};

/// Returns a warning about varying settings without effect: all scenarios that differ only in one of them have equal
/// results. Such settings usually depend on another one, for instance on `estimator.kind`.
///
/// # Errors
/// The configuration cannot be written as TOML.
pub(crate) fn without_effect(study: &Study, outcomes: &[Outcome]) -> Result<Option<Rendered>> {
    let base = study.base_values()?;
    let values: Vec<Vec<String>> =
        outcomes.iter().map(|outcome| values_of(study, outcome.row.number, &base)).collect();
    let results: Vec<String> = outcomes.iter().map(|outcome| result_of(&outcome.row)).collect();
    let names = study.grid.names.iter().enumerate().filter(|(at, _)| !has_effect(*at, &values, &results));
    let names: Vec<String> = names.map(|(_, name)| format!("`{name}`")).collect();
    let (label, them) = match names.len() {
        0 => return Ok(None),
        1 => ("Setting", "it"),
        _ => ("Settings", "one of them"),
    };
    let text = format!(
        "{label} without effect: {}. All scenarios that differ only in {them} have equal results, but each value of a choice \
         counts as a trial. Leave it out of the grid, or change the setting that it depends on, such as estimator.kind or \
         strategy.kind.",
        names.join(", ")
    );
    Ok(Some(Rendered::new(Code::SettingWithoutEffect, text)))
}

/// Value of each varying setting in a scenario as text; that of the configuration where the scenario leaves it unset.
fn values_of(study: &Study, scenario: usize, base: &Settings) -> Vec<String> {
    let number = |number: f64| format!("number {number}");
    let values = study.grid.values(scenario).into_iter().zip(&study.grid.names);
    let text = |(value, name): (Option<SettingValue>, &String)| match (value, base.get(name)) {
        (Some(SettingValue::Number(value)), _) => number(value),
        (Some(SettingValue::Text(text)), _) => text,
        (None, Some(serde_json::Value::String(text))) => text.clone(),
        (None, Some(value)) => value.as_f64().map_or_else(|| value.to_string(), number),
        (None, None) => String::new(),
    };
    values.map(text).collect()
}

/// Digest of a scenario, or its figures if its trades are fixed.
fn result_of(row: &ScenarioRow) -> String {
    row.digest.clone().unwrap_or_else(|| format!("{:?}", row.figures))
}

/// Values of the other settings: those before and behind one.
type Others<'a> = (&'a [String], &'a [String]);

/// Returns true if two scenarios that differ only in setting `at` have different results, or if no two differ only in it.
fn has_effect(at: usize, values: &[Vec<String>], results: &[String]) -> bool {
    let mut first: BTreeMap<Others<'_>, (&String, &String)> = BTreeMap::new();
    let mut varies = false;
    for (values, result) in values.iter().zip(results) {
        let others = (&values[..at], &values[at + 1..]);
        let (value, expected) = first.entry(others).or_insert((&values[at], result));
        if *expected != result {
            return true;
        }
        varies |= *value != &values[at];
    }
    !varies
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of two settings in each scenario, the results, and whether each setting has an effect.
    type Example<'a> = (&'a [Vec<String>], &'a [&'a str], [bool; 2]);

    #[test]
    fn setting_has_no_effect_if_all_pairs_have_equal_results() {
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let product = [row("1", "x"), row("1", "y"), row("2", "x"), row("2", "y")];
        let cases: [Example<'_>; 5] = [
            (&product, &["p", "q", "p", "q"], [false, true]),
            (&product, &["p", "p", "q", "q"], [true, false]),
            (&product, &["p", "p", "p", "p"], [false, false]),
            (&product, &["p", "q", "p", "r"], [true, true]),
            // No two scenarios differ only in one setting.
            (&[row("1", "x"), row("2", "y")], &["p", "p"], [true, true]),
        ];
        for (values, results, expected) in cases {
            let results: Vec<String> = results.iter().map(ToString::to_string).collect();
            assert_eq!([0, 1].map(|at| has_effect(at, values, &results)), expected, "{results:?}");
        }
    }
}
