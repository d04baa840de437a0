//! Errors of unknown keys and tables, with the nearest known name.

use anyhow::{Result, bail};
use betaflow_connectors::nearest;
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
            match nearest(table, known.iter().copied()) {
                Some(near) => bail!("unknown table `{table}`, set by {origin}; did you mean `{near}`?"),
                None => {
                    bail!("unknown table `{table}`, set by {origin}; expected one of {}", known.join(", "))
                }
            }
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
            match nearest(key, known.iter().copied()) {
                Some(near) => {
                    bail!("unknown key `{table}.{key}`, set by {origin}; did you mean `{table}.{near}`?")
                }
                None => bail!(
                    "unknown key `{table}.{key}`, set by {origin}; expected one of {}",
                    known.join(", ")
                ),
            }
        }
    }
    Ok(())
}
