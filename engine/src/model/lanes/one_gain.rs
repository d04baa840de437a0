//! Update of many means by one gain, for instruments with a common covariance.
//!
//! Every lane runs the same operations in the same order, without fused multiply-add and without sums across
//! lanes: AVX-512, AVX2 and the baseline, the specialised sizes and the general one all give the same bits.
//!
//! The hot loop is written for one lane, inside `for lane in 0..LANES` over arrays of known size: compilers
//! turn this form into one vector operation per line. Reading returns and writing means happen in the same
//! pass, so that memory access overlaps with computation.

use super::lane_block::{Columns, LANES, LaneBlock};
use crate::processor::{MulAdd, kernel};

/// Coefficients stored per block of means for k coefficients. Those beyond k are 0, with design and gain 0,
/// and change no bit: with fewer than five, compilers unroll the lanes instead of vectorising them.
pub(crate) const fn shared_width(k: usize) -> usize {
    if k < 5 { 5 } else { k }
}

/// Inputs of a frame common to all instruments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Common<'a> {
    /// Design with x_0 = 1; its length is the number of coefficients per block.
    pub(crate) x: &'a [f64],
    /// Gain A, of the same length.
    pub(crate) gain: &'a [f64],
    /// Update of the observation variance, if it is learned.
    pub(crate) learning: Option<Learning>,
}

/// Inputs of the variance update common to all instruments (West & Harrison 10.8).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Learning {
    /// Scaled forecast variance q = 1 + x'R*x.
    pub(crate) q: f64,
    /// Discounted degrees of freedom β n before the frame.
    pub(crate) prior_dof: f64,
    /// Lower bound of S.
    pub(crate) floor: f64,
}

/// Columns of the instruments, one block of eight after another.
#[derive(Debug)]
pub(crate) struct OneGain<'a> {
    /// Returns of the frame, NaN where missing; fewer than lanes if the last block is not full.
    pub(crate) returns: &'a [f64],
    /// Means m: block-major, as many values per block as the design has.
    pub(crate) mean: &'a mut [LaneBlock],
    /// Returns in lanes, 0 beyond the last: one per block, like all columns below.
    pub(crate) observed: &'a mut [LaneBlock],
    /// Forecasts x'm before the update.
    pub(crate) forecast: &'a mut [LaneBlock],
    /// Observation variances S. Without learning, this and the next column are not read.
    pub(crate) observation_var: &'a mut [LaneBlock],
    /// Observation variances S before the frame, which scale its forecast.
    pub(crate) forecast_scale: &'a mut [LaneBlock],
    /// Additional output of the means.
    pub(crate) means: Option<Columns<'a>>,
}

/// Computes f = x'm, e = y − f, m ← m + A e and, with learning, S ← (β n S + e²/q)/(β n + 1); f alone for an
/// instrument without a return. Returns true if a return is missing.
pub(crate) fn update(common: Common<'_>, each: OneGain<'_>) -> bool {
    update_kernel(common, each)
}

kernel!(fn update_kernel(common: Common<'_>, each: OneGain<'_>) -> bool = update_by_size);

#[inline(always)]
fn update_by_size<M: MulAdd>(common: Common<'_>, each: OneGain<'_>) -> bool {
    macro_rules! sizes {
        ($($k:literal)*) => {
            match (common.x.len(), common.learning.is_some()) {
                $(
                    ($k, false) => blocks::<M, $k, false>(common, each),
                    ($k, true) => blocks::<M, $k, true>(common, each),
                )*
                _ => any::<M>(common, each),
            }
        };
    }
    sizes!(5 6 7 8 9 10 11 12)
}

/// Returns of a block.
#[inline(always)]
fn returns_of(returns: &[f64], block: usize) -> LaneBlock {
    let (whole, rest) = returns.as_chunks::<LANES>();
    whole
        .get(block)
        .map_or_else(|| LaneBlock::from_fn(|lane| *rest.get(lane).unwrap_or(&0.0)), |y| LaneBlock(*y))
}

#[inline(always)]
fn blocks<M: MulAdd, const K: usize, const LEARNS: bool>(common: Common<'_>, each: OneGain<'_>) -> bool {
    let x: [f64; K] = std::array::from_fn(|j| common.x[j]);
    let gain: [f64; K] = std::array::from_fn(|j| common.gain[j]);
    let Learning { q, prior_dof, floor } = common.learning.unwrap_or(Learning::NONE);
    let (inverse_q, inverse_dof) = (1.0 / q, 1.0 / (prior_dof + 1.0));
    let OneGain { returns, mean, observed, forecast, observation_var, forecast_scale, mut means } = each;
    let (mean, _) = mean.as_chunks_mut::<K>();
    let mut missing = [0_u64; LANES];
    for (block, ((m, observed), forecast)) in mean.iter_mut().zip(observed).zip(forecast).enumerate() {
        let y = returns_of(returns, block);
        let before = if LEARNS { observation_var[block] } else { LaneBlock::ZERO };
        let (mut forecasts, mut learned) = (LaneBlock::ZERO, before);
        for lane in 0..LANES {
            let mut f = m[0].0[lane];
            for j in 1..K {
                f += m[j].0[lane] * x[j];
            }
            let absent = y.0[lane].is_nan();
            missing[lane] |= u64::from(absent);
            // An error of 0 leaves the mean unchanged.
            let e = if absent { 0.0 } else { y.0[lane] - f };
            for j in 0..K {
                m[j].0[lane] += gain[j] * e;
            }
            if LEARNS {
                let s = (prior_dof * before.0[lane] + (e * e) * inverse_q) * inverse_dof;
                let floored = if s > floor { s } else { floor };
                learned.0[lane] = if absent { before.0[lane] } else { floored };
            }
            forecasts.0[lane] = f;
        }
        if LEARNS {
            observation_var[block] = learned;
            forecast_scale[block] = before;
        }
        *observed = y;
        *forecast = forecasts;
        if let Some(means) = &mut means {
            means.write(block, m);
        }
    }
    missing.iter().any(|missing| *missing != 0)
}

/// Kernel for any k: the same operations on every lane, not unrolled.
#[inline(always)]
fn any<M: MulAdd>(common: Common<'_>, each: OneGain<'_>) -> bool {
    let (x, gain) = (common.x, common.gain);
    let Learning { q, prior_dof, floor } = common.learning.unwrap_or(Learning::NONE);
    let (inverse_q, inverse_dof) = (1.0 / q, 1.0 / (prior_dof + 1.0));
    let OneGain { returns, mean, observed, forecast, observation_var, forecast_scale, mut means } = each;
    let mut missing = false;
    for (block, ((m, observed), forecast)) in
        mean.chunks_exact_mut(x.len()).zip(observed).zip(forecast).enumerate()
    {
        let y = returns_of(returns, block);
        for lane in 0..LANES {
            let mut f = m[0].0[lane];
            for (m, x) in m.iter().zip(x).skip(1) {
                f += m.0[lane] * x;
            }
            let absent = y.0[lane].is_nan();
            missing |= absent;
            let e = if absent { 0.0 } else { y.0[lane] - f };
            for (m, gain) in m.iter_mut().zip(gain) {
                m.0[lane] += gain * e;
            }
            if common.learning.is_some() {
                let s = &mut observation_var[block].0[lane];
                forecast_scale[block].0[lane] = *s;
                let learned = (prior_dof * *s + (e * e) * inverse_q) * inverse_dof;
                if !absent {
                    *s = if learned > floor { learned } else { floor };
                }
            }
            forecast.0[lane] = f;
        }
        *observed = y;
        if let Some(means) = &mut means {
            means.write(block, m);
        }
    }
    missing
}

impl Learning {
    /// Placeholder for the unused learning parameters.
    const NONE: Self = Self { q: 1.0, prior_dof: 1.0, floor: 0.0 };
}

#[cfg(test)]
mod tests;
