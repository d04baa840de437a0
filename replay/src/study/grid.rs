//! Grid file: the settings that vary, and their values.

use std::path::Path;

use anyhow::{Context, Result, bail};
use betaflow_connectors::record::SettingValue;
use betaflow_engine::execution::repricing::{COST_SETTINGS, Charges};
use betaflow_engine::world::{self, REPRICING_SETTINGS};
use toml::{Table, Value};

use super::range::{Range, SCENARIOS_MAX, drawn};
use crate::config::Config;
use crate::host::Host;
use crate::summary::Settings;

/// Note in each output of a study with fixed trades.
pub(crate) const FIXED_TRADES: &str = "FIXED TRADES: each scenario reprices the trades of the configuration at its own \
                                       costs; it is not a replay, and sizing did not use these costs";

/// Scenarios of a grid file.
pub(crate) struct Grid {
    /// Text of the file.
    pub(crate) text: String,
    /// True for `trades = "fixed"`: all scenarios have the trades of the configuration, and only costs vary.
    pub(crate) fixed: bool,
    /// Dotted names of the varying settings, in file order.
    pub(crate) names: Vec<String>,
    /// Levels of each setting, if the file declares a product.
    pub(crate) levels: Option<Vec<Vec<Value>>>,
    /// Value of each setting in each scenario; `None` keeps the value of the configuration.
    pub(crate) scenarios: Vec<Vec<Option<Value>>>,
}

impl Grid {
    /// Reads `[grid]` (product of lists and ranges), `[[scenario]]` (list) or `[sample]` (random sample).
    ///
    /// # Errors
    /// The file is missing, is not TOML, or does not have exactly one of the three.
    pub(crate) fn read(path: &Path, host: &Host) -> Result<Self> {
        let name = path.display();
        let (text, mut table) = match host.grid() {
            Some(table) => (text_of(table), table.clone()),
            None => {
                let text = betaflow_connectors::read_text(path)
                    .with_context(|| format!("{name}: cannot read the grid file"))?;
                let table: Table = text.parse().with_context(|| format!("{name}: invalid TOML"))?;
                (text, table)
            }
        };
        let fixed = match table.remove("trades") {
            None => false,
            Some(Value::String(word)) if word == "fixed" => true,
            Some(other) => bail!(
                "{name}: `trades`: found {other}, expected \"fixed\", which reprices the trades of the configuration for \
                 each scenario, or no `trades`, which replays each"
            ),
        };
        let forms = ["grid", "scenario", "sample"].map(|form| table.remove(form));
        if let Some(other) = table.keys().next() {
            bail!("{name}: found `{other}`, expected a table [grid] or [sample], or tables [[scenario]]");
        }
        let grid = match forms {
            [Some(Value::Table(product)), None, None] => Self::product(text, product),
            [None, Some(Value::Array(list)), None] => Self::list(text, list),
            [None, None, Some(Value::Table(sample))] => Self::sample(text, sample),
            forms if forms.iter().flatten().count() > 1 => {
                bail!("{name}: found several of [grid], [[scenario]] and [sample], expected one")
            }
            _ => bail!(
                "{name}: found no scenarios, expected a table [grid], such as \"sizing.turnover_cap\" = [0.02, 0.08], tables \
                 [[scenario]], or a table [sample]"
            ),
        };
        let grid = Self { fixed, ..grid.with_context(|| name.to_string())? };
        if let Some(of_benchmark) = grid.names.iter().find(|name| name.starts_with("benchmark.")) {
            bail!(
                "{name}: found `{of_benchmark}`, expected no setting of [benchmark]: the figures of a scenario are not relative to a \
                 benchmark; set it in the configuration, where `sizing.active` of a scenario uses it"
            );
        }
        if let Some(plain) = grid.names.iter().find(|name| !name.contains('.')) {
            bail!(
                "{name}: found `{plain}`, expected the dotted name of a setting in quotes, such as \
                 \"sizing.turnover_cap\""
            );
        }
        Ok(grid)
    }

    fn product(text: String, table: Table) -> Result<Self> {
        let mut levels = Vec::new();
        for (name, values) in &table {
            match values {
                Value::Array(values) if !values.is_empty() => levels.push(values.clone()),
                Value::Table(range) => levels.push(Range::read(name, range)?.levels(name)?),
                other => bail!(
                    "`{name}`: found {other}, expected a list of at least one value, or a range such as {{ from = 1, to = \
                     20 }}"
                ),
            }
        }
        let count = levels.iter().try_fold(1_usize, |count, values| count.checked_mul(values.len()));
        let count = count.filter(|count| *count <= SCENARIOS_MAX && !levels.is_empty());
        let Some(count) = count else {
            bail!("expected 1 to {SCENARIOS_MAX} scenarios: use fewer settings, or fewer values");
        };
        // The last setting varies fastest.
        let at = |scenario: usize| {
            let mut rest = scenario;
            let mut values: Vec<_> = levels
                .iter()
                .rev()
                .map(|values| {
                    let value = values[rest % values.len()].clone();
                    rest /= values.len();
                    Some(value)
                })
                .collect();
            values.reverse();
            values
        };
        let scenarios = (0..count).map(at).collect();
        let names = table.keys().cloned().collect();
        Ok(Self { text, fixed: false, names, levels: Some(levels), scenarios })
    }

    /// Draws `count` scenarios from ranges and lists.
    fn sample(text: String, mut table: Table) -> Result<Self> {
        let mut whole = |key: &str, default: Option<i64>, most: i64| {
            let value = table.remove(key).or(default.map(Value::Integer));
            match value.as_ref().and_then(Value::as_integer).filter(|whole| (0..=most).contains(whole)) {
                Some(whole) => Ok(whole.unsigned_abs()),
                None => {
                    let found = value.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
                    bail!("`sample.{key}`: found {found}, expected a whole number from 0 to {most}")
                }
            }
        };
        let count = usize::try_from(whole("count", None, SCENARIOS_MAX as i64)?)?;
        let seed = whole("seed", Some(0), i64::from(u32::MAX))?;
        if count == 0 || table.is_empty() {
            bail!("[sample]: expected a count of at least 1, and a range or a list for at least one setting");
        }
        let ranges = table.iter().map(|(name, value)| match value {
            Value::Table(range) => Range::read(name, range),
            Value::Array(values) if !values.is_empty() => Ok(Range::Listed(values.clone())),
            other => bail!(
                "`{name}`: found {other}, expected a range such as {{ from = 0.01, to = 0.3 }}, or a list"
            ),
        });
        let ranges = ranges.collect::<Result<Vec<_>>>()?;
        let scenarios = drawn(&ranges, count, u32::try_from(seed)?)?;
        let names = table.keys().cloned().collect();
        Ok(Self { text, fixed: false, names, levels: None, scenarios })
    }

    fn list(text: String, list: Vec<Value>) -> Result<Self> {
        let mut names: Vec<String> = Vec::new();
        let mut tables = Vec::new();
        for (at, scenario) in list.into_iter().enumerate() {
            let Value::Table(table) = scenario else { bail!("scenario {at}: expected a table of settings") };
            names.extend(table.keys().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
            tables.push(table);
        }
        if tables.is_empty() || tables.len() > SCENARIOS_MAX {
            bail!("found {} scenarios, expected 1 to {SCENARIOS_MAX}", tables.len());
        }
        let scenario = |table: &Table| names.iter().map(|name| table.get(name).cloned()).collect();
        let scenarios = tables.iter().map(scenario).collect();
        Ok(Self { text, fixed: false, names, levels: None, scenarios })
    }

    /// Settings of a scenario in the form of `--set`.
    pub(crate) fn sets(&self, scenario: usize) -> Vec<String> {
        let values = self.names.iter().zip(&self.scenarios[scenario]);
        values.filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?))).collect()
    }

    /// Name of each varying setting, and true if all its values are numbers.
    pub(crate) fn columns(&self) -> Vec<(String, bool)> {
        let is_number = |at: usize| {
            self.scenarios
                .iter()
                .filter_map(|values| values[at].as_ref())
                .all(|value| number(value).is_some())
        };
        self.names.iter().enumerate().map(|(at, name)| (name.clone(), is_number(at))).collect()
    }

    /// Values of a scenario for its table.
    pub(crate) fn values(&self, scenario: usize) -> Vec<Option<SettingValue>> {
        let value = |value: &Value| match (number(value), value) {
            (Some(number), _) => SettingValue::Number(number),
            (None, Value::String(text)) => SettingValue::Text(text.clone()),
            (None, other) => SettingValue::Text(other.to_string()),
        };
        self.scenarios[scenario].iter().map(|cell| cell.as_ref().map(value)).collect()
    }

    /// Returns the levels of each setting of a product; `None` for a list or a sample.
    ///
    /// # Errors
    /// A value cannot be written as JSON.
    pub(crate) fn level_values(&self) -> Result<Option<Settings>> {
        let Some(levels) = &self.levels else { return Ok(None) };
        let levels = self.names.iter().zip(levels);
        levels
            .map(|(name, values)| Ok((name.clone(), serde_json::to_value(values)?)))
            .collect::<Result<_>>()
            .map(Some)
    }

    /// Returns the values of a configuration for the varying settings; null for an unset one.
    ///
    /// # Errors
    /// A value cannot be written as JSON.
    pub(crate) fn values_of(&self, config: &Config) -> Result<Settings> {
        let all: Table = config.to_toml("replay")?.parse()?;
        let value = |name: &String| {
            let mut parts = name.split('.');
            let first = parts.next().and_then(|part| all.get(part));
            let value = parts.try_fold(first, |value, part| Some(value?.get(part))).flatten();
            Ok((name.clone(), value.map_or(Ok(serde_json::Value::Null), serde_json::to_value)?))
        };
        self.names.iter().map(value).collect()
    }

    /// Returns the costs of each scenario, checked against the configuration whose trades they reprice
    /// (`trades = "fixed"`).
    ///
    /// # Errors
    /// A varying setting is not a cost.
    pub(crate) fn charges(&self, file: &Path, base: &Config, configs: &[Config]) -> Result<Vec<Charges>> {
        let of_world = REPRICING_SETTINGS.iter().map(|key| format!("world.{key}"));
        let costs: Vec<String> =
            COST_SETTINGS.iter().map(|key| format!("execution.{key}")).chain(of_world).collect();
        for name in &self.names {
            if !costs.contains(name) {
                bail!(
                    "{}: found `{name}` with trades = \"fixed\", expected only costs ({}): this setting changes the trades, \
                     which are fixed; omit `trades` to replay each scenario",
                    file.display(),
                    costs.join(", ")
                );
            }
        }
        let run = base.run();
        let of = |(scenario, config): (usize, &Config)| {
            let own = config.run();
            let located = || format!("{}: scenario {scenario}, trades = \"fixed\"", file.display());
            world::charges((&run.execution, &run.world), (own.execution.clone(), &own.world))
                .with_context(located)
        };
        configs.iter().enumerate().map(of).collect()
    }
}

/// Writes the grid of a caller as a grid file, with the settings in the caller's order.
fn text_of(grid: &Table) -> String {
    let lines = |table: &Table| -> String {
        let line =
            |(name, value): (&String, &Value)| format!("{} = {value}\n", Value::String(String::clone(name)));
        table.iter().map(line).collect()
    };
    let (mut plain, mut tables) = (String::new(), String::new());
    for (name, value) in grid {
        match value {
            Value::Table(table) => tables += &format!("[{name}]\n{}", lines(table)),
            Value::Array(list) if list.iter().all(Value::is_table) => {
                for table in list.iter().filter_map(Value::as_table) {
                    tables += &format!("[[{name}]]\n{}", lines(table));
                }
            }
            value => plain += &format!("{name} = {value}\n"),
        }
    }
    plain + &tables
}

#[allow(clippy::cast_precision_loss)]
fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn grid_of_a_caller_is_written_in_its_order() {
        for text in [
            "trades = 'fixed'\n[grid]\n'b.x' = { from = 0.01, to = 0.3, count = 5, scale = \"log\" }\n'a.y' = [1, 2.5, 'c']",
            "[sample]\ncount = 8\n'b.x' = { from = 1, to = 4 }\n'a.y' = [true]\nseed = 3",
            "[[scenario]]\n'b.x' = \"it's\"\n'a.y' = [1, 2]\n[[scenario]]\n'c.z' = inf",
        ] {
            let table: Table = text.parse().unwrap();
            let again: Table = text_of(&table).parse().unwrap();
            assert_eq!(
                toml::to_string(&again).unwrap(),
                toml::to_string(&table).unwrap(),
                "{}",
                text_of(&table)
            );
            let keys = |table: &Table| -> Vec<String> {
                let tables = table.values().flat_map(|value| match value {
                    Value::Array(list) => list.iter().filter_map(Value::as_table).collect::<Vec<_>>(),
                    value => value.as_table().into_iter().collect(),
                });
                tables.flat_map(|table| table.keys().cloned()).collect()
            };
            assert_eq!(keys(&again), keys(&table));
        }
    }
}
