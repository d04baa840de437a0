//! Kernels over columns of one value per instrument.
//!
//! Each value of a column is computed alone, and each sum over instruments runs in engine order, so every instruction
//! set gives the same bits.

use nalgebra::{DMatrix, DVector};

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

/// Writes B'w into `out`, each sum in engine order.
pub(super) fn set_factor_exposures(exposures: &DMatrix<f64>, weights: &[f64], out: &mut DVector<f64>) {
    set_exposures(exposures, weights, out.as_mut_slice());
}

/// Writes B'w into `out`, each sum in engine order.
///
/// Four sums at a time, because consecutive additions to one sum wait for each other.
pub(super) fn set_exposures(exposures: &DMatrix<f64>, weights: &[f64], out: &mut [f64]) {
    let n = exposures.nrows().max(1);
    let (fours, rest) = out.as_chunks_mut::<4>();
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
