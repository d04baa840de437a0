//! `factor_momentum`: factors that have risen go on rising, for a while.

use betaflow_engine::require_number;
use betaflow_engine::settings::Invalid;
use betaflow_engine::state::{StateError, restore_under, save_under};
use betaflow_engine::strategy::{Context, Strategy, TargetKind, Targets};
use serde::{Deserialize, Serialize};

use crate::Shipped;
use crate::forecast::add_premia;

/// Expected excess return of an instrument: μ_i = beta_i'm, m the trend of the factor returns.
///
/// The trend is the posterior mean of a factor's return with prior mean 0 after `prior` days, when what is older
/// than the half-life counts for half (factor momentum: Ehsani & Linnainmaa 2022). The engine sizes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FactorMomentum {
    /// Half-life of the trend in frames, from 0.01 to 1e9.
    pub half_life: f64,
    /// Frames of no return that the trend starts with, from 0 to 1e9.
    pub prior: f64,
    #[serde(skip)]
    sums: Vec<f64>,
    #[serde(skip)]
    count: f64,
    #[serde(skip)]
    trend: Vec<f64>,
}

impl Default for FactorMomentum {
    fn default() -> Self {
        let (sums, count, trend) = (Vec::new(), 0.0, Vec::new());
        Self { half_life: 126.0, prior: 63.0, sums, count, trend }
    }
}

impl Shipped for FactorMomentum {
    const KIND: &'static str = "factor_momentum";
    const ABOUT: &'static str = "fractional Kelly on the trend of the factor returns, through the betas";
    const TARGETS: TargetKind = TargetKind::Expected;

    fn check(&self) -> Result<(), Invalid> {
        require_number!("half_life", self.half_life, 0.01 to 1e9 "of frames ")?;
        require_number!("prior", self.prior, 0 to 1e9 "of frames ")
    }
}

impl Strategy for FactorMomentum {
    fn name(&self) -> &'static str {
        Self::KIND
    }

    fn save(&self) -> Result<Vec<u8>, StateError> {
        save_under(Self::KIND, self, &(&self.sums, self.count))
    }

    fn load(&mut self, state: &[u8]) -> Result<(), StateError> {
        (self.sums, self.count) = restore_under(Self::KIND, self, state)?;
        Ok(())
    }

    fn observe(&mut self, factors: &[f64]) {
        let kept = libm::exp2(-1.0 / self.half_life);
        self.sums.resize(factors.len(), 0.0);
        self.count = self.count * kept + 1.0;
        for (sum, factor) in self.sums.iter_mut().zip(factors) {
            *sum = *sum * kept + factor;
        }
    }

    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) {
        targets.kind = TargetKind::Expected;
        self.trend.clear();
        self.trend.extend(self.sums.iter().map(|sum| sum / (self.count + self.prior)));
        for (value, alpha) in targets.values.iter_mut().zip(&context.estimates.alpha) {
            // Nothing is believed of what has no beta yet.
            *value = if alpha.is_nan() { f64::NAN } else { 0.0 };
        }
        add_premia(context.estimates, &self.trend, &mut targets.values);
    }
}
