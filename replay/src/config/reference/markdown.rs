//! Markdown of all settings: the file `replay/docs/settings.md`.

use betaflow_engine::settings::{Choice, Kind, Setting, paragraph};
use betaflow_strategies as strategies;

use super::{STRATEGY, STRATEGY_KIND, TABLES, defaults_of_strategy, strategy_kinds};

const HEAD: &str = "# Settings

Every key of a configuration file (`--config FILE`) and of `--set TABLE.KEY=VALUE`, table by table. `run.toml` in a run
folder has the values of that run. An editor that reads JSON schemas completes and checks them: `betaflow schema`.

This page is generated from the declarations: `betaflow schema --markdown` prints it.
";

/// Markdown with a section for each table of a configuration.
pub(crate) fn markdown() -> String {
    let mut text = HEAD.to_owned();
    for table in &TABLES {
        text += &format!("\n## [{}]\n\n{}\n", table.name, table.about());
        if table.name == STRATEGY {
            text += &strategies_text();
        } else if !table.settings.is_empty() {
            text += &settings_text(table.settings, &(table.defaults)());
        }
    }
    text
}

fn strategies_text() -> String {
    let entries = strategies::entries();
    let default = toml::Value::String(entries[0].kind.to_owned());
    let defaults = toml::Table::from_iter([(STRATEGY_KIND.key.to_owned(), default)]);
    let mut text = settings_text(&[STRATEGY_KIND], &defaults);
    for entry in entries {
        text += &format!("\n### strategy.kind = \"{}\"\n\n{}.\n", entry.kind, capitalised(entry.about));
        if !entry.settings.is_empty() {
            text += &settings_text(entry.settings, &defaults_of_strategy(entry));
        }
    }
    text
}

fn settings_text(settings: &[Setting], defaults: &toml::Table) -> String {
    let mut text =
        "\n| key | type | default | values | unit | description |\n|---|---|---|---|---|---|\n".to_owned();
    for setting in settings {
        let default = match defaults.get(setting.key) {
            Some(default) => format!("`{default}`"),
            None => "unset".to_owned(),
        };
        let cells = [type_name(setting.kind), &default, &values(setting), setting.unit, &setting.about()];
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\\\|")).collect();
        text += &format!("| `{}` | {} |\n", setting.key, cells.join(" | "));
    }
    for setting in settings {
        let choices = choices(setting.kind);
        if !choices.is_empty() {
            text += &format!("\nWords of `{}`:\n\n", setting.key);
        }
        for choice in choices {
            text += &format!("- `{}`: {}\n", choice.name, paragraph(choice.doc));
        }
    }
    text
}

fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "number",
        Kind::Whole => "whole number",
        Kind::Truth => "true or false",
        Kind::Text => "text",
        Kind::Date => "date",
        Kind::Choice(_) => "word",
        Kind::NumberOrWord(_) => "number or word",
        Kind::WordOrWholes(_) => "word or list of whole numbers",
        Kind::TextOrTexts => "text or list of texts",
        Kind::Texts => "list of texts",
        Kind::Numbers => "list of numbers",
        Kind::NumberByName => "number by name",
        Kind::BoundsByName => "two numbers by name",
        Kind::GroupBoundsByName => "bounds by name",
    }
}

/// Range, accepted words or form of a setting.
fn values(setting: &Setting) -> String {
    let words: Vec<String> =
        choices(setting.kind).iter().map(|choice| format!("`{}`", choice.name)).collect();
    if *setting == STRATEGY_KIND {
        return strategy_kinds().iter().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", ");
    }
    match (setting.form, setting.range, words.is_empty()) {
        ("", None, _) => words.join(", "),
        ("", Some(range), true) => range.text(),
        ("", Some(range), false) => format!("{}, {}", words.join(", "), range.text()),
        (form, ..) => form.to_owned(),
    }
}

fn choices(kind: Kind) -> &'static [Choice] {
    match kind {
        Kind::Choice(choices) | Kind::NumberOrWord(choices) | Kind::WordOrWholes(choices) => choices,
        _ => &[],
    }
}

fn capitalised(text: &str) -> String {
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    first.to_uppercase() + rest
}
