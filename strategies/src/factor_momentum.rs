//! Strategy `factor_momentum`: factors with past gains tend to gain further for some time.

use betaflow_engine::settings;
use betaflow_engine::settings::Calendar;
use betaflow_engine::strategy::{Context, Strategy, StrategyError, TargetKind, Targets};
use serde::{Deserialize, Serialize};

use crate::Shipped;
use crate::forecast::add_premia;
use crate::registry::shipped_state;

settings! {
    /// Fractional Kelly on μ_i = beta_i'm, the expected excess return of an instrument; m is the trend of the factor
    /// returns.
    ///
    /// The trend is the posterior mean of a factor's return under a prior mean of 0 worth `prior` days of data. The weight
    /// of a past return halves every `half_life` days (factor momentum: Ehsani & Linnainmaa 2022). The factor of a group
    /// has a trend of its own, which stays while the group has no return.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub struct FactorMomentum in "strategy" {
        /// Half-life of the trend of the factor returns.
        half_life: f64 = 126.0, in 0.01 to 1e9, unit "days";
        /// Days with a return of zero that the trend starts with.
        prior: f64 = 63.0, in 0 to 1e9, unit "days";
    }
    and { sums: Vec<f64>, counts: Vec<f64>, trend: Vec<f64> }
}

impl Shipped for FactorMomentum {
    const KIND: &'static str = "factor_momentum";
    const ABOUT: &'static str = "fractional Kelly on the trend of the factor returns, through the betas";
    const TARGETS: TargetKind = TargetKind::Expected;
}

impl Strategy for FactorMomentum {
    shipped_state!(sums, counts);

    fn observe(&mut self, factors: &[f64], calendar: &Calendar) -> Result<(), StrategyError> {
        let kept = libm::exp2(-1.0 / (self.half_life * f64::from(calendar.frames_per_day)));
        self.sums.resize(factors.len(), 0.0);
        self.counts.resize(factors.len(), 0.0);
        let series = self.sums.iter_mut().zip(&mut self.counts).zip(factors);
        // The factor of a group has frames without a return: its trend stays.
        for ((sum, count), factor) in series.filter(|(_, factor)| !factor.is_nan()) {
            *count = *count * kept + 1.0;
            *sum = *sum * kept + factor;
        }
        Ok(())
    }

    fn decide(&mut self, context: Context<'_>, targets: &mut Targets) -> Result<(), StrategyError> {
        targets.kind = TargetKind::Expected;
        self.trend.clear();
        let prior = self.prior * f64::from(context.calendar.frames_per_day);
        let trend = self.sums.iter().zip(&self.counts).map(|(sum, count)| match count + prior {
            0.0 => 0.0,
            weight => sum / weight,
        });
        self.trend.extend(trend);
        for (value, alpha) in targets.values.iter_mut().zip(&context.estimates.alpha) {
            // No forecast exists before the first beta.
            *value = if alpha.is_nan() { f64::NAN } else { 0.0 };
        }
        add_premia(&context, &self.trend, &mut targets.values);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_life_is_in_days() {
        let observed = |half_life: f64, frames_per_day: u32| {
            let mut strategy = FactorMomentum { half_life, ..FactorMomentum::default() };
            let calendar = Calendar { frames_per_day, ..Calendar::default() };
            (0..40).for_each(|i| strategy.observe(&[f64::from(i % 7) * 1e-3], &calendar).unwrap());
            (strategy.sums, strategy.counts)
        };
        assert_eq!(observed(10.0, 3), observed(30.0, 1));
    }
}
