//! `[tune]`: folds and objective of `betaflow tune`.

use betaflow_engine::settings::{Calendar, Invalid, SettingsTable as _, require};
use betaflow_engine::validation::{
    BLOCKS, CombinatorialPurged, Fold, Objective, WalkForward, one_path, purged_k_fold,
};
use betaflow_engine::{choices, settings};
use serde::{Deserialize, Serialize};

choices! {
    /// Division of the data into training and test blocks.
    pub(crate) enum Method, default WalkForward {
        /// Expanding windows: each block is tested with the choice made before it.
        WalkForward = "walk_forward",
        /// Purged folds: each block is tested with the choice made on both sides of it.
        KFold = "k_fold",
        /// Every combination of `tested` blocks is tested once: many paths through the data.
        Combinatorial = "combinatorial",
    }
}

impl Method {
    /// Default of `tune.folds`.
    fn folds(self) -> usize {
        match self {
            Self::WalkForward | Self::KFold => WalkForward::FOLDS,
            Self::Combinatorial => 10,
        }
    }
}

choices! {
    /// Figure that choices are compared by.
    pub(crate) enum Criterion, default Sharpe {
        /// Net Sharpe ratio.
        Sharpe = "sharpe",
        /// Net Sortino ratio.
        Sortino = "sortino",
        /// Net Calmar ratio: annual return over the maximum drawdown.
        Calmar = "calmar",
        /// Net compound annual return.
        Growth = "growth",
        /// Lowest net Sharpe ratio of `blocks` blocks.
        WorstBlock = "worst_block",
    }
}

settings! {
    /// Folds and objective of `tune`. Days become frames by the calendar of `[data]`.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    pub(crate) struct TuneSettings in "tune" {
        /// Division of the data into training and test blocks.
        method: Method = Method::default();
        /// Blocks that are tested; unset: 5, with `method` combinatorial 10.
        folds: Option<usize> = None, in 1 to 1_000, unit "blocks";
        /// Blocks that a split of the combinatorial method tests.
        tested: usize = 2, in 2 to 99, unit "blocks";
        /// Embargo: days left out before a test block of walk_forward, after it in the other methods.
        embargo: u32 = 21, in 0 to 100_000, unit "days";
        /// Purge: days left out before a test block, and after it, in addition to the embargo.
        purge: u32 = 0, in 0 to 100_000, unit "days";
        /// Figure that choices are compared by.
        objective: Criterion = Criterion::default();
        /// Blocks of the objective worst_block.
        blocks: usize = 4, in 1 to 1_000, unit "blocks";
        /// Blocks for the probability of backtest overfitting; an even number.
        overfitting_blocks: usize = BLOCKS, in 2 to 20, unit "blocks, even";
    }
}

/// Training and test frames of each fold.
pub(crate) struct Splits {
    pub(crate) folds: Vec<Fold>,
    /// For each path through the test blocks, the fold of each block's result.
    pub(crate) paths: Vec<Vec<usize>>,
}

impl TuneSettings {
    /// Checks the range of every number, and the number of blocks that the method needs.
    ///
    /// # Errors
    /// The first setting with an invalid value.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        self.check_ranges()?;
        let folds = self.folds();
        match self.method {
            Method::WalkForward => {}
            Method::KFold => {
                require(folds >= 2, "folds", folds, "at least 2 blocks, because tune.method is \"k_fold\"")?;
            }
            Method::Combinatorial => {
                let expected = "from 3 to 100 blocks, because tune.method is \"combinatorial\"";
                require((3..=100).contains(&folds), "folds", folds, expected)?;
                let expected = "at least 2 blocks, and fewer than tune.folds";
                require((2..folds).contains(&self.tested), "tested", self.tested, expected)?;
            }
        }
        let blocks = self.overfitting_blocks;
        Self::require("overfitting_blocks", blocks.is_multiple_of(2), blocks)
    }

    /// Number of test blocks.
    pub(crate) fn folds(&self) -> usize {
        self.folds.unwrap_or(self.method.folds())
    }

    /// Objective of the engine.
    pub(crate) fn objective(&self) -> Objective {
        match self.objective {
            Criterion::Sharpe => Objective::Sharpe,
            Criterion::Sortino => Objective::Sortino,
            Criterion::Calmar => Objective::Calmar,
            Criterion::Growth => Objective::Growth,
            Criterion::WorstBlock => Objective::WorstBlock { blocks: self.blocks },
        }
    }

    /// Folds of `frames` frames.
    ///
    /// # Errors
    /// Folds, embargo and purge leave no frame.
    pub(crate) fn splits(&self, frames: usize, calendar: &Calendar) -> Result<Splits, Invalid> {
        let in_frames = |days: u32| usize::try_from(calendar.frames(days)).unwrap_or(usize::MAX);
        let (count, purge, embargo) = (self.folds(), in_frames(self.purge), in_frames(self.embargo));
        Ok(match self.method {
            Method::WalkForward => {
                let forward = WalkForward::split(frames, count, purge.saturating_add(embargo))?;
                Splits { folds: forward.folds(frames)?.collect(), paths: one_path(count) }
            }
            Method::KFold => Splits {
                folds: purged_k_fold(frames, count, purge, embargo)?.collect(),
                paths: one_path(count),
            },
            Method::Combinatorial => {
                let splits = CombinatorialPurged::new(frames, count, self.tested, purge, embargo)?;
                Splits { folds: splits.folds().collect(), paths: splits.paths() }
            }
        })
    }
}
