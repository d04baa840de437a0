//! Settings as typed, in layers: file, `--set`, flags. Later layers take precedence; each key keeps its origin.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow, bail};
use toml::{Table, Value};

use super::version;
use crate::host::CallSetting;

/// Tables of settings with the origin of every key.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// The merged tables.
    pub tables: Table,
    /// `table.key` → where it was set.
    origins: BTreeMap<String, String>,
    /// `table.key` of the values that come from a file.
    in_files: BTreeSet<String>,
    /// Tables that occur in a file.
    file_tables: BTreeSet<String>,
}

impl Layers {
    /// Adds a TOML file.
    pub(super) fn add_file(&mut self, path: &Path) -> Result<()> {
        let name = path.display().to_string();
        let text = betaflow_connectors::read_text(path)
            .with_context(|| format!("{name}: could not read the configuration"))?;
        self.add_text(&name, &text)
    }

    /// Adds settings in TOML; `name`: name used in error messages.
    pub(super) fn add_text(&mut self, name: &str, text: &str) -> Result<()> {
        version::check_settings(name, text)?;
        let file: Table = text.parse().map_err(|error| not_toml(name, text, error))?;
        for (table, content) in file {
            let Value::Table(keys) = content else {
                bail!(
                    "{name}: found `{table}` outside of a table, expected every key inside a table such as [sizing]"
                );
            };
            // An empty table counts: [factors] alone means no default factors.
            self.file_tables.insert(table.clone());
            for (key, value) in keys {
                self.put(&table, &key, value, name);
                self.in_files.insert(format!("{table}.{key}"));
            }
        }
        Ok(())
    }

    /// Adds one `--set KEY=VALUE`.
    pub(super) fn add_set(&mut self, text: &str) -> Result<()> {
        let expected = "expected --set TABLE.KEY=VALUE, such as --set sizing.turnover_cap=0.02";
        let (dotted, value) =
            text.split_once('=').with_context(|| format!("--set {text}: found no `=`, {expected}"))?;
        let (table, key) = dotted
            .trim()
            .split_once('.')
            .with_context(|| format!("--set {text}: found no table before the key, {expected}"))?;
        let key = key.trim().trim_matches('"');
        // A value of [alerts] may be a secret, which no message shows.
        let origin = match may_have_secret(dotted) {
            true => format!("--set {}", dotted.trim()),
            false => format!("--set {text}"),
        };
        self.put(table.trim(), key, value_of(value.trim()), &origin);
        Ok(())
    }

    /// Adds a value of a grid file; `name`: dotted name, `file`: path of the file.
    pub(super) fn add_varied(&mut self, file: &str, name: &str, value: &Value) {
        if let Some((table, key)) = name.split_once('.') {
            self.put(table.trim(), key.trim().trim_matches('"'), value.clone(), file);
        }
    }

    /// Adds a setting of a caller. A table of a caller counts like one in a file.
    pub(super) fn add_called(&mut self, setting: &CallSetting) {
        self.file_tables.insert(setting.table.clone());
        if let Some((key, value)) = &setting.value {
            self.put(&setting.table, key, value.clone(), &setting.origin);
        }
    }

    /// Adds the value of a flag.
    pub(super) fn add_flag(&mut self, table: &str, key: &str, value: &str, flag: &str) {
        self.put(table, key, Value::String(value.to_owned()), flag);
    }

    /// Adds the values of a flag that may be repeated: one text, or a list of several.
    pub(super) fn add_flags(&mut self, table: &str, key: &str, values: &[String], flag: &str) {
        match values {
            [] => {}
            [one] => self.add_flag(table, key, one, flag),
            several => {
                let list = several.iter().map(|value| Value::String(value.clone())).collect();
                self.put(table, key, Value::Array(list), flag);
            }
        }
    }

    /// Adds the value of a flag, parsed like a value of `--set`.
    pub(super) fn add_typed_flag(&mut self, table: &str, key: &str, value: &str, flag: &str) {
        self.put(table, key, value_of(value), flag);
    }

    fn put(&mut self, table: &str, key: &str, value: Value, origin: &str) {
        let entry = self.tables.entry(table.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(keys) = entry {
            keys.insert(key.to_owned(), value);
        }
        let name = format!("{table}.{key}");
        self.in_files.remove(&name);
        self.origins.insert(name, origin.to_owned());
    }

    /// Keys typed for a table.
    pub(super) fn table(&self, name: &str) -> Table {
        match self.tables.get(name) {
            Some(Value::Table(keys)) => keys.clone(),
            _ => Table::new(),
        }
    }

    /// Value typed for a key.
    pub(super) fn value(&self, table: &str, key: &str) -> Option<&Value> {
        self.tables.get(table)?.get(key)
    }

    /// True if a file contains the table, even if empty.
    pub(crate) fn has_file_table(&self, name: &str) -> bool {
        self.file_tables.contains(name)
    }

    /// True if the value of a key comes from a file.
    pub(super) fn is_in_file(&self, table: &str, key: &str) -> bool {
        self.in_files.contains(&format!("{table}.{key}"))
    }

    /// File, flag or `--set` that set a key.
    pub(super) fn origin(&self, table: &str, key: &str) -> String {
        match self.origins.get(&format!("{table}.{key}")) {
            Some(origin) => origin.clone(),
            None => "a default".to_owned(),
        }
    }
}

/// True if a text may name a setting of `[alerts]`, also a misspelt one.
fn may_have_secret(text: &str) -> bool {
    let text = text.to_lowercase();
    ["alert", "webh", "hook"].iter().any(|part| text.contains(part))
}

/// Error of the TOML parser with its line; the line is omitted if the file may contain the secret of a webhook.
fn not_toml(name: &str, text: &str, error: toml::de::Error) -> Error {
    if may_have_secret(text) {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        return anyhow!("{name}: not valid TOML: line {line}: {}", error.message());
    }
    Error::new(error).context(format!("{name}: not valid TOML"))
}

/// Parses a TOML value; a bare word is a string.
fn value_of(text: &str) -> Value {
    match format!("value = {text}").parse::<Table>() {
        Ok(mut table) => table.remove("value").unwrap_or_else(|| Value::String(text.to_owned())),
        Err(_) => Value::String(text.to_owned()),
    }
}
