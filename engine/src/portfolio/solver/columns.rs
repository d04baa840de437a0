//! Problem of a rebalance in blocks of eight instruments: the form in which its kernels read it.
//!
//! All values of a block are in neighbouring cache lines. The kernels (`fill.rs`, `respond.rs`, `slopes.rs`) run the
//! same operations in the same order for each lane, without fused multiply-add. Sums accumulate in [`LANES`] lanes that
//! are added at the end, or in engine order. Every instruction set therefore gives the same bits.

use super::slopes::Moving;
use crate::model::{LANES, LaneBlock};

/// Values of eight instruments. Padding in the last block has expected return 0 and bounds 0, so its weight is 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// Expected return μ.
    pub(super) expected: LaneBlock,
    /// Inverse of the curvature.
    pub(super) inverse: LaneBlock,
    /// Held weight.
    pub(super) held: LaneBlock,
    /// Linear cost per unit of trade.
    pub(super) cost: LaneBlock,
    /// Bounds of the weight.
    pub(super) lower: LaneBlock,
    pub(super) upper: LaneBlock,
    /// Weight at the current multipliers.
    pub(super) weight: LaneBlock,
}

impl Block {
    pub(super) const PADDING: Self = Self {
        expected: LaneBlock::ZERO,
        inverse: LaneBlock::splat(1.0),
        held: LaneBlock::ZERO,
        cost: LaneBlock::ZERO,
        lower: LaneBlock::ZERO,
        upper: LaneBlock::ZERO,
        weight: LaneBlock::ZERO,
    };
}

/// Curvature and impact of eight instruments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bend {
    /// Curvature D/κ of the instrument's own risk.
    pub(super) curvature: LaneBlock,
    /// Coefficient of |trade|^{3/2}.
    pub(super) impact: LaneBlock,
}

impl Bend {
    pub(super) const PADDING: Self = Self { curvature: LaneBlock::splat(1.0), impact: LaneBlock::ZERO };
}

/// Fees on shorts of eight instruments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fees {
    /// Fee on a short, per unit.
    pub(super) fee: LaneBlock,
    /// Weight at which the position is 0: minus the weight of the benchmark.
    pub(super) flat: LaneBlock,
}

/// Blocks of all instruments, and the coefficients of the sums that they share.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    pub(super) blocks: Vec<Block>,
    /// Curvature and impact of each block.
    pub(super) bends: Vec<Bend>,
    /// True if any instrument has impact.
    pub(super) has_impact: bool,
    /// Fees of each block; empty without fees.
    pub(super) fees: Vec<Fees>,
    /// Number of shared sums besides turnover and gross.
    pub(super) shared: usize,
    /// Coefficients of the shared sums, those of a block one after another.
    pub(super) coefficients: Vec<LaneBlock>,
    /// Sums that exceed the registers.
    pub(super) sums: Vec<LaneBlock>,
    pub(super) moving: Moving,
}

impl Columns {
    /// Resizes to n instruments and `shared` sums; the values are undefined.
    pub(super) fn resize(&mut self, n: usize, shared: usize) {
        let blocks = n.div_ceil(LANES);
        self.shared = shared;
        self.blocks.resize(blocks, Block::PADDING);
        self.bends.resize(blocks, Bend::PADDING);
        self.coefficients.resize(blocks * shared, LaneBlock::ZERO);
        self.sums.resize(shared, LaneBlock::ZERO);
    }

    /// Coefficient of an instrument in a shared sum.
    pub(super) fn coefficient(&self, instrument: usize, sum: usize) -> f64 {
        self.coefficients[instrument / LANES * self.shared + sum][instrument % LANES]
    }

    /// Block of an instrument, and its lane there.
    pub(super) fn block_of(&self, instrument: usize) -> (&Block, usize) {
        (&self.blocks[instrument / LANES], instrument % LANES)
    }

    /// Curvature of an instrument's own risk.
    pub(super) fn curvature(&self, instrument: usize) -> f64 {
        self.bends[instrument / LANES].curvature[instrument % LANES]
    }

    /// Fee on a short of an instrument, and the weight at which its position is 0.
    pub(super) fn fee(&self, instrument: usize) -> (f64, f64) {
        let lane = instrument % LANES;
        self.fees.get(instrument / LANES).map_or((0.0, 0.0), |fees| (fees.fee[lane], fees.flat[lane]))
    }

    /// Adds to the expected return of an instrument.
    pub(super) fn add_expected(&mut self, instrument: usize, value: f64) {
        self.blocks[instrument / LANES].expected[instrument % LANES] += value;
    }

    /// Weight of an instrument at the current multipliers.
    pub(super) fn weight(&self, instrument: usize) -> f64 {
        let (block, lane) = self.block_of(instrument);
        block.weight[lane]
    }

    /// Writes the weights of the first n instruments at the current multipliers into `out`.
    pub(super) fn write_weights(&self, n: usize, out: &mut Vec<f64>) {
        out.clear();
        out.reserve(self.blocks.len() * LANES);
        self.blocks.iter().for_each(|block| out.extend_from_slice(&block.weight.0));
        out.truncate(n);
    }
}

/// Instantiates a kernel for each usual number of shared sums, so that these sums stay in registers. With more, the
/// last eight do.
macro_rules! shared_sums {
    ($count:expr, $body:ident::<$method:ident, $costs:ident>($($argument:expr),*)) => {
        match $count {
            0 => $body::<$method, 0, $costs>($($argument),*),
            1 => $body::<$method, 1, $costs>($($argument),*),
            2 => $body::<$method, 2, $costs>($($argument),*),
            3 => $body::<$method, 3, $costs>($($argument),*),
            4 => $body::<$method, 4, $costs>($($argument),*),
            5 => $body::<$method, 5, $costs>($($argument),*),
            6 => $body::<$method, 6, $costs>($($argument),*),
            7 => $body::<$method, 7, $costs>($($argument),*),
            _ => $body::<$method, 8, $costs>($($argument),*),
        }
    };
}
pub(super) use shared_sums;
