//! Fit on the past, be judged on what follows.

use super::folds::Fold;
use crate::settings::{Invalid, require};

/// Walk-forward windows: each test block follows its training window after an embargo, and no test blocks overlap.
/// Sizes are in frames. The folds are those of skfolio's `WalkForward`, whose `purged_size` is the embargo.
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
    /// The first training window; of every fold where windows do not expand.
    pub train: usize,
    /// A test block.
    pub test: usize,
    /// Frames left out between a training window and its test block.
    pub embargo: usize,
    /// Every training window begins at frame 0.
    pub expanding: bool,
    /// A last test block that is too short counts.
    pub keep_short: bool,
}

impl WalkForward {
    /// The number of folds unless asked otherwise.
    pub const FOLDS: usize = 5;

    /// Expanding windows: `folds` test blocks of ⌊frames/(folds + 1)⌋ frames up to the last frame, and everything
    /// before the first block's embargo as its training window. These are also the folds of scikit-learn's
    /// `TimeSeriesSplit` with the embargo as `gap`.
    ///
    /// # Errors
    /// Without folds, or where a test block or the first training window would be empty.
    pub fn split(frames: usize, folds: usize, embargo: usize) -> Result<Self, Invalid> {
        require(folds > 0 && folds < frames, "folds", folds, "at least 1, and more than one frame for each")?;
        let test = frames / (folds + 1);
        let before = frames - folds * test;
        require(test > 0, "folds", folds, "a test block of at least one frame for each")?;
        require(embargo < before, "embargo", embargo, "fewer frames than come before the first test block")?;
        Ok(Self { train: before - embargo, test, embargo, expanding: true, keep_short: false })
    }

    /// The folds of so many frames, in the order of time.
    ///
    /// # Errors
    /// For an empty window, or where training and embargo leave nothing to test.
    pub fn folds(self, frames: usize) -> Result<impl Iterator<Item = Fold>, Invalid> {
        require(self.train > 0, "train", self.train, "at least 1 frame")?;
        require(self.test > 0, "test", self.test, "at least 1 frame")?;
        let first = self.train.saturating_add(self.embargo);
        require(first < frames, "train", self.train, "with the embargo, fewer frames than there are")?;
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
