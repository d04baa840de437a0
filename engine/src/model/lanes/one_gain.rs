//! Update of many means by one gain, for instruments with a common covariance.
//!
//! Every lane runs the same operations in the same order, without sums across lanes: AVX-512, AVX2 and the baseline,
//! the specialised sizes and the general one all give the same bits. Reading returns and writing means happen in the
//! same pass, so that memory access overlaps with computation.

use super::lane_block::{Columns, LANES, LaneBlock, runs};
use super::{add_products, add_products_of_any, load_all, splat_all};
use crate::processor::{Vector, kernel};

/// Inputs of a frame common to all instruments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Common<'a> {
    /// Design with x_0 = 1, of length k.
    pub(crate) x: &'a [f64],
    /// Gain A, of the same length.
    pub(crate) gain: &'a [f64],
    /// Update of the observation variance, if it is learned.
    pub(crate) learning: Option<Learning>,
}

/// Update of the observation variance, common to all instruments (West & Harrison 10.8): S ← `kept` S + `learned` e².
#[derive(Clone, Copy, Debug)]
pub(crate) struct Learning {
    /// Factor β n/(β n + 1).
    pub(crate) kept: f64,
    /// Factor 1/(q (β n + 1)).
    pub(crate) learned: f64,
    /// Lower bound of S.
    pub(crate) floor: f64,
}

impl Learning {
    /// Placeholder where the variance is not learned.
    const NONE: Self = Self { kept: 1.0, learned: 0.0, floor: 0.0 };

    /// Update with the scaled forecast variance q = 1 + x'R*x and the degrees of freedom β n before the frame.
    pub(crate) fn new(q: f64, prior_dof: f64, floor: f64) -> Self {
        let dof = prior_dof + 1.0;
        Self { kept: prior_dof / dof, learned: 1.0 / (q * dof), floor }
    }
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
fn update_by_size<M: Vector>(common: Common<'_>, each: OneGain<'_>) -> bool {
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
    sizes!(2 3 4 5 6 7 8 9 10 11 12)
}

#[inline(always)]
fn blocks<M: Vector, const K: usize, const LEARNS: bool>(common: Common<'_>, each: OneGain<'_>) -> bool {
    let (x, gain) = (splat_all::<M, K>(common.x), splat_all::<M, K>(common.gain));
    let learning = LearningRegisters::<M>::of(&common);
    let OneGain { returns, mean, observed, forecast, observation_var, forecast_scale, mut means } = each;
    let (mean, _) = mean.as_chunks_mut::<K>();
    let (whole, last) = returns_in_blocks(returns);
    let count = mean.len();
    let (observed, forecast) = (&mut observed[..count], &mut forecast[..count]);
    let learned = if LEARNS { count } else { 0 };
    let (observation_var, forecast_scale) = (&mut observation_var[..learned], &mut forecast_scale[..learned]);
    let mut missing = false;
    for blocks in runs(count, means.is_some()) {
        for block in blocks.clone() {
            let m = &mut mean[block];
            let y = if block < whole.len() { &whole[block] } else { &last };
            for part in 0..LANES / M::WIDTH {
                let (y, mut own) = (M::load(y, part), load_all::<M, K>(m, part));
                let f = add_products::<M, K>(own[0], &x, &own);
                // An error of 0 leaves the mean unchanged.
                let e = M::unless_missing(y, M::subtract(y, f), M::splat(0.0));
                missing |= M::any_missing(y);
                for j in 0..K {
                    own[j] = M::add_product(gain[j], e, own[j]);
                    M::store(own[j], &mut m[j], part);
                }
                if LEARNS {
                    let s = M::load(&observation_var[block], part);
                    M::store(s, &mut forecast_scale[block], part);
                    M::store(learning.update(s, e, y), &mut observation_var[block], part);
                }
                M::store(y, &mut observed[block], part);
                M::store(f, &mut forecast[block], part);
            }
        }
        if let Some(means) = &mut means {
            means.write::<M>(blocks.start, mean[blocks].as_flattened(), K, K);
        }
    }
    missing
}

/// Kernel for any k: the same operations on every lane, not unrolled.
#[inline(always)]
fn any<M: Vector>(common: Common<'_>, each: OneGain<'_>) -> bool {
    let (x, gain) = (common.x, common.gain);
    let learning = LearningRegisters::<M>::of(&common);
    let OneGain { returns, mean, observed, forecast, observation_var, forecast_scale, mut means, .. } = each;
    let (whole, last) = returns_in_blocks(returns);
    let mut missing = false;
    for (block, m) in mean.chunks_exact_mut(x.len()).enumerate() {
        let y = whole.get(block).unwrap_or(&last);
        for part in 0..LANES / M::WIDTH {
            let y = M::load(y, part);
            let f = add_products_of_any::<M>(M::load(&m[0], part), x, m, part);
            let e = M::unless_missing(y, M::subtract(y, f), M::splat(0.0));
            missing |= M::any_missing(y);
            for (m, gain) in m.iter_mut().zip(gain) {
                M::store(M::add_product(M::splat(*gain), e, M::load(m, part)), m, part);
            }
            if common.learning.is_some() {
                let s = M::load(&observation_var[block], part);
                M::store(s, &mut forecast_scale[block], part);
                M::store(learning.update(s, e, y), &mut observation_var[block], part);
            }
            M::store(y, &mut observed[block], part);
            M::store(f, &mut forecast[block], part);
        }
        if let Some(means) = &mut means {
            means.write::<M>(block, m, x.len(), x.len());
        }
    }
    missing
}

/// Whole blocks of returns, and the last one with 0 beyond the last return.
#[inline(always)]
fn returns_in_blocks(returns: &[f64]) -> (&[[f64; LANES]], [f64; LANES]) {
    let (whole, rest) = returns.as_chunks::<LANES>();
    let mut last = [0.0; LANES];
    last[..rest.len()].copy_from_slice(rest);
    (whole, last)
}

/// [`Learning`] in registers.
pub(crate) struct LearningRegisters<M: Vector> {
    pub(crate) kept: M::V,
    pub(crate) learned: M::V,
    pub(crate) floor: M::V,
}

impl<M: Vector> LearningRegisters<M> {
    #[inline(always)]
    fn of(common: &Common<'_>) -> Self {
        let Learning { kept, learned, floor } = common.learning.unwrap_or(Learning::NONE);
        Self { kept: M::splat(kept), learned: M::splat(learned), floor: M::splat(floor) }
    }

    /// Variance after an error e; unchanged without a return.
    #[inline(always)]
    pub(crate) fn update(&self, s: M::V, e: M::V, y: M::V) -> M::V {
        let after = M::add_product(self.learned, M::multiply(e, e), M::multiply(self.kept, s));
        M::unless_missing(y, M::larger(after, self.floor), s)
    }
}

#[cfg(test)]
mod tests;
