//! Kalman filter kernel of `fixed`, eight instruments side by side.
//!
//! Every lane runs the same operations in the same order for every k, with no sums across lanes. So AVX-512, AVX2
//! and the baseline, the specialised sizes and the general one, a shared covariance and an instrument's own all
//! give the same bits.
//!
//! Columns are block-major, `[block][coefficient]`: the data of one block is contiguous. A covariance is its
//! upper triangle by rows, so it is symmetric by construction.

use std::sync::atomic::{Ordering, compiler_fence};

use crate::model::lanes;
use crate::model::lanes::lane_block::runs;
pub(super) use crate::model::lanes::lane_block::{Columns, LANES, LaneBlock, take, write_columns};
pub(super) use crate::model::lanes::packed_len;
use crate::model::lanes::{add_products, add_products_of_any, each_row, splat_all};
use crate::processor::{MulAdd, Vector, kernel};

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
fn full_by_size<M: Vector>(x: &[f64], motion: Motion<'_>, states: States<'_>) {
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
fn full_of<M: Vector, const K: usize, const SIZE: usize, const NOISE: usize>(
    x: &[f64],
    motion: Motion<'_>,
    states: States<'_>,
) {
    if let Some(transition) = motion.transition {
        // Within the loop below, it would take the registers of x.
        for (block, state) in states.state.chunks_exact_mut(SIZE).enumerate() {
            transit::<M>(K, transition.of(block, K * K), state);
        }
    }
    let x = splat_all::<M, K>(x);
    let States { state, observed, forecast, forecast_var, mut means } = states;
    let (blocks, _) = state.as_chunks_mut::<SIZE>();
    let count = blocks.len();
    let (observed, forecast, forecast_var) =
        (&observed[..count], &mut forecast[..count], &mut forecast_var[..count]);
    for run in runs(count, means.is_some()) {
        for block in run.clone() {
            let state = &mut blocks[block];
            let (noise, _) = motion.noise.of(block, NOISE).as_chunks::<NOISE>();
            let (noise, r) = (&noise[0], &motion.observation_var.of(block, 1)[0]);
            for part in 0..LANES / M::WIDTH {
                let mut px = [M::splat(0.0); K];
                for j in 0..K {
                    px[j] = predicted::<M, K, SIZE, NOISE>(state, noise, 0, j, part);
                }
                for j in 1..K {
                    px[0] = M::add_product(px[j], x[j], px[0]);
                }
                each_row!(i in 1 2 3 4 5 6 7, below K, {
                    let p = predicted::<M, K, SIZE, NOISE>(state, noise, i, i, part);
                    px[i] = M::add_product(p, x[i], px[i]);
                    for j in i + 1..K {
                        let p = predicted::<M, K, SIZE, NOISE>(state, noise, i, j, part);
                        px[i] = M::add_product(p, x[j], px[i]);
                        px[j] = M::add_product(p, x[i], px[j]);
                    }
                });
                let mut m = [M::splat(0.0); K];
                for j in 0..K {
                    m[j] = M::load(&state[j], part);
                }
                let f = add_products::<M, K>(m[0], &x, &m);
                let q = add_products::<M, K>(M::add(px[0], M::load(r, part)), &x, &px);
                let (y, zero) = (M::load(&observed[block], part), M::splat(0.0));
                let inverse_q = M::unless_missing(y, M::divide(M::splat(1.0), q), zero);
                let e = M::unless_missing(y, M::subtract(y, f), zero);
                M::store(f, &mut forecast[block], part);
                M::store(q, &mut forecast_var[block], part);
                // State and P are read again: there are fewer registers than elements, and saving them costs more.
                compiler_fence(Ordering::SeqCst);
                each_row!(i in 0 1 2 3 4 5 6 7, below K, {
                    let a = M::multiply(px[i], inverse_q);
                    M::store(M::add_product(a, e, M::load(&state[i], part)), &mut state[i], part);
                    for j in i..K {
                        let p = predicted::<M, K, SIZE, NOISE>(state, noise, i, j, part);
                        M::store(M::subtract_product(a, px[j], p), &mut state[K + packed(K, i, j)], part);
                    }
                });
            }
        }
        if let Some(means) = &mut means {
            means.write::<M>(run.start, blocks[run].as_flattened(), SIZE, K);
        }
    }
}

/// Element (i, j), i ≤ j, of P + Q.
#[inline(always)]
fn predicted<M: Vector, const K: usize, const SIZE: usize, const NOISE: usize>(
    state: &[LaneBlock; SIZE],
    noise: &[LaneBlock; NOISE],
    i: usize,
    j: usize,
    part: usize,
) -> M::V {
    let p = M::load(&state[K + packed(K, i, j)], part);
    if NOISE > K {
        M::add(p, M::load(&noise[packed(K, i, j)], part))
    } else if i == j {
        M::add(p, M::load(&noise[i], part))
    } else {
        p
    }
}

/// Kernel for any k: the same operations on every lane, through memory and not unrolled.
#[inline(always)]
fn full_any<M: Vector>(x: &[f64], motion: Motion<'_>, states: States<'_>) {
    let k = x.len();
    let size = k + packed_len(k);
    let mut px = vec![LaneBlock::ZERO; k];
    let mut means = states.means;
    let outputs = states.forecast.iter_mut().zip(states.forecast_var.iter_mut());
    let blocks = states.state.chunks_exact_mut(size).zip(states.observed).zip(outputs);
    for (block, ((state, y), (forecast, forecast_var))) in blocks.enumerate() {
        if let Some(transition) = motion.transition {
            transit::<M>(k, transition.of(block, k * k), state);
        }
        let noise = motion.noise.of(block, if motion.diagonal { k } else { size - k });
        let r = &motion.observation_var.of(block, 1)[0];
        let (m, p) = state.split_at_mut(k);
        for part in 0..LANES / M::WIDTH {
            for (at, noise) in noise.iter().enumerate() {
                let to = &mut p[if motion.diagonal { packed(k, at, at) } else { at }];
                M::store(M::add(M::load(to, part), M::load(noise, part)), to, part);
            }
            for i in 0..k {
                let mut sum = M::load(&p[packed(k, i, 0)], part);
                for j in 1..k {
                    sum = M::add_product(M::load(&p[packed(k, i, j)], part), M::splat(x[j]), sum);
                }
                M::store(sum, &mut px[i], part);
            }
            let f = add_products_of_any::<M>(M::load(&m[0], part), x, m, part);
            let first = M::add(M::load(&px[0], part), M::load(r, part));
            let q = add_products_of_any::<M>(first, x, &px, part);
            let (y, zero) = (M::load(y, part), M::splat(0.0));
            let inverse_q = M::unless_missing(y, M::divide(M::splat(1.0), q), zero);
            let e = M::unless_missing(y, M::subtract(y, f), zero);
            M::store(f, forecast, part);
            M::store(q, forecast_var, part);
            for i in 0..k {
                let a = M::multiply(M::load(&px[i], part), inverse_q);
                M::store(M::add_product(a, e, M::load(&m[i], part)), &mut m[i], part);
                for j in i..k {
                    let to = &mut p[packed(k, i, j)];
                    M::store(M::subtract_product(a, M::load(&px[j], part), M::load(to, part)), to, part);
                }
            }
        }
        if let Some(means) = &mut means {
            means.write::<M>(block, m, k, k);
        }
    }
}

/// Applies the transition without Q: m ← F m, P ← F P F'.
#[inline(always)]
fn transit<M: MulAdd>(k: usize, f: &[LaneBlock], state: &mut [LaneBlock]) {
    let (m, p) = state.split_at_mut(k);
    transit_mean::<M>(k, f, m);
    let mut fp = vec![LaneBlock::ZERO; k * k];
    for i in 0..k {
        for j in 0..k {
            let sum = &mut fp[i * k + j];
            sum.set_product(f[i * k], p[packed(k, 0, j)]);
            for l in 1..k {
                sum.add_product::<M>(f[i * k + l], p[packed(k, l, j)]);
            }
        }
    }
    for i in 0..k {
        for j in i..k {
            let sum = &mut p[packed(k, i, j)];
            sum.set_product(fp[i * k], f[j * k]);
            for l in 1..k {
                sum.add_product::<M>(fp[i * k + l], f[j * k + l]);
            }
        }
    }
}

kernel!(
    /// Applies a transition to the means of all blocks: m ← F m.
    pub(super) fn transit_means(k: usize, f: &[LaneBlock], means: &mut [LaneBlock]) = transit_all
);

#[inline(always)]
fn transit_all<M: MulAdd>(k: usize, f: &[LaneBlock], means: &mut [LaneBlock]) {
    for m in means.chunks_exact_mut(k) {
        transit_mean::<M>(k, f, m);
    }
}

/// Applies the transition to the mean of one block: m ← F m.
#[inline(always)]
fn transit_mean<M: MulAdd>(k: usize, f: &[LaneBlock], m: &mut [LaneBlock]) {
    let mut moved = vec![LaneBlock::ZERO; k];
    for (i, sum) in moved.iter_mut().enumerate() {
        sum.set_product(f[i * k], m[0]);
        for j in 1..k {
            sum.add_product::<M>(f[i * k + j], m[j]);
        }
    }
    m[..k].copy_from_slice(&moved);
}

#[cfg(test)]
mod tests;
