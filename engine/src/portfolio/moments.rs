//! Online estimates of the factor premia and the factor covariance.

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use super::settings::SizingSettings;
use crate::linalg::{reshape, square_state, vector_state};
use crate::model::CommonVolatility;
use crate::settings::Calendar;

/// Lower bound of a squared return in units of the level v. One squared return is a noisy measure of a variance, and its
/// logarithm has no lower bound.
const SQUARED_MIN: f64 = 0.25;
/// Mean of a bounded squared return: that of max(z², 1/4) for a standard normal z.
const SQUARED_MEAN: f64 = 1.0649;
/// Upper bound of a standardised return in the correlations.
const STANDARDISED_MAX: f64 = 100.0;

/// Running mean of the factor returns, shrunk to zero, and the covariance of their next returns.
///
/// The premia are the posterior mean of a constant mean with prior N(0, F/n₀) after t returns: λ = Σf/(n₀ +
/// t), with posterior covariance Λ = F/(n₀ + t). With `premium_half_life` they follow the trend: sum and
/// count are discounted alike (West & Harrison 6.3).
///
/// F = diag(σ) R diag(σ), in the manner of dynamic conditional correlation (Engle 2002). The mean return of a
/// frame is negligible beside σ (RiskMetrics 1996).
///
/// * σ_j² = v_j h_j. The level v_j is the mean of f_j², weighted by 2^(−age/half-life) with
///   `factor_volatility_half_life`. The forecast h_j of the next frame in units of the level is that of the common
///   volatility of returns, learned from f_j²/v_j of the factor alone (Corsi 2009). The level identifies h, whose mean is
///   near 1.
/// * R_jl = C_jl/√(C_jj C_ll) with C = Σ 2^(−age/half-life) z z', half-life `factor_half_life`, and z_j the return in
///   units of its forecast σ_j. Correlations are shrunk to zero by a given share (Ledoit & Wolf 2004).
///
/// A factor without a return in a frame keeps its mean, level and forecast, and has z = 0. R stays positive
/// semidefinite, and the correlations of a factor with a short history start near zero.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FactorMoments {
    prior_count: f64,
    decay: f64,
    volatility_decay: f64,
    premium_decay: f64,
    shrinkage: f64,
    series: Vec<FactorSeries>,
    #[serde(with = "vector_state")]
    premia: DVector<f64>,
    /// C, k × k.
    #[serde(with = "square_state")]
    products: DMatrix<f64>,
    /// Standardised returns z of the last frame; 0 without a return.
    #[serde(with = "vector_state")]
    standardised: DVector<f64>,
}

/// Mean and volatility of one factor.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct FactorSeries {
    count: f64,
    sum: f64,
    /// Weighted sum of f², and the sum of its weights.
    level: f64,
    weight: f64,
    volatility: CommonVolatility,
}

impl FactorSeries {
    fn new() -> Self {
        Self { count: 0.0, sum: 0.0, level: 0.0, weight: 0.0, volatility: CommonVolatility::new() }
    }

    /// Forecast variance v h of the next return; 0 before the first.
    fn variance(&self) -> f64 {
        if self.weight > 0.0 { self.level / self.weight * self.volatility.h() } else { 0.0 }
    }

    /// Updates mean and volatility with a return, and returns it in units of its forecast volatility.
    fn observe(&mut self, f: f64, premium_decay: f64, volatility_decay: f64) -> f64 {
        self.count = self.count * premium_decay + 1.0;
        self.sum = self.sum * premium_decay + f;
        let (variance, level) = (self.variance(), self.level / self.weight);
        self.level = self.level * volatility_decay + f * f;
        self.weight = self.weight * volatility_decay + 1.0;
        if variance > 0.0 {
            let squared = (f * f / level).max(SQUARED_MIN) / SQUARED_MEAN;
            self.volatility.learn(squared / self.volatility.h());
            return (f / variance.sqrt()).clamp(-STANDARDISED_MAX, STANDARDISED_MAX);
        }
        // Without a forecast only the sign is known.
        if f == 0.0 { 0.0 } else { f.signum() }
    }

    /// Ratio of the variance of the premium to that of the return: 1/(n₀ + t); 0 before the first return.
    fn premium_variance_ratio(&self, prior_count: f64) -> f64 {
        if self.count > 0.0 { 1.0 / (prior_count + self.count) } else { 0.0 }
    }
}

impl FactorMoments {
    /// Moments of k factors before the first frame.
    #[must_use]
    pub fn new(settings: &SizingSettings, calendar: &Calendar, k: usize) -> Self {
        let frames = f64::from(calendar.frames_per_day);
        let decay = |days: f64| libm::exp2(-1.0 / (days * frames));
        let mut moments = Self {
            prior_count: settings.premium_prior_days * frames,
            decay: decay(settings.factor_half_life),
            volatility_decay: decay(settings.factor_volatility_half_life),
            premium_decay: settings.premium_half_life.map_or(1.0, decay),
            shrinkage: settings.factor_shrinkage,
            series: Vec::new(),
            premia: DVector::zeros(0),
            products: DMatrix::zeros(0, 0),
            standardised: DVector::zeros(0),
        };
        moments.extend(k);
        moments
    }

    /// Adds factors without a return so far, up to k in all.
    pub fn extend(&mut self, k: usize) {
        if k <= self.series.len() {
            return;
        }
        self.series.resize_with(k, FactorSeries::new);
        self.premia = std::mem::take(&mut self.premia).resize_vertically(k, 0.0);
        self.products = std::mem::take(&mut self.products).resize(k, k, 0.0);
        self.standardised = DVector::zeros(k);
    }

    /// Updates the moments with the factor returns of one frame, length k; NaN for a factor without one.
    pub fn observe(&mut self, factors: &[f64]) {
        for (j, (series, f)) in self.series.iter_mut().zip(factors).enumerate() {
            self.standardised[j] =
                if f.is_nan() { 0.0 } else { series.observe(*f, self.premium_decay, self.volatility_decay) };
            self.premia[j] =
                if series.count > 0.0 { series.sum / (self.prior_count + series.count) } else { 0.0 };
        }
        self.products.ger(1.0, &self.standardised, &self.standardised, self.decay);
    }

    /// Expected factor returns λ per frame, length k.
    #[must_use]
    pub fn premia(&self) -> &DVector<f64> {
        &self.premia
    }

    /// Writes F, the covariance of the next factor returns per frame, into `out`, k × k.
    pub fn covariance(&self, out: &mut DMatrix<f64>) {
        let k = self.series.len();
        reshape(out, k, k);
        out.copy_from(&self.products);
        for (j, series) in self.series.iter().enumerate() {
            let (variance, square) = (series.variance(), self.products[(j, j)]);
            let scale = if square > 0.0 { (variance / square).sqrt() } else { 0.0 };
            out.column_mut(j).scale_mut(scale * (1.0 - self.shrinkage));
            out.row_mut(j).scale_mut(scale);
            out[(j, j)] = variance;
        }
        // A column and a row are scaled one after the other, which rounds the two halves differently.
        out.fill_upper_triangle_with_lower_triangle();
    }

    /// Adds the variance of the premia over `horizon` frames to F: F + H Λ.
    ///
    /// Λ_jl = F_jl √(ρ_j ρ_l) with ρ_j = 1/(n₀ + t_j), which is F/(n₀ + t) for factors with the same history.
    pub fn add_premia_variance(&self, horizon: f64, covariance: &mut DMatrix<f64>) {
        for (j, left) in self.series.iter().enumerate() {
            let left = left.premium_variance_ratio(self.prior_count);
            for (l, right) in self.series.iter().enumerate() {
                let right = right.premium_variance_ratio(self.prior_count);
                covariance[(l, j)] *= 1.0 + horizon * (left * right).sqrt();
            }
        }
    }

    /// Standard deviation of the premium λ of each factor, √Λ_jj.
    pub fn premium_deviations(&self) -> impl Iterator<Item = f64> + '_ {
        let of = |series: &FactorSeries| series.variance() * series.premium_variance_ratio(self.prior_count);
        self.series.iter().map(move |series| of(series).sqrt())
    }

    /// Ratio Λ_jj/F_jj of a factor: 1/(n₀ + t); 0 before its first return.
    #[must_use]
    pub fn premium_variance_ratio(&self, factor: usize) -> f64 {
        self.series[factor].premium_variance_ratio(self.prior_count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Σ 2^(−age/half-life) · value, the last one of age 0.
    fn discounted(values: &[f64], half_life: f64) -> f64 {
        let age = |at: usize| (values.len() - 1 - at) as f64;
        values.iter().enumerate().map(|(at, value)| value * libm::exp2(-age(at) / half_life)).sum()
    }

    fn near(found: f64, expected: f64, name: &str) {
        assert!(
            (found - expected).abs() <= 1e-10 * expected.abs(),
            "{name}: {found:e}, expected {expected:e}"
        );
    }

    /// One factor by the definitions, from all of its returns.
    #[derive(Default)]
    struct Plain {
        returns: Vec<f64>,
        volatility: Option<CommonVolatility>,
    }

    impl Plain {
        fn level(&self, half_life: f64) -> f64 {
            let squares: Vec<f64> = self.returns.iter().map(|f| f * f).collect();
            discounted(&squares, half_life) / discounted(&vec![1.0; squares.len()], half_life)
        }

        /// Forecast variance of the next return.
        fn variance(&self, half_life: f64) -> f64 {
            self.volatility.as_ref().map_or(0.0, |volatility| self.level(half_life) * volatility.h())
        }

        /// Takes a return, and gives it in units of its forecast.
        fn observe(&mut self, f: f64, half_life: f64) -> f64 {
            let (variance, level) = (self.variance(half_life), self.level(half_life));
            self.returns.push(f);
            let Some(volatility) = &mut self.volatility else {
                self.volatility = Some(CommonVolatility::new());
                return f.signum();
            };
            // Surprises are in units of the forecast h.
            volatility.learn((f * f / level).max(0.25) / 1.0649 / volatility.h());
            f / variance.sqrt()
        }
    }

    #[test]
    fn moments_equal_discounted_sums_of_the_returns() {
        let settings = SizingSettings {
            premium_prior_days: 30.0,
            premium_half_life: Some(10.0),
            factor_half_life: 20.0,
            factor_volatility_half_life: 5.0,
            factor_shrinkage: 0.2,
            ..SizingSettings::default()
        };
        let calendar = Calendar { frames_per_day: 2, ..Calendar::default() };
        let mut moments = FactorMoments::new(&settings, &calendar, 1);
        let (mut random, mut plain) = (Random::new(3), [Plain::default(), Plain::default()]);
        let mut products = [const { Vec::new() }; 3];
        for frame in 0..60 {
            moments.extend(if frame < 5 { 1 } else { 2 });
            let scale = if frame > 30 { 0.03 } else { 0.01 };
            let common = scale * (random.uniform() - 0.4);
            let second = 0.5 * common + 0.01 * (random.uniform() - 0.5);
            let known = [true, frame >= 5 && frame % 4 != 1];
            let returns = [common, if known[1] { second } else { f64::NAN }];
            moments.observe(&returns[..if frame < 5 { 1 } else { 2 }]);
            let z: Vec<f64> =
                (0..2).map(|j| if known[j] { plain[j].observe(returns[j], 10.0) } else { 0.0 }).collect();
            for (products, (a, b)) in products.iter_mut().zip([(0, 0), (1, 1), (0, 1)]) {
                products.push(z[a] * z[b]);
            }
            let mut found = DMatrix::zeros(0, 0);
            moments.covariance(&mut found);
            for (j, plain) in plain.iter().enumerate().take(moments.premia().len()) {
                let name = format!("frame {frame}, factor {j}");
                let count = discounted(&vec![1.0; plain.returns.len()], 20.0);
                near(moments.premia()[j], discounted(&plain.returns, 20.0) / (60.0 + count), &name);
                let ratio = if count > 0.0 { 1.0 / (60.0 + count) } else { 0.0 };
                near(moments.premium_variance_ratio(j), ratio, &name);
                near(found[(j, j)], plain.variance(10.0), &name);
                let deviation = (plain.variance(10.0) * ratio).sqrt();
                near(moments.premium_deviations().nth(j).unwrap_or(f64::NAN), deviation, &name);
            }
            if !plain[1].returns.is_empty() {
                let [first, second, cross] = [0, 1, 2].map(|at| discounted(&products[at], 40.0));
                let correlation = 0.8 * cross / (first * second).sqrt();
                let [a, b] = [0, 1].map(|j| plain[j].variance(10.0));
                near(found[(0, 1)], correlation * (a * b).sqrt(), &format!("frame {frame}"));
                assert_eq!(found[(0, 1)], found[(1, 0)]);
            }
        }
    }
}
