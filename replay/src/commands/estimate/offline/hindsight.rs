//! `--smooth` and `--em`, instrument by instrument: only one instrument's moments are ever held.

use std::path::Path;

use anyhow::Result;
use betaflow_connectors::recorder::{ParametersTable, RowOf, SmoothedTable};
use betaflow_engine::model::{Em, EstimatorKind, Fitted, Retrospective, Smoothed, StateSpace};

use super::findings::{Findings, FittedFacts, SmoothedBy};
use super::panel::Panel;
use crate::config::Config;
use crate::run::progress;

/// Coefficients of an instrument given all frames: to be written, and accepted by nothing else.
enum Hindsight {
    Dlm(Retrospective),
    StateSpace(Smoothed),
}

impl Hindsight {
    fn frames(&self) -> usize {
        match self {
            Self::Dlm(seen) => seen.frames(),
            Self::StateSpace(seen) => seen.frames(),
        }
    }

    fn mean(&self, t: usize) -> &[f64] {
        match self {
            Self::Dlm(seen) => seen.mean(t),
            Self::StateSpace(seen) => seen.mean(t),
        }
    }

    fn sd(&self, t: usize, j: usize) -> f64 {
        match self {
            Self::Dlm(seen) => seen.sd(t, j),
            Self::StateSpace(seen) => seen.sd(t, j),
        }
    }
}

/// Fits with at most `em` steps and smooths, as asked, and writes `parameters.parquet` and `smoothed.parquet`.
pub(crate) fn look_back(
    smooth: bool,
    em: Option<u32>,
    config: &Config,
    panel: &Panel,
    folder: &Path,
    findings: &mut Findings,
) -> Result<()> {
    let given = given(config, panel)?;
    let by = SmoothedBy::of(em.is_some(), config);
    let starts = if smooth && by.is_dlm() { panel.starts(config) } else { Vec::new() };
    let mut parameters = em.map(|_| ParametersTable::create(folder, &panel.factor_names)).transpose()?;
    let mut smoothed = smooth.then(|| SmoothedTable::create(folder, &panel.factor_names)).transpose()?;
    let mut facts = FittedFacts::new(em.unwrap_or_default());
    let bar = progress::steps(panel.names.len(), "instruments");
    for (i, symbol) in panel.names.iter().enumerate() {
        let history = panel.history(i);
        let mut fitted = None;
        if let (Some(table), Some(steps)) = (&mut parameters, em) {
            if let Some((first, returns)) = &history {
                fitted = fit(steps, given.as_ref(), config, panel.factors_from(*first), returns)?;
            }
            table.row(symbol, fitted.as_ref())?;
            facts.add(fitted.as_ref());
        }
        if let (Some(table), Some((first, returns))) = (&mut smoothed, &history) {
            let model = if em.is_some() { fitted.map(|fitted| fitted.parameters) } else { given.clone() };
            let start = starts.get(i).copied().flatten();
            let seen = match (model, start) {
                (Some(model), _) => {
                    let seen = model.smooth(panel.factors_from(*first), returns);
                    Some((*first, Hindsight::StateSpace(seen)))
                }
                (None, Some(start)) => {
                    let (calendar, s0) = (config.data.calendar(), start.observation_variance);
                    let returns = &returns[start.frame - first..];
                    let factors = panel.factors_from(start.frame);
                    let seen = Retrospective::of(&config.estimator, &calendar, s0, factors, returns);
                    Some((start.frame, Hindsight::Dlm(seen)))
                }
                (None, None) => None,
            };
            if let Some((first, seen)) = seen {
                write(table, panel, symbol, first, &seen)?;
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(table) = parameters {
        table.close()?;
        findings.fitted = Some(facts);
    }
    if let Some(table) = smoothed {
        table.close()?;
        findings.smoothed = Some(by);
    }
    Ok(())
}

/// The parameters that the settings give, where they do.
fn given(config: &Config, panel: &Panel) -> Result<Option<StateSpace>> {
    let k = panel.factor_names.len() + 1;
    Ok(match config.estimator.kind {
        EstimatorKind::Fixed => Some(config.estimator.state_space(&config.data.calendar(), k)?),
        EstimatorKind::Dlm | EstimatorKind::Mixture => None,
    })
}

fn fit(
    steps: u32,
    given: Option<&StateSpace>,
    config: &Config,
    factors: &[f64],
    returns: &[f64],
) -> Result<Option<Fitted>> {
    let (market_beta, frames) = (config.estimator.initial_market_beta, config.data.frames_per_day);
    let made = || StateSpace::scale_free(factors, returns, market_beta, frames);
    let Some(start) = given.cloned().or_else(made) else { return Ok(None) };
    let em = Em { steps: usize::try_from(steps)?, ..Em::default() };
    Ok(Some(em.fit(&start, factors, returns)?))
}

fn write(
    table: &mut SmoothedTable,
    panel: &Panel,
    symbol: &str,
    first: usize,
    seen: &Hindsight,
) -> Result<()> {
    let k = panel.factor_names.len() + 1;
    for t in 0..seen.frames() {
        let (timestamp, seq) = panel.frames[first + t];
        let sd = (0..k).map(|j| seen.sd(t, j));
        table.row(RowOf { timestamp, seq, symbol }, seen.mean(t), sd)?;
    }
    Ok(())
}
