//! `quarter_kelly`: expected returns from alpha and factor premia; the engine sizes them.

use betaflow_engine::settings::{Invalid, require};
use betaflow_engine::strategy::{Context, Strategy, Wish, Wishes};
use serde::{Deserialize, Serialize};

use crate::Shipped;

/// Expected excess return of an instrument: μ_i = `alpha_shrink` · alpha_i + beta_i'λ.
///
/// Alphas are mostly noise that reverts, and premia are all that a decade of factor returns can say: so a
/// fifth of alpha by default, and slow premia (`sizing.premium_prior_days`).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuarterKelly {
    /// Share of the estimated alpha that is believed, from 0 to 1.
    pub alpha_shrink: f64,
}

impl Default for QuarterKelly {
    fn default() -> Self {
        Self { alpha_shrink: 0.2 }
    }
}

impl Shipped for QuarterKelly {
    const KIND: &'static str = "quarter_kelly";
    const ABOUT: &'static str = "a quarter of Kelly on alpha and factor premia, under all limits";

    fn check(&self) -> Result<(), Invalid> {
        let share = self.alpha_shrink;
        require((0.0..=1.0).contains(&share), "alpha_shrink", share, "a number from 0 to 1")
    }
}

impl Strategy for QuarterKelly {
    fn name(&self) -> &'static str {
        Self::KIND
    }

    fn decide(&mut self, context: Context<'_>, wishes: &mut Wishes) {
        wishes.wish = Wish::Expected;
        let beliefs = context.beliefs;
        for (value, alpha) in wishes.values.iter_mut().zip(&beliefs.alpha) {
            *value = self.alpha_shrink * alpha;
        }
        for (factor, premium) in context.premia.iter().enumerate() {
            for (value, beta) in wishes.values.iter_mut().zip(beliefs.betas_on(factor)) {
                *value += beta * premium;
            }
        }
    }
}
