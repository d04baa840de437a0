//! Strategy `weights`: target weights from a file of the user.

use betaflow_engine::frame::CrossSection;
use betaflow_engine::settings;
use betaflow_engine::strategy::{
    Context, Observed, Strategy, StrategyError, StrategyFacts, TargetKind, Targets,
};
use serde::{Deserialize, Serialize};

use crate::Shipped;
use crate::registry::shipped_state;
use crate::section::{Section, Status, frames};

settings! {
    /// Your own target weights: the engine trades to the nearest weights that the limits allow.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub struct Weights in "strategy" {
        /// File of weights: time, `symbol`, `weight` and optional `known_at`; or a column per symbol.
        ///
        /// An instrument without a row has the weight 0. A time acts as that of a forecast does.
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<String> = None, form "a path";
        /// Days for which weights stay valid without newer ones; then every weight is 0.
        valid_for: f64 = 35.0, in 0.001 to 10_000, unit "days";
    }
    and { section: Section }
}

impl Shipped for Weights {
    const KIND: &'static str = "weights";
    const ABOUT: &'static str = "your own target weights, from a file, within all limits";
    const TARGETS: TargetKind = TargetKind::Weights;
}

impl Strategy for Weights {
    shipped_state!(section);

    fn observes(&self) -> Observed {
        Observed { weights: true, ..Observed::default() }
    }

    fn observe_signal(&mut self, signal: &CrossSection, context: Context<'_>) -> Result<(), StrategyError> {
        self.section.take(signal, context.estimates.seq);
        let gross: f64 = self.section.values.iter().filter(|w| !w.is_nan()).map(|w| w.abs()).sum();
        self.section.facts.gross_max = self.section.facts.gross_max.max(gross);
        Ok(())
    }

    fn facts(&self) -> StrategyFacts {
        self.section.facts.clone()
    }

    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        let valid_for = frames(self.valid_for, context.calendar);
        targets.kind = match self.section.act(context.estimates.seq, valid_for) {
            Status::Unknown => TargetKind::NoForecast,
            // Without valid weights every weight is 0.
            Status::Expired => TargetKind::Weights,
            Status::Valid => {
                for (target, weight) in targets.values.iter_mut().zip(&self.section.values) {
                    *target = if weight.is_nan() { 0.0 } else { *weight };
                }
                TargetKind::Weights
            }
        };
        Ok(())
    }
}
