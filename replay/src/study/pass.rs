//! One pass over the data with all scenarios that share it.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use betaflow_connectors::record::{ScenarioReturns, ScenarioRow};
use betaflow_engine::frame::Frame;
use betaflow_engine::pipeline::stages::TakeOutcomes;
use betaflow_engine::pipeline::{
    Graph, PipelineError, Placement, RunOptions, ScenarioError, ScenarioOutcome, TradingError, repricing,
    sweeping,
};
use betaflow_engine::source::{DataFacts, Source, SourceError};
use betaflow_engine::time::TimestampNs;

use super::Study;
use super::progress::Meter;
use super::sharing::Sharing;
use crate::run::data::DataCache;

/// Results of a pass.
pub(crate) struct PassResults {
    pub(crate) rows: Vec<ScenarioRow>,
    pub(crate) returns: Vec<ScenarioReturns>,
    pub(crate) data: DataFacts,
}

/// Runs the scenarios of a pass. `workers` is the number of threads that size and execute; with one,
/// everything runs on the calling thread. `sharing`: all scenarios of the study by source and estimator.
///
/// # Errors
/// The data is invalid, or the settings do not fit it.
pub(crate) fn pass(
    (study, sharing): (&Study, &Sharing),
    pass: &[usize],
    workers: usize,
    keeps_returns: bool,
    cache: &DataCache,
    meter: &Arc<Meter>,
) -> Result<PassResults> {
    let times = Arc::new(Mutex::new(Vec::new()));
    let source = MeteredSource {
        inner: source(study, sharing.group_of(pass[0]), cache)?,
        meter: Arc::clone(meter),
        scenarios: pass.len() as u64,
        seen: Vec::new(),
        times: Arc::clone(&times),
    };
    let workers = workers.min(pass.len());
    let taken = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&taken);
    let take = Box::new(move |some: Vec<ScenarioOutcome>| {
        sink.lock().unwrap_or_else(PoisonError::into_inner).extend(some);
    });
    let (graph, before) = graph(study, pass, Box::new(source), workers, take)?;
    let placement = match workers {
        1 => Placement::Inline,
        _ => Placement::Groups([vec![before], vec![1; workers], vec![1]].concat()),
    };
    let ended = graph
        .run(&RunOptions { placement, capacity: 4, ..RunOptions::default() })
        .map_err(|error| of_scenario(study, pass, error))?;
    let times = std::mem::take(&mut *times.lock().unwrap_or_else(PoisonError::into_inner));
    let mut outcomes = std::mem::take(&mut *taken.lock().unwrap_or_else(PoisonError::into_inner));
    outcomes.sort_by_key(|outcome| outcome.number);
    let mut passed = PassResults { rows: Vec::new(), returns: Vec::new(), data: ended.facts.data };
    for outcome in outcomes {
        let outcome = ScenarioOutcome { number: pass[outcome.number], ..outcome };
        passed.rows.push(ScenarioRow::of(&outcome));
        if keeps_returns && !outcome.returns.is_empty() {
            passed.returns.push(returns_of(outcome, &times));
        }
    }
    Ok(passed)
}

/// Error with the number and the settings of the scenario that caused it.
fn of_scenario(study: &Study, pass: &[usize], error: PipelineError) -> anyhow::Error {
    let PipelineError::Failed { source, .. } = &error else { return error.into() };
    let Some(failed) = source.downcast_ref::<ScenarioError>() else { return study.base.located(error) };
    let scenario = pass[failed.number];
    let sets = study.grid.sets(scenario).join(", ");
    let place = format!("scenario {scenario} ({sets})");
    match &failed.source {
        // Keeps its type, from which the remedy follows.
        TradingError::Opening(error) => anyhow::Error::new(error.clone()).context(place),
        TradingError::Strategy(error) => anyhow::Error::new(error.clone()).context(place),
        TradingError::OutOfRange(error) => anyhow::anyhow!("{place}: {error}"),
    }
}

/// Pipeline of a pass, and its number of stages before the workers.
fn graph(
    study: &Study,
    pass: &[usize],
    source: Box<dyn Source>,
    workers: usize,
    take: TakeOutcomes,
) -> Result<(Graph, usize)> {
    if let Some(charges) = &study.charges {
        let charges = pass.iter().map(|scenario| charges[*scenario].clone()).collect();
        let (settings, strategy) = (study.base.run(), study.base.strategy()?);
        return Ok((repricing(source, strategy, settings, charges, workers, take)?, 4));
    }
    let mut scenarios = Vec::new();
    for scenario in pass {
        let config = &study.configs[*scenario];
        scenarios.push((config.run().clone(), config.strategy()?));
    }
    let settings = study.configs[pass[0]].run();
    Ok((sweeping(source, settings, scenarios, workers, take)?, 2))
}

/// Returns of a scenario; `times` are the times of all frames.
fn returns_of(outcome: ScenarioOutcome, times: &[TimestampNs]) -> ScenarioReturns {
    let first = outcome.first_return as usize;
    let frames = first..first + outcome.returns.len();
    ScenarioReturns {
        number: outcome.number,
        first_seq: outcome.first_return,
        timestamps: times.get(frames).unwrap_or_default().into(),
        returns: outcome.returns,
        turnover: outcome.turnover,
    }
}

/// Source that a group of scenarios shares, with every column that one of them requires, so that skipped rows do not
/// depend on the division into passes.
fn source(study: &Study, group: &[usize], cache: &DataCache) -> Result<Box<dyn Source>> {
    let first = &study.configs[group[0]];
    let mut settings = first.source().clone();
    // With fixed trades, the base configuration needs its columns too.
    let base = study.charges.is_some().then_some(&study.base);
    for config in group[1..].iter().map(|scenario| &study.configs[*scenario]).chain(base) {
        for (field, purpose) in &config.source().required {
            if settings.required.iter().all(|(known, _)| known != field) {
                settings.required.push((*field, *purpose));
            }
        }
    }
    Ok(cache.open(first, settings)?.source)
}

/// Source that reports its progress and collects the times of its frames.
struct MeteredSource<S> {
    inner: S,
    meter: Arc<Meter>,
    scenarios: u64,
    seen: Vec<TimestampNs>,
    times: Arc<Mutex<Vec<TimestampNs>>>,
}

impl<S: Source> Source for MeteredSource<S> {
    fn next_frame(&mut self, frame: &mut Frame) -> Result<bool, SourceError> {
        let more = self.inner.next_frame(frame)?;
        if more {
            self.seen.push(frame.timestamp);
            self.meter.add(self.scenarios);
        } else {
            let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
            *times = std::mem::take(&mut self.seen);
        }
        Ok(more)
    }

    fn factor_names(&self) -> &[String] {
        self.inner.factor_names()
    }

    fn facts(&self) -> DataFacts {
        self.inner.facts()
    }
}
