//! Expected returns from alpha and betas.

use betaflow_engine::model::Estimates;
use betaflow_engine::settings::{Calendar, Choice, Kind, Range, SettingType, SettingValue};
use betaflow_engine::strategy::Context;
use serde::{Deserialize, Serialize};

/// Shrinkage of an estimated alpha towards 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AlphaShrink {
    /// The same share of every alpha, from 0 to 1.
    Share(f64),
    /// A rule, by its name.
    Rule(AlphaRule),
}

/// Rules that determine the share for each alpha.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlphaRule {
    /// Share τ²/(τ² + sd²) of an alpha estimated with standard deviation sd: the posterior mean if true
    /// alphas are N(0, τ²), with τ proportional to the instrument's residual deviation (Grinold 1994).
    ///
    /// With τ = [`ALPHA_RATIO`] times the residual deviation, the share is a twelfth after one year of daily
    /// returns, and about half after ten years.
    Posterior,
}

/// Annual information ratio of a true alpha of one standard deviation τ.
pub const ALPHA_RATIO: f64 = 0.3;

impl SettingValue for AlphaShrink {
    fn outside(&self, range: &Range) -> Option<String> {
        match self {
            Self::Share(share) => share.outside(range),
            Self::Rule(AlphaRule::Posterior) => None,
        }
    }
}

impl SettingType for AlphaShrink {
    const KIND: Kind = Kind::NumberOrWord(&[Choice {
        name: "posterior",
        doc: &[
            "The share by which the data supports each alpha: a twelfth after a year of daily returns, half after ten.",
        ],
    }]);
}

impl AlphaShrink {
    /// Writes the shrunk alphas.
    pub(crate) fn write(self, estimates: &Estimates, calendar: &Calendar, values: &mut [f64]) {
        match self {
            Self::Share(share) => {
                for (value, alpha) in values.iter_mut().zip(&estimates.alpha) {
                    *value = share * alpha;
                }
            }
            Self::Rule(AlphaRule::Posterior) => {
                let Estimates { alpha, observation_var, .. } = estimates;
                posterior_alphas(alpha, estimates.sd_of(0), observation_var, calendar, values);
            }
        }
    }
}

/// Writes the posterior means of the true alphas, by [`AlphaRule::Posterior`]; an unknown alpha is NaN and stays NaN.
/// All have length n: the estimates `alpha` with their standard deviations `sd`, and the residual variances, per frame.
pub fn posterior_alphas(
    alpha: &[f64],
    sd: &[f64],
    residual_variance: &[f64],
    calendar: &Calendar,
    values: &mut [f64],
) {
    let ratio = ALPHA_RATIO * ALPHA_RATIO / calendar.frames_per_year();
    let uncertain = sd.iter().zip(residual_variance);
    for ((value, alpha), (sd, residual)) in values.iter_mut().zip(alpha).zip(uncertain) {
        let variance = ratio * residual;
        *value = alpha * variance / (variance + sd * sd);
    }
}

/// Adds β_i'λ to each value; `premia` are of the K factors. An instrument without a factor of its group adds the given
/// factors alone.
pub(crate) fn add_premia(context: &Context<'_>, premia: &[f64], values: &mut [f64]) {
    let given = context.estimates.factors.len();
    for (factor, premium) in premia.iter().enumerate().take(given) {
        for (value, beta) in values.iter_mut().zip(context.estimates.betas_on(factor)) {
            *value += beta * premium;
        }
    }
    context.risk.own_loadings().iter().for_each(|own| own.add_products(premia, values));
}
