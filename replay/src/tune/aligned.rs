//! The returns of all settings on the frames that all of them have.

use anyhow::{Context as _, Result, bail, ensure};
use betaflow_connectors::recorder::ScenarioReturns;
use betaflow_engine::frame::TimestampNs;

use crate::scenarios::Outcome;
use crate::summary::time_text;

/// Net returns, setting by setting, of the same frames.
pub(super) struct Aligned {
    /// Times of the frames.
    pub(super) times: Vec<TimestampNs>,
    /// Number of the first one.
    pub(super) first_seq: u64,
    /// A setting's returns, a frame each.
    pub(super) returns: Vec<Vec<f64>>,
    /// A setting's turnover, a frame each.
    pub(super) turnover: Vec<Vec<f64>>,
    /// Said where settings begin to decide on different frames.
    pub(super) notes: Vec<String>,
}

impl Aligned {
    /// Settings that need a longer warm-up than others decide later: the frames are those after the latest first
    /// decision among the first `settings` outcomes. Others, beside them, hold cash until they decide.
    ///
    /// # Errors
    /// A setting without returns, with a value that fell to nothing, or on other frames than the rest.
    pub(super) fn of(outcomes: &[Outcome], settings: usize) -> Result<Self> {
        let known = outcomes.iter().map(returns_of).collect::<Result<Vec<_>>>()?;
        let chosen_from = &known[..settings];
        let Some(latest) = chosen_from.iter().min_by_key(|scenario| scenario.returns.len()) else {
            bail!("tune: found no setting to choose from")
        };
        let frames = latest.returns.len();
        let returns = known.iter().map(|scenario| tail(scenario, latest)).collect::<Result<Vec<_>>>()?;
        let turnover = known.iter().map(|scenario| last_of(&scenario.turnover, frames)).collect();
        let earlier = chosen_from.iter().filter(|scenario| scenario.returns.len() > frames).count();
        let first =
            |scenario: &ScenarioReturns| time_text(scenario.timestamps.first().copied()).unwrap_or_default();
        let later = known[settings..].iter().find(|scenario| scenario.returns.len() < frames);
        let notes = [
            (earlier > 0).then(|| {
                format!(
                    "settings begin to decide on different frames (warm-up or schedule): {earlier} of {settings} are \
                     scored only from {} on, where all have decided",
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
            "scenario {}: found that its value fell to 0 or below at {}; expected settings that survive the data: leave it \
             out, or lower sizing.gross_max",
            scenario.number,
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
