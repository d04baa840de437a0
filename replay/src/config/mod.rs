//! Configuration: what was typed becomes what is valid, and only the second travels.

mod alerts;
mod args;
mod data;
mod duration;
mod feed;
mod help;
mod holdout;
mod layers;
mod limits;
mod slips;
mod tune;
mod unknown;
mod version;

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use betaflow_connectors::parquet::{Input, Settings as SourceSettings, read_half_spreads};
use betaflow_connectors::tutorial;
use betaflow_engine::assembly::{Expression, Universe};
use betaflow_engine::execution::ExecutionSettings;
use betaflow_engine::ledger::{Frames, RecordSettings};
use betaflow_engine::model::EstimatorSettings;
use betaflow_engine::pipeline::{PipelineError, Placement, RunSettings};
use betaflow_engine::portfolio::SizingSettings;
use betaflow_engine::range::{OnOutOfRange, OutOfRange};
use betaflow_engine::require_whole;
use betaflow_engine::settings::{Invalid, require};
use betaflow_engine::strategy::{Strategy, TargetKind};
use betaflow_engine::world::WorldSettings;
use betaflow_strategies as strategies;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_aux::serde_introspection::serde_introspect;
use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

pub(crate) use alerts::{AlertSettings, Webhook};
pub(crate) use args::{InputArgs, OwnFlag};
pub(crate) use data::{DataSettings, OnGap, date, duration_ns};
pub(crate) use duration::duration;
pub(crate) use feed::FeedSettings;
pub(crate) use help::SETTINGS;
pub(crate) use holdout::HoldoutSettings;
use layers::Layers;
use limits::LimitSettings;
pub(crate) use slips::slips;
pub(crate) use tune::{Method, TuneSettings};

/// `[universe]`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UniverseSettings {
    /// Only these instruments, if there are any.
    pub include: Vec<String>,
    /// All but these.
    pub exclude: Vec<String>,
    /// Exactly these are estimated and traded, if there are any.
    pub trade: Vec<String>,
}

/// `[record]`, where the command decides what is not said.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RecordTyped {
    betas: Option<Frames>,
    weights: Option<Frames>,
}

/// Stages of a pipeline that trades.
const STAGES: usize = 5;
const PLACEMENTS: &str = "\"auto\", \"inline\", \"threaded\", or how many of the five neighbouring stages each thread \
                          takes, such as [1, 4]";

/// `[pipeline]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PipelineSettings {
    /// Which stages share a thread.
    pub placement: Placement,
    /// Messages that a channel holds.
    pub capacity: usize,
    /// Frames that a message carries; chosen by the number of instruments where it is not said.
    pub batch: Option<usize>,
}

impl Default for PipelineSettings {
    fn default() -> Self {
        Self { placement: Placement::Auto, capacity: 64, batch: None }
    }
}

impl PipelineSettings {
    fn check(&self) -> Result<(), Invalid> {
        require_whole!("capacity", self.capacity, 1 to 65_536)?;
        require_whole!("batch", self.batch.unwrap_or(1), 1 to 4_096)?;
        match &self.placement {
            Placement::Groups(sizes) => {
                let fits = |stages| sizes.iter().sum::<usize>() == stages && !sizes.contains(&0);
                require(fits(STAGES), "placement", format!("{sizes:?}"), PLACEMENTS)
            }
            _ => Ok(()),
        }
    }
}

/// A valid configuration, with every default filled in.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Config {
    /// What is read.
    pub data: DataSettings,
    /// What only `score` reads.
    pub holdout: HoldoutSettings,
    /// What is estimated and traded.
    pub universe: UniverseSettings,
    /// Factors made from instruments: name → expression, in order.
    pub factors: Table,
    /// The estimate stage.
    pub estimator: EstimatorSettings,
    /// The strategy: `kind` and its own settings.
    pub strategy: Table,
    /// The size stage.
    pub sizing: SizingSettings,
    /// The execute stage.
    pub execution: ExecutionSettings,
    /// What happens to whoever trades, besides what the data says.
    pub world: WorldSettings,
    /// What stops trading.
    #[serde(skip_serializing_if = "LimitSettings::is_default")]
    pub limits: LimitSettings,
    /// What is recorded.
    pub record: RecordSettings,
    /// Threads and channels; changes no result.
    pub pipeline: PipelineSettings,
    /// How `tune` chooses; changes no other result.
    pub tune: TuneSettings,
    /// What `paper` follows. Where nothing is said of it, it is as if there were no such table.
    #[serde(skip_serializing_if = "FeedSettings::is_default")]
    pub feed: FeedSettings,
    /// Where `paper` sends alerts. It changes no result and holds a secret, so no copy of the configuration has it.
    #[serde(skip)]
    pub alerts: AlertSettings,
}

impl Config {
    /// Defaults < file < `--set` < flags, checked. `to`: a flag that gives the last date, and the date.
    ///
    /// # Errors
    /// An unknown key, a value of the wrong type or out of its range; each says where it was set.
    pub(crate) fn resolve(
        args: &InputArgs,
        to: Option<(&str, &str)>,
        record_default: RecordSettings,
    ) -> Result<Self> {
        let typed = typed(args, to)?;
        unknown::check_tables(&typed)?;
        let data: DataSettings = valid(&typed, "data", DataSettings::check)?;
        if let Some(session) = data.session.as_ref().filter(|_| !args.takes_session) {
            let origin = typed.origin("data", "session");
            bail!(
                "`data.session`, set by {origin}: found {session:?}, expected none: the record of a session is data for \
                 replay alone"
            );
        }
        let strategy = strategy_settings(&typed)?;
        let record: RecordTyped = valid(&typed, "record", |_| Ok(()))?;
        let mut config = Self {
            factors: factors(&typed, &data, args.needs_factors)?,
            holdout: valid(&typed, "holdout", |holdout: &HoldoutSettings| holdout.check(&data))?,
            universe: valid(&typed, "universe", |_| Ok(()))?,
            estimator: valid(&typed, "estimator", EstimatorSettings::check)?,
            strategy,
            sizing: valid(&typed, "sizing", SizingSettings::check)?,
            execution: valid(&typed, "execution", ExecutionSettings::check)?,
            world: valid(&typed, "world", WorldSettings::check)?,
            limits: valid(&typed, "limits", LimitSettings::check)?,
            record: RecordSettings {
                betas: record.betas.unwrap_or(record_default.betas),
                weights: record.weights.unwrap_or(record_default.weights),
            },
            pipeline: valid(&typed, "pipeline", PipelineSettings::check)?,
            tune: valid(&typed, "tune", TuneSettings::check)?,
            feed: valid(&typed, "feed", FeedSettings::check)?,
            alerts: valid(&typed, "alerts", AlertSettings::check)?,
            data,
        };
        // A venue's names have one form, whatever a user types.
        let universe = &mut config.universe;
        let names = [&mut universe.include, &mut universe.exclude, &mut universe.trade];
        for symbol in names.into_iter().flatten() {
            *symbol = config.feed.symbol(symbol);
        }
        let mut symbols: Vec<String> = Vec::new();
        for symbol in config.feed.symbols.iter().map(|symbol| config.feed.symbol(symbol)) {
            if !symbols.contains(&symbol) {
                symbols.push(symbol);
            }
        }
        config.feed.symbols = symbols;
        // With other factors than its own, the tutorial still trades its 20 names.
        let universe = &config.universe;
        let free = universe.include.is_empty() && universe.exclude.is_empty() && universe.trade.is_empty();
        if free && config.is_tutorial() && config.factors.is_empty() {
            config.universe.exclude = tutorial::FACTOR_INSTRUMENTS.map(str::to_owned).to_vec();
        }
        // Absolute paths, so that run.toml runs again from anywhere.
        let data = &mut config.data;
        let paths =
            [&mut data.prices, &mut data.factors, &mut data.session, &mut config.execution.spread_file];
        for path in paths.into_iter().flatten() {
            if path != NO_FACTORS {
                let absolute =
                    std::path::absolute(&*path).with_context(|| format!("{path}: is not a path"))?;
                *path = absolute.display().to_string();
            }
        }
        Ok(config)
    }

    /// Whether the embedded tutorial data is used.
    #[must_use]
    pub(crate) fn is_tutorial(&self) -> bool {
        self.data.prices.is_none() && self.data.session.is_none()
    }

    /// An error of a run; of a value out of range, with the data that its bar is in.
    pub(crate) fn located(&self, error: PipelineError) -> anyhow::Error {
        match &error {
            PipelineError::Failed { source, .. } if source.is::<OutOfRange>() => {
                let data = self.data.prices.as_ref().or(self.data.session.as_ref());
                anyhow!("{}: {source}", data.map_or("the embedded data", String::as_str))
            }
            _ => error.into(),
        }
    }

    /// Where the prices are.
    #[must_use]
    pub(crate) fn prices(&self) -> Input {
        match &self.data.prices {
            Some(path) => Input::from(Path::new(path)),
            None => tutorial::prices(),
        }
    }

    /// Where the factors are, if in a file.
    #[must_use]
    pub(crate) fn factor_file(&self) -> Option<Input> {
        self.data
            .factors
            .as_deref()
            .filter(|path| *path != NO_FACTORS)
            .map(|path| Input::from(Path::new(path)))
    }

    /// What the source is asked for; `trades`: whether anything trades on the data. It ends before the hold-out, for
    /// every command alike: only [`crate::commands::score`] takes that away again.
    ///
    /// # Errors
    /// A factor expression that cannot be read.
    pub(crate) fn source_settings(&self, trades: bool) -> Result<SourceSettings> {
        let mut expressions = Vec::new();
        for (name, text) in &self.factors {
            let text = text.as_str().unwrap_or_default();
            let expression: Expression =
                text.parse().with_context(|| format!("`factors.{name}` = {text:?} cannot be read"))?;
            expressions.push((name.clone(), expression.renamed(|symbol| self.feed.symbol(symbol))));
        }
        let data = &self.data;
        if trades && !data.bars_belong_to_price() {
            self.execution
                .needs()
                .iter()
                .try_for_each(|(field, purpose)| data.refuse_mixed(*field, purpose))?;
        }
        Ok(SourceSettings {
            price: data.price.clone(),
            return_price: data.return_price.clone(),
            required: if trades { self.execution.needs() } else { Vec::new() },
            optional: data.optional(trades),
            values: data.values(trades),
            time: data.time.clone(),
            symbol: data.symbol.clone(),
            names: data.names(),
            time_is: data.time_is()?,
            from: data.from()?,
            to: data.to()?,
            sealed_from: self.holdout.start()?,
            on_bad_row: data.on_bad_row(),
            factor_gap: data.factor_gap(),
            rf_max: data.rf_max,
            universe: Universe {
                include: self.universe.include.clone(),
                exclude: self.universe.exclude.clone(),
                trade: self.universe.trade.clone(),
            },
            factors: expressions,
        })
    }

    /// Whether open, high, low and volume are on the scale of the price that is read.
    #[must_use]
    pub(crate) fn bars_belong_to_price(&self) -> bool {
        self.data.bars_belong_to_price()
    }

    /// All that scenarios of one pass have in common, as text: what is read and estimated, and when is decided.
    ///
    /// # Errors
    /// Something cannot be written as TOML.
    pub(crate) fn shared_by_scenarios(&self) -> Result<String> {
        let estimator = toml::to_string(&self.estimator)?;
        let schedule = (self.sizing.rebalance_every, &self.sizing.rebalance_at);
        Ok(format!("{}{}{estimator}{schedule:?}", self.reading()?, self.world_of_source()?))
    }

    /// What is read, as text.
    ///
    /// # Errors
    /// Something cannot be written as TOML.
    pub(crate) fn reading(&self) -> Result<String> {
        let data = toml::to_string(&self.data)? + &toml::to_string(&self.universe)?;
        let factors = toml::to_string(&self.factors)?;
        Ok(format!("{data}{factors}{}", toml::to_string(&self.holdout)?))
    }

    /// What the world makes of what is read, as text: what it makes of costs is not in it.
    ///
    /// # Errors
    /// Something cannot be written as TOML.
    pub(crate) fn world_of_source(&self) -> Result<String> {
        Ok(toml::to_string(&self.world.of_source())?)
    }

    /// What is not as the data has it, if anything is; `trades`: whether anything trades, and so pays costs.
    #[must_use]
    pub(crate) fn world_note(&self, trades: bool) -> Option<String> {
        if trades { self.world.note() } else { self.world.of_source().note() }
    }

    /// What whoever reads a table or a configuration of the run must know; `trades`: as above.
    #[must_use]
    pub(crate) fn notes(&self, trades: bool) -> Vec<String> {
        let look_ahead = self.execution.look_ahead().filter(|_| trades);
        look_ahead.map(str::to_owned).into_iter().chain(self.world_note(trades)).collect()
    }

    /// What the pipeline is made of.
    ///
    /// # Errors
    /// The file of half-spreads cannot be read.
    pub(crate) fn run_settings(&self) -> Result<RunSettings> {
        let mut execution = self.execution.clone();
        if let Some(path) = &execution.spread_file {
            let mut spreads = read_half_spreads(&Input::from(Path::new(path)))?;
            // What was typed says more than a file.
            spreads.append(&mut execution.half_spreads);
            execution.half_spreads = spreads;
        }
        Ok(RunSettings {
            calendar: self.data.calendar(),
            excess: self.data.excess,
            estimator: self.estimator.clone(),
            sizing: self.sizing.clone(),
            execution,
            world: self.world.clone(),
            record: self.record,
            trade_from: self.data.trade_from()?,
            limits: self.limits.losses(),
            on_out_of_range: OnOutOfRange::Stop,
            shown_dates: None,
            frames_per_message: self.pipeline.batch,
        })
    }

    /// The strategy.
    ///
    /// # Errors
    /// Its settings are not valid.
    pub(crate) fn strategy(&self) -> Result<Box<dyn Strategy>> {
        let mut own = self.strategy.clone();
        let kind = own.remove("kind");
        let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
        let entry = strategies::find(kind).with_context(|| format!("no strategy is called {kind}"))?;
        Ok(entry.build(own)?.1)
    }

    /// Name of the strategy.
    #[must_use]
    pub(crate) fn strategy_kind(&self) -> &str {
        self.strategy.get("kind").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the engine sizes what the strategy forecasts, rather than to approach weights that it asks for.
    #[must_use]
    pub(crate) fn sizes_forecasts(&self) -> bool {
        strategies::find(self.strategy_kind()).is_some_and(|entry| entry.targets == TargetKind::Expected)
    }

    /// SHA-256 of all settings that change results.
    ///
    /// # Errors
    /// Something cannot be read, or cannot be written as TOML.
    pub(crate) fn digest(&self) -> Result<[u8; 32]> {
        Ok(Sha256::digest(toml::to_string(&self.of_results()?)?).into())
    }

    /// The settings that change results, the others as if nobody had said anything: where files are, what is recorded
    /// and how threads are used change none; what a file of half-spreads says does.
    ///
    /// # Errors
    /// Something cannot be read.
    pub(crate) fn of_results(&self) -> Result<Self> {
        let mut settings = self.clone();
        settings.execution = self.run_settings()?.execution;
        settings.execution.spread_file = None;
        settings.data.prices = None;
        settings.data.session = None;
        settings.data.factors = settings.data.factors.filter(|path| path == NO_FACTORS);
        settings.record = RecordSettings { betas: Frames::None, weights: Frames::None };
        settings.pipeline = PipelineSettings::default();
        settings.tune = TuneSettings::default();
        settings.feed = settings.feed.of_results();
        Ok(settings)
    }

    /// As `run.toml`.
    ///
    /// # Errors
    /// Something cannot be written as TOML.
    pub(crate) fn to_toml(&self, command: &str) -> Result<String> {
        let body = toml::to_string(self)?;
        let header = version::header();
        let notes = self.notes(command != "estimate");
        let note: String = notes.iter().map(|note| format!("# {note}.\n")).collect();
        Ok(format!("{note}{header}\n# Again: betaflow {command} --config run.toml\n\n{body}"))
    }
}

/// The word that says that there are no factors.
const NO_FACTORS: &str = "none";

fn typed(args: &InputArgs, to: Option<(&str, &str)>) -> Result<Layers> {
    let mut layers = Layers::default();
    if let Some(path) = &args.config {
        layers.add_file(path)?;
    }
    if let Some((name, text)) = &args.base {
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
    if let Some((flag, date)) = to {
        layers.add_flag("data", "to", date, flag);
    }
    for own in &args.own {
        layers.add_typed_flag(own.table, own.key, &own.value, own.flag);
    }
    Ok(layers)
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
        let Invalid { key, found, expected } = invalid;
        anyhow!("`{table}.{key}`, set by {}: found {found}, expected {expected}", typed.origin(table, key))
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

/// The `[factors]` table; that of the tutorial where nothing else is said and its data is used.
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
        // A file that is not there is said when it is opened.
        (Some(prices), None) if needed && table.is_empty() && Path::new(prices).exists() => bail!(
            "{prices}: found no factors for these prices; expected a file of factor returns (--factors FILE), or a \
             table [factors] that makes them from instruments (--set 'factors.mkt=\"SPY\"'), or --factors none to \
             run without"
        ),
        _ => Ok(table),
    }
}
