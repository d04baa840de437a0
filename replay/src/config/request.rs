//! From typed arguments to a valid configuration.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use betaflow_connectors::tutorial;
use betaflow_engine::execution::ExecutionSettings;
use betaflow_engine::ledger::RecordSettings;
use betaflow_engine::model::EstimatorSettings;
use betaflow_engine::portfolio::SizingSettings;
use betaflow_engine::settings::Invalid;
use betaflow_engine::world::WorldSettings;
use betaflow_strategies as strategies;
use serde::de::DeserializeOwned;
use serde_aux::serde_introspection::serde_introspect;
use toml::{Table, Value};

use super::alerts::{self, AlertSettings};
use super::args::InputArgs;
use super::data::DataSettings;
use super::feed::FeedSettings;
use super::holdout::HoldoutSettings;
use super::layers::Layers;
use super::limits::LimitSettings;
use super::remedy::of_setting;
use super::tables::{PipelineSettings, RecordTyped};
use super::tune::TuneSettings;
use super::{Config, NO_FACTORS, Settings, unknown};

/// A flag of one command that stands for a setting.
#[derive(Clone, Debug)]
pub(crate) struct SettingFlag {
    pub table: &'static str,
    pub key: &'static str,
    /// Value as typed.
    pub value: String,
    /// Flag with its dashes.
    pub flag: &'static str,
}

/// Arguments of a command, and what the command adds to them. [`Self::resolve`] makes the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    input: &'a InputArgs,
    record: RecordSettings,
    flags: Vec<SettingFlag>,
    base: Option<(String, String)>,
    feed: Option<&'a str>,
    trades: bool,
    needs_factors: bool,
    takes_session: bool,
}

impl<'a> Request<'a> {
    /// Settings of a command that trades on files. `record`: its defaults of `[record]`.
    pub(crate) fn new(input: &'a InputArgs, record: RecordSettings) -> Self {
        Self {
            input,
            record,
            flags: Vec::new(),
            base: None,
            feed: None,
            trades: true,
            needs_factors: true,
            takes_session: false,
        }
    }

    /// Marks a command that trades nothing: columns that only trading needs are not read.
    pub(crate) fn without_trading(self) -> Self {
        Self { trades: false, ..self }
    }

    /// Accepts prices without factors.
    pub(crate) fn without_factors(self) -> Self {
        Self { needs_factors: false, ..self }
    }

    /// Accepts `data.session`: the recording of a session as data.
    pub(crate) fn with_session(self) -> Self {
        Self { takes_session: true, ..self }
    }

    /// Puts settings in TOML below `--set` and flags. `name`: their name in errors.
    pub(crate) fn over(self, name: String, text: String) -> Self {
        Self { base: Some((name, text)), ..self }
    }

    /// Takes prices from a live feed at the address `url`.
    pub(crate) fn with_feed(self, url: &'a str) -> Self {
        Self { feed: Some(url), ..self }
    }

    /// Adds flags that stand for settings.
    pub(crate) fn with_flags(mut self, flags: impl IntoIterator<Item = SettingFlag>) -> Self {
        self.flags.extend(flags);
        self
    }

    /// Adds a flag with the last date.
    pub(crate) fn until(self, flag: &'static str, date: Option<&str>) -> Self {
        let date = date.map(|date| SettingFlag { table: "data", key: "to", value: quoted(date), flag });
        self.with_flags(date)
    }

    /// Merges defaults, file, `--set` and flags, in this order, and checks the result.
    ///
    /// # Errors
    /// An unknown key, a value of the wrong type or out of its range; each says where it was set.
    pub(crate) fn resolve(&self) -> Result<Config> {
        let typed = self.layers()?;
        unknown::check_tables(&typed)?;
        let data: DataSettings = valid(&typed, "data", DataSettings::check)?;
        if let Some(session) = data.session.as_ref().filter(|_| !self.takes_session) {
            let origin = typed.origin("data", "session");
            bail!(
                "`data.session`, set by {origin}: found {session:?}, expected none: the record of a session is data for \
                 replay alone"
            );
        }
        let strategy = strategy_settings(&typed)?;
        let record: RecordTyped = valid(&typed, "record", |_| Ok(()))?;
        let mut settings = Settings {
            factors: factors(&typed, &data, self.needs_factors)?,
            holdout: valid(&typed, "holdout", |holdout: &HoldoutSettings| holdout.check(&data))?,
            universe: valid(&typed, "universe", |_| Ok(()))?,
            estimator: valid(&typed, "estimator", EstimatorSettings::check)?,
            strategy,
            sizing: valid(&typed, "sizing", SizingSettings::check)?,
            execution: valid(&typed, "execution", ExecutionSettings::check)?,
            world: valid(&typed, "world", WorldSettings::check)?,
            limits: valid(&typed, "limits", LimitSettings::check)?,
            record: RecordSettings {
                betas: record.betas.unwrap_or(self.record.betas),
                weights: record.weights.unwrap_or(self.record.weights),
            },
            pipeline: valid(&typed, "pipeline", PipelineSettings::check)?,
            tune: valid(&typed, "tune", TuneSettings::check)?,
            feed: valid(&typed, "feed", FeedSettings::check)?,
            alerts: valid(&typed, "alerts", AlertSettings::check)?,
            data,
        };
        // A venue's names have one form, whatever a user types.
        let universe = &mut settings.universe;
        let names = [&mut universe.include, &mut universe.exclude, &mut universe.trade];
        for symbol in names.into_iter().flatten() {
            *symbol = settings.feed.symbol(symbol);
        }
        let mut symbols: Vec<String> = Vec::new();
        for symbol in settings.feed.symbols.iter().map(|symbol| settings.feed.symbol(symbol)) {
            if !symbols.contains(&symbol) {
                symbols.push(symbol);
            }
        }
        settings.feed.symbols = symbols;
        // With other factors than its own, the tutorial still trades its 20 names.
        let universe = &settings.universe;
        let free = universe.include.is_empty() && universe.exclude.is_empty() && universe.trade.is_empty();
        if free && settings.is_tutorial() && settings.factors.is_empty() {
            settings.universe.exclude = tutorial::FACTOR_INSTRUMENTS.map(str::to_owned).to_vec();
        }
        // Absolute paths, so that run.toml runs again from anywhere.
        let data = &mut settings.data;
        let paths =
            [&mut data.prices, &mut data.factors, &mut data.session, &mut settings.execution.spread_file];
        for path in paths.into_iter().flatten() {
            if path != NO_FACTORS {
                let absolute =
                    std::path::absolute(&*path).with_context(|| format!("{path}: is not a path"))?;
                *path = absolute.display().to_string();
            }
        }
        Config::new(settings, self.trades)
    }

    fn layers(&self) -> Result<Layers> {
        let Self { input: args, feed, .. } = self;
        let mut layers = Layers::default();
        if let Some(path) = &args.config {
            layers.add_file(path)?;
        }
        if let Some((name, text)) = &self.base {
            layers.add_text(name, text)?;
        }
        for text in &args.set {
            layers.add_set(text)?;
        }
        let paths = [("prices", "--prices", &args.prices), ("factors", "--factors", &args.factors)];
        for (key, flag, path) in paths {
            if let Some(path) = path {
                layers.add_flag("data", key, &path.display().to_string(), flag);
            }
        }
        if let Some(date) = &args.from {
            layers.add_flag("data", "from", date, "--from");
        }
        if let Some(url) = feed {
            layers.add_flag("data", "prices", url, "--url");
        }
        for flag in &self.flags {
            layers.add_typed_flag(flag.table, flag.key, &flag.value, flag.flag);
        }
        Ok(layers)
    }
}

/// A text as a TOML string.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// A table as typed, deserialised and checked.
fn valid<T: DeserializeOwned + Default>(
    typed: &Layers,
    table: &str,
    check: impl Fn(&T) -> Result<(), Invalid>,
) -> Result<T> {
    let mut keys = typed.table(table);
    unknown::check_keys(typed, table, &keys, serde_introspect::<T>())?;
    for value in keys.iter_mut().map(|(_, value)| value) {
        // A date without quotes is the same date.
        if let Value::Datetime(date) = value {
            *value = Value::String(date.to_string());
        }
    }
    for (key, value) in &keys {
        // One key at a time, so that an error of type can say which one and where it was set.
        let alone: Table = [(key.clone(), value.clone())].into_iter().collect();
        alone.try_into::<T>().map_err(|error| wrong_type(typed, table, key, value, error.message()))?;
    }
    let settings: T = keys.try_into().with_context(|| format!("table [{table}]"))?;
    check(&settings).map_err(|invalid| {
        let remedy = of_setting(&invalid).map_or_else(String::new, |remedy| format!("; {remedy}"));
        let Invalid { key, found, expected } = invalid;
        anyhow!(
            "`{table}.{key}`, set by {}: found {found}, expected {expected}{remedy}",
            typed.origin(table, key)
        )
    })?;
    Ok(settings)
}

fn wrong_type(typed: &Layers, table: &str, key: &str, value: &Value, message: &str) -> anyhow::Error {
    // The deserialiser speaks of Rust's types.
    let words = [
        ("expected f64", "expected a number"),
        ("expected u32", "expected a whole number"),
        ("expected u64", "expected a whole number"),
        ("expected usize", "expected a whole number"),
        (
            "data did not match any variant of untagged enum AlphaShrink",
            "expected a number from 0 to 1, or \"posterior\"",
        ),
        ("expected a sequence", "expected a list such as [\"A\", \"B\"]"),
        ("expected a boolean", "expected true or false"),
    ];
    let message = words.iter().fold(message.to_owned(), |text, (from, to)| text.replace(from, to));
    let found = if table == alerts::TABLE { "a value of another type".to_owned() } else { value.to_string() };
    anyhow!("`{table}.{key}`, set by {}: found {found}; {message}", typed.origin(table, key))
}

/// The `[strategy]` table with the defaults of the strategy that it names.
fn strategy_settings(typed: &Layers) -> Result<Table> {
    let mut own = typed.table("strategy");
    let kind = own.remove("kind").unwrap_or_else(|| Value::String(strategies::entries()[0].kind.into()));
    let entry = kind.as_str().and_then(strategies::find).with_context(|| {
        let known: Vec<_> = strategies::entries().iter().map(|entry| entry.kind).collect();
        let origin = typed.origin("strategy", "kind");
        format!("`strategy.kind`, set by {origin}: found {kind}, expected one of {}", known.join(", "))
    })?;
    let keys = entry.keys()?;
    if own.contains_key("weight_max") {
        bail!(
            "unknown setting `strategy.weight_max`, set by {}: the largest weight is one setting for every strategy, \
             `sizing.weight_max`",
            typed.origin("strategy", "weight_max")
        );
    }
    let mut known: Vec<&str> = keys.iter().map(String::as_str).collect();
    known.push("kind");
    unknown::check_keys(typed, "strategy", &own, &known)?;
    // One key at a time, so that an error of type can say which one and where it was set.
    for (key, value) in &own {
        let alone: Table = [(key.clone(), value.clone())].into_iter().collect();
        if let Err(strategies::StrategyError::Type(error)) = entry.build(alone) {
            return Err(wrong_type(typed, "strategy", key, value, error.message()));
        }
    }
    let (own, _) = entry.build(own).map_err(|error| match error {
        strategies::StrategyError::Invalid(Invalid { key, found, expected }) => {
            let origin = typed.origin("strategy", key);
            anyhow!("`strategy.{key}`, set by {origin}: found {found}, expected {expected}")
        }
        other => anyhow!("table [strategy]: {other}"),
    })?;
    let mut table = Table::new();
    table.insert("kind".into(), kind);
    table.extend(own);
    Ok(table)
}

/// Returns the `[factors]` table, by default the one of the tutorial for its data.
fn factors(typed: &Layers, data: &DataSettings, needed: bool) -> Result<Table> {
    let table = typed.table("factors");
    for (name, value) in &table {
        if !value.is_str() {
            return Err(wrong_type(
                typed,
                "factors",
                name,
                value,
                "expected an expression of instruments, such as \"MTUM - SPX\"",
            ));
        }
    }
    // A file's table stands for all factors; single ones with --set are added to the tutorial's.
    let from_file = typed.has_file_table("factors");
    match (&data.prices, &data.factors) {
        (None, None) if !from_file && data.session.is_none() => {
            let defaults = tutorial::FACTORS.iter().map(|(name, text)| (*name, *text));
            let mut factors: Table =
                defaults.map(|(name, text)| (name.to_owned(), Value::String(text.to_owned()))).collect();
            factors.extend(table);
            Ok(factors)
        }
        // A missing file is reported when it is opened.
        (Some(prices), None) if needed && table.is_empty() && Path::new(prices).exists() => bail!(
            "{prices}: found no factors for these prices; expected a file of factor returns (--factors FILE), or a \
             table [factors] that makes them from instruments (--set 'factors.mkt=\"SPY\"'), or --factors none to \
             run without"
        ),
        _ => Ok(table),
    }
}
