//! Folds: training and test frames.

use std::ops::Range;

/// Training and test frames. Ranges are in time order and do not overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Training frames, in non-empty ranges.
    pub train: Vec<Range<usize>>,
    /// Test frames, one range per block.
    pub test: Vec<Range<usize>>,
}

/// Training ranges between tested blocks, for `blocks` in time order: `purge` frames before and `purge +
/// embargo` frames after a tested block are excluded, but none at the ends of the data.
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
