//! What a fold is.

use std::ops::Range;

/// Frames to fit on and frames to be judged on. Ranges are in the order of time and do not overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Frames to fit on; none is empty.
    pub train: Vec<Range<usize>>,
    /// Frames to be judged on, a range a block.
    pub test: Vec<Range<usize>>,
}

/// What is left to train on between tested blocks: the frames `purge` before and `purge + embargo` after a tested
/// block are left out, those at the two ends of the data are not. Of blocks in the order of time.
pub(super) fn train_around(
    blocks: &[Range<usize>],
    tested: impl Fn(usize) -> bool,
    purge: usize,
    embargo: usize,
) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (at, block) in blocks.iter().enumerate().filter(|(at, _)| !tested(*at)) {
        let after_test = at > 0 && tested(at - 1);
        let before_test = at + 1 < blocks.len() && tested(at + 1);
        let start = block.start + if after_test { purge + embargo } else { 0 };
        let end = block.end.saturating_sub(if before_test { purge } else { 0 });
        match ranges.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => ranges.push(start..end),
        }
    }
    ranges.retain(|range| range.start < range.end);
    ranges
}
