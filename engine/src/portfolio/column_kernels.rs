//! Kernels over columns of one value per instrument.
//!
//! Each value of a column is computed alone, and each sum over instruments runs in engine order, so every instruction
//! set gives the same bits.

use nalgebra::{DMatrix, DVector};

use crate::model::LANES;
use crate::processor::{MulAdd, kernel};

kernel!(
    /// Copies values; unknown ones (NaN) become 0.
    pub(super) fn copy_known(from: &[f64], to: &mut [f64]) = copy_known_body
);

#[inline(always)]
fn copy_known_body<M: MulAdd>(from: &[f64], to: &mut [f64]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = if from.is_nan() { 0.0 } else { *from };
    }
}

kernel!(
    /// Adds factor · column for each column in turn; unknown values (NaN) of a column add nothing. `columns` has the
    /// length of `to` times that of `factors`, or less.
    pub(super) fn add_known_products(to: &mut [f64], columns: &[f64], factors: &[f64]) = add_known_products_body
);

#[inline(always)]
fn add_known_products_body<M: MulAdd>(to: &mut [f64], columns: &[f64], factors: &[f64]) {
    let n = to.len().max(1);
    let product = |value: f64, factor: f64| if value.is_nan() { 0.0 } else { factor * value };
    let (blocks, rest) = to.as_chunks_mut::<LANES>();
    for (at, block) in blocks.iter_mut().enumerate() {
        let mut sums = *block;
        for (column, factor) in columns.chunks_exact(n).zip(factors) {
            let values = &column[at * LANES..][..LANES];
            for lane in 0..LANES {
                sums[lane] += product(values[lane], *factor);
            }
        }
        *block = sums;
    }
    let from = n - rest.len();
    for (column, factor) in columns.chunks_exact(n).zip(factors) {
        for (sum, value) in rest.iter_mut().zip(&column[from..]) {
            *sum += product(*value, *factor);
        }
    }
}

/// Writes B'w into `out`, each sum in engine order.
///
/// Four sums at a time, because consecutive additions to one sum wait for each other.
pub(super) fn set_factor_exposures(exposures: &DMatrix<f64>, weights: &[f64], out: &mut DVector<f64>) {
    let n = exposures.nrows().max(1);
    let (fours, rest) = out.as_mut_slice().as_chunks_mut::<4>();
    let mut columns = exposures.as_slice().chunks_exact(n);
    for out in fours {
        let mut next = || columns.next().unwrap_or_default();
        let [a, b, c, d] = [next(), next(), next(), next()];
        let mut sums = [-0.0; 4];
        for ((((weight, a), b), c), d) in weights.iter().zip(a).zip(b).zip(c).zip(d) {
            sums[0] += a * weight;
            sums[1] += b * weight;
            sums[2] += c * weight;
            sums[3] += d * weight;
        }
        *out = sums;
    }
    for out in rest {
        let column = columns.next().unwrap_or_default();
        *out = column.iter().zip(weights).map(|(beta, w)| beta * w).sum();
    }
}
