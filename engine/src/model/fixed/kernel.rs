//! Kalman filter kernel of `fixed`, eight instruments side by side.
//!
//! Every lane runs the same operations in the same order for every k: no fused multiply-add, no sums across
//! lanes. So AVX-512, AVX2 and the baseline, the specialised sizes and the general one, a shared covariance
//! and an instrument's own all give the same bits.
//!
//! Columns are block-major, `[block][coefficient]`: the data of one block is contiguous. A covariance is its
//! upper triangle by rows, so it is symmetric by construction.
//!
//! The hot loops are written for one lane, inside `for lane in 0..LANES` over arrays of known size: compilers
//! turn this form into one vector operation per line. With long chains of operations, arithmetic on whole
//! arrays stays scalar and costs ten times as much.

use crate::model::lanes;
pub(super) use crate::model::lanes::lane_block::{Columns, LANES, LaneBlock, take};
pub(super) use crate::model::lanes::packed_len;
use crate::processor::{MulAdd, kernel};

/// Arithmetic of the kernel on eight values at once.
trait Products {
    fn set_product(&mut self, a: LaneBlock, b: LaneBlock);
    fn add_product(&mut self, a: LaneBlock, b: LaneBlock);
    fn subtract_product(&mut self, a: LaneBlock, b: LaneBlock);
}

impl Products for LaneBlock {
    /// Sets `self` ← a b.
    #[inline(always)]
    fn set_product(&mut self, a: Self, b: Self) {
        for lane in 0..LANES {
            self.0[lane] = a.0[lane] * b.0[lane];
        }
    }

    /// Adds: `self` ← `self` + a b.
    #[inline(always)]
    fn add_product(&mut self, a: Self, b: Self) {
        for lane in 0..LANES {
            self.0[lane] += a.0[lane] * b.0[lane];
        }
    }

    /// Subtracts: `self` ← `self` − a b.
    #[inline(always)]
    fn subtract_product(&mut self, a: Self, b: Self) {
        for lane in 0..LANES {
            self.0[lane] -= a.0[lane] * b.0[lane];
        }
    }
}

/// Position of element (i, j) of a symmetric k × k matrix in its packed upper triangle.
#[inline(always)]
pub(super) const fn packed(k: usize, i: usize, j: usize) -> usize {
    if i <= j { lanes::packed(k, i, j) } else { lanes::packed(k, j, i) }
}

/// Parameter in lanes: one block for all instruments, or a separate block for each eight.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lanewise<'a> {
    pub(super) values: &'a [LaneBlock],
    pub(super) each: bool,
}

impl<'a> Lanewise<'a> {
    #[inline(always)]
    fn of(&self, block: usize, len: usize) -> &'a [LaneBlock] {
        let at = if self.each { block * len } else { 0 };
        &self.values[at..at + len]
    }
}

/// Transition of the states from one frame to the next, and variance of the returns around x'm.
#[derive(Clone, Copy, Debug)]
pub(super) struct Motion<'a> {
    /// Transition F, row-major k × k; `None` is the identity.
    pub(super) transition: Option<Lanewise<'a>>,
    /// Transition covariance Q: its packed triangle, or only its diagonal if `diagonal`.
    pub(super) noise: Lanewise<'a>,
    pub(super) diagonal: bool,
    /// Observation variance R.
    pub(super) observation_var: Lanewise<'a>,
}

/// Inputs and outputs of the full kernel, in whole blocks.
#[derive(Debug)]
pub(super) struct States<'a> {
    /// Mean m and then the packed P: k + k(k + 1)/2 values per block.
    pub(super) state: &'a mut [LaneBlock],
    /// Returns of the frame, NaN where missing: one per block.
    pub(super) observed: &'a [LaneBlock],
    /// Forecasts x'm before the update: one per block.
    pub(super) forecast: &'a mut [LaneBlock],
    /// Forecast variances x'Px + R: one per block.
    pub(super) forecast_var: &'a mut [LaneBlock],
    /// Additional output of the means.
    pub(super) means: Option<Columns<'a>>,
}

/// One frame of the Kalman filter with a covariance for each instrument (Durbin & Koopman 4.3): m ← F m, P ←
/// F P F' + Q; f = x'm, q = x'Px + R, A = Px/q; m ← m + A (y − f), P ← P − A (Px)'.
///
/// Assumes x_0 = 1. A lane without a return gets 1/q = 0 and y − f = 0, so the prediction remains.
pub(super) fn full(x: &[f64], motion: Motion<'_>, states: States<'_>) {
    full_kernel(x, motion, states);
}

kernel!(fn full_kernel(x: &[f64], motion: Motion<'_>, states: States<'_>) = full_by_size);

#[inline(always)]
fn full_by_size<M: MulAdd>(x: &[f64], motion: Motion<'_>, states: States<'_>) {
    macro_rules! sizes {
        ($($k:literal)*) => {
            match (x.len(), motion.diagonal) {
                $(
                    ($k, true) => full_of::<M, $k, { $k + packed_len($k) }, $k>(x, motion, states),
                    ($k, false) => {
                        full_of::<M, $k, { $k + packed_len($k) }, { packed_len($k) }>(x, motion, states);
                    }
                )*
                _ => full_any::<M>(x, motion, states),
            }
        };
    }
    sizes!(2 3 4 5 6 7 8);
}

/// Kernel for K coefficients, SIZE = K + K(K + 1)/2 values per state; NOISE is K for a diagonal Q.
#[inline(always)]
fn full_of<M: MulAdd, const K: usize, const SIZE: usize, const NOISE: usize>(
    x: &[f64],
    motion: Motion<'_>,
    states: States<'_>,
) {
    let x: [f64; K] = std::array::from_fn(|j| x[j]);
    let (blocks, _) = states.state.as_chunks_mut::<SIZE>();
    let mut means = states.means;
    let outputs = states.forecast.iter_mut().zip(states.forecast_var.iter_mut());
    for (block, ((state, &y), (forecast, forecast_var))) in
        blocks.iter_mut().zip(states.observed).zip(outputs).enumerate()
    {
        if let Some(transition) = motion.transition {
            transit(K, transition.of(block, K * K), state);
        }
        let noise = motion.noise.of(block, NOISE);
        let noise: [LaneBlock; NOISE] = std::array::from_fn(|at| noise[at]);
        let r = motion.observation_var.of(block, 1)[0];
        let (mut forecasts, mut variances) = (LaneBlock::ZERO, LaneBlock::ZERO);
        for lane in 0..LANES {
            // P + Q, upper triangle.
            let mut p = [[0.0; K]; K];
            for i in 0..K {
                for j in i..K {
                    let value = state[K + packed(K, i, j)].0[lane];
                    p[i][j] = if NOISE > K {
                        value + noise[packed(K, i, j)].0[lane]
                    } else if i == j {
                        value + noise[i].0[lane]
                    } else {
                        value
                    };
                }
            }
            let mut px = [0.0; K];
            for i in 0..K {
                px[i] = p[0][i];
                for j in 1..K {
                    px[i] += if i <= j { p[i][j] } else { p[j][i] } * x[j];
                }
            }
            let (mut f, mut spread) = (state[0].0[lane], px[0]);
            for j in 1..K {
                f += state[j].0[lane] * x[j];
            }
            for j in 1..K {
                spread += px[j] * x[j];
            }
            let q = spread + r.0[lane];
            let missing = y.0[lane].is_nan();
            let inverse_q = if missing { 0.0 } else { 1.0 / q };
            let e = if missing { 0.0 } else { y.0[lane] - f };
            for i in 0..K {
                let a = px[i] * inverse_q;
                state[i].0[lane] += a * e;
                for j in i..K {
                    state[K + packed(K, i, j)].0[lane] = p[i][j] - a * px[j];
                }
            }
            forecasts.0[lane] = f;
            variances.0[lane] = q;
        }
        *forecast = forecasts;
        *forecast_var = variances;
        if let Some(means) = &mut means {
            means.write(block, &state[..K]);
        }
    }
}

/// Kernel for any k: the same operations on every lane, through memory and not unrolled.
#[inline(always)]
fn full_any<M: MulAdd>(x: &[f64], motion: Motion<'_>, states: States<'_>) {
    let k = x.len();
    let size = k + packed_len(k);
    let mut px = vec![LaneBlock::ZERO; k];
    let mut means = states.means;
    let outputs = states.forecast.iter_mut().zip(states.forecast_var.iter_mut());
    let blocks = states.state.chunks_exact_mut(size).zip(states.observed).zip(outputs);
    for (block, ((state, y), (f, q))) in blocks.enumerate() {
        if let Some(transition) = motion.transition {
            transit(k, transition.of(block, k * k), state);
        }
        let noise = motion.noise.of(block, if motion.diagonal { k } else { size - k });
        let (m, p) = state.split_at_mut(k);
        for (at, noise) in noise.iter().enumerate() {
            let to = if motion.diagonal { packed(k, at, at) } else { at };
            p[to].add_product(*noise, LaneBlock::splat(1.0));
        }
        for i in 0..k {
            px[i] = p[packed(k, i, 0)];
            for j in 1..k {
                px[i].add_product(p[packed(k, i, j)], LaneBlock::splat(x[j]));
            }
        }
        (*f, *q) = (m[0], px[0]);
        for j in 1..k {
            f.add_product(m[j], LaneBlock::splat(x[j]));
            q.add_product(px[j], LaneBlock::splat(x[j]));
        }
        q.add_product(motion.observation_var.of(block, 1)[0], LaneBlock::splat(1.0));
        let (mut inverse_q, mut e, mut a) = (LaneBlock::ZERO, LaneBlock::ZERO, LaneBlock::ZERO);
        for lane in 0..LANES {
            let missing = y.0[lane].is_nan();
            inverse_q.0[lane] = if missing { 0.0 } else { 1.0 / q.0[lane] };
            e.0[lane] = if missing { 0.0 } else { y.0[lane] - f.0[lane] };
        }
        for i in 0..k {
            a.set_product(px[i], inverse_q);
            m[i].add_product(a, e);
            for j in i..k {
                p[packed(k, i, j)].subtract_product(a, px[j]);
            }
        }
        if let Some(means) = &mut means {
            means.write(block, m);
        }
    }
}

/// Applies the transition without Q: m ← F m, P ← F P F'.
#[inline(always)]
fn transit(k: usize, f: &[LaneBlock], state: &mut [LaneBlock]) {
    let (m, p) = state.split_at_mut(k);
    transit_mean(k, f, m);
    let mut fp = vec![LaneBlock::ZERO; k * k];
    for i in 0..k {
        for j in 0..k {
            let sum = &mut fp[i * k + j];
            sum.set_product(f[i * k], p[packed(k, 0, j)]);
            for l in 1..k {
                sum.add_product(f[i * k + l], p[packed(k, l, j)]);
            }
        }
    }
    for i in 0..k {
        for j in i..k {
            let sum = &mut p[packed(k, i, j)];
            sum.set_product(fp[i * k], f[j * k]);
            for l in 1..k {
                sum.add_product(fp[i * k + l], f[j * k + l]);
            }
        }
    }
}

/// Applies the transition to the mean of one block: m ← F m.
#[inline(always)]
pub(super) fn transit_mean(k: usize, f: &[LaneBlock], m: &mut [LaneBlock]) {
    let mut moved = vec![LaneBlock::ZERO; k];
    for (i, sum) in moved.iter_mut().enumerate() {
        sum.set_product(f[i * k], m[0]);
        for j in 1..k {
            sum.add_product(f[i * k + j], m[j]);
        }
    }
    m[..k].copy_from_slice(&moved);
}

#[cfg(test)]
mod tests;
