//! Keys that do not exist, with the nearest one that does.

use anyhow::{Result, bail};
use betaflow_connectors::{hint, nearest, question};
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
                "unknown table `{table}`, set by {origin}{}; expected one of {}",
                hint(table, TABLES),
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
            let nearest = nearest(key, known.iter().copied()).map(|name| format!("{table}.{name}"));
            bail!(
                "unknown setting `{table}.{key}`, set by {origin}{}; [{table}] has {}",
                question(nearest.as_deref()),
                known.join(", ")
            );
        }
    }
    Ok(())
}
