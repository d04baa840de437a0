//! The returns of all settings on the frames that all of them have.

use anyhow::{Context as _, Result, bail, ensure};
use betaflow_connectors::recorder::ScenarioReturns;
use betaflow_engine::time::TimestampNs;

use crate::study::Outcome;
use crate::summary::time_text;

/// Net returns, setting by setting, of the same frames.
pub(crate) struct Aligned {
    /// Times of the frames.
    pub(crate) times: Vec<TimestampNs>,
    /// Number of the first one.
    pub(crate) first_seq: u64,
    /// A setting's returns, a frame each; NaN after the ruin of its account.
    pub(crate) returns: Vec<Vec<f64>>,
    /// A setting's turnover, a frame each.
    pub(crate) turnover: Vec<Vec<f64>>,
    /// The settings to choose from: those whose account was not ruined.
    pub(crate) survivors: Vec<usize>,
    /// Said where settings begin to decide on different frames.
    pub(crate) notes: Vec<String>,
}

impl Aligned {
    /// Settings that need a longer warm-up than others decide later: the frames are those after the latest first
    /// decision among the first `settings` outcomes. Others, beside them, hold cash until they decide.
    ///
    /// # Errors
    /// All settings are ruined, one has no returns, or is on other frames than the rest.
    pub(crate) fn of(outcomes: &[Outcome], settings: usize) -> Result<Self> {
        let survivors: Vec<usize> = (0..settings).filter(|setting| !outcomes[*setting].row.ruined).collect();
        let chosen_from =
            survivors.iter().map(|setting| returns_of(&outcomes[*setting])).collect::<Result<Vec<_>>>()?;
        let Some(latest) = chosen_from.iter().min_by_key(|scenario| scenario.returns.len()) else {
            bail!(
                "tune: found that each of the {settings} settings is ruined: its value fell to 0 or below; expected at least \
                 one that survives the data: lower sizing.gross_max or sizing.kelly_fraction in the grid"
            )
        };
        let frames = latest.returns.len();
        let aligned = |outcome: &Outcome| match outcome.row.ruined {
            true => Ok(until_ruin(outcome.returns.as_ref(), latest)),
            false => tail(returns_of(outcome)?, latest),
        };
        let returns = outcomes.iter().map(aligned).collect::<Result<Vec<_>>>()?;
        let turnover = |outcome: &Outcome| {
            let of = outcome.returns.as_ref().filter(|_| !outcome.row.ruined);
            of.map_or_else(|| vec![0.0; frames], |scenario| last_of(&scenario.turnover, frames))
        };
        let turnover = outcomes.iter().map(turnover).collect();
        let earlier = chosen_from.iter().filter(|scenario| scenario.returns.len() > frames).count();
        let first =
            |scenario: &ScenarioReturns| time_text(scenario.timestamps.first().copied()).unwrap_or_default();
        let beside = outcomes[settings..].iter().filter(|outcome| !outcome.row.ruined);
        let later = beside.filter_map(|outcome| outcome.returns.as_ref());
        let later = later.into_iter().find(|scenario| scenario.returns.len() < frames);
        let notes = [
            (earlier > 0).then(|| {
                format!(
                    "settings begin to decide on different frames (warm-up or schedule): {earlier} of {} are \
                     scored only from {} on, where all have decided",
                    survivors.len(),
                    first(latest)
                )
            }),
            later.map(|base| {
                format!(
                    "the configuration as it is decides later than the settings to choose from, and is compared as if it \
                     held cash before {}",
                    first(base)
                )
            }),
        ];
        Ok(Self {
            times: latest.timestamps.to_vec(),
            first_seq: latest.first_seq,
            returns,
            turnover,
            survivors,
            notes: notes.into_iter().flatten().collect(),
        })
    }
}

fn returns_of(outcome: &Outcome) -> Result<&ScenarioReturns> {
    let returns = outcome.returns.as_ref().filter(|scenario| !scenario.returns.is_empty());
    returns.with_context(|| {
        format!(
            "scenario {}: found no returns to score; expected a setting that decides before the data ends \
             (estimator.warmup), and fewer settings where they are too many to keep the returns of",
            outcome.row.number
        )
    })
}

/// A scenario's returns on the frames of the one that decides latest.
fn tail(scenario: &ScenarioReturns, latest: &ScenarioReturns) -> Result<Vec<f64>> {
    let frames = latest.returns.len();
    let own = scenario.returns.len().min(frames);
    let (before, cash) = (scenario.returns.len() - own, frames - own);
    ensure!(
        scenario.timestamps[before..] == latest.timestamps[cash..],
        "scenario {}: found other frames than those of scenario {}; expected all settings on the same frames: leave out \
         what changes which frames there are (universe, factors)",
        scenario.number,
        latest.number
    );
    let returns = &scenario.returns[before..];
    if let Some(at) = returns.iter().position(|r| !(r.is_finite() && *r > -1.0)) {
        bail!(
            "scenario {}: found a return of {} at {}, expected a finite one above -1: leave the setting out",
            scenario.number,
            returns[at],
            time_text(scenario.timestamps.get(before + at).copied()).unwrap_or_default()
        );
    }
    Ok(last_of(returns, frames))
}

/// The last values, as many as there are frames; 0 before the first of them.
fn last_of(values: &[f64], frames: usize) -> Vec<f64> {
    let own = values.len().min(frames);
    [&vec![0.0; frames - own], &values[values.len() - own..]].concat()
}

/// A ruined scenario's returns on the same frames: cash before its first decision, and nothing after its ruin.
fn until_ruin(scenario: Option<&ScenarioReturns>, latest: &ScenarioReturns) -> Vec<f64> {
    let Some(scenario) = scenario else { return vec![f64::NAN; latest.returns.len()] };
    let at = |seq: u64| match seq.checked_sub(scenario.first_seq) {
        Some(at) => scenario.returns.get(at as usize).copied().unwrap_or(f64::NAN),
        None => 0.0,
    };
    (latest.first_seq..).take(latest.returns.len()).map(at).collect()
}
