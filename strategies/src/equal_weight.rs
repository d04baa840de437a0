//! Strategy `equal_weight`: a baseline without estimates.

use betaflow_engine::settings;
use betaflow_engine::strategy::{Context, Strategy, StrategyError, TargetKind, Targets};
use serde::{Deserialize, Serialize};

use crate::Shipped;
use crate::registry::shipped_state;

settings! {
    /// Holds the same weight in every tradable instrument, within the limits.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub struct EqualWeight in "strategy" {}
}

impl Shipped for EqualWeight {
    const KIND: &'static str = "equal_weight";
    const ABOUT: &'static str = "the same weight in every tradable instrument, within all limits";
    const TARGETS: TargetKind = TargetKind::Weights;
}

impl Strategy for EqualWeight {
    shipped_state!();

    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        targets.kind = TargetKind::Weights;
        let count = context.tradable.iter().filter(|tradable| **tradable).count();
        targets.fully_invested_over = Some(count);
        for (value, tradable) in targets.values.iter_mut().zip(context.tradable) {
            *value = if *tradable { 1.0 / count as f64 } else { 0.0 };
        }
        Ok(())
    }
}
