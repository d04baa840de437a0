//! Strategy `quarter_kelly`: expected returns from alpha and factor premia, sized by the engine.

use betaflow_engine::settings;
use betaflow_engine::strategy::{Context, Strategy, StrategyError, TargetKind, Targets};
use serde::{Deserialize, Serialize};

use crate::Shipped;
use crate::forecast::{AlphaRule, AlphaShrink, add_premia};
use crate::registry::shipped_state;

settings! {
    /// Fractional Kelly on μ_i = shrunk alpha_i + beta_i'λ, the expected excess return of an instrument.
    ///
    /// The premia λ change slowly: even a decade of factor returns determines them imprecisely
    /// (`sizing.premium_prior_days`).
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub struct QuarterKelly in "strategy" {
        /// Share of the estimated alpha in the forecast: a number, or "posterior".
        alpha_shrink: AlphaShrink = AlphaShrink::Rule(AlphaRule::Posterior), in 0 to 1;
    }
}

impl Shipped for QuarterKelly {
    const KIND: &'static str = "quarter_kelly";
    const ABOUT: &'static str = "a quarter of Kelly on alpha and factor premia, within all limits";
    const TARGETS: TargetKind = TargetKind::Expected;
}

impl Strategy for QuarterKelly {
    shipped_state!();

    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        targets.kind = TargetKind::Expected;
        self.alpha_shrink.write(context.estimates, context.calendar, &mut targets.values);
        add_premia(&context, context.premia, &mut targets.values);
        Ok(())
    }
}
