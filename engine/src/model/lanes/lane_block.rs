//! Eight values side by side.

use std::ops::{Deref, DerefMut};

use crate::processor::{MulAdd, kernel};
use serde::{Deserialize, Serialize};

/// Number of values in a [`LaneBlock`].
pub const LANES: usize = 8;

/// Eight values side by side, of eight instruments or of eight models: one cache line and one AVX-512
/// register.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[repr(C, align(64))]
pub struct LaneBlock(pub [f64; LANES]);

impl LaneBlock {
    /// Eight zeros.
    pub const ZERO: Self = Self([0.0; LANES]);

    /// Repeats a value in every lane.
    #[inline(always)]
    #[must_use]
    pub const fn splat(value: f64) -> Self {
        Self([value; LANES])
    }

    /// Builds each lane from its number.
    #[inline(always)]
    #[must_use]
    pub fn from_fn(of: impl FnMut(usize) -> f64) -> Self {
        Self(std::array::from_fn(of))
    }

    /// Sum over the lanes, in order.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.0.iter().sum()
    }
}

impl Deref for LaneBlock {
    type Target = [f64; LANES];

    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for LaneBlock {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

kernel!(
    /// Copies returns into lanes and leaves the remaining lanes unchanged; returns true if any return is missing.
    pub(in crate::model) fn take(returns: &[f64], observed: &mut [LaneBlock]) -> bool = take_body
);

#[inline(always)]
fn take_body<M: MulAdd>(returns: &[f64], observed: &mut [LaneBlock]) -> bool {
    let (blocks, rest) = returns.as_chunks::<LANES>();
    for (to, from) in observed.iter_mut().zip(blocks) {
        to.0 = *from;
    }
    if let (Some(last), false) = (observed.last_mut(), rest.is_empty()) {
        last.0[..rest.len()].copy_from_slice(rest);
    }
    returns.iter().fold(false, |any, y| any | y.is_nan())
}

/// Columns of `len` values one after another, one per coefficient, as a target for blocks of coefficients.
/// The first block is written at the start; the last block may have lanes beyond the end.
#[derive(Debug)]
pub(in crate::model) struct Columns<'a> {
    pub(in crate::model) values: &'a mut [f64],
    pub(in crate::model) len: usize,
}

/// Writes one block of a column; the last block may have lanes beyond the end.
#[inline(always)]
pub(in crate::model) fn put(column: &mut [f64], block: usize, values: &LaneBlock) {
    let at = block * LANES;
    match column.get_mut(at..at + LANES) {
        Some(whole) => whole.copy_from_slice(&values.0),
        None => {
            let rest = &mut column[at..];
            rest.copy_from_slice(&values.0[..rest.len()]);
        }
    }
}

impl Columns<'_> {
    /// Writes the coefficients of a block.
    #[inline(always)]
    pub(in crate::model) fn write(&mut self, block: usize, coefficients: &[LaneBlock]) {
        let at = block * LANES;
        for (value, column) in coefficients.iter().zip(self.values.chunks_exact_mut(self.len)) {
            match column.get_mut(at..at + LANES) {
                Some(whole) => whole.copy_from_slice(&value.0),
                None => column[at..].copy_from_slice(&value.0[..self.len - at]),
            }
        }
    }
}
