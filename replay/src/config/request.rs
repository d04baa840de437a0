//! From typed arguments to a valid configuration.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use betaflow_connectors::{hint, tutorial};
use betaflow_engine::execution::ExecutionSettings;
use betaflow_engine::ledger::RecordSettings;
use betaflow_engine::model::EstimatorSettings;
use betaflow_engine::portfolio::SizingSettings;
use betaflow_engine::settings::{Invalid, Kind, OneOrMore, Setting, SettingsTable};
use betaflow_engine::world::WorldSettings;
use betaflow_strategies as strategies;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::alerts::{self, AlertSettings};
use super::args::InputArgs;
use super::benchmark::BenchmarkSettings;
use super::data::DataSettings;
use super::feed::FeedSettings;
use super::holdout::HoldoutSettings;
use super::layers::Layers;
use super::limits::LimitSettings;
use super::remedy::of_setting;
use super::setting_error::{SettingError, SettingProblem};
use super::tables::{PipelineSettings, UniverseSettings};
use super::tune::TuneSettings;
use super::{BenchmarkKind, Config, NO_FACTORS, Settings, dependent, unknown, user_files};
use crate::host::{Host, StrategyFactory};

/// Key of `[strategy]` in `run.toml`: module and class of a strategy in Python.
pub(super) const CLASS: &str = "python";

/// Flag of one command that stands for a setting.
#[derive(Clone, Debug)]
pub(crate) struct SettingFlag {
    pub table: &'static str,
    pub key: &'static str,
    /// Value as typed.
    pub value: String,
    /// Flag with its dashes.
    pub flag: &'static str,
}

/// Arguments of a command, with the properties of the command. [`Self::resolve`] creates the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    input: &'a InputArgs,
    record: RecordSettings,
    flags: Vec<SettingFlag>,
    /// Path of a grid file, and the settings of one of its scenarios by their dotted names.
    varied: Option<(String, Vec<(String, Value)>)>,
    /// Dotted names of the settings that vary between the scenarios of a grid.
    varying: Vec<String>,
    base: Option<(String, String)>,
    feed: Option<&'a str>,
    trades: bool,
    needs_factors: bool,
    takes_session: bool,
    /// True if the settings are shown or compared, and no strategy is built from them.
    describes: bool,
    host: Host,
}

impl<'a> Request<'a> {
    /// Request of a command that trades on files. `record`: its defaults of `[record]`.
    pub(crate) fn new(input: &'a InputArgs, record: RecordSettings) -> Self {
        Self {
            input,
            record,
            flags: Vec::new(),
            varied: None,
            varying: Vec::new(),
            base: None,
            feed: None,
            trades: true,
            needs_factors: true,
            takes_session: false,
            describes: false,
            host: Host::default(),
        }
    }

    /// Sets the host, whose tables, settings and strategy the command uses.
    pub(crate) fn with_host(self, host: &Host) -> Self {
        Self { host: host.clone(), ..self }
    }

    /// Marks a command that does not trade: columns that only trading needs are not read.
    pub(crate) fn without_trading(self) -> Self {
        Self { trades: false, ..self }
    }

    /// Accepts prices without factors.
    pub(crate) fn without_factors(self) -> Self {
        Self { needs_factors: false, ..self }
    }

    /// Accepts `data.session`: a session recording as data.
    pub(crate) fn with_session(self) -> Self {
        Self { takes_session: true, ..self }
    }

    /// Marks settings that are shown or compared, and do not run: a strategy in Python is accepted.
    pub(crate) fn described(self) -> Self {
        Self { describes: true, ..self }
    }

    /// Adds settings in TOML that `--set` and flags override. `name`: name used in error messages.
    pub(crate) fn over(self, name: String, text: String) -> Self {
        Self { base: Some((name, text)), ..self }
    }

    /// Names the settings that vary between the scenarios of a grid.
    pub(crate) fn with_varying(self, names: &[String]) -> Self {
        Self { varying: names.to_vec(), ..self }
    }

    /// Puts the settings of a scenario of a grid file over `--set`. `file`: path of the grid file.
    pub(crate) fn with_scenario(
        self,
        file: &Path,
        settings: impl IntoIterator<Item = (String, Value)>,
    ) -> Self {
        Self { varied: Some((file.display().to_string(), settings.into_iter().collect())), ..self }
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
    /// A key is unknown, or a value has the wrong type or is out of range; the error names where it was set.
    pub(crate) fn resolve(&self) -> Result<Config> {
        let typed = self.layers()?;
        unknown::check_tables(&typed)?;
        let data = valid(&typed, DataSettings::check)?;
        if let Some(session) = data.session.as_ref().filter(|_| !self.takes_session) {
            let origin = typed.origin("data", "session");
            bail!(
                "`data.session`, set by {origin}: found {session:?}, expected no session, because only `betaflow replay` reads \
                 a session recording; leave it out"
            );
        }
        let strategy = match self.host.strategy() {
            Some(strategy) => called_strategy(&typed, &**strategy)?,
            None if self.describes || !self.trades => recorded_strategy(&typed)?,
            None => strategy_settings(&typed)?,
        };
        let sizing_defaults = user_files::sizing_defaults(&strategy);
        let mut settings = Settings {
            factors: factors(&typed, &data, self.needs_factors, &self.host)?,
            holdout: valid(&typed, |holdout: &HoldoutSettings| holdout.check(&data))?,
            universe: valid(&typed, UniverseSettings::check_ranges)?,
            benchmark: valid(&typed, BenchmarkSettings::check)?,
            estimator: valid(&typed, EstimatorSettings::check)?,
            strategy,
            sizing: over(&typed, sizing_defaults, SizingSettings::check)?,
            execution: valid(&typed, ExecutionSettings::check)?,
            world: valid(&typed, WorldSettings::check)?,
            limits: valid(&typed, LimitSettings::check)?,
            record: over(&typed, Table::try_from(self.record)?, RecordSettings::check_ranges)?,
            pipeline: valid(&typed, PipelineSettings::check)?,
            tune: valid(&typed, TuneSettings::check)?,
            feed: valid(&typed, FeedSettings::check)?,
            alerts: valid(&typed, AlertSettings::check)?,
            data,
        };
        if settings.execution.holdings.is_some() && typed.table("execution").contains_key("nav") {
            let expected = "no value, because net asset value follows from `execution.holdings`; leave one of the two out";
            return Err(located(&typed, "execution", "nav", &settings.execution.nav.to_string(), expected));
        }
        dependent::check(&typed, &settings, &self.varying)?;
        // Convert symbols to the form of the venue.
        let universe = &mut settings.universe;
        let names = [&mut universe.include, &mut universe.exclude, &mut universe.trade];
        for symbol in names.into_iter().flatten() {
            *symbol = settings.feed.symbol(symbol);
        }
        if settings.benchmark.kind == BenchmarkKind::Instrument {
            settings.benchmark.symbol = settings.benchmark.symbol.map(|symbol| settings.feed.symbol(&symbol));
        }
        let mut symbols: Vec<String> = Vec::new();
        for symbol in settings.feed.symbols.iter().map(|symbol| settings.feed.symbol(symbol)) {
            if !symbols.contains(&symbol) {
                symbols.push(symbol);
            }
        }
        settings.feed.symbols = symbols;
        // With other factors than its own, the tutorial data still trades its 20 instruments.
        let universe = &settings.universe;
        let free = universe.include.is_empty() && universe.exclude.is_empty() && universe.trade.is_empty();
        if free && settings.is_tutorial() && settings.factors.is_empty() {
            settings.universe.exclude = tutorial::FACTOR_INSTRUMENTS.map(str::to_owned).to_vec();
        }
        // Make paths absolute, so that run.toml works in any current folder.
        let data = &mut settings.data;
        let paths = [
            &mut data.prices,
            &mut data.session,
            &mut data.renames,
            &mut settings.universe.membership,
            &mut data.sessions,
            &mut settings.execution.spread_file,
            &mut settings.execution.holdings,
            &mut settings.execution.borrow_file,
            &mut settings.sizing.weight_bounds,
            &mut settings.benchmark.path,
            &mut settings.universe.groups,
        ];
        let factors = data.factors.iter_mut().flat_map(OneOrMore::all_mut);
        for path in paths.into_iter().flatten().chain(factors) {
            if path != NO_FACTORS && !self.host.is_table(path) {
                let absolute = std::path::absolute(&*path)
                    .with_context(|| format!("{path}: could not make the path absolute"))?;
                *path = absolute.display().to_string();
            }
        }
        settings.make_given_absolute(&self.host)?;
        if self.trades {
            settings.check_signal()?;
        }
        Config::new(settings, self.trades, &self.host)
    }

    /// Refuses a value of a setting that no file has, unless it is `accepted`. Returns true if a file has one.
    ///
    /// # Errors
    /// A flag, `--set` or a caller has set it; the error names where.
    pub(crate) fn refuse_outside_file(
        &self,
        table: &str,
        key: &str,
        accepted: Option<&str>,
        expected: &str,
    ) -> Result<bool> {
        let typed = self.layers()?;
        let is_accepted = |value: &&Value| accepted.is_some() && value.as_str() == accepted;
        match typed.value(table, key).filter(|value| !is_accepted(value)) {
            None => Ok(false),
            Some(_) if typed.is_in_file(table, key) => Ok(true),
            Some(value) => Err(located(&typed, table, key, &value.to_string(), expected)),
        }
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
        self.host.settings().iter().for_each(|setting| layers.add_called(setting));
        for text in &args.set {
            layers.add_set(text)?;
        }
        if let Some((file, settings)) = &self.varied {
            settings.iter().for_each(|(name, value)| layers.add_varied(file, name, value));
        }
        if let Some(path) = &args.prices {
            layers.add_flag("data", "prices", &path.display().to_string(), "--prices");
        }
        for (kind, flag, path) in
            [("forecasts", "--forecasts", &args.forecasts), ("weights", "--weights", &args.weights)]
        {
            let Some(path) = path else { continue };
            if !self.trades {
                bail!(
                    "{flag} {}: found a file, expected no {flag}, because this command does not trade",
                    path.display()
                );
            }
            if let Some(typed) = layers.value("strategy", "kind").filter(|typed| typed.as_str() != Some(kind))
            {
                let expected = format!("{kind:?} or no key, because {flag} names a file for it");
                return Err(located(&layers, "strategy", "kind", &typed.to_string(), &expected));
            }
            layers.add_flag("strategy", "kind", kind, flag);
            layers.add_flag("strategy", user_files::PATH, &path.display().to_string(), flag);
        }
        let files: Vec<String> = args.factors.iter().map(|path| path.display().to_string()).collect();
        layers.add_flags("data", "factors", &files, "--factors");
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

/// Writes a text as a TOML string.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// Deserialises and checks a table as typed.
pub(super) fn valid<T: DeserializeOwned + SettingsTable>(
    typed: &Layers,
    check: impl Fn(&T) -> Result<(), Invalid>,
) -> Result<T> {
    over(typed, Table::new(), check)
}

/// Deserialises and checks a table as typed, over the defaults of the command.
fn over<T: DeserializeOwned + SettingsTable>(
    typed: &Layers,
    defaults: Table,
    check: impl Fn(&T) -> Result<(), Invalid>,
) -> Result<T> {
    let table = T::TABLE;
    let mut keys = typed.table(table);
    unknown::check_keys(typed, table, &keys, T::SETTINGS.iter().map(|setting| setting.key))?;
    for value in keys.iter_mut().map(|(_, value)| value) {
        // Accept a date without quotes.
        if let Value::Datetime(date) = value {
            *value = Value::String(date.to_string());
        }
    }
    for (key, value) in &keys {
        // Read one key at a time, so that the error can name the key and where it was set.
        let is_empty = value.as_str().is_some_and(|text| text.trim().is_empty());
        if let Some(setting) =
            T::SETTINGS.iter().find(|setting| setting.key == key && table == "data" && is_empty)
        {
            let expected = format!("{}; leave the key out to unset it", setting.expected());
            return Err(located(typed, table, key, "an empty name", &expected));
        }
        let alone: Table = [(key.clone(), value.clone())].into_iter().collect();
        if alone.try_into::<T>().is_err() {
            return Err(wrong_type(typed, table, T::SETTINGS, key, value));
        }
    }
    let mut all = defaults;
    all.extend(keys);
    let settings: T = all.try_into().with_context(|| format!("table [{table}]"))?;
    check(&settings).map_err(|invalid| not_valid(typed, table, invalid))?;
    Ok(settings)
}

/// Error of a value of the wrong type.
fn wrong_type(typed: &Layers, table: &str, settings: &[Setting], key: &str, value: &Value) -> anyhow::Error {
    let found = if table == alerts::TABLE { "a value of another type".to_owned() } else { value.to_string() };
    let Some(setting) = settings.iter().find(|setting| setting.key == key) else {
        return located(typed, table, key, &found, "no such key");
    };
    let words = match setting.kind {
        Kind::Choice(words) | Kind::NumberOrWord(words) | Kind::WordOrWholes(words) => words,
        _ => &[],
    };
    let near = value.as_str().map_or_else(String::new, |word| hint(word, words.iter().map(|word| word.name)));
    located(typed, table, key, &format!("{found}{near}"), &setting.expected())
}

/// Error of a value that is not accepted, with its remedy.
fn not_valid(typed: &Layers, table: &str, invalid: Invalid) -> anyhow::Error {
    let remedy = of_setting(&invalid).map_or_else(String::new, |remedy| format!("; {remedy}"));
    let Invalid { key, found, expected } = invalid;
    located(typed, table, key, &found, &format!("{expected}{remedy}"))
}

/// Error of a setting: where it was set, found, expected.
fn located(typed: &Layers, table: &str, key: &str, found: &str, expected: &str) -> anyhow::Error {
    let (setting, origin) = (format!("{table}.{key}"), typed.origin(table, key));
    let problem = SettingProblem::Value { found: found.to_owned(), expected: expected.to_owned() };
    SettingError { setting, origin, problem }.into()
}

/// Returns the `[strategy]` table of a caller's strategy: its class and its parameters, as typed or as it has them.
fn called_strategy(typed: &Layers, strategy: &dyn StrategyFactory) -> Result<Table> {
    let name = strategy.name();
    let mut own = typed.table("strategy");
    let refused = |key: &str, value: &Value, expected: &str| {
        Err(located(typed, "strategy", key, &value.to_string(), expected))
    };
    if let Some(kind) = own.remove("kind").filter(|kind| kind.as_str() != Some(name)) {
        return refused(
            "kind",
            &kind,
            &format!("{name:?} or no key, because the strategy is an object of this class"),
        );
    }
    // `run.toml` of an earlier run has this key; the class may have moved to another module.
    own.remove(CLASS);
    let mut table = Table::new();
    table.insert("kind".to_owned(), Value::String(name.to_owned()));
    table.insert(CLASS.to_owned(), Value::String(strategy.class().to_owned()));
    for (key, value) in strategy.parameters() {
        let value = match (own.remove(key), value) {
            (None, value) => value.clone(),
            (Some(Value::Integer(typed)), Value::Float(_)) => Value::Float(typed as f64),
            (Some(typed), value) if typed.same_type(value) => typed,
            (Some(typed), value) => {
                return refused(
                    key,
                    &typed,
                    &format!("a value of the type {}, as {value}", value.type_str()),
                );
            }
        };
        table.insert(key.clone(), value);
    }
    match own.iter().next() {
        None => Ok(table),
        Some((key, value)) => {
            let known: Vec<_> = strategy.parameters().keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let expected =
                format!("no such key, because {name} has no such parameter (its parameters: {known})");
            refused(key, value, &expected)
        }
    }
}

/// Returns the `[strategy]` table of a run that is not run again, whose strategy may be one in Python.
fn recorded_strategy(typed: &Layers) -> Result<Table> {
    let own = typed.table("strategy");
    if own.contains_key(CLASS) { Ok(own) } else { strategy_settings(typed) }
}

/// Returns the `[strategy]` table with the defaults of its strategy.
fn strategy_settings(typed: &Layers) -> Result<Table> {
    let mut own = typed.table("strategy");
    if let Some(class) = own.get(CLASS) {
        let name = own.get("kind").and_then(Value::as_str).unwrap_or("Name").to_owned();
        let expected = format!(
            "a strategy of the program, because this one is written in Python; run it there: \
             betaflow.replay(config=\"run.toml\", strategy={name}(...))"
        );
        return Err(located(typed, "strategy", CLASS, &class.to_string(), &expected));
    }
    let kind = own.remove("kind").unwrap_or_else(|| Value::String(strategies::entries()[0].kind.into()));
    let entry = kind.as_str().and_then(strategies::find).ok_or_else(|| {
        let known: Vec<_> = strategies::entries().iter().map(|entry| entry.kind).collect();
        let near = hint(kind.as_str().unwrap_or_default(), known.iter().copied());
        let expected = format!("one of {}", known.join(", "));
        located(typed, "strategy", "kind", &format!("{kind}{near}"), &expected)
    })?;
    if own.contains_key("weight_max") {
        bail!(
            "unknown key `strategy.weight_max`, set by {}; the largest weight is one setting for every strategy: \
             `sizing.weight_max`",
            typed.origin("strategy", "weight_max")
        );
    }
    let known = entry.settings.iter().map(|setting| setting.key).chain(["kind"]);
    unknown::check_keys(typed, "strategy", &own, known)?;
    // Read one key at a time, so that the error can name the key and where it was set.
    for (key, value) in &own {
        let alone: Table = [(key.clone(), value.clone())].into_iter().collect();
        if let Err(strategies::StrategyError::Type(_)) = entry.build(alone) {
            return Err(wrong_type(typed, "strategy", entry.settings, key, value));
        }
    }
    let (own, _) = entry.build(own).map_err(|error| match error {
        strategies::StrategyError::Invalid(invalid) => not_valid(typed, "strategy", invalid),
        other => anyhow!("table [strategy]: {other}"),
    })?;
    let mut table = Table::new();
    table.insert("kind".into(), kind);
    table.extend(own);
    Ok(table)
}

/// Returns the `[factors]` table; for the tutorial data, its own factors are the default.
fn factors(typed: &Layers, data: &DataSettings, needed: bool, host: &Host) -> Result<Table> {
    let table = typed.table("factors");
    for (name, value) in &table {
        if !value.is_str() {
            let expected = "an expression of instruments, such as \"MTUM - SPX\", or a column of groups, such as \"group:sector\"";
            return Err(located(typed, "factors", name, &value.to_string(), expected));
        }
    }
    // A table in a file replaces all factors; factors of --set are added to those of the tutorial.
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
        (Some(prices), None)
            if needed && table.is_empty() && (host.is_table(prices) || Path::new(prices).exists()) =>
        {
            bail!(
                "{prices}: found no factors for these prices, expected a file of factor returns (--factors FILE), or a table \
             [factors] that makes them from instruments (--set 'factors.mkt=\"SPY\"'), or --factors none to run without"
            )
        }
        _ => Ok(table),
    }
}
