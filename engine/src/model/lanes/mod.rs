//! Columns of one value per instrument, eight instruments side by side, and the kernels over them.
//!
//! All loops run the same operations for each lane in the same order, without sums across lanes. A product and a
//! sum are fused where the code says so, by [`MulAdd`](crate::processor::MulAdd) or
//! [`Vector`]. Every instruction set therefore gives the same bits.
//!
//! Loops over coefficients are inside loops over eight lanes, on stack copies. Compilers turn this form into
//! vector code. Check the assembly after a change.

pub(super) mod exp;
pub(super) mod lane_block;
pub(super) mod ln;
pub(super) mod one_gain;

use serde::{Deserialize, Serialize};

use crate::processor::Vector;
use lane_block::take;

pub use lane_block::{LANES, LaneBlock};

/// One value for each instrument of a block.
pub(super) type Lane = LaneBlock;

/// One value per instrument, in engine order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Column(pub(super) Vec<Lane>);

impl Column {
    /// Resizes to n instruments; new blocks hold `value`.
    pub(super) fn resize(&mut self, n: usize, value: f64) {
        self.0.resize(n.div_ceil(LANES), Lane::splat(value));
    }

    pub(super) fn get(&self, instrument: usize) -> f64 {
        self.0[instrument / LANES][instrument % LANES]
    }

    pub(super) fn set(&mut self, instrument: usize, value: f64) {
        self.0[instrument / LANES][instrument % LANES] = value;
    }

    /// Copies the values of all instruments; the remaining lanes of the last block hold `padding`. Returns
    /// true if any value is missing.
    pub(super) fn fill_from(&mut self, values: &[f64], padding: f64) -> bool {
        // Instruments are only added, so the lanes beyond them still hold the padding.
        self.0.resize(values.len().div_ceil(LANES), Lane::splat(padding));
        take(values, &mut self.0)
    }
}

/// Table of k values per instrument, the k blocks of eight instruments one after another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Coefficients {
    pub(super) k: usize,
    pub(super) blocks: Vec<Lane>,
}

impl Coefficients {
    pub(super) const fn new(k: usize) -> Self {
        Self { k, blocks: Vec::new() }
    }

    pub(super) fn resize(&mut self, n: usize) {
        self.blocks.resize(n.div_ceil(LANES) * self.k, Lane::ZERO);
    }

    pub(super) fn get(&self, instrument: usize, j: usize) -> f64 {
        self.blocks[instrument / LANES * self.k + j][instrument % LANES]
    }

    pub(super) fn set(&mut self, instrument: usize, j: usize, value: f64) {
        self.blocks[instrument / LANES * self.k + j][instrument % LANES] = value;
    }
}

/// Stack copy of K numbers. It aliases no other memory, so the compiler vectorises over eight lanes. For K =
/// 0 (size unknown at compile time) nothing is copied.
pub(super) struct Local<const K: usize>([f64; K]);

impl<const K: usize> Local<K> {
    #[inline(always)]
    pub(super) fn of(values: &[f64]) -> Self {
        Self(std::array::from_fn(|j| values[j]))
    }

    #[inline(always)]
    pub(super) fn get<'a>(&'a self, values: &'a [f64], k: usize) -> &'a [f64] {
        if K > 0 { &self.0 } else { &values[..k] }
    }
}

/// Stack copy of K values for each of eight lanes.
pub(super) struct LocalLanes<const K: usize>([Lane; K]);

impl<const K: usize> LocalLanes<K> {
    #[inline(always)]
    pub(super) fn of(values: &[Lane]) -> Self {
        Self(std::array::from_fn(|j| values[j]))
    }

    #[inline(always)]
    pub(super) fn get<'a>(&'a self, values: &'a [Lane], k: usize) -> &'a [Lane] {
        if K > 0 { &self.0 } else { &values[..k] }
    }
}

/// Sum `first` + Σ x_j m_j over j = 1, …, K − 1, in two sums of every other term, so that no addition waits for more
/// than half of the others. All filters forecast by it, and so with the same bits.
#[inline(always)]
pub(super) fn add_products<M: Vector, const K: usize>(first: M::V, x: &[M::V; K], m: &[M::V; K]) -> M::V {
    if K < 2 {
        return first;
    }
    let (mut even, mut odd) = (first, M::multiply(x[1], m[1]));
    for j in 2..K {
        if j % 2 == 0 {
            even = M::add_product(x[j], m[j], even);
        } else {
            odd = M::add_product(x[j], m[j], odd);
        }
    }
    M::add(even, odd)
}

/// Sum of [`add_products`] for any number of coefficients.
#[inline(always)]
pub(super) fn add_products_of_any<M: Vector>(first: M::V, x: &[f64], m: &[Lane], part: usize) -> M::V {
    let (mut even, mut odd) = (first, M::splat(0.0));
    for (j, (x, m)) in x.iter().zip(m).enumerate().skip(1) {
        let (x, m) = (M::splat(*x), M::load(m, part));
        if j % 2 == 0 {
            even = M::add_product(x, m, even);
        } else if j == 1 {
            odd = M::multiply(x, m);
        } else {
            odd = M::add_product(x, m, odd);
        }
    }
    if x.len() < 2 { first } else { M::add(even, odd) }
}

/// Reads one part of K blocks.
#[inline(always)]
pub(super) fn load_all<M: Vector, const K: usize>(blocks: &[Lane; K], part: usize) -> [M::V; K] {
    let mut values = [M::splat(0.0); K];
    for j in 0..K {
        values[j] = M::load(&blocks[j], part);
    }
    values
}

/// Repeats each of K numbers in every lane.
#[inline(always)]
pub(super) fn splat_all<M: Vector, const K: usize>(numbers: &[f64]) -> [M::V; K] {
    let numbers = &numbers[..K];
    let mut values = [M::splat(0.0); K];
    for j in 0..K {
        values[j] = M::splat(numbers[j]);
    }
    values
}

/// Position of entry (a, b), a ≤ b, in the packed upper triangle of a k × k matrix.
#[inline(always)]
pub(crate) const fn packed(k: usize, a: usize, b: usize) -> usize {
    a * (2 * k - a + 1) / 2 + (b - a)
}

/// Number of entries of the upper triangle of a k × k matrix.
#[must_use]
pub(crate) const fn packed_len(k: usize) -> usize {
    k * (k + 1) / 2
}

/// Repeats a block for each of the rows below `k`. Compilers do not unroll loops over triangles, and their arrays then
/// stay in memory.
macro_rules! each_row {
    ($i:ident in $($row:literal)*, below $k:expr, $body:block) => {
        $(if $row < $k {
            let $i: usize = $row;
            $body
        })*
    };
}
pub(crate) use each_row;

/// Instantiates the body of a kernel for each usual number of coefficients, so that its loops unroll. `M` is the
/// type of arithmetic of the kernel.
macro_rules! widths {
    ($k:expr, $m:ident, $body:ident($($argument:expr),*)) => {
        match $k {
            2 => $body::<$m, 2>($($argument),*),
            3 => $body::<$m, 3>($($argument),*),
            4 => $body::<$m, 4>($($argument),*),
            5 => $body::<$m, 5>($($argument),*),
            6 => $body::<$m, 6>($($argument),*),
            7 => $body::<$m, 7>($($argument),*),
            8 => $body::<$m, 8>($($argument),*),
            9 => $body::<$m, 9>($($argument),*),
            10 => $body::<$m, 10>($($argument),*),
            _ => $body::<$m, 0>($($argument),*),
        }
    };
}
pub(crate) use widths;
