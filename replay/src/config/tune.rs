//! `[tune]`: how settings are chosen and judged by `betaflow tune`.

use betaflow_engine::require_whole;
use betaflow_engine::settings::{Calendar, Invalid, require};
use betaflow_engine::validation::{
    BLOCKS, CombinatorialPurged, Fold, Objective, WalkForward, one_path, purged_k_fold,
};
use serde::{Deserialize, Serialize};

/// How the data is divided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// Expanding windows: each block is judged by a choice from before it.
    #[default]
    WalkForward,
    /// Purged folds: each block is judged by a choice from both sides of it.
    KFold,
    /// Every choice of so many blocks is judged once: many paths through the data.
    Combinatorial,
}

impl Method {
    /// As it is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::WalkForward => "walk_forward",
            Self::KFold => "k_fold",
            Self::Combinatorial => "combinatorial",
        }
    }

    /// Folds unless asked otherwise.
    fn folds(self) -> usize {
        match self {
            Self::WalkForward | Self::KFold => WalkForward::FOLDS,
            Self::Combinatorial => 10,
        }
    }
}

/// What settings are compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum By {
    /// Net Sharpe ratio.
    #[default]
    Sharpe,
    /// Net Sortino ratio.
    Sortino,
    /// Net annual return over the deepest drawdown.
    Calmar,
    /// Net compound annual return.
    Growth,
    /// The lowest net Sharpe ratio of a few blocks.
    WorstBlock,
}

impl By {
    /// As it is typed.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sharpe => "sharpe",
            Self::Sortino => "sortino",
            Self::Calmar => "calmar",
            Self::Growth => "growth",
            Self::WorstBlock => "worst_block",
        }
    }
}

/// `[tune]`. Days become frames by the calendar of `[data]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TuneSettings {
    /// How the data is divided.
    pub method: Method,
    /// Blocks that are tested; of the method where it is not said.
    pub folds: Option<usize>,
    /// Blocks that a split of the combinatorial method tests.
    pub tested: usize,
    /// Days left out: before a tested block in a walk forward, after it in the other methods.
    pub embargo: u32,
    /// Days left out before a tested block, and after it, beside the embargo.
    pub purge: u32,
    /// What settings are compared by.
    pub objective: By,
    /// Blocks of the objective `worst_block`.
    pub blocks: usize,
    /// Blocks that the probability of overfitting is counted over.
    pub overfitting_blocks: usize,
}

impl Default for TuneSettings {
    fn default() -> Self {
        Self {
            method: Method::default(),
            folds: None,
            tested: 2,
            embargo: 21,
            purge: 0,
            objective: By::default(),
            blocks: 4,
            overfitting_blocks: BLOCKS,
        }
    }
}

/// Which frames choose and which judge.
pub(crate) struct Splits {
    pub(crate) folds: Vec<Fold>,
    /// For each path through the tested blocks, the fold that each block's result is from.
    pub(crate) paths: Vec<Vec<usize>>,
}

impl TuneSettings {
    /// Checks the ranges of all settings.
    ///
    /// # Errors
    /// For the first one that is out of its range.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let folds = self.folds();
        match self.method {
            Method::WalkForward => {
                require_whole!("folds", folds, 1 to 1_000)?;
            }
            Method::KFold => {
                require_whole!("folds", folds, 2 to 1_000)?;
            }
            Method::Combinatorial => {
                require_whole!("folds", folds, 3 to 100)?;
                let fewer = "at least 2, and fewer than the folds";
                require((2..folds).contains(&self.tested), "tested", self.tested, fewer)?;
            }
        }
        require_whole!("embargo", self.embargo, 0 to 100_000 "of days ")?;
        require_whole!("purge", self.purge, 0 to 100_000 "of days ")?;
        require_whole!("blocks", self.blocks, 1 to 1_000)?;
        let blocks = self.overfitting_blocks;
        let is_even = blocks.is_multiple_of(2) && (2..=20).contains(&blocks);
        require(is_even, "overfitting_blocks", blocks, "an even number from 2 to 20")
    }

    /// Blocks that are tested.
    pub(crate) fn folds(&self) -> usize {
        self.folds.unwrap_or(self.method.folds())
    }

    /// The objective of the engine.
    pub(crate) fn objective(&self) -> Objective {
        match self.objective {
            By::Sharpe => Objective::Sharpe,
            By::Sortino => Objective::Sortino,
            By::Calmar => Objective::Calmar,
            By::Growth => Objective::Growth,
            By::WorstBlock => Objective::WorstBlock { blocks: self.blocks },
        }
    }

    /// The folds of so many frames.
    ///
    /// # Errors
    /// Where folds, embargo and purge leave nothing of so few frames.
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
