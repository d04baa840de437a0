//! Reference of all settings, from their declarations: JSON schema, Markdown, comments of `run.toml`, help.

mod comments;
mod help;
mod markdown;
mod schema;

use betaflow_engine::execution::ExecutionSettings;
use betaflow_engine::ledger::RecordSettings;
use betaflow_engine::model::EstimatorSettings;
use betaflow_engine::portfolio::SizingSettings;
use betaflow_engine::settings::{Kind, Setting, SettingsTable, paragraph};
use betaflow_engine::world::WorldSettings;
use betaflow_strategies as strategies;
use serde::Serialize;
use toml::{Table, Value};

use super::alerts::AlertSettings;
use super::benchmark::BenchmarkSettings;
use super::data::DataSettings;
use super::feed::FeedSettings;
use super::holdout::HoldoutSettings;
use super::limits::LimitSettings;
use super::tables::{PipelineSettings, UniverseSettings};
use super::tune::TuneSettings;

pub(super) use comments::commented;
pub(crate) use help::settings_help;
pub(crate) use markdown::markdown;
pub(crate) use schema::schema;

/// Table whose keys are the names of factors.
const FACTORS: &str = "factors";
/// Table whose keys depend on its `kind`.
const STRATEGY: &str = "strategy";
/// Key of `[strategy]` that names the strategy.
const STRATEGY_KIND: Setting = Setting {
    key: "kind",
    kind: Kind::Text,
    optional: false,
    range: None,
    unit: "",
    form: "the name of a strategy",
    doc: &["Strategy, which turns estimates into forecasts or target weights."],
};

/// Table of a configuration.
struct TableReference {
    name: &'static str,
    doc: &'static [&'static str],
    settings: &'static [Setting],
    defaults: fn() -> Table,
}

impl TableReference {
    const fn of<T: SettingsTable + Serialize>() -> Self {
        Self { name: T::TABLE, doc: T::DOC, settings: T::SETTINGS, defaults: defaults_of::<T> }
    }

    /// First paragraph of the documentation.
    fn about(&self) -> String {
        paragraph(self.doc)
    }
}

/// Defaults of a table; unset keys are absent.
fn defaults_of<T: SettingsTable + Serialize>() -> Table {
    // Defaults are plain values, so the conversion cannot fail.
    Table::try_from(T::default()).unwrap_or_default()
}

/// Tables of a configuration, in the order of `run.toml`.
const TABLES: [TableReference; 16] = [
    TableReference::of::<DataSettings>(),
    TableReference::of::<HoldoutSettings>(),
    TableReference::of::<UniverseSettings>(),
    TableReference {
        name: FACTORS,
        doc: &[
            "Factors made from instruments, name = expression, such as mom = \"0.5*MTUM - 0.5*SPX\", or of groups, such as \
               sector = \"group:sector\".",
        ],
        settings: &[],
        defaults: Table::new,
    },
    TableReference::of::<BenchmarkSettings>(),
    TableReference::of::<EstimatorSettings>(),
    TableReference {
        name: STRATEGY,
        doc: &["Strategy, and the settings of that strategy."],
        settings: &[STRATEGY_KIND],
        defaults: default_strategy,
    },
    TableReference::of::<SizingSettings>(),
    TableReference::of::<ExecutionSettings>(),
    TableReference::of::<WorldSettings>(),
    TableReference::of::<LimitSettings>(),
    TableReference::of::<RecordSettings>(),
    TableReference::of::<PipelineSettings>(),
    TableReference::of::<TuneSettings>(),
    TableReference::of::<FeedSettings>(),
    TableReference {
        name: AlertSettings::TABLE,
        doc: AlertSettings::DOC,
        settings: AlertSettings::SETTINGS,
        defaults: Table::new,
    },
];

/// The default strategy, with the defaults of its settings.
fn default_strategy() -> Table {
    let entry = &strategies::entries()[0];
    let mut table = Table::from_iter([(STRATEGY_KIND.key.to_owned(), Value::String(entry.kind.to_owned()))]);
    table.extend(defaults_of_strategy(entry));
    table
}

/// Defaults of the settings of a strategy.
fn defaults_of_strategy(entry: &strategies::Entry) -> Table {
    entry.build(Table::new()).map(|(own, _)| own).unwrap_or_default()
}

/// Kinds of all strategies.
fn strategy_kinds() -> Vec<&'static str> {
    strategies::entries().iter().map(|entry| entry.kind).collect()
}

/// Names of all tables.
pub(super) fn table_names() -> Vec<&'static str> {
    TABLES.iter().map(|table| table.name).collect()
}

/// Declaration of a setting; `strategy`: kind of the strategy, for a key of `[strategy]`.
fn find(table: &str, key: &str, strategy: &str) -> Option<&'static Setting> {
    let own = strategies::find(strategy).filter(|_| table == STRATEGY).map(|entry| entry.settings);
    let settings = TABLES.iter().find(|other| other.name == table).map(|table| table.settings);
    own.into_iter().chain(settings).flatten().find(|setting| setting.key == key)
}
