//! Walk-forward folds: training windows before test blocks.

use super::folds::Fold;
use crate::settings::{Invalid, require};

/// Walk-forward windows: each test block follows its training window after an embargo, and test blocks do not
/// overlap. Sizes are in frames. The folds are those of skfolio's `WalkForward`, whose `purged_size` is the
/// embargo.
///
/// ```
/// use betaflow_engine::validation::WalkForward;
///
/// let folds: Vec<_> = WalkForward::split(66, 5, 2)?.folds(66)?.collect();
/// assert_eq!(folds.len(), 5);
/// assert_eq!((folds[0].train[0].clone(), folds[0].test[0].clone()), (0..9, 11..22));
/// assert_eq!((folds[4].train[0].clone(), folds[4].test[0].clone()), (0..53, 55..66));
/// # Ok::<(), betaflow_engine::settings::Invalid>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkForward {
    /// Length of the first training window; of every window if they do not expand.
    pub train: usize,
    /// Length of a test block.
    pub test: usize,
    /// Frames excluded between a training window and its test block.
    pub embargo: usize,
    /// True if every training window starts at frame 0.
    pub expanding: bool,
    /// True if a shorter last test block counts.
    pub keep_short: bool,
}

impl WalkForward {
    /// Default number of folds.
    pub const FOLDS: usize = 5;

    /// Expanding windows: `folds` test blocks of ⌊frames/(folds + 1)⌋ frames up to the last frame; all frames
    /// before the embargo of the first block are its training window. The folds equal those of scikit-learn's
    /// `TimeSeriesSplit` with the embargo as `gap`.
    ///
    /// # Errors
    /// Fails without folds, or for an empty test block or first training window.
    pub fn split(frames: usize, folds: usize, embargo: usize) -> Result<Self, Invalid> {
        require(folds > 0 && folds < frames, "folds", folds, "at least 1, and fewer than the frames")?;
        let test = frames / (folds + 1);
        let before = frames - folds * test;
        require(test > 0, "folds", folds, "a test block of at least one frame per fold")?;
        require(embargo < before, "embargo", embargo, "fewer frames than precede the first test block")?;
        Ok(Self { train: before - embargo, test, embargo, expanding: true, keep_short: false })
    }

    /// Folds of `frames` frames, in time order.
    ///
    /// # Errors
    /// Fails for an empty window, or for training and embargo that leave no frame to test.
    pub fn folds(self, frames: usize) -> Result<impl Iterator<Item = Fold>, Invalid> {
        require(self.train > 0, "train", self.train, "at least 1 frame")?;
        require(self.test > 0, "test", self.test, "at least 1 frame")?;
        let first = self.train.saturating_add(self.embargo);
        require(first < frames, "train", self.train, "with the embargo, fewer than the frames")?;
        let left = frames - first;
        let count = if self.keep_short { left.div_ceil(self.test) } else { left / self.test };
        Ok((0..count).map(move |fold| {
            let start = first + fold * self.test;
            let trained = start - self.embargo;
            let begin = if self.expanding { 0 } else { trained - self.train };
            let train = std::iter::once(begin..trained).collect();
            Fold { train, test: std::iter::once(start..(start + self.test).min(frames)).collect() }
        }))
    }
}
