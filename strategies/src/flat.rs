//! Strategy `flat`: no position.

use betaflow_engine::settings;
use betaflow_engine::strategy::{Context, Strategy, StrategyError, TargetKind, Targets};
use serde::{Deserialize, Serialize};

use crate::Shipped;
use crate::registry::shipped_state;

settings! {
    /// Holds cash only and earns the interest on it.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub struct Flat in "strategy" {}
}

impl Shipped for Flat {
    const KIND: &'static str = "flat";
    const ABOUT: &'static str = "no positions; earns the interest on cash";
    const TARGETS: TargetKind = TargetKind::Weights;
}

impl Strategy for Flat {
    shipped_state!();

    fn decide(&mut self, _: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        targets.kind = TargetKind::Weights;
        Ok(())
    }
}
