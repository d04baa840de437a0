//! Purged k-fold and combinatorial purged cross-validation.

use std::ops::Range;

use itertools::Itertools as _;

use super::folds::{Fold, train_around};
use crate::settings::{Invalid, require};

/// Largest number of splits, as in skfolio: each split is a fit.
const SPLITS_MAX: usize = 100_000;

/// Purged k-fold cross-validation (López de Prado 2018, section 7.4).
///
/// Each block is the test once; training on both sides of it excludes `purge` frames before and `purge +
/// embargo` after it. Blocks are those of scikit-learn's `KFold` without shuffling: the first `frames` mod
/// `folds` blocks are one frame longer.
///
/// # Errors
/// Fails for fewer than two folds, more folds than frames, or purge and embargo that leave no frame of a
/// block.
pub fn purged_k_fold(
    frames: usize,
    folds: usize,
    purge: usize,
    embargo: usize,
) -> Result<impl Iterator<Item = Fold>, Invalid> {
    require((2..=frames).contains(&folds), "folds", folds, "at least 2, at most one per frame")?;
    let (size, longer) = (frames / folds, frames % folds);
    let left_out = purge.saturating_add(embargo);
    require(left_out < size, "embargo", left_out, "with the purge, fewer frames than a fold")?;
    let start = move |fold: usize| fold * size + fold.min(longer);
    let blocks: Vec<Range<usize>> = (0..folds).map(|fold| start(fold)..start(fold + 1)).collect();
    Ok((0..folds).map(move |test| Fold {
        train: train_around(&blocks, |at| at == test, purge, embargo),
        test: std::iter::once(blocks[test].clone()).collect(),
    }))
}

/// Combinatorial purged cross-validation (López de Prado 2018, sections 12.3 and 12.4).
///
/// Every combination of `tested` folds is tested once, and the blocks join into several paths through all
/// frames. Splits, paths and conventions are those of skfolio's `CombinatorialPurgedCV`: the last block takes
/// the remainder of ⌊frames/folds⌋.
///
/// ```
/// use betaflow_engine::validation::CombinatorialPurged;
///
/// let splits = CombinatorialPurged::new(60, 6, 2, 1, 2)?;
/// let first = splits.folds().next().ok_or("no fold")?;
/// assert_eq!((splits.count(), splits.paths().len()), (15, 5));
/// assert_eq!(first.test, [0..10, 10..20]);
/// assert_eq!(first.train[0], 23..60);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CombinatorialPurged {
    blocks: Vec<Range<usize>>,
    tested: usize,
    purge: usize,
    embargo: usize,
    count: u64,
}

impl CombinatorialPurged {
    /// Splits of `frames` frames in `folds` blocks; `purge` and `embargo` in frames.
    ///
    /// # Errors
    /// Fails for fewer than three folds, fewer than two tested folds or all of them, more than 100,000
    /// splits, or purge and embargo that leave fewer than two frames of a block.
    pub fn new(
        frames: usize,
        folds: usize,
        tested: usize,
        purge: usize,
        embargo: usize,
    ) -> Result<Self, Invalid> {
        require(folds >= 3, "folds", folds, "at least 3")?;
        require((2..folds).contains(&tested), "tested", tested, "at least 2 and fewer than all folds")?;
        let size = frames / folds;
        let left_out = purge.saturating_add(embargo);
        require(
            left_out.saturating_add(1) < size,
            "embargo",
            left_out,
            "with the purge, at least two frames less than a fold",
        )?;
        let count = (0..folds).combinations(tested).size_hint().1.filter(|&count| count <= SPLITS_MAX);
        require(count.is_some(), "folds", folds, "at most 100,000 splits")?;
        let end = |fold: usize| if fold + 1 == folds { frames } else { (fold + 1) * size };
        let blocks = (0..folds).map(|fold| fold * size..end(fold)).collect();
        Ok(Self { blocks, tested, purge, embargo, count: count.unwrap_or_default() as u64 })
    }

    /// Number of splits: `folds` choose `tested`.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Splits, in lexicographic order of their tested blocks.
    pub fn folds(&self) -> impl Iterator<Item = Fold> + '_ {
        (0..self.blocks.len()).combinations(self.tested).map(|tested| Fold {
            train: train_around(&self.blocks, |at| tested.contains(&at), self.purge, self.embargo),
            test: tested.iter().map(|&at| self.blocks[at].clone()).collect(),
        })
    }

    /// Paths through all frames: for each, the split that gives the result of each block.
    #[must_use]
    pub fn paths(&self) -> Vec<Vec<usize>> {
        let mut paths = vec![
            Vec::with_capacity(self.blocks.len());
            self.count as usize * self.tested / self.blocks.len()
        ];
        for block in 0..self.blocks.len() {
            let splits = (0..self.blocks.len()).combinations(self.tested).enumerate();
            let with_block = splits.filter(|(_, tested)| tested.contains(&block)).map(|(split, _)| split);
            paths.iter_mut().zip(with_block).for_each(|(path, split)| path.push(split));
        }
        paths
    }
}
