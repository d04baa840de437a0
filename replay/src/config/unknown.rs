//! Errors of unknown keys and tables, with the nearest known name.

use anyhow::{Result, bail};
use betaflow_connectors::{hint, nearest, question};
use toml::Table;

use super::layers::Layers;
use super::reference;

/// Refuses unknown tables.
pub(super) fn check_tables(typed: &Layers) -> Result<()> {
    let known = reference::table_names();
    for (table, keys) in &typed.tables {
        if !known.contains(&table.as_str()) {
            let key = keys.as_table().and_then(|keys| keys.keys().next()).map_or("", String::as_str);
            let origin = typed.origin(table, key);
            let hint = hint(table, known.iter().copied());
            bail!("unknown table `{table}`, set by {origin}{hint}; expected one of {}", known.join(", "));
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
            let nearest = nearest(key, known.iter().copied()).map(|name| format!("{table}.{name}"));
            bail!(
                "unknown key `{table}.{key}`, set by {origin}{}; expected one of {}",
                question(nearest.as_deref()),
                known.join(", ")
            );
        }
    }
    Ok(())
}
