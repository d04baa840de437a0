//! What varies, and what is said of it.

use anyhow::Result;
use serde_json::{Map, Value};

use super::Grid;
use crate::config::Config;

/// Why scenarios look ahead, and how many do, if any does.
pub(crate) fn look_ahead(configs: &[Config]) -> Option<String> {
    let mut notes = configs.iter().filter_map(|config| config.look_ahead());
    let note = notes.next()?;
    Some(format!("{} of {} scenarios: {note}", 1 + notes.count(), configs.len()))
}

/// The lists of a product; null for a list of scenarios.
///
/// # Errors
/// A value has no place in JSON.
pub(crate) fn levels(grid: &Grid) -> Result<Value> {
    let Some(levels) = &grid.levels else { return Ok(Value::Null) };
    let mut object = Map::new();
    for (name, values) in grid.names.iter().zip(levels) {
        object.insert(name.clone(), serde_json::to_value(values)?);
    }
    Ok(object.into())
}

/// What a configuration says of the settings that vary, by their dotted names.
///
/// # Errors
/// A value has no place in JSON.
pub(crate) fn values_of(grid: &Grid, config: &Config) -> Result<Value> {
    let all: toml::Table = config.to_toml("replay")?.parse()?;
    let mut object = Map::new();
    for name in &grid.names {
        let mut parts = name.split('.');
        let first = parts.next().and_then(|part| all.get(part));
        let value = parts.try_fold(first, |value, part| Some(value?.get(part))).flatten();
        object.insert(name.clone(), value.map_or(Ok(Value::Null), serde_json::to_value)?);
    }
    Ok(object.into())
}
