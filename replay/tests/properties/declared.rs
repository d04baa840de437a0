//! Declarations of all settings and columns, as the program prints them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

/// Kind of a number that a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Number,
    Whole,
    /// List of numbers.
    List,
    /// Number for each name.
    ByName,
    /// Lower and upper bound for each name.
    BoundsByName,
    /// Bounds of net and gross exposure for each name.
    GroupBoundsByName,
}

/// A setting as declared.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    /// Dotted name.
    pub(crate) name: String,
    /// Strategy that has the setting.
    pub(crate) strategy: Option<String>,
    /// Form of its number; `None` for any other setting.
    pub(crate) form: Option<Form>,
    /// Smallest and largest number, if it has a range.
    pub(crate) range: Option<[f64; 2]>,
    /// Number outside the range that is accepted as well.
    pub(crate) also: Option<f64>,
    /// Words that it accepts; true and false are none.
    pub(crate) words: Vec<String>,
    pub(crate) is_truth: bool,
    pub(crate) default: Value,
    /// Unit of its number; empty without one.
    pub(crate) unit: String,
}

fn schema(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_betaflow")).arg("schema").args(arguments).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// JSON schema of the summary of a run.
pub(crate) fn summary_schema() -> &'static Value {
    static SCHEMA: OnceLock<Value> = OnceLock::new();
    SCHEMA.get_or_init(|| schema(&["--summary", "run"]))
}

/// All settings, in the order of the reference.
pub(crate) fn declared() -> &'static [Declared] {
    static DECLARED: OnceLock<Vec<Declared>> = OnceLock::new();
    DECLARED.get_or_init(|| {
        let schema = schema(&[]);
        let mut all = Vec::new();
        for (table, content) in schema["properties"].as_object().unwrap() {
            let properties = |content: &Value, strategy: Option<&str>, all: &mut Vec<Declared>| {
                for (key, property) in content["properties"].as_object().into_iter().flatten() {
                    let strategy = strategy.map(str::to_owned);
                    all.push(Declared::of(format!("{table}.{key}"), strategy, property));
                }
            };
            properties(content, None, &mut all);
            for strategy in content["oneOf"].as_array().into_iter().flatten() {
                properties(strategy, strategy["title"].as_str(), &mut all);
            }
        }
        all
    })
}

impl Declared {
    fn of(name: String, strategy: Option<String>, property: &Value) -> Self {
        let parts: Vec<&Value> = match property["anyOf"].as_array() {
            Some(parts) => parts.iter().collect(),
            None => vec![property],
        };
        let numbers = |value: &Value| match value["type"].as_str() {
            Some("number") => Some(Form::Number),
            Some("integer") => Some(Form::Whole),
            _ => None,
        };
        let range = |value: &Value| Some([value["minimum"].as_f64()?, value["maximum"].as_f64()?]);
        let (mut form, mut ends, mut also, mut words) = (None, None, None, Vec::new());
        for part in parts {
            let (items, named) = (&part["items"], &part["additionalProperties"]);
            also = also.or(part["const"].as_f64());
            let list = part["enum"].as_array().into_iter().flatten();
            words.extend(list.filter_map(|word| word.as_str().map(str::to_owned)));
            let found = if let Some(form) = numbers(part) {
                Some((form, part))
            } else if numbers(items).is_some() {
                Some((Form::List, items))
            } else if numbers(named).is_some() {
                Some((Form::ByName, named))
            } else if numbers(&named["items"]).is_some() {
                Some((Form::BoundsByName, &named["items"]))
            } else if named["properties"].is_object() {
                Some((Form::GroupBoundsByName, &named["properties"]["gross"]))
            } else {
                None
            };
            if let Some((found, number)) = found {
                (form, ends) = (Some(found), range(number));
            }
        }
        let description = property["description"].as_str().unwrap_or_default();
        let unit = description.rsplit_once("Unit: ").map_or("", |(_, unit)| unit.trim_end_matches('.'));
        Self {
            name,
            strategy,
            form,
            range: ends,
            also,
            words,
            is_truth: property["type"] == "boolean",
            default: property["default"].clone(),
            unit: unit.to_owned(),
        }
    }

    /// Table and key.
    pub(crate) fn parts(&self) -> (&str, &str) {
        self.name.split_once('.').unwrap()
    }
}

/// A column of a table of a run folder, as documented.
#[derive(Clone, Debug)]
pub(crate) struct ColumnAbout {
    pub(crate) unit: String,
    /// True if the documentation says when the number is null.
    pub(crate) may_be_null: bool,
}

/// Columns by table and name. `{factor}` and the like stand for one column each.
pub(crate) fn columns() -> &'static BTreeMap<(String, String), ColumnAbout> {
    static COLUMNS: OnceLock<BTreeMap<(String, String), ColumnAbout>> = OnceLock::new();
    COLUMNS.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tables.md");
        let text = std::fs::read_to_string(path).unwrap();
        let mut all = BTreeMap::new();
        for section in text.split("\n## ").skip(1) {
            let (title, rest) = section.split_once('\n').unwrap();
            let rows = rest.lines().filter(|line| line.starts_with("| `"));
            let intro = rest.split("| column").next().unwrap_or_default();
            let null = |text: &str| {
                text.split(|c: char| !c.is_alphabetic()).any(|word| word.eq_ignore_ascii_case("null"))
            };
            for row in rows {
                let cells: Vec<&str> = row.split('|').map(str::trim).collect();
                let about = ColumnAbout {
                    unit: cells[3].to_owned(),
                    may_be_null: null(intro) || null(cells[4]) || null(cells[2]),
                };
                all.insert((title.to_owned(), cells[1].trim_matches('`').to_owned()), about);
            }
        }
        all
    })
}

/// Documentation of a column.
pub(crate) fn column(table: &str, name: &str) -> Option<&'static ColumnAbout> {
    let matches = |pattern: &str| match pattern.split_once('{') {
        Some((start, rest)) => {
            let end = rest.rsplit_once('}').map_or("", |(_, end)| end);
            name.starts_with(start) && name.ends_with(end)
        }
        None => false,
    };
    let all = columns();
    all.get(&(table.to_owned(), name.to_owned())).or_else(|| {
        all.iter().find(|((of, pattern), _)| of == table && matches(pattern)).map(|(_, about)| about)
    })
}
