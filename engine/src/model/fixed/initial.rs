//! Default start of EM.

use nalgebra::{DMatrix, DVector};

use super::state_space::StateSpace;

/// Prior variance P_0 of alpha in units of R: a thirtieth of the deviation of a return.
const ALPHA_VARIANCE: f64 = 1e-3;
/// Days after which the random walk of the coefficients has variance P_0.
const DAYS_TO_WANDER: f64 = 1e4;

impl StateSpace {
    /// Start for [`Em`](crate::model::fixed::Em) from the data of one instrument. It is equivariant to the
    /// units of the returns and factors, except for `market_beta`.
    ///
    /// F = I. R is the mean squared return. m_0 is (0, `market_beta`, 0, …). P_0 is diagonal: R/1000 for
    /// alpha, and for the beta on factor j R over the factor's mean square, so that this factor alone would
    /// explain the instrument. Q = P_0/10,000 per day of `frames_per_day` frames.
    ///
    /// `factors` are T × (k − 1), `returns` have length T, NaN where missing. `None` if no return differs
    /// from 0, because there is nothing to fit.
    ///
    /// # Panics
    /// The lengths do not match.
    #[must_use]
    pub fn scale_free(
        factors: &[f64],
        returns: &[f64],
        market_beta: f64,
        frames_per_day: u32,
    ) -> Option<Self> {
        let frames = returns.len().max(1);
        let k = factors.len() / frames + 1;
        assert_eq!(factors.len(), (k - 1) * returns.len(), "one row of factors per frame");
        let observation_variance = mean_square(returns.iter().copied())?;
        let mut wide = DVector::repeat(k, ALPHA_VARIANCE * observation_variance);
        for j in 1..k {
            let factor = factors.iter().skip(j - 1).step_by(k - 1).copied();
            // A factor of zeros has no scale; use 1.
            wide[j] = mean_square(factor).map_or(1.0, |square| observation_variance / square);
        }
        let rate = DAYS_TO_WANDER * f64::from(frames_per_day);
        let mut initial_mean = DVector::zeros(k);
        if k > 1 {
            initial_mean[1] = market_beta;
        }
        Some(Self {
            transition: DMatrix::identity(k, k),
            transition_covariance: DMatrix::from_diagonal(&wide) / rate,
            observation_variance,
            initial_mean,
            initial_covariance: DMatrix::from_diagonal(&wide),
        })
    }
}

/// Mean square of the present values; `None` unless it is a positive normal number.
fn mean_square(values: impl Iterator<Item = f64>) -> Option<f64> {
    let present = values.filter(|value| !value.is_nan());
    let (sum, count) = present.fold((0.0, 0.0), |(sum, count), value| (sum + value * value, count + 1.0));
    let mean: f64 = sum / count;
    (mean.is_normal() && mean > 0.0).then_some(mean)
}
