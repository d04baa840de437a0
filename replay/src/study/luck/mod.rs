//! Multiple testing: trials log, deflated Sharpe ratio, minimum backtest length, probability of overfitting.
//!
//! Only choices compared in the same environment count as trials.

use std::collections::BTreeSet;

use anyhow::Result;
use betaflow_engine::metrics::ObservedSharpe;
use betaflow_engine::source::DataFacts;
use betaflow_engine::sweep::Candidates;
use betaflow_engine::time::TimestampNs;
use betaflow_engine::validation::{
    BLOCK_FRAMES_MIN, Overfitting, blocks_of, common_tail, min_backtest_years, overfitting,
};

use super::identity::Identity;
use super::trials_log::{Line, Span, TrialTally, TrialsLog};
use super::{Outcome, Study, StudyResults};

mod summary;
mod text;

/// Multiple testing of a study.
pub(crate) struct Luck {
    counted: TrialTally,
    /// Number of distinct choices compared in the named environment.
    compared: usize,
    /// True if all of them have a result in one environment.
    one_world: bool,
    /// True if that is the environment of the configuration.
    exact: bool,
    /// Number of returns of each ratio: the last returns common to all choices.
    frames: usize,
    frames_per_year: f64,
    /// Best, robust and configured scenario.
    chosen: [(&'static str, Option<NamedScenario>); 3],
    overfitting: Result<(Overfitting, usize), String>,
    /// Numbers of the ruined scenarios, which are not compared.
    ruined: Vec<usize>,
}

/// A named scenario.
#[derive(Clone, Copy, Debug)]
struct NamedScenario {
    scenario: usize,
    /// Sharpe ratio per frame.
    observed: ObservedSharpe,
}

/// Choice in the named environment.
struct Trial<'a> {
    row: usize,
    choice: &'a str,
    observed: ObservedSharpe,
    /// Last returns common to all choices; `None` if returns were not stored.
    returns: Option<&'a [f64]>,
}

impl Luck {
    /// Adds the trials of a completed study to the trials log and compares them. `resumed`: the trials may
    /// already be in the log.
    ///
    /// # Errors
    /// A file that the settings name cannot be read.
    pub(crate) fn of(
        (study, results): (&Study, &StudyResults),
        candidates: &Candidates,
        log: &TrialsLog,
        command: &str,
        resumed: bool,
    ) -> Result<Self> {
        let identities = study.identities()?;
        let outcomes = &results.outcomes;
        let frames_per_year = study.base.run().calendar.frames_per_year();
        let trials = trials(outcomes, &identities, candidates, frames_per_year);

        let world = candidates.environment.map_or(0, |world| world.row);
        let world = identities.get(world).map_or_else(String::new, |identity| identity.world.clone());
        let span = span(&trials, outcomes, &results.data);
        let mut line = Line::now(command, study.base.strategy_kind(), span, world);
        line.frames = trials.first().map_or(0, |trial| trial.observed.count as usize);
        line.choices = identities.iter().map(|identity| (identity.choice.clone(), None)).collect();
        if candidates.one_environment {
            let known = trials.iter().map(|trial| (trial.choice.to_owned(), Some(trial.observed.ratio)));
            line.choices.extend(known);
        }

        let objective: Vec<f64> = outcomes.iter().map(|outcome| outcome.figure("net_sharpe")).collect();
        let robust = candidates.robust(&objective).map(|robust| robust.row);
        let chosen = |row: Option<usize>| {
            let choice = &identities.get(row?)?.choice;
            // A choice that occurs twice is compared once.
            let trial = trials.iter().find(|trial| Some(trial.row) == row || trial.choice == choice);
            let observed =
                trial.map_or_else(|| written(&outcomes[row?], frames_per_year), |trial| Some(trial.observed));
            Some(NamedScenario { scenario: row?, observed: observed? })
        };
        Ok(Self {
            counted: log.add(&line, resumed),
            compared: trials.len(),
            one_world: candidates.one_environment,
            exact: candidates.environment.is_none_or(|world| world.exact),
            frames: line.frames,
            frames_per_year,
            chosen: [
                ("best", chosen(candidates.best(&objective))),
                ("robust", chosen(robust)),
                ("base", chosen(candidates.base.map(|base| base.row))),
            ],
            overfitting: overfitted(
                &trials,
                candidates.one_environment,
                candidates.count(),
                study.base.tune.overfitting_blocks,
            ),
            ruined: outcomes
                .iter()
                .filter(|outcome| outcome.row.ruined)
                .map(|outcome| outcome.row.number)
                .collect(),
        })
    }

    /// Deflated Sharpe ratio: probability that the true ratio is above 0, given the selection of the best of
    /// all trials.
    fn deflated(&self, chosen: &NamedScenario) -> Result<f64, &'static str> {
        if !self.one_world {
            return Err("no two scenarios have the same environment, so their ratios are not comparable");
        }
        if self.counted.trials > 1 && self.counted.measured < 2 {
            return Err(
                "fewer than two trials were measured in this environment, so the variance of their ratios is unknown",
            );
        }
        Ok(self.counted.trials().deflated_sharpe(&chosen.observed))
    }

    /// Years of returns.
    fn years(&self) -> f64 {
        self.frames as f64 / self.frames_per_year
    }

    /// Minimum backtest length in years; NaN if the trials have no common environment.
    fn years_min(&self, chosen: &NamedScenario) -> f64 {
        if !self.one_world {
            return f64::NAN;
        }
        min_backtest_years(self.counted.trials as f64, self.annual(chosen.observed.ratio))
    }

    fn annual(&self, ratio: f64) -> f64 {
        ratio * self.frames_per_year.sqrt()
    }
}

/// Distinct choices among the candidates with a Sharpe ratio, each with the last returns common to
/// all of them.
fn trials<'a>(
    outcomes: &'a [Outcome],
    identities: &'a [Identity],
    candidates: &Candidates,
    frames_per_year: f64,
) -> Vec<Trial<'a>> {
    let mut known = BTreeSet::new();
    let mut trials: Vec<Trial> = Vec::new();
    for (row, (outcome, identity)) in outcomes.iter().zip(identities).enumerate() {
        let competes = candidates.contains(row) && known.insert(&identity.choice);
        let Some(observed) = written(outcome, frames_per_year).filter(|_| competes) else { continue };
        let returns = outcome.returns.as_ref().map(|returns| &returns.returns[..]);
        trials.push(Trial { row, choice: &identity.choice, observed, returns });
    }
    // If a trial has no stored returns, keep the ratios of the table.
    let all: Option<Vec<&[f64]>> = trials.iter().map(|trial| trial.returns).collect();
    let common = all.map(|all| common_tail(&all));
    for (at, trial) in trials.iter_mut().enumerate() {
        trial.returns = common.as_ref().map(|common| common[at]);
        if let Some(returns) = trial.returns {
            trial.observed = ObservedSharpe::of(returns.iter().copied());
        }
    }
    trials.retain(|trial| !trial.observed.ratio.is_nan());
    trials
}

/// Period of the ratios; the whole data if returns were not stored.
fn span(trials: &[Trial], outcomes: &[Outcome], data: &DataFacts) -> Span {
    let times = trials.first().and_then(|trial| {
        let all = &outcomes[trial.row].returns.as_ref()?.timestamps;
        all.get(all.len().checked_sub(trial.returns?.len())?..)
    });
    let of = |end: fn(&[TimestampNs]) -> Option<&TimestampNs>| times.and_then(end).copied();
    match of(<[_]>::last) {
        Some(last) => Span::of(of(<[_]>::first), Some(last)),
        None => Span::of(data.first, data.last),
    }
}

/// Ratio per frame from the scenario's row, with its standard error; `None` for a ruined scenario.
fn written(outcome: &Outcome, frames_per_year: f64) -> Option<ObservedSharpe> {
    if outcome.row.ruined {
        return None;
    }
    if let Some(returns) = &outcome.returns {
        let observed = ObservedSharpe::of(returns.returns.iter().copied());
        return Some(observed).filter(|observed| !observed.ratio.is_nan());
    }
    let [ratio, error] =
        ["net_sharpe", "net_sharpe_standard_error"].map(|name| outcome.figure(name) / frames_per_year.sqrt());
    let observed = ObservedSharpe::from_standard_error(ratio, error);
    Some(observed).filter(|observed| observed.ratio.is_finite() && observed.count.is_finite())
}

/// Probability of backtest overfitting over at most `blocks` blocks, with the number of blocks used; or the
/// reason why it is undefined. `competing`: number of candidates.
fn overfitted(
    trials: &[Trial],
    one_world: bool,
    competing: usize,
    blocks: usize,
) -> Result<(Overfitting, usize), String> {
    if !one_world {
        return Err("no two scenarios have the same environment".to_owned());
    }
    if trials.len() < 2 {
        return Err(match competing {
            1 => "the grid has one choice".to_owned(),
            count => format!("{} of {count} choices have a result", trials.len()),
        });
    }
    let returns: Option<Vec<&[f64]>> = trials.iter().map(|trial| trial.returns).collect();
    let returns = returns.ok_or("returns were not stored: there are too many")?;
    let frames = returns[0].len();
    let blocks = blocks_of(frames, blocks).ok_or_else(|| {
        format!("{frames} returns, expected at least {} for two blocks", 2 * BLOCK_FRAMES_MIN)
    })?;
    overfitting(&returns, blocks).map(|found| (found, blocks)).map_err(|error| error.to_string())
}
