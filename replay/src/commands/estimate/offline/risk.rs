//! `--compare risk`: the engine's comparison of risk models, in a second pass over the data.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use betaflow_engine::ledger::{Frames, LedgerFrame, RecordError, RecordSettings, Recorder, RunFacts};
use betaflow_engine::model::Estimates;
use betaflow_engine::pipeline::estimating;
use betaflow_engine::risk::{PortfolioKind, RiskComparison, RiskModel};
use betaflow_engine::source::Source as _;

use crate::config::Config;
use crate::run::data::Opened;
use crate::run::progress::{Counted, Line};
use crate::run::{self, open};
use crate::summary::{RiskComparisonSummary, RiskModelSummary};

/// Seed of the portfolios.
const SEED: u64 = 1;

/// Recorder that passes the estimates to the comparison.
struct Estimated(Arc<Mutex<RiskComparison>>);

impl Recorder for Estimated {
    fn ledger(&mut self, _: &LedgerFrame) -> Result<(), RecordError> {
        Ok(())
    }

    fn estimates(&mut self, estimates: &Estimates) -> Result<(), RecordError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).step(estimates);
        Ok(())
    }

    fn finish(&mut self, _: &RunFacts) -> Result<(), RecordError> {
        Ok(())
    }
}

/// Estimates all the data again, and compares on every frame.
pub(crate) fn compare(config: &Config) -> Result<RiskComparisonSummary> {
    let Opened { source, progress, .. } = open(config)?;
    let (source, counter) = Counted::new(source);
    let calendar = config.run().calendar;
    let factors = source.factor_names().len();
    let comparison = Arc::new(Mutex::new(RiskComparison::new(&config.sizing, &calendar, factors, SEED)));
    let mut settings = config.run().clone();
    settings.record = RecordSettings { betas: Frames::All, weights: Frames::None, expected_returns: None };
    let recorder = Box::new(Estimated(Arc::clone(&comparison)));
    let graph = estimating(Box::new(source), &settings, vec![recorder])?;
    let line = Line::start(config.host(), progress, counter);
    let ended = graph.run(&run::options(config, &run::ESTIMATE, false));
    drop(line);
    ended.map_err(|error| config.located(error))?;
    let comparison = comparison.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(summary(&comparison, calendar.frames_per_year()))
}

fn summary(comparison: &RiskComparison, frames_per_year: f64) -> RiskComparisonSummary {
    let (frames, draws) = comparison.counts();
    let kinds = || PortfolioKind::ALL.into_iter().map(Some).chain([None]);
    let rows = RiskModel::ALL.into_iter().flat_map(|model| kinds().map(move |kind| (model, kind)));
    let row = |(model, kind): (RiskModel, Option<PortfolioKind>)| RiskModelSummary {
        model: model.name().to_owned(),
        portfolios: kind.map_or("all", PortfolioKind::name).to_owned(),
        figures: comparison.figures(model, kind, frames_per_year).into(),
    };
    RiskComparisonSummary { frames, draws, seed: SEED, models: rows.map(row).collect() }
}
