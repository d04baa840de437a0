//! A grid file: which settings vary, and how.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use betaflow_connectors::recorder::SettingValue;
use toml::{Table, Value};

/// Most scenarios of a file.
const SCENARIOS_MAX: usize = 100_000;

/// The scenarios of a file.
pub(super) struct Grid {
    /// The file as it stands there.
    pub(super) text: String,
    /// Dotted names of the settings that vary, in the order of the file.
    pub(super) names: Vec<String>,
    /// Values of each setting, where the file gives their product.
    pub(super) levels: Option<Vec<Vec<Value>>>,
    /// A value for each setting and scenario; none where a scenario leaves it as it is.
    pub(super) scenarios: Vec<Vec<Option<Value>>>,
}

impl Grid {
    /// Reads `[grid]`, the product of lists, or `[[scenario]]`, a list.
    ///
    /// # Errors
    /// The file is not there, not TOML, or has neither or both.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let name = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("{name}: cannot be read"))?;
        let mut table: Table = text.parse().with_context(|| format!("{name}: is not valid TOML"))?;
        let (product, list) = (table.remove("grid"), table.remove("scenario"));
        if let Some(other) = table.keys().next() {
            bail!("{name}: found `{other}`, expected a table [grid] or tables [[scenario]]");
        }
        let grid = match (product, list) {
            (Some(Value::Table(product)), None) => Self::product(text, product),
            (None, Some(Value::Array(list))) => Self::list(text, list),
            (Some(_), Some(_)) => bail!("{name}: found [grid] and [[scenario]], expected one of them"),
            _ => bail!(
                "{name}: found neither, expected a table [grid], such as \"sizing.turnover_cap\" = [0.02, 0.08], or tables \
                 [[scenario]]"
            ),
        };
        let grid = grid.with_context(|| name.to_string())?;
        if let Some(plain) = grid.names.iter().find(|name| !name.contains('.')) {
            bail!(
                "{name}: found `{plain}`, expected the dotted name of a setting, in quotes, such as \
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
                other => bail!("`{name}`: found {other}, expected a list of at least one value"),
            }
        }
        let count = levels.iter().try_fold(1_usize, |count, values| count.checked_mul(values.len()));
        let count = count.filter(|count| *count <= SCENARIOS_MAX && !levels.is_empty());
        let Some(count) = count else {
            bail!("expected from 1 to {SCENARIOS_MAX} scenarios: fewer settings, or fewer values of them");
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
        Ok(Self { text, names: table.keys().cloned().collect(), levels: Some(levels), scenarios })
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
            bail!("found {} scenarios, expected from 1 to {SCENARIOS_MAX}", tables.len());
        }
        let scenario = |table: &Table| names.iter().map(|name| table.get(name).cloned()).collect();
        let scenarios = tables.iter().map(scenario).collect();
        Ok(Self { text, names, levels: None, scenarios })
    }

    /// Settings of a scenario as `--set` takes them.
    pub(super) fn sets(&self, scenario: usize) -> Vec<String> {
        let values = self.names.iter().zip(&self.scenarios[scenario]);
        values.filter_map(|(name, value)| Some(format!("{name}={}", value.as_ref()?))).collect()
    }

    /// Each setting, with whether all its values are numbers.
    pub(super) fn columns(&self) -> Vec<(String, bool)> {
        let is_number = |at: usize| {
            self.scenarios
                .iter()
                .filter_map(|values| values[at].as_ref())
                .all(|value| number(value).is_some())
        };
        self.names.iter().enumerate().map(|(at, name)| (name.clone(), is_number(at))).collect()
    }

    /// Values of a scenario for the table.
    pub(super) fn values(&self, scenario: usize) -> Vec<Option<SettingValue>> {
        let value = |value: &Value| match (number(value), value) {
            (Some(number), _) => SettingValue::Number(number),
            (None, Value::String(text)) => SettingValue::Text(text.clone()),
            (None, other) => SettingValue::Text(other.to_string()),
        };
        self.scenarios[scenario].iter().map(|cell| cell.as_ref().map(value)).collect()
    }
}

#[allow(clippy::cast_precision_loss)]
fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
}
