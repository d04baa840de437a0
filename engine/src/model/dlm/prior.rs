//! Prior of an instrument before its first return.
//!
//! The prior variance of a beta is `initial_variance`, without a unit. That of alpha is a thousandth of the
//! observation variance unless `initial_alpha_variance` is set.

use serde::{Deserialize, Serialize};

use crate::model::lanes::lane_block::LaneBlock;
use crate::model::parts::SCALE;
use crate::model::settings::EstimatorSettings;

/// Default prior variance of alpha in units of the observation variance: a thirtieth of the residual
/// deviation of a return, at a daily scale some five basis points.
const ALPHA_VARIANCE: f64 = 1e-3;

/// Prior: alpha 0, the first factor's beta `initial_market_beta`, the loading on a group ½, the others 0, all independent.
///
/// By default no prior parameter has a unit: betas have none, the observation variance comes from past data,
/// and alpha's variance is relative to it. Returns and factors in other units therefore give the same betas.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Prior {
    pub(crate) market_beta: f64,
    /// Number of coefficients before those of groups.
    given: usize,
    beta_variance: f64,
    alpha_variance: Option<f64>,
    observation_variance: Option<f64>,
}

/// Prior mean of the loading on the instrument's own group.
const GROUP_BETA: f64 = 0.5;

/// Relative size of errors up to which they are rounding.
const ROUNDING: f64 = 1e-12;

impl Prior {
    pub(crate) fn new(settings: &EstimatorSettings) -> Self {
        Self {
            market_beta: settings.initial_market_beta,
            given: usize::MAX,
            beta_variance: settings.initial_variance,
            alpha_variance: settings.initial_alpha_variance,
            observation_variance: settings.observation_variance,
        }
    }

    /// Prior whose coefficients from number `given` on are loadings on groups.
    pub(crate) fn with_groups(self, given: usize) -> Self {
        Self { given, ..self }
    }

    /// Prior mean of coefficient j; of a group, in the units of the design ([`SCALE`]).
    pub(crate) fn mean(&self, j: usize) -> f64 {
        match j {
            0 => 0.0,
            j if j >= self.given => GROUP_BETA / SCALE,
            1 => self.market_beta,
            _ => 0.0,
        }
    }

    /// Prior observation variance S₀ of joining instruments: the setting; else the mean of `running`, the
    /// estimates of the instruments that trade; else that of a normal distribution with the mean absolute
    /// first error of the joining ones. `None` while those errors are all 0, because no scale is known.
    pub(crate) fn observation_variance(
        &self,
        running: impl Iterator<Item = f64>,
        returns: impl Iterator<Item = f64>,
        design: &[f64],
    ) -> Option<f64> {
        let market = design.get(1).filter(|_| self.given > 1);
        let forecast = market.map_or(0.0, |market| self.market_beta * market);
        let first = || {
            let (mut error, mut size, mut count) = (0.0, 0.0, 0.0);
            for y in returns {
                error += (y - forecast).abs();
                size += y.abs();
                count += 1.0;
            }
            // A rounding error carries no information about the variance: the instrument equals a factor.
            let e = error / count;
            (count > 0.0 && error > ROUNDING * size).then_some(std::f64::consts::FRAC_PI_2 * (e * e))
        };
        self.observation_variance
            .or_else(|| mean(running))
            .or_else(first)
            .filter(|s| s.is_normal() && *s > 0.0)
    }

    /// Scaled prior variances of alpha and of a beta, given S₀ of each model.
    pub(crate) fn scaled(&self, s0: &LaneBlock) -> [LaneBlock; 2] {
        let alpha = |s: f64| self.alpha_variance.map_or(ALPHA_VARIANCE, |variance| variance / s);
        [LaneBlock::from_fn(|m| alpha(s0[m])), LaneBlock::from_fn(|m| self.beta_variance / s0[m])]
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_error_gives_no_prior_variance() {
        let prior = Prior::new(&EstimatorSettings::default());
        for (y, market, known) in
            [(0.01, 0.01, false), (0.01, 0.01 * (1.0 + 1e-14), false), (0.01, 0.02, true)]
        {
            let found = prior.observation_variance(std::iter::empty(), std::iter::once(y), &[1.0, market]);
            assert_eq!(found.is_some(), known, "{y} {market}: {found:?}");
        }
    }

    #[test]
    fn prior_variance_is_the_setting_then_the_mean_then_that_of_the_first_errors() {
        let unset = EstimatorSettings { initial_market_beta: 0.5, ..EstimatorSettings::default() };
        let set = EstimatorSettings { observation_variance: Some(7.0), ..unset.clone() };
        // Errors of 1 and 3 about 0.5 · 4: a normal distribution with mean absolute error 2 has the variance 4π/2.
        let errors = &[3.0, -1.0][..];
        let of_errors = Some(2.0 * std::f64::consts::PI);
        type Case<'a> = (&'a EstimatorSettings, &'a [f64], &'a [f64], Option<f64>);
        let cases: [Case<'_>; 9] = [
            (&set, &[1.0, 5.0], errors, Some(7.0)),
            (&unset, &[1.0, 5.0], errors, Some(3.0)),
            (&unset, &[], errors, of_errors),
            (&unset, &[], &[], None),
            // No scale is known: variances that are 0, or out of the range of normal numbers.
            (&unset, &[0.0], errors, None),
            (&unset, &[1e-310], errors, None),
            (&unset, &[f64::INFINITY], errors, None),
            (&unset, &[], &[2.0, 2.0], None),
            (&unset, &[], &[1e200], None),
        ];
        for (settings, running, returns, expected) in cases {
            let (running, returns) = (running.iter().copied(), returns.iter().copied());
            let found = Prior::new(settings).observation_variance(running, returns, &[1.0, 4.0]);
            match (found, expected) {
                (Some(found), Some(expected)) => assert!((found / expected - 1.0).abs() < 1e-14, "{found}"),
                _ => assert_eq!(found, expected),
            }
        }
        // Without a given factor, the second entry of the design is that of a group.
        let prior = Prior::new(&unset).with_groups(1);
        let found = prior.observation_variance(std::iter::empty(), std::iter::once(2.0), &[1.0, 4.0]);
        assert_eq!(found, Some(2.0 * std::f64::consts::PI));
    }

    #[test]
    fn prior_has_the_means_and_variances_of_its_settings() {
        let settings = EstimatorSettings {
            initial_market_beta: 1.5,
            initial_variance: 0.25,
            initial_alpha_variance: Some(1e-6),
            ..EstimatorSettings::default()
        };
        let prior = Prior::new(&settings);
        assert_eq!([0, 1, 2].map(|j| prior.mean(j)), [0.0, 1.5, 0.0]);
        let prior = prior.with_groups(2);
        assert_eq!([0, 1, 2, 3].map(|j| prior.mean(j)), [0.0, 1.5, 0.5 / SCALE, 0.5 / SCALE]);
        let s0 = LaneBlock::from_fn(|model| 1e-4 * (1.0 + model as f64));
        let [alpha, beta] = prior.scaled(&s0);
        for model in [0, 3, 7] {
            assert_eq!((alpha[model], beta[model]), (1e-6 / s0[model], 0.25 / s0[model]));
        }
        let unset = Prior::new(&EstimatorSettings::default());
        assert_eq!(unset.scaled(&s0)[0][5], 1e-3);
    }
}
