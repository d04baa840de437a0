//! JSON schema of a configuration (draft 2020-12).

use betaflow_engine::settings::{Choice, Kind, LIST_MAX, Range, Setting};
use betaflow_strategies as strategies;
use schemars::{Schema, json_schema};
use serde_json::{Map, Value, json};

use super::{FACTORS, STRATEGY, STRATEGY_KIND, TABLES, TableReference, defaults_of_strategy};

/// JSON schema of a configuration.
pub(crate) fn schema() -> Schema {
    let tables: Map<String, Value> =
        TABLES.iter().map(|table| (table.name.to_owned(), table_schema(table))).collect();
    json_schema!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "betaflow configuration",
        "description": "Settings of betaflow, as in run.toml and in the file of --config.",
        "type": "object",
        "additionalProperties": false,
        "properties": tables,
    })
}

fn table_schema(table: &TableReference) -> Value {
    let about = table.about();
    match table.name {
        FACTORS => {
            json!({ "description": about, "type": "object", "additionalProperties": { "type": "string" } })
        }
        STRATEGY => {
            let strategies: Vec<Value> =
                strategies::entries().iter().enumerate().map(strategy_schema).collect();
            json!({ "description": about, "oneOf": strategies })
        }
        _ => {
            let defaults = (table.defaults)();
            let properties = properties(table.settings, &defaults);
            json!({ "description": about, "type": "object", "additionalProperties": false, "properties": properties })
        }
    }
}

/// Schema of `[strategy]` for one strategy. Only the first may omit `kind`.
fn strategy_schema((at, entry): (usize, &strategies::Entry)) -> Value {
    let mut all = Map::new();
    let kind = json!({ "description": STRATEGY_KIND.about(), "const": entry.kind });
    all.insert(STRATEGY_KIND.key.to_owned(), kind);
    all.append(&mut properties(entry.settings, &defaults_of_strategy(entry)));
    let required = if at == 0 { json!([]) } else { json!([STRATEGY_KIND.key]) };
    json!({
        "title": entry.kind,
        "description": entry.about,
        "type": "object",
        "additionalProperties": false,
        "properties": all,
        "required": required,
    })
}

fn properties(settings: &[Setting], defaults: &toml::Table) -> Map<String, Value> {
    let property = |setting: &Setting| {
        let mut property = value_schema(setting);
        let unit = if setting.unit.is_empty() { String::new() } else { format!(" Unit: {}.", setting.unit) };
        property["description"] = json!(setting.about() + &unit);
        let default = defaults.get(setting.key).and_then(|value| serde_json::to_value(value).ok());
        if let Some(default) = default {
            property["default"] = default;
        }
        (setting.key.to_owned(), property)
    };
    settings.iter().map(property).collect()
}

/// Schema of the values that a setting accepts.
fn value_schema(setting: &Setting) -> Value {
    let range = setting.range.as_ref();
    match setting.kind {
        Kind::Number => number_schema(range),
        Kind::Whole => whole_schema(range),
        Kind::Truth => json!({ "type": "boolean" }),
        Kind::Text => json!({ "type": "string" }),
        Kind::Date => json!({ "type": "string", "format": "date" }),
        Kind::Choice(choices) => json!({ "type": "string", "enum": words(choices) }),
        Kind::NumberOrWord(choices) => json!({ "anyOf": [{ "enum": words(choices) }, number_schema(range)] }),
        Kind::WordOrWholes(choices) => {
            json!({ "anyOf": [{ "enum": words(choices) }, { "type": "array", "items": whole_schema(range) }] })
        }
        Kind::TextOrTexts => {
            json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
        }
        Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Numbers => {
            json!({ "type": "array", "items": number_schema(range), "minItems": 1, "maxItems": LIST_MAX })
        }
        Kind::NumberByName => json!({ "type": "object", "additionalProperties": number_schema(range) }),
        Kind::BoundsByName => {
            let bounds =
                json!({ "type": "array", "items": number_schema(range), "minItems": 2, "maxItems": 2 });
            json!({ "type": "object", "additionalProperties": bounds })
        }
        Kind::GroupBoundsByName => {
            let net = json!({ "type": "array", "items": number_schema(range), "minItems": 2, "maxItems": 2 });
            let bounds = json!({
                "type": "object",
                "properties": { "net": net, "gross": number_schema(range), "relative": { "type": "boolean" } },
                "additionalProperties": false,
            });
            json!({ "type": "object", "additionalProperties": bounds })
        }
    }
}

fn number_schema(range: Option<&Range>) -> Value {
    match range {
        None => json!({ "type": "number" }),
        Some(Range { least, most, or: None, .. }) => {
            json!({ "type": "number", "minimum": least, "maximum": most })
        }
        Some(Range { least, most, or: Some(or), .. }) => {
            json!({ "anyOf": [{ "const": or }, { "type": "number", "minimum": least, "maximum": most }] })
        }
    }
}

fn whole_schema(range: Option<&Range>) -> Value {
    match range {
        None => json!({ "type": "integer", "minimum": 0 }),
        Some(range) => {
            json!({ "type": "integer", "minimum": range.least as i64, "maximum": range.most as i64 })
        }
    }
}

fn words(choices: &[Choice]) -> Vec<&'static str> {
    choices.iter().map(|choice| choice.name).collect()
}
