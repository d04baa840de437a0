//! Values of the histories in the lanes of their instruments.

use std::ops::Range;

use super::histories::{Histories, MIXED, NONE};
use crate::model::lanes::lane_block::LANES;

/// Values of the histories, of one kind or several, in the lanes of a block's instruments.
///
/// Consecutive blocks of one history fill the lanes once.
#[derive(Clone, Debug)]
pub(in crate::model) struct OfHistories {
    /// Common history of the block whose values are in the lanes; [`MIXED`] for none.
    filled: u32,
}

impl OfHistories {
    pub(in crate::model) const fn new() -> Self {
        Self { filled: MIXED }
    }

    /// Calls `fill` for each run of lanes of a block with the same history, if the lanes have other values.
    /// [`None`] stands for instruments that have not started. Returns true if any lane was filled.
    #[inline(always)]
    pub(in crate::model) fn fill(
        &mut self,
        histories: &Histories,
        block: usize,
        mut fill: impl FnMut(Option<usize>, Range<usize>),
    ) -> bool {
        let known = |history: u32| (history != NONE).then_some(history as usize);
        let common = histories.of_block[block];
        if common != MIXED {
            if common == self.filled {
                return false;
            }
            fill(known(common), 0..LANES);
        } else {
            let by_lane = histories.by_lane(block);
            let mut from = 0;
            for run in by_lane.chunk_by(|a, b| a == b) {
                fill(known(run[0]), from..from + run.len());
                from += run.len();
            }
        }
        self.filled = common;
        true
    }
}
