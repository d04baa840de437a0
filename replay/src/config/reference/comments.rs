//! Comments of `run.toml`: each key with its description, range and unit.

use betaflow_engine::settings::{Kind, Setting};
use toml::{Table, Value};

use super::{STRATEGY, STRATEGY_KIND, TABLES, find};

/// Adds a comment above each table and key of a configuration in TOML. The values stay the same.
pub(in crate::config) fn commented(body: &str) -> String {
    let Ok(values) = body.parse::<Table>() else { return body.to_owned() };
    let strategy = values.get(STRATEGY).and_then(|table| table.get(STRATEGY_KIND.key));
    let strategy = strategy.and_then(Value::as_str).unwrap_or_default();
    let (mut text, mut table) = (String::new(), String::new());
    for line in body.lines() {
        let comment =
            match (line.strip_prefix('[').and_then(|line| line.strip_suffix(']')), line.split_once(" = ")) {
                (Some(name), _) => {
                    name.clone_into(&mut table);
                    match name.split_once('.') {
                        Some((table, key)) => find(table, key, strategy).map(sentence),
                        None => TABLES.iter().find(|table| table.name == name).map(|table| table.about()),
                    }
                }
                (None, Some((key, _))) => find(&table, key, strategy).map(sentence),
                (None, None) => None,
            };
        if let Some(comment) = comment {
            text += &format!("# {comment}\n");
        }
        text += &format!("{line}\n");
    }
    // A line of a multi-line string may look like a key; then the file gets no comments.
    if text.parse::<Table>().is_ok_and(|commented| commented == values) { text } else { body.to_owned() }
}

/// Description of a setting, and its accepted values.
fn sentence(setting: &Setting) -> String {
    let (about, expected) = (setting.about(), setting.expected());
    if setting.kind == Kind::Truth {
        return about;
    }
    let (first, rest) = expected.split_at(expected.chars().next().map_or(0, char::len_utf8));
    format!("{about} {}{rest}.", first.to_uppercase())
}
