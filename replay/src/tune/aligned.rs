//! The returns of all settings on the frames that all of them have.

use anyhow::{Context as _, Result, bail, ensure};
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
    /// Said where settings begin to decide on different frames.
    pub(super) note: Option<String>,
}

impl Aligned {
    /// Settings that need a longer warm-up than others decide later: the frames are those after the latest first
    /// decision.
    ///
    /// # Errors
    /// A setting without returns, with a value that fell to nothing, or on other frames than the rest.
    pub(super) fn of(outcomes: &[Outcome]) -> Result<Self> {
        let mut known = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            let number = outcome.row.number;
            known.push(outcome.returns.as_ref().with_context(|| {
                format!(
                    "scenario {number}: found no returns to score; expected a setting that decides before the data ends \
                     (estimator.warmup), and fewer settings where they are too many to keep the returns of"
                )
            })?);
        }
        let shortest = known.iter().map(|scenario| scenario.returns.len()).min().unwrap_or(0);
        let latest = known.iter().find(|scenario| scenario.returns.len() == shortest);
        let Some(latest) = latest.filter(|_| shortest > 0) else {
            bail!("tune: found no setting to choose from")
        };
        let mut returns = Vec::with_capacity(known.len());
        for scenario in &known {
            let before = scenario.returns.len() - shortest;
            let number = scenario.number;
            ensure!(
                scenario.timestamps[before..] == latest.timestamps[..],
                "scenario {number}: found other frames than those of scenario {}; expected all settings on the same \
                 frames: leave out what changes which frames there are (universe, factors)",
                latest.number
            );
            let own = &scenario.returns[before..];
            if let Some(at) = own.iter().position(|r| !(r.is_finite() && *r > -1.0)) {
                bail!(
                    "scenario {number}: found that its value fell to 0 or below at {}; expected settings that survive \
                     the data: leave it out, or lower sizing.gross_max",
                    time_text(Some(latest.timestamps[at])).unwrap_or_default()
                );
            }
            returns.push(own.to_vec());
        }
        let earlier = known.iter().filter(|scenario| scenario.returns.len() > shortest).count();
        let note = (earlier > 0).then(|| {
            format!(
                "settings begin to decide on different frames (warm-up or schedule): {earlier} of {} are scored only from \
                 {} on, where all have decided",
                known.len(),
                time_text(latest.timestamps.first().copied()).unwrap_or_default()
            )
        });
        Ok(Self { times: latest.timestamps.to_vec(), first_seq: latest.first_seq, returns, note })
    }
}
