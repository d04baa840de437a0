//! Pipelines: one run, many runs side by side, one run re-priced under many costs, and estimation alone.

use super::graph::Graph;
use super::settings::RunSettings;
use super::sizing::Sizing;
use super::stages::{
    Columns, Estimate, Execute, Gather, Record, Reprice, Scenarios, Schedule, Size, SourceStage, TakeOutcomes,
};
use super::trading::Trading;
use crate::execution::Benchmark;
use crate::execution::repricing::Charges;
use crate::ledger::{Attribution, Frames, RecordSettings, Recorder, Tally};
use crate::model::estimator_with_groups;
use crate::settings::{Invalid, require};
use crate::source::{MonthEnds, Source};
use crate::state::{Checkpoint, StateError};
use crate::strategy::{Observed, Strategy};

/// Builds source → estimate → size ⇄ execute → record. Frames fan out to estimate and to execute.
///
/// # Errors
/// Fails if the estimator lacks a required number, or an exposure bound names a factor that the data lacks.
pub fn trading(
    source: Box<dyn Source>,
    strategy: Box<dyn Strategy>,
    settings: &RunSettings,
    recorders: Vec<Box<dyn Recorder>>,
) -> Result<Graph, Invalid> {
    Ok(Traders::new(source.factor_names(), strategy, settings)?.join(source, settings, recorders))
}

/// Reason why a run cannot resume from a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The errors of [`trading`].
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The checkpoint does not belong to this run.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Builds the pipeline of [`trading`], resumed from a checkpoint. `source` must begin with the frame after
/// it. The ledger from there on is bit-identical to that of an uninterrupted run.
///
/// # Errors
/// The errors of [`trading`]; also fails if the checkpoint was saved under other settings or with another
/// strategy.
pub fn resuming(
    source: Box<dyn Source>,
    strategy: Box<dyn Strategy>,
    settings: &RunSettings,
    recorders: Vec<Box<dyn Recorder>>,
    from: &Checkpoint,
) -> Result<Graph, ResumeError> {
    let mut traders = Traders::new(source.factor_names(), strategy, settings)?;
    traders.load(from)?;
    Ok(traders.join(source, settings, recorders))
}

/// Stages of a run before they are joined into a graph.
struct Traders {
    estimate: Estimate,
    sizing: Sizing,
    trading: Trading,
    tally: Tally,
}

impl Traders {
    fn new(factors: &[String], strategy: Box<dyn Strategy>, settings: &RunSettings) -> Result<Self, Invalid> {
        let RunSettings { calendar, execution, world, record, .. } = settings;
        let observed = strategy.observes();
        let sizing = Sizing::new(settings, factors, strategy)?;
        let columns = settings.groups.iter().filter(|column| column.has_factors).count();
        let attribution = Attribution::with_groups(factors.len(), columns, settings.excess);
        let trading = Trading::new(execution, calendar, *record)
            .in_world(execution, world)
            .among(settings.membership.as_ref());
        let benchmark = benchmark(settings, factors)?;
        Ok(Self {
            estimate: estimate(settings, factors, observed)?
                .without_covariance(!settings.sizing.parameter_uncertainty),
            sizing,
            trading: trading
                .against(benchmark, settings.sizing.needs_benchmark())
                .explained(attribution)
                .when_out_of_range(settings.on_out_of_range),
            tally: Tally::new(calendar),
        })
    }

    fn load(&mut self, from: &Checkpoint) -> Result<(), StateError> {
        self.estimate.load(&from.estimate)?;
        self.sizing.load(&from.size)?;
        self.trading.load(&from.execute)?;
        self.tally.load(&from.record)
    }

    fn join(
        self,
        source: Box<dyn Source>,
        settings: &RunSettings,
        recorders: Vec<Box<dyn Recorder>>,
    ) -> Graph {
        let mut graph = Graph::default();
        let source = for_record(source, settings.record);
        let stage = SourceStage::new(source, settings.calendar, 2, settings.frames_per_message)
            .with_sessions(settings.sessions.clone())
            .when_out_of_range(settings.on_out_of_range);
        let source = graph.add(stage.with_listed(self.estimate.names()));
        let estimate = graph.add(self.estimate);
        let size = graph.add(Size::new(self.sizing));
        let execute = graph.add(Execute::new(self.trading));
        let recorder = graph.add(Record::new(self.tally, recorders));
        // Inlets and outlets of a stage are numbered in the order of these calls.
        graph.connect(source, estimate);
        graph.connect(source, execute);
        graph.connect(estimate, size);
        graph.connect(size, execute);
        graph.connect(execute, size);
        graph.connect(execute, recorder);
        graph
    }
}

/// Builds source → estimate → many (size ⇄ execute) → gather. The scenarios share source and estimator, so
/// `estimator`, `excess` and the schedule of rebalances come from `settings`. They are distributed over
/// `workers` stages, each on its own thread under the placement `Placement::Groups([2, 1, …, 1])`.
///
/// # Errors
/// The errors of [`trading`], in any scenario.
pub fn sweeping(
    source: Box<dyn Source>,
    settings: &RunSettings,
    scenarios: Vec<(RunSettings, Box<dyn Strategy>)>,
    workers: usize,
    take: TakeOutcomes,
) -> Result<Graph, Invalid> {
    let names = source.factor_names().to_vec();
    let observed =
        scenarios.iter().fold(Observed::default(), |all, (_, strategy)| all.or(strategy.observes()));
    let certain = scenarios.iter().all(|(own, _)| !own.sizing.parameter_uncertainty);
    let mut groups: Vec<Vec<_>> = (0..workers.max(1)).map(|_| Vec::new()).collect();
    let record = RecordSettings { betas: Frames::None, weights: Frames::None, expected_returns: None };
    for (number, (own, strategy)) in scenarios.into_iter().enumerate() {
        let sizing = Sizing::new(&own, &names, strategy)?;
        let trading =
            Trading::new(&own.execution, &own.calendar, record).in_world(&own.execution, &own.world);
        let trading = trading.among(own.membership.as_ref());
        let trading = sized_against(trading, &own, &names)?;
        let group = number % groups.len();
        groups[group].push((number, own.execution, sizing, trading));
    }
    let shared = RunSettings { record, ..settings.clone() };
    let mut graph = Graph::default();
    let stage = SourceStage::new(source, settings.calendar, 1 + groups.len(), settings.frames_per_message)
        .with_sessions(settings.sessions.clone());
    let source = graph.add(stage);
    let estimate = estimate(&shared, &names, observed)?.without_covariance(certain);
    let estimate = graph.add(estimate.with_outlets(groups.len()));
    let workers: Vec<usize> =
        groups.into_iter().map(|group| graph.add(Scenarios::new(&settings.calendar, group))).collect();
    let gather = graph.add(Gather::new(take));
    graph.connect(source, estimate);
    workers.iter().for_each(|worker| graph.connect(source, *worker));
    workers.iter().for_each(|worker| graph.connect(estimate, *worker));
    workers.iter().for_each(|worker| graph.connect(*worker, gather));
    Ok(graph)
}

/// Builds source → estimate → size ⇄ execute → many reprice → gather. One run with `settings` rebalances and
/// fills, and its trades are priced for every scenario. The scenarios are distributed over `workers` stages,
/// each on its own thread under the placement `Placement::Groups([4, 1, …, 1])`.
///
/// # Errors
/// The errors of [`trading`].
pub fn repricing(
    source: Box<dyn Source>,
    strategy: Box<dyn Strategy>,
    settings: &RunSettings,
    scenarios: Vec<Charges>,
    workers: usize,
    take: TakeOutcomes,
) -> Result<Graph, Invalid> {
    let names = source.factor_names().to_vec();
    let RunSettings { calendar, execution, world, .. } = settings;
    let record = RecordSettings { betas: Frames::None, weights: Frames::None, expected_returns: None };
    let unrecorded = RunSettings { record, ..settings.clone() };
    let estimate = estimate(&unrecorded, &names, strategy.observes())?
        .without_covariance(!settings.sizing.parameter_uncertainty);
    let size = Size::new(Sizing::new(settings, &names, strategy)?);
    let trading = Trading::new(execution, calendar, record).in_world(execution, world);
    let trading = trading.among(settings.membership.as_ref());
    let mut trading = sized_against(trading, settings, &names)?;
    if scenarios.iter().any(|charges| charges.settings().has_impact()) {
        trading = trading.watching(execution.impact_window);
    }
    let groups = distribute(scenarios, workers);
    let mut graph = Graph::default();
    let source = SourceStage::new(source, *calendar, 2, settings.frames_per_message);
    let source = graph.add(source.with_sessions(settings.sessions.clone()));
    let estimate = graph.add(estimate);
    let size = graph.add(size);
    let execute = graph.add(Execute::new(trading).with_takers(groups.len()));
    let workers: Vec<usize> =
        groups.into_iter().map(|group| graph.add(Reprice::new(calendar, group))).collect();
    let gather = graph.add(Gather::new(take));
    graph.connect(source, estimate);
    graph.connect(source, execute);
    graph.connect(estimate, size);
    graph.connect(size, execute);
    graph.connect(execute, size);
    workers.iter().for_each(|worker| graph.connect(execute, *worker));
    workers.iter().for_each(|worker| graph.connect(*worker, gather));
    Ok(graph)
}

/// Builds the benchmark of a run.
fn benchmark(settings: &RunSettings, factors: &[String]) -> Result<Benchmark, Invalid> {
    let RunSettings { benchmark, excess, execution, calendar, .. } = settings;
    Benchmark::new(benchmark, factors, *excess, execution, calendar)
}

/// Adds the benchmark to the trading of a scenario if sizing measures risk against it. Otherwise no outcome of a
/// scenario depends on it.
fn sized_against(trading: Trading, settings: &RunSettings, factors: &[String]) -> Result<Trading, Invalid> {
    match settings.sizing.needs_benchmark() {
        true => Ok(trading.against(benchmark(settings, factors)?, true)),
        false => Ok(trading),
    }
}

/// Numbers the scenarios, and distributes them in turn over at least one worker.
fn distribute<T>(scenarios: Vec<T>, workers: usize) -> Vec<Vec<(usize, T)>> {
    let mut groups: Vec<Vec<_>> = (0..workers.max(1)).map(|_| Vec::new()).collect();
    let count = groups.len();
    for (number, scenario) in scenarios.into_iter().enumerate() {
        groups[number % count].push((number, scenario));
    }
    groups
}

/// Builds source → estimate → record.
///
/// # Errors
/// Fails if the estimator lacks a required number.
pub fn estimating(
    source: Box<dyn Source>,
    settings: &RunSettings,
    recorders: Vec<Box<dyn Recorder>>,
) -> Result<Graph, Invalid> {
    let factors = source.factor_names().to_vec();
    let mut graph = Graph::default();
    let source = for_record(source, settings.record);
    let source = SourceStage::new(source, settings.calendar, 1, settings.frames_per_message);
    let source = graph.add(source.with_sessions(settings.sessions.clone()));
    let estimate = estimate(settings, &factors, Observed::default())?.without_covariance(true);
    let estimate = graph.add(estimate);
    let recorder = graph.add(Record::new(Tally::new(&settings.calendar), recorders));
    graph.connect(source, estimate);
    graph.connect(estimate, recorder);
    Ok(graph)
}

/// Adds the ends of months to the frames of a run that records by month.
fn for_record(source: Box<dyn Source>, record: RecordSettings) -> Box<dyn Source> {
    if record.is_monthly() { Box::new(MonthEnds::new(source)) } else { source }
}

/// Largest number of factors of a run. The filter keeps a covariance of (factors + 1)² numbers for each
/// discount factor and each group of instruments, and updates it on every frame.
const FACTORS_MAX: usize = 512;

/// Builds the estimate stage of a run.
fn estimate(settings: &RunSettings, names: &[String], observed: Observed) -> Result<Estimate, Invalid> {
    let factors = names.len();
    let expected = "at most 512: memory and time of a frame grow with the square of their number";
    require(factors <= FACTORS_MAX, "factors", factors, expected)?;
    for group in settings.groups.iter().filter(|column| column.has_factors) {
        let unique = "another name: the data has a factor of this name";
        require(!names.contains(&group.factor), "factors", &group.factor, unique)?;
    }
    let columns = settings.groups.iter().filter(|column| column.has_factors).count();
    let estimator = estimator_with_groups(&settings.estimator, &settings.calendar, factors, columns)?;
    let schedule = Schedule {
        warmup_frames: settings.calendar.frames(settings.estimator.warmup),
        every: settings.sizing.rebalance_every,
        trade_from: settings.trade_from,
        time: settings.sizing.rebalance_at.as_deref().and_then(|text| text.parse().ok()),
    };
    let columns = match settings.record.betas {
        // The last frame is not known in advance.
        Frames::All | Frames::Last => Columns::All,
        Frames::Rebalances | Frames::Monthly | Frames::None => Columns::Decisions,
    };
    Ok(Estimate::new(estimator, settings.excess, schedule, columns, observed)
        .with_groups(&settings.groups)
        .named(names)
        .with_sessions(settings.sessions.clone())
        .when_out_of_range(settings.on_out_of_range))
}
