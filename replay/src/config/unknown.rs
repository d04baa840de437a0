//! Keys that do not exist, with the nearest one that does.

use anyhow::{Result, bail};
use toml::Table;

use super::layers::Layers;

const TABLES: [&str; 15] = [
    "data",
    "holdout",
    "universe",
    "factors",
    "estimator",
    "strategy",
    "sizing",
    "execution",
    "world",
    "limits",
    "record",
    "pipeline",
    "tune",
    "feed",
    "alerts",
];

/// Refuses tables that do not exist.
pub(super) fn check_tables(typed: &Layers) -> Result<()> {
    for (table, keys) in &typed.tables {
        if !TABLES.contains(&table.as_str()) {
            let key = keys.as_table().and_then(|keys| keys.keys().next()).map_or("", String::as_str);
            let origin = typed.origin(table, key);
            bail!(
                "unknown table `{table}`, set by {origin}: did you mean `{}`? expected one of {}",
                nearest(table, &TABLES),
                TABLES.join(", ")
            );
        }
    }
    Ok(())
}

/// Refuses keys that do not exist in a table.
pub(super) fn check_keys(typed: &Layers, table: &str, keys: &Table, known: &[&str]) -> Result<()> {
    for key in keys.keys() {
        if !known.contains(&key.as_str()) {
            let origin = typed.origin(table, key);
            bail!(
                "unknown setting `{table}.{key}`, set by {origin}: did you mean `{table}.{}`? [{table}] has {}",
                nearest(key, known),
                known.join(", ")
            );
        }
    }
    Ok(())
}

/// The name most like what was typed.
pub(crate) fn nearest<'a>(typed: &str, known: &[&'a str]) -> &'a str {
    let similarity = |name: &str| strsim::jaro_winkler(typed, name);
    known.iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b))).copied().unwrap_or_default()
}
