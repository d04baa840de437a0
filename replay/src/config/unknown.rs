//! Errors of unknown keys and tables, with the nearest known name.

use anyhow::Result;
use betaflow_connectors::nearest;
use toml::Table;

use super::layers::Layers;
use super::reference;
use super::setting_error::{SettingError, SettingProblem};

/// Refuses unknown tables.
pub(super) fn check_tables(typed: &Layers) -> Result<()> {
    let known = reference::table_names();
    for (table, keys) in &typed.tables {
        if !known.contains(&table.as_str()) {
            let key = keys.as_table().and_then(|keys| keys.keys().next()).map_or("", String::as_str);
            let origin = typed.origin(table, key);
            let remedy = match nearest(table, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("expected one of {}", known.join(", ")),
            };
            let problem = SettingProblem::Unknown { what: "table", remedy };
            return Err(SettingError { setting: table.clone(), origin, problem }.into());
        }
    }
    Ok(())
}

/// Refuses unknown keys of a table.
pub(super) fn check_keys<'k>(
    typed: &Layers,
    table: &str,
    keys: &Table,
    known: impl IntoIterator<Item = &'k str>,
) -> Result<()> {
    let known: Vec<&str> = known.into_iter().collect();
    for key in keys.keys() {
        if !known.contains(&key.as_str()) {
            let origin = typed.origin(table, key);
            let remedy = match nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean `{table}.{near}`?"),
                None => format!("expected one of {}", known.join(", ")),
            };
            let problem = SettingProblem::Unknown { what: "key", remedy };
            return Err(SettingError { setting: format!("{table}.{key}"), origin, problem }.into());
        }
    }
    Ok(())
}
