//! Candidates of a study, before its table of scenarios is written.

use anyhow::Result;
use betaflow_connectors::record::{Setting, SettingValue, Values};
use betaflow_engine::sweep::Candidates;

use super::Study;
use crate::summary::candidates;

/// Returns the scenarios that compete to be the best.
///
/// # Errors
/// The configuration cannot be written as TOML.
pub(crate) fn candidates_of(study: &Study) -> Result<Candidates> {
    let rows: Vec<_> = (0..study.grid.scenarios.len()).map(|row| study.grid.values(row)).collect();
    let setting = |(at, (name, is_number)): (usize, (String, bool))| {
        let values = rows.iter().map(|row| row[at].clone());
        let values = match is_number {
            true => Values::Numbers(values.map(number).collect()),
            false => Values::Texts(values.map(text).collect()),
        };
        Setting { name, values }
    };
    let settings: Vec<Setting> = study.grid.columns().into_iter().enumerate().map(setting).collect();
    Ok(candidates(&settings, &study.base_values()?, |_, value| value.to_string()))
}

fn number(value: Option<SettingValue>) -> Option<f64> {
    match value? {
        SettingValue::Number(number) => Some(number),
        SettingValue::Text(_) => None,
    }
}

fn text(value: Option<SettingValue>) -> Option<String> {
    Some(match value? {
        SettingValue::Number(number) => number.to_string(),
        SettingValue::Text(text) => text,
    })
}
