//! Strategy `quarter_kelly`: expected returns from alpha and factor premia, sized by the engine.

use betaflow_engine::settings::Invalid;
use betaflow_engine::strategy::{Context, Strategy, TargetKind, Targets};
use serde::{Deserialize, Serialize};

use crate::Shipped;
use crate::forecast::{AlphaRule, AlphaShrink, add_premia};
use crate::registry::shipped_state;

/// Fractional Kelly on μ_i = shrunk alpha_i + beta_i'λ, the expected excess return of an instrument.
///
/// The premia λ change slowly: a decade of factor returns determines little more
/// (`sizing.premium_prior_days`).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuarterKelly {
    /// Share of the estimated alpha that enters the forecast: a number, or `"posterior"`.
    pub alpha_shrink: AlphaShrink,
}

impl Default for QuarterKelly {
    fn default() -> Self {
        Self { alpha_shrink: AlphaShrink::Rule(AlphaRule::Posterior) }
    }
}

impl Shipped for QuarterKelly {
    const KIND: &'static str = "quarter_kelly";
    const ABOUT: &'static str = "a quarter of Kelly on alpha and factor premia, within all limits";
    const TARGETS: TargetKind = TargetKind::Expected;

    fn check(&self) -> Result<(), Invalid> {
        self.alpha_shrink.check()
    }
}

impl Strategy for QuarterKelly {
    shipped_state!();

    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) {
        targets.kind = TargetKind::Expected;
        self.alpha_shrink.write(context.estimates, context.calendar, &mut targets.values);
        add_premia(context.estimates, context.premia, &mut targets.values);
    }
}
