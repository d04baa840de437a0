//! Configuration: what was typed becomes what is valid, and only the second travels.

mod alerts;
mod args;
mod choices;
mod data;
mod feed;
mod help;
mod holdout;
mod layers;
mod limits;
mod notes;
mod remedy;
mod request;
mod slips;
mod tables;
mod tune;
mod unknown;
mod version;

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use betaflow_connectors::parquet::{Input, Settings as SourceSettings, read_half_spreads};
use betaflow_connectors::tutorial;
use betaflow_engine::assembly::{Expression, Universe};
use betaflow_engine::execution::ExecutionSettings;
use betaflow_engine::ledger::{Frames, RecordSettings};
use betaflow_engine::model::EstimatorSettings;
use betaflow_engine::pipeline::{PipelineError, RunSettings};
use betaflow_engine::portfolio::SizingSettings;
use betaflow_engine::range::{OnOutOfRange, OutOfRange};
use betaflow_engine::strategy::{Strategy, TargetKind};
use betaflow_engine::world::WorldSettings;
use betaflow_strategies as strategies;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

pub(crate) use alerts::{AlertSettings, Webhook};
pub(crate) use args::InputArgs;
pub(crate) use choices::is_choice;
pub(crate) use data::{DataSettings, OnGap, date};
pub(crate) use feed::FeedSettings;
pub(crate) use help::SETTINGS;
pub(crate) use holdout::HoldoutSettings;
use limits::LimitSettings;
pub(crate) use notes::halt_text;
pub(crate) use remedy::{error_text, source_error};
pub(crate) use request::{Request, SettingFlag};
pub(crate) use slips::{Slip, slips};
use tables::{PipelineSettings, UniverseSettings};
pub(crate) use tune::{Method, TuneSettings};

/// Valid settings with every default filled in: the tables of `run.toml`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Settings {
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

/// Configuration of a command: its settings, and what source and stages get of them. It never changes.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    settings: Settings,
    /// Whether the command trades.
    trades: bool,
    source: Arc<SourceSettings>,
    run: Arc<RunSettings>,
}

impl Deref for Config {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl Settings {
    /// Whether the embedded tutorial data is used.
    #[must_use]
    pub(crate) fn is_tutorial(&self) -> bool {
        self.data.prices.is_none() && self.data.session.is_none()
    }

    /// Settings of the source; `trades`: whether the command trades.
    fn source(&self, trades: bool) -> Result<SourceSettings> {
        let mut expressions = Vec::new();
        for (name, text) in &self.factors {
            let text = text.as_str().unwrap_or_default();
            let expression: Expression =
                text.parse().with_context(|| format!("`factors.{name}` = {text:?} cannot be read"))?;
            expressions.push((name.clone(), expression.renamed(|symbol| self.feed.symbol(symbol))));
        }
        let data = &self.data;
        if trades && !data.bars_belong_to_price() {
            self.execution.needs().iter().try_for_each(|(field, need)| data.refuse_mixed(*field, *need))?;
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

    /// Settings of the stages.
    fn run(&self) -> Result<RunSettings> {
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
}

impl Config {
    /// Error of a run; for a value out of range with the name of its data.
    pub(crate) fn located(&self, error: PipelineError) -> anyhow::Error {
        match &error {
            PipelineError::Failed { source, .. } if source.is::<OutOfRange>() => {
                let data = self.data.prices.as_ref().or(self.data.session.as_ref());
                let data = data.map_or("the embedded data", String::as_str).to_owned();
                anyhow::Error::from(error).context(data)
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

    /// Derives the settings of source and stages.
    ///
    /// # Errors
    /// The settings do not fit together, or a file that they name cannot be read.
    fn new(settings: Settings, trades: bool) -> Result<Self> {
        let (source, run) = (Arc::new(settings.source(trades)?), Arc::new(settings.run()?));
        Ok(Self { settings, trades, source, run })
    }

    /// Returns the configuration with other settings, and all that follows from them.
    ///
    /// # Errors
    /// Those of the changed settings.
    pub(crate) fn changed(mut self, change: impl FnOnce(&mut Settings)) -> Result<Self> {
        change(&mut self.settings);
        Self::new(self.settings, self.trades)
    }

    /// Settings of the source. It ends before the hold-out, for every command alike: `score` takes that away again.
    #[must_use]
    pub(crate) fn source(&self) -> &SourceSettings {
        &self.source
    }

    /// Settings of the stages.
    #[must_use]
    pub(crate) fn run(&self) -> &RunSettings {
        &self.run
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
        Ok(Sha256::digest(toml::to_string(&self.of_results())?).into())
    }

    /// The settings that change results, the others as if nobody had said anything: where files are, what is recorded
    /// and how threads are used change none; what a file of half-spreads says does.
    pub(crate) fn of_results(&self) -> Settings {
        let mut settings = self.settings.clone();
        settings.execution = self.run.execution.clone();
        settings.execution.spread_file = None;
        settings.data.prices = None;
        settings.data.session = None;
        settings.data.factors = settings.data.factors.filter(|path| path == NO_FACTORS);
        settings.record = RecordSettings { betas: Frames::None, weights: Frames::None };
        settings.pipeline = PipelineSettings::default();
        settings.tune = TuneSettings::default();
        settings.feed = settings.feed.of_results();
        settings
    }

    /// As `run.toml`.
    ///
    /// # Errors
    /// Something cannot be written as TOML.
    pub(crate) fn to_toml(&self, command: &str) -> Result<String> {
        let body = toml::to_string(&self.settings)?;
        let header = version::header();
        let notes = self.notes(command != "estimate");
        let note: String = notes.iter().map(|note| format!("# {note}.\n")).collect();
        Ok(format!("{note}{header}\n# Again: betaflow {command} --config run.toml\n\n{body}"))
    }
}

/// Value of `data.factors` that means a run without factors.
const NO_FACTORS: &str = "none";
