//! Eight values side by side.

use std::ops::{Deref, DerefMut, Range};

use crate::processor::{MulAdd, Vector, kernel};
use serde::{Deserialize, Serialize};

/// Number of values in a [`LaneBlock`].
pub const LANES: usize = crate::processor::LANES;

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

    /// Sets `self` ← a b.
    #[inline(always)]
    pub(in crate::model) fn set_product(&mut self, a: Self, b: Self) {
        for lane in 0..LANES {
            self.0[lane] = a.0[lane] * b.0[lane];
        }
    }

    /// Adds a product with one rounding: `self` ← a b + `self`.
    #[inline(always)]
    pub(in crate::model) fn add_product<M: MulAdd>(&mut self, a: Self, b: Self) {
        for lane in 0..LANES {
            self.0[lane] = M::mul_add(a.0[lane], b.0[lane], self.0[lane]);
        }
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

/// Number of blocks after which a kernel writes their means: few enough that they are still in the nearest cache.
const RUN: usize = 32;

/// Runs of consecutive blocks: all at once, or [`RUN`] at a time if a kernel writes means after each. Between the runs,
/// so that the loop over blocks has all registers.
#[inline(always)]
pub(in crate::model) fn runs(blocks: usize, written: bool) -> impl Iterator<Item = Range<usize>> {
    let run = if written { RUN } else { blocks.max(1) };
    (0..blocks).step_by(run).map(move |from| from..blocks.min(from + run))
}

/// Columns of `len` values one after another, one per coefficient, as a target for blocks of coefficients.
/// The first block is written at the start; the last block may have lanes beyond the end.
#[derive(Debug)]
pub(in crate::model) struct Columns<'a> {
    pub(in crate::model) values: &'a mut [f64],
    pub(in crate::model) len: usize,
    /// True to write past the caches, where the processor can: the values are not read soon.
    pub(in crate::model) streamed: bool,
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

/// Writes one block of several columns of `len` values, which follow one another.
#[inline(always)]
pub(in crate::model) fn put_each(columns: &mut [f64], len: usize, block: usize, values: &[LaneBlock]) {
    for (column, values) in columns.chunks_exact_mut(len).zip(values) {
        put(column, block, values);
    }
}

impl Columns<'_> {
    /// Writes the first k of each `size` values of consecutive blocks from `first` on. The values of the last block may
    /// end after k.
    #[inline(always)]
    pub(in crate::model) fn write<M: Vector>(
        &mut self,
        first: usize,
        states: &[LaneBlock],
        size: usize,
        k: usize,
    ) {
        let at = first * LANES;
        let lanes = (states.len().div_ceil(size) * LANES).min(self.len - at);
        if self.streamed && M::STREAMS {
            for (j, column) in self.values.chunks_exact_mut(self.len).enumerate().take(k) {
                stream::<M>(&states[j..], size, &mut column[at..at + lanes]);
            }
            M::order_streams();
            return;
        }
        for (block, state) in states.chunks(size).enumerate() {
            let mut from = at + block * LANES;
            let lanes = LANES.min(lanes - block * LANES);
            for value in &state[..k] {
                let to = &mut self.values[from..from + lanes];
                match to.first_chunk_mut::<LANES>() {
                    Some(whole) => store::<M>(value, whole),
                    None => to.copy_from_slice(&value[..lanes]),
                }
                from += self.len;
            }
        }
    }
}

kernel!(
    /// Writes the first k of each `size` values of consecutive blocks from `first` on.
    pub(in crate::model) fn write_columns(
        columns: Columns<'_>,
        first: usize,
        states: &[LaneBlock],
        size: usize,
        k: usize
    ) = write_body
);

#[inline(always)]
fn write_body<M: Vector>(
    mut columns: Columns<'_>,
    first: usize,
    states: &[LaneBlock],
    size: usize,
    k: usize,
) {
    columns.write::<M>(first, states, size, k);
}

#[inline(always)]
fn store<M: Vector>(from: &LaneBlock, to: &mut [f64; LANES]) {
    for part in 0..LANES / M::WIDTH {
        M::store(M::load(from, part), to, part);
    }
}

/// Copies one of every `size` blocks into a column that is not read soon: past the caches, so that its lines are not
/// read from memory before they are written. Writes to memory are whole registers at their alignment, each of numbers
/// from two neighbours; the numbers before the first and after the last are written as usual.
#[inline(always)]
fn stream<M: Vector>(blocks: &[LaneBlock], size: usize, to: &mut [f64]) {
    let number = |at: usize| blocks[at / LANES * size][at % LANES];
    let (head, aligned, tail) = M::aligned(to);
    for (at, to) in head.iter_mut().enumerate() {
        *to = number(at);
    }
    let parts = LANES / M::WIDTH;
    let register = |at: usize| M::load(&blocks[at / parts * size], at % parts);
    let (ahead, count) = (head.len(), aligned.len());
    if ahead == 0 {
        for (at, to) in aligned.iter_mut().enumerate() {
            M::stream(register(at), to);
        }
    } else if count > 0 {
        let mut left = register(0);
        for (at, to) in aligned.iter_mut().enumerate() {
            let right = register(at + 1);
            M::stream(M::between(left, right, ahead), to);
            left = right;
        }
    }
    for (at, to) in tail.iter_mut().enumerate() {
        *to = number(ahead + count * M::WIDTH + at);
    }
}

#[cfg(test)]
mod tests;
