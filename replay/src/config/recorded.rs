//! Validated settings as a record, and configurations made of it.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use betaflow_engine::assembly::Renames;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::groups::group_column;
use super::{BenchmarkSettings, Config, Settings};
use crate::host::Host;

/// Tables with names of the user as keys, whose order counts.
const ORDERED: [&str; 2] = ["factors", "strategy"];

/// Differences of validated settings to others.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SettingsChange {
    /// Keys and tables that are absent, as `table` or `table.key`.
    unset: Vec<String>,
    /// Tables with the keys that differ.
    changed: Table,
}

impl SettingsChange {
    /// Returns the changes that make `own` of `base`.
    ///
    /// # Errors
    /// A setting cannot be written as TOML.
    pub(crate) fn between(base: &Table, own: &Table) -> Result<Self> {
        let (mut unset, mut changed) = (Vec::new(), Table::new());
        unset.extend(base.keys().filter(|table| !own.contains_key(*table)).cloned());
        for (name, value) in own {
            let (Some(Value::Table(before)), Value::Table(after)) = (base.get(name), value) else {
                changed.insert(name.clone(), value.clone());
                continue;
            };
            if ORDERED.contains(&name.as_str()) {
                if toml::to_string(before)? != toml::to_string(after)? {
                    changed.insert(name.clone(), value.clone());
                }
                continue;
            }
            unset.extend(
                before.keys().filter(|key| !after.contains_key(*key)).map(|key| format!("{name}.{key}")),
            );
            let differs = |(key, value): &(&String, &Value)| before.get(*key) != Some(*value);
            let keys: Table =
                after.iter().filter(differs).map(|(key, value)| (key.clone(), value.clone())).collect();
            if !keys.is_empty() {
                changed.insert(name.clone(), Value::Table(keys));
            }
        }
        Ok(Self { unset, changed })
    }

    /// Returns the settings that differ from `base` by these changes.
    pub(crate) fn applied_to(self, base: &Table) -> Table {
        let mut settings = base.clone();
        for name in self.unset {
            match name.split_once('.') {
                None => _ = settings.remove(&name),
                Some((table, key)) => {
                    if let Some(Value::Table(table)) = settings.get_mut(table) {
                        table.remove(key);
                    }
                }
            }
        }
        for (name, value) in self.changed {
            match (settings.get_mut(&name), value) {
                (Some(Value::Table(table)), Value::Table(keys)) if !ORDERED.contains(&name.as_str()) => {
                    table.extend(keys);
                }
                (_, value) => _ = settings.insert(name, value),
            }
        }
        settings
    }
}

impl Config {
    /// Returns all settings.
    ///
    /// # Errors
    /// A setting cannot be written as TOML.
    pub(crate) fn table(&self) -> Result<Table> {
        Ok(Table::try_from(&self.settings)?)
    }

    /// Returns the configuration of recorded settings, to describe a run and not to run again: the files that the
    /// settings name are not read.
    ///
    /// # Errors
    /// The settings are not those of a configuration.
    pub(crate) fn recorded(settings: Table, host: &Host) -> Result<Self> {
        let settings: Settings = settings.try_into().context("recorded settings")?;
        let mut without_files = settings.clone();
        without_files.execution.spread_file = None;
        without_files.execution.holdings = None;
        without_files.universe.groups = None;
        without_files.factors.retain(|_, text| text.as_str().is_none_or(|text| group_column(text).is_none()));
        (without_files.data.sessions, without_files.sizing.rebalance_at) = (None, None);
        without_files.benchmark = BenchmarkSettings::default();
        without_files.universe.membership = None;
        let (source, run) = (settings.source(true, Renames::default())?, without_files.run(host)?);
        Ok(Self {
            settings,
            trades: true,
            is_live: false,
            source: Arc::new(source),
            run: Arc::new(run),
            host: host.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn changes_restore_settings_and_their_order() {
        let table = |text: &str| text.parse::<Table>().unwrap();
        let base = table(
            "[a]\nx = 1\ny = 2.5\n[limits]\nz = 1\n[strategy]\nkind = 'one'\np = 1\n[factors]\nm = 'A'\nn = 'B'",
        );
        let own = table(
            "[a]\ny = inf\nw = [1]\n[strategy]\nkind = 'two'\n[factors]\nn = 'B'\nm = 'A'\n[feed]\nu = ''",
        );
        let change = SettingsChange::between(&base, &own).unwrap();
        assert_eq!(change.unset, ["limits", "a.x"]);
        let kept: SettingsChange = toml::from_str(&toml::to_string(&change).unwrap()).unwrap();
        let restored = kept.applied_to(&base);
        assert_eq!(restored, own);
        let names: Vec<&String> = restored["factors"].as_table().unwrap().keys().collect();
        assert_eq!(names, ["n", "m"]);
        let none = SettingsChange::between(&base, &base).unwrap();
        assert!(none.unset.is_empty() && none.changed.is_empty());
    }
}
