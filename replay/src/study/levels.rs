//! Settings that vary: their levels and the values of a configuration.

use anyhow::Result;
use serde_json::Value;

use super::Grid;
use crate::config::Config;
use crate::summary::Settings;

/// Returns the look-ahead of the fills and the number of scenarios with one, if there is any.
pub(crate) fn look_ahead(configs: &[Config]) -> Option<String> {
    let mut notes = configs.iter().filter_map(|config| config.look_ahead());
    let note = notes.next()?;
    Some(format!("{} of {} scenarios: {note}", 1 + notes.count(), configs.len()))
}

/// Returns the levels of each setting of a product; none for a list or a sample of scenarios.
///
/// # Errors
/// A value has no place in JSON.
pub(crate) fn levels(grid: &Grid) -> Result<Option<Settings>> {
    let Some(levels) = &grid.levels else { return Ok(None) };
    let levels = grid.names.iter().zip(levels);
    levels
        .map(|(name, values)| Ok((name.clone(), serde_json::to_value(values)?)))
        .collect::<Result<_>>()
        .map(Some)
}

/// Returns the values of a configuration for the settings that vary; null where one is unset.
///
/// # Errors
/// A value has no place in JSON.
pub(crate) fn values_of(grid: &Grid, config: &Config) -> Result<Settings> {
    let all: toml::Table = config.to_toml("replay")?.parse()?;
    let value = |name: &String| {
        let mut parts = name.split('.');
        let first = parts.next().and_then(|part| all.get(part));
        let value = parts.try_fold(first, |value, part| Some(value?.get(part))).flatten();
        Ok((name.clone(), value.map_or(Ok(Value::Null), serde_json::to_value)?))
    };
    grid.names.iter().map(value).collect()
}
