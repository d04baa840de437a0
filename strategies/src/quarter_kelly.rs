//! `quarter_kelly`: expected returns from alpha and factor premia; the engine sizes them.

use betaflow_engine::settings::Invalid;
use betaflow_engine::strategy::{Context, Strategy, TargetKind, Targets};
use serde::{Deserialize, Serialize};

use crate::Shipped;
use crate::forecast::{AlphaShrink, AlphaWord, add_premia};
use crate::registry::shipped_state;

/// Expected excess return of an instrument: μ_i = shrunk alpha_i + beta_i'λ.
///
/// Premia are all that a decade of factor returns can say, and are slow (`sizing.premium_prior_days`).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuarterKelly {
    /// Share of the estimated alpha that is believed: a number, or `"posterior"`.
    pub alpha_shrink: AlphaShrink,
}

impl Default for QuarterKelly {
    fn default() -> Self {
        Self { alpha_shrink: AlphaShrink::Word(AlphaWord::Posterior) }
    }
}

impl Shipped for QuarterKelly {
    const KIND: &'static str = "quarter_kelly";
    const ABOUT: &'static str = "a quarter of Kelly on alpha and factor premia, under all limits";
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
