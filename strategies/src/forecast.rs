//! Expected returns from alpha and betas.

use betaflow_engine::model::Estimates;
use betaflow_engine::settings::{Calendar, Invalid, require};
use serde::{Deserialize, Serialize};

/// How much of an estimated alpha is believed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AlphaShrink {
    /// The same share of each, from 0 to 1.
    Share(f64),
    /// A word.
    Word(AlphaWord),
}

/// Rules that decide the share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlphaWord {
    /// τ²/(τ² + sd²) of an alpha that is known with standard deviation sd: the posterior mean where true alphas are
    /// N(0, τ²), τ in proportion to an instrument's own risk (Grinold 1994).
    ///
    /// τ is [`ALPHA_RATIO`] times its residual deviation, so that after one year of daily returns a twelfth of an
    /// alpha is believed, and after ten years about half.
    Posterior,
}

/// Annual information ratio of true alphas, one standard deviation.
pub const ALPHA_RATIO: f64 = 0.3;

impl AlphaShrink {
    pub(crate) fn check(self) -> Result<(), Invalid> {
        match self {
            Self::Share(share) => {
                let valid = (0.0..=1.0).contains(&share);
                require(valid, "alpha_shrink", share, "a number from 0 to 1, or \"posterior\"")
            }
            Self::Word(AlphaWord::Posterior) => Ok(()),
        }
    }

    /// Writes what is believed of each alpha.
    pub(crate) fn write(self, estimates: &Estimates, calendar: &Calendar, values: &mut [f64]) {
        match self {
            Self::Share(share) => {
                for (value, alpha) in values.iter_mut().zip(&estimates.alpha) {
                    *value = share * alpha;
                }
            }
            Self::Word(AlphaWord::Posterior) => {
                let ratio = ALPHA_RATIO * ALPHA_RATIO / calendar.frames_per_year();
                let uncertain = estimates.sd_of(0).iter().zip(&estimates.observation_var);
                for ((value, alpha), (sd, residual)) in values.iter_mut().zip(&estimates.alpha).zip(uncertain)
                {
                    let variance = ratio * residual;
                    // An alpha that is not known is not a number, and stays so.
                    *value = alpha * variance / (variance + sd * sd);
                }
            }
        }
    }
}

/// Adds β_i'λ to each value.
pub(crate) fn add_premia(estimates: &Estimates, premia: &[f64], values: &mut [f64]) {
    for (factor, premium) in premia.iter().enumerate() {
        for (value, beta) in values.iter_mut().zip(estimates.betas_on(factor)) {
            *value += beta * premium;
        }
    }
}
