//! Configuration: settings as typed, then as validated. Only the validated form reaches the commands.

mod alerts;
mod args;
mod benchmark;
mod choices;
mod data;
mod dated_tables;
mod dependent;
mod feed;
mod groups;
mod holdout;
mod layers;
mod limits;
mod notes;
mod opening;
mod parts;
mod recorded;
mod reference;
mod remedy;
mod request;
mod setting_error;
mod slips;
mod tables;
mod tune;
mod unknown;
mod user_files;
pub(crate) mod version;

use std::ops::Deref;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use betaflow_connectors::parquet::{
    Input, Settings as SourceSettings, read_borrow, read_half_spreads, read_membership, read_renames,
    read_sessions, read_weight_bounds,
};
use betaflow_connectors::tutorial;
use betaflow_engine::assembly::{Expression, Renames, Universe};
use betaflow_engine::dated::DatedValues;
use betaflow_engine::execution::ExecutionSettings;
use betaflow_engine::ledger::{Frames, RecordSettings, hex};
use betaflow_engine::membership::Membership;
use betaflow_engine::model::EstimatorSettings;
use betaflow_engine::pipeline::{PipelineError, RunSettings};
use betaflow_engine::portfolio::SizingSettings;
use betaflow_engine::range::{OnOutOfRange, OutOfRange};
use betaflow_engine::strategy::{Strategy, TargetKind};
use betaflow_engine::time::{RebalanceTime, Sessions, Zone};
use betaflow_engine::world::WorldSettings;
use betaflow_strategies as strategies;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

pub(crate) use alerts::{AlertSettings, Webhook};
pub(crate) use args::InputArgs;
pub(crate) use benchmark::{BenchmarkKind, BenchmarkSettings};
pub(crate) use choices::is_choice;
pub(crate) use data::{DataSettings, OnGap, date};
pub(crate) use dated_tables::{DatedTable, RECORDED_TABLES, first_difference};
pub(crate) use feed::FeedSettings;
pub(crate) use holdout::HoldoutSettings;
use limits::LimitSettings;
pub(crate) use notes::halt_text;
pub(crate) use opening::opening_of;
pub use parts::PartSettings;
pub(crate) use recorded::SettingsChange;
pub(crate) use reference::{markdown, schema, settings_help};
pub(crate) use remedy::{error_text, source_error};
pub(crate) use request::{Request, SettingFlag};
pub(crate) use setting_error::{SettingError, SettingProblem};
pub(crate) use slips::{Slip, slips};
use tables::{PipelineSettings, UniverseSettings};
pub(crate) use tune::{Method, TuneSettings};

use crate::host::Host;

/// Valid settings with every default filled in: the tables of `run.toml`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// `[data]`: data to read.
    pub data: DataSettings,
    /// `[holdout]`: period that only `score` reads.
    pub holdout: HoldoutSettings,
    /// `[universe]`: instruments that are estimated and traded.
    pub universe: UniverseSettings,
    /// `[factors]`: factors made from instruments, name → expression, in order.
    pub factors: Table,
    /// `[benchmark]`: benchmark that returns are compared with.
    pub benchmark: BenchmarkSettings,
    /// `[estimator]`: estimate stage.
    pub estimator: EstimatorSettings,
    /// `[strategy]`: `kind` and the settings of that strategy.
    pub strategy: Table,
    /// `[sizing]`: size stage.
    pub sizing: SizingSettings,
    /// `[execution]`: execute stage.
    pub execution: ExecutionSettings,
    /// `[world]`: stressed environment.
    pub world: WorldSettings,
    /// `[limits]`: limits beyond which trading stops.
    #[serde(default, skip_serializing_if = "LimitSettings::is_default")]
    pub limits: LimitSettings,
    /// `[record]`: recorded frames.
    pub record: RecordSettings,
    /// `[pipeline]`: threads and channels; changes no result.
    pub pipeline: PipelineSettings,
    /// `[tune]`: folds and objective; changes no other result.
    pub tune: TuneSettings,
    /// `[feed]`: live feed of `paper`; omitted from `run.toml` when every value is the default.
    #[serde(default, skip_serializing_if = "FeedSettings::is_default")]
    pub feed: FeedSettings,
    /// `[alerts]`: webhook of `paper`. It changes no result and holds a secret, so no copy of the configuration includes it.
    #[serde(skip)]
    pub alerts: AlertSettings,
}

/// Immutable configuration of a command: its settings, and those of source and stages derived from them.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    settings: Settings,
    /// True if the command trades.
    trades: bool,
    /// True if the data, with the user's files, comes as inputs of a live feed.
    is_live: bool,
    source: Arc<SourceSettings>,
    run: Arc<RunSettings>,
    host: Host,
}

impl Deref for Config {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl Settings {
    /// True if the embedded tutorial data is used.
    #[must_use]
    pub(crate) fn is_tutorial(&self) -> bool {
        self.data.prices.is_none() && self.data.session.is_none()
    }

    /// Symbol changes of the data.
    fn renames(&self, host: &Host) -> Result<Renames> {
        let Some(path) = &self.data.renames else { return Ok(Renames::default()) };
        if self.world.needs_memory() {
            bail!(
                "`data.renames`: found symbol changes with a resampled path or repeated windows, expected none: their dates \
                 are not those of the data"
            );
        }
        Ok(read_renames(&host.input(path), |symbol| self.feed.symbol(symbol))?)
    }

    /// Settings of the source; `trades`: true if the command trades.
    fn source(&self, trades: bool, renames: Renames) -> Result<SourceSettings> {
        let mut expressions = Vec::new();
        for (name, text) in &self.factors {
            let text = text.as_str().unwrap_or_default();
            if groups::group_column(text).is_some() {
                continue;
            }
            let expression: Expression =
                text.parse().with_context(|| format!("`factors.{name}`: found {text:?}"))?;
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
            sealed_from: self.holdout.start(&data.zone()?)?,
            on_bad_row: data.on_bad_row(),
            factor_gap: data.factor_gap(),
            rf_max: data.rf_max,
            universe: Universe {
                include: self.universe.include.clone(),
                exclude: self.universe.exclude.clone(),
                trade: self.universe.trade.clone(),
            },
            factors: expressions,
            benchmark: self.benchmark.instrument().filter(|_| trades).map(str::to_owned),
            zone: data.zone()?,
            renames,
        })
    }

    /// Returns values by the symbols of the feed.
    fn of_feed<V: Clone>(&self, values: DatedValues<V>, setting: &str) -> Result<Arc<DatedValues<V>>> {
        let rows = values.symbols().flat_map(|symbol| {
            let renamed = self.feed.symbol(symbol);
            values.rows_of(symbol).iter().map(move |(date, value)| (renamed.clone(), *date, value.clone()))
        });
        let renamed = DatedValues::new(rows).map_err(|second| {
            anyhow::anyhow!(
                "`{setting}`: found two symbols that are both {} on the feed, expected one; remove the rows of the other",
                second.symbol
            )
        })?;
        Ok(Arc::new(renamed))
    }

    /// Spells of membership.
    fn membership(&self, host: &Host) -> Result<Option<Arc<Membership>>> {
        let read = |path: &String| read_membership(&host.input(path), |symbol| self.feed.symbol(symbol));
        Ok(self.universe.membership.as_ref().map(read).transpose()?.map(Arc::new))
    }

    /// Sessions of `data.sessions`; `None` without a file.
    fn sessions(&self, host: &Host) -> Result<Option<Arc<Sessions>>> {
        let at = self.sizing.rebalance_at.as_deref();
        let relative = at.filter(|at| at.parse().is_ok_and(RebalanceTime::needs_sessions));
        let Some(path) = &self.data.sessions else {
            if let Some(at) = relative {
                bail!(
                    "`sizing.rebalance_at`: found {at:?}, expected a time of day such as 15:30, because no file has the sessions \
                     of the exchange: set data.sessions to a file with the columns date, open and close"
                );
            }
            return Ok(None);
        };
        if relative.is_some() && self.world.needs_memory() {
            bail!(
                "`sizing.rebalance_at`: found {:?} with a resampled path or repeated windows, expected a time of day such as \
                 15:30: the sessions of the path's dates are not those of its bars",
                at.unwrap_or_default()
            );
        }
        Ok(Some(Arc::new(read_sessions(&host.input(path), &self.data.zone()?)?)))
    }

    /// Settings of the stages.
    fn run(&self, host: &Host) -> Result<RunSettings> {
        let mut execution = self.execution.clone();
        if let Some(path) = &execution.spread_file {
            let mut spreads = read_half_spreads(&host.input(path))?;
            // A typed half-spread takes precedence over the file.
            spreads.append(&mut execution.half_spreads);
            execution.half_spreads = spreads;
        }
        execution.opening = opening_of(&execution, &self.feed, host)?.map(Arc::new);
        if let Some(path) = &execution.borrow_file {
            execution.borrow = Some(self.of_feed(read_borrow(&host.input(path))?, "execution.borrow_file")?);
        }
        let mut sizing = self.sizing.clone();
        if let Some(path) = &sizing.weight_bounds {
            let bounds = read_weight_bounds(&host.input(path), &sizing)?;
            sizing.bounds_by_name = Some(self.of_feed(bounds, "sizing.weight_bounds")?);
        }
        let sessions = self.sessions(host)?;
        Ok(RunSettings {
            calendar: self.data.calendar(sessions.as_deref()),
            sessions,
            excess: self.data.excess,
            estimator: self.estimator.clone(),
            groups: self.groups(host)?,
            sizing,
            execution,
            membership: self.membership(host)?,
            benchmark: self.benchmark.rule(self.holdout.start(&self.data.zone()?)?, host)?,
            world: self.world.clone(),
            record: RecordSettings {
                expected_returns: Some(self.record.expected_returns.unwrap_or(self.sizing.weight_min < 0.0)),
                ..self.record
            },
            trade_from: self.data.trade_from()?,
            limits: self.limits.losses(),
            on_out_of_range: OnOutOfRange::Stop,
            shown_dates: None,
            frames_per_message: self.pipeline.batch,
        })
    }
}

impl Config {
    /// Adds the name of the data to an error of a value out of range.
    pub(crate) fn located(&self, error: PipelineError) -> anyhow::Error {
        match &error {
            PipelineError::Failed { source, .. } if source.is::<OutOfRange>() => {
                let data = self.data.prices.as_ref().or(self.data.session.as_ref());
                let name = |path| self.host.table_name(path).unwrap_or(path);
                let data = data.map_or("the embedded data", |path| name(path)).to_owned();
                anyhow::Error::from(error).context(data)
            }
            _ => error.into(),
        }
    }

    /// Prices: a file, a folder or the embedded data.
    #[must_use]
    pub(crate) fn prices(&self) -> Input {
        match &self.data.prices {
            Some(path) => self.host.input(path),
            None => tutorial::prices(),
        }
    }

    /// File of the factors, or several that are joined; `None` without one.
    #[must_use]
    pub(crate) fn factor_file(&self) -> Option<Input> {
        let files = self.data.factors.as_ref().filter(|_| !self.data.has_no_factors())?;
        let mut inputs: Vec<Input> = files.all().iter().map(|path| self.host.input(path)).collect();
        if inputs.len() > 1 { Some(Input::Several(inputs)) } else { inputs.pop() }
    }

    /// Derives the settings of source and stages.
    ///
    /// # Errors
    /// The settings contradict each other, or a file that they name cannot be read.
    fn new(settings: Settings, trades: bool, host: &Host) -> Result<Self> {
        let (source, run) = (settings.source(trades, settings.renames(host)?)?, settings.run(host)?);
        benchmark::check_use(&run.benchmark, settings.sizing.needs_benchmark(), &source, &settings.world)?;
        let (source, run) = (Arc::new(source), Arc::new(run));
        Ok(Self { settings, trades, is_live: false, source, run, host: host.clone() })
    }

    /// Returns the configuration with changed settings, and the derived settings of source and stages.
    ///
    /// # Errors
    /// The changed settings are not valid.
    pub(crate) fn changed(mut self, change: impl FnOnce(&mut Settings)) -> Result<Self> {
        change(&mut self.settings);
        Ok(Self { is_live: self.is_live, ..Self::new(self.settings, self.trades, &self.host)? })
    }

    /// Returns the configuration of a run whose data, with the user's files, comes as inputs of a live feed.
    pub(crate) fn live(self) -> Self {
        Self { is_live: true, ..self }
    }

    /// Settings of the source. The source ends before the hold-out; only `score` removes this limit.
    #[must_use]
    pub(crate) fn source(&self) -> &SourceSettings {
        &self.source
    }

    /// Time zone of dates.
    #[must_use]
    pub(crate) fn zone(&self) -> &Zone {
        &self.source.zone
    }

    /// Host of the command.
    #[must_use]
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// Settings of the stages.
    #[must_use]
    pub(crate) fn run(&self) -> &RunSettings {
        &self.run
    }

    /// True if open, high, low and volume are on the scale of the price that is read.
    #[must_use]
    pub(crate) fn bars_belong_to_price(&self) -> bool {
        self.data.bars_belong_to_price()
    }

    /// Settings that all scenarios of one pass share, as text: data, estimator and rebalance schedule.
    ///
    /// # Errors
    /// A setting cannot be written as TOML.
    pub(crate) fn shared_by_scenarios(&self) -> Result<String> {
        let estimator = toml::to_string(&self.estimator)?;
        let schedule = (self.sizing.rebalance_every, &self.sizing.rebalance_at);
        Ok(format!("{}{}{estimator}{schedule:?}", self.reading()?, self.world_of_source()?))
    }

    /// Settings of the data, as text.
    ///
    /// # Errors
    /// A setting cannot be written as TOML.
    pub(crate) fn reading(&self) -> Result<String> {
        let data = toml::to_string(&self.data)? + &toml::to_string(&self.universe)?;
        let factors = toml::to_string(&self.factors)?;
        Ok(format!("{data}{factors}{}{}", self.given_text(), toml::to_string(&self.holdout)?))
    }

    /// Stress on the data, as text; without the stress on costs.
    ///
    /// # Errors
    /// A setting cannot be written as TOML.
    pub(crate) fn world_of_source(&self) -> Result<String> {
        Ok(toml::to_string(&self.world.of_source())?)
    }

    /// Builds the strategy.
    ///
    /// # Errors
    /// Its settings are not valid.
    pub(crate) fn strategy(&self) -> Result<Box<dyn Strategy>> {
        let mut own = self.strategy.clone();
        let kind = own.remove("kind");
        if let Some(strategy) = self.host.strategy() {
            own.remove(request::CLASS);
            return strategy.make(&own).map_err(anyhow::Error::from_boxed);
        }
        let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
        let entry = strategies::find(kind).with_context(|| format!("unknown strategy {kind}"))?;
        Ok(entry.build(own)?.1)
    }

    /// Name of the strategy.
    #[must_use]
    pub(crate) fn strategy_kind(&self) -> &str {
        self.strategy.get("kind").and_then(Value::as_str).unwrap_or_default()
    }

    /// True if the strategy forecasts returns that the engine sizes; false if it sets target weights.
    #[must_use]
    pub(crate) fn sizes_forecasts(&self) -> bool {
        if let Some(strategy) = self.host.strategy() {
            return strategy.targets() == TargetKind::Expected;
        }
        strategies::find(self.strategy_kind()).is_some_and(|entry| entry.targets == TargetKind::Expected)
    }

    /// SHA-256 of all settings that change results.
    ///
    /// # Errors
    /// A file cannot be read, or a setting cannot be written as TOML.
    pub(crate) fn digest(&self) -> Result<[u8; 32]> {
        let mut settings = self.of_results();
        if self.is_live || self.data.session.is_some() {
            // Rows of later dates may be added: a restart compares the rows up to the last frame.
            let tables = [
                &mut settings.universe.membership,
                &mut settings.universe.groups,
                &mut settings.data.renames,
                &mut settings.execution.borrow_file,
                &mut settings.sizing.weight_bounds,
            ];
            tables.into_iter().flatten().for_each(|rows| *rows = "rows".to_owned());
        }
        settings.digest_given(self.is_live || self.data.session.is_some(), &self.host)?;
        Ok(Sha256::digest(toml::to_string(&settings)?).into())
    }

    /// Settings that change results; all others have their defaults. Paths, recorded frames and threads change no result;
    /// the contents of files of half-spreads, holdings and a benchmark do.
    pub(crate) fn of_results(&self) -> Settings {
        let mut settings = self.settings.clone();
        settings.execution = self.run.execution.clone();
        settings.execution.spread_file = None;
        if let Some(rows) = self.run.benchmark.rows_digest() {
            settings.benchmark.path = Some(hex(&rows));
        }
        settings.universe.groups = self.groups_digest();
        settings.execution.holdings = self.run.execution.opening.as_ref().map(|opening| {
            let quantities = opening.quantities.iter().map(|(symbol, held)| format!("{held} {symbol}, "));
            format!("{}{} cash", quantities.collect::<String>(), opening.cash)
        });
        settings.execution.borrow_file = settings.execution.borrow.as_ref().map(|rows| hex(&rows.digest()));
        settings.sizing.weight_bounds =
            self.run.sizing.bounds_by_name.as_ref().map(|rows| hex(&rows.digest()));
        if let Some(membership) = &self.run.membership {
            settings.universe.membership = Some(hex(&membership.table().digest()));
        }
        if let Some(renames) = &mut settings.data.renames {
            *renames = hex(&self.source.renames.digest());
        }
        settings.data.sessions = self.run.sessions.as_ref().map(|sessions| hex(&sessions.digest()));
        settings.data.prices = None;
        settings.data.session = None;
        settings.strategy.remove(request::CLASS);
        settings.record =
            RecordSettings { betas: Frames::None, weights: Frames::None, expected_returns: None };
        settings.data.factors = settings.data.factors.take().filter(|_| self.data.has_no_factors());
        settings.pipeline = PipelineSettings::default();
        settings.tune = TuneSettings::default();
        settings.feed = settings.feed.of_results();
        settings
    }

    /// Text of `run.toml`: all settings, each with its description as a comment.
    ///
    /// # Errors
    /// A setting cannot be written as TOML.
    pub(crate) fn to_toml(&self, command: &str) -> Result<String> {
        let mut settings = toml::to_string(&self.settings)?;
        if self.execution.holdings.is_some() {
            // NAV follows from the holdings; a file with both keys is refused.
            let lines = settings.split_inclusive('\n').filter(|line| !line.starts_with("nav = "));
            settings = lines.collect();
        }
        let body = reference::commented(&settings);
        let header = version::header();
        let notes = self.notes(command != "estimate");
        let note: String = notes.iter().map(|note| format!("# {note}.\n")).collect();
        Ok(format!("{note}{header}\n# Again: betaflow {command} --config run.toml\n\n{body}"))
    }
}

/// Value of `data.factors` that means a run without factors.
const NO_FACTORS: &str = "none";
