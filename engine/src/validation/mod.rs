//! Tuning without look-ahead, and tests for multiple testing. This module does no I/O; every result is a
//! function of its inputs.
//!
//! | module | content |
//! |---|---|
//! | `walk_forward`, `purged` | training and test frames: [`WalkForward`], [`purged_k_fold`], [`CombinatorialPurged`] |
//! | `choice`, `objective` | choice of a setting for each fold by the frames before its embargo: [`select`] |
//! | `cross` | choice of a setting for each split by the frames around its tested blocks, and the paths: [`select_across`] |
//! | `prefer` | one-standard-error rule: the setting with the least turnover among those as good as the best: [`prefer`](prefer()) |
//! | `certainty`, `resampled` | certainty of a choice, runner-up: [`certainty`](certainty()) |
//! | `aligned` | returns of many trials on their common frames: [`AlignedReturns`] |
//! | `tuning` | all of these combined, with out-of-sample paths: [`TuningResult`] |
//! | `deflated` | deflated Sharpe ratio of the best of many trials: [`Trials`], [`min_backtest_years`] |
//! | `trial_panel` | figures of trials with missing values: [`TrialPanel`] |
//! | `overfitting`, `block_sums`, `ranks` | probability of backtest overfitting: [`overfitting`] |
//! | `factor_luck` | chance that the best of several factors looks good without any premium: [`FactorLuck`] |
//! | `bootstrap` | stationary block bootstrap: [`StationaryBootstrap`] |
//!
//! Example: six settings of pure noise. One of them looks good; the deflated Sharpe ratio corrects it.
//!
//! ```
//! use betaflow_engine::metrics::ObservedSharpe;
//! use betaflow_engine::random::Random;
//! use betaflow_engine::validation::{Objective, Trials, WalkForward, overfitting, select};
//!
//! let mut random = Random::new(1);
//! let returns: Vec<Vec<f64>> =
//!     (0..6).map(|_| (0..1260).map(|_| 0.02 * (random.uniform() - 0.5)).collect()).collect();
//!
//! // Choose for five test blocks, each by the frames that end 21 frames before it.
//! let folds: Vec<_> = WalkForward::split(1260, WalkForward::FOLDS, 21)?.folds(1260)?.collect();
//! let selection = select(&returns, &folds, Objective::Sharpe, 252.0)?;
//! assert_eq!(selection.out_of_sample.len(), 5 * 210);
//!
//! // The best on all frames, and its probability of skill, given that six were tried.
//! let best = selection.in_sample.setting;
//! let observed: Vec<ObservedSharpe> =
//!     returns.iter().map(|trial| ObservedSharpe::of(trial.iter().copied())).collect();
//! let ratios: Vec<f64> = observed.iter().map(|trial| trial.ratio).collect();
//! let deflated = Trials::of(&ratios).deflated_sharpe(&observed[best]);
//! assert!(deflated < observed[best].probability_above(0.0) && deflated < 0.95);
//!
//! let luck = overfitting(&returns, 16)?;
//! assert_eq!(luck.splits, 12_870);
//! assert!(luck.probability > 0.05);
//! # Ok::<(), betaflow_engine::settings::Invalid>(())
//! ```
//!
//! # Conventions
//!
//! The choice for a fold is a function of the training slice of one setting, so frames in the embargo or
//! after it cannot affect it. [`select`] rejects folds that are not a walk forward. [`select_across`] passes
//! the training frames on both sides of a block, joined.
//!
//! `Selection::in_sample` is the best setting on all frames: the one to use next, not the result to expect.
//!
//! The one-standard-error rule needs the turnover of each frame as well as its return. `judge_across` takes
//! the rule of choice as a function.
//!
//! Resampling draws the same blocks of frames for all settings. Sharpe ratio and growth follow from weighted
//! sums, other objectives from the drawn frames. Many settings get fewer resamples.
//!
//! The first training window of [`WalkForward::split`] takes the remainder of ⌊frames/(folds + 1)⌋, as in
//! `TimeSeriesSplit`. The first blocks of [`purged_k_fold`] are one frame longer, as in `KFold`. The last
//! block of [`CombinatorialPurged`] takes the remainder, as in skfolio. `purge` frames before a tested block
//! and `purge + embargo` after it are excluded.
//!
//! The deflated Sharpe ratio uses the number of all trials and the variance of their ratios, including the
//! chosen one. Correlated trials count as fewer in theory; counting all of them is conservative.
//!
//! Overfitting follows from first and second moments of each block around the trial's own mean. A split and
//! its mirror image share their halves, and ranks are counted, not stored.

mod aligned;
mod block_sums;
mod bootstrap;
mod certainty;
mod choice;
mod cross;
mod deflated;
mod factor_luck;
mod folds;
mod objective;
mod overfitting;
mod prefer;
mod purged;
mod ranks;
mod resampled;
mod trial_panel;
mod trials;
mod tuning;
mod walk_forward;

pub use aligned::{AlignedReturns, AlignmentError, TrialReturns, common_tail};
pub use bootstrap::StationaryBootstrap;
pub use certainty::{Certainty, Difference, Resampling, certainty};
pub use choice::{Choice, ChosenSetting, Selection, select, select_by};
pub use cross::{
    BacktestPath, CrossChoice, CrossSelection, PathScores, judge_across, one_path, select_across,
    select_across_by,
};
pub use deflated::{Trials, min_backtest_years, min_backtest_years_bound};
pub use factor_luck::FactorLuck;
pub use folds::Fold;
pub use objective::{Objective, best};
pub use overfitting::{BLOCK_FRAMES_MIN, BLOCKS, Overfitting, blocks_of, overfitting};
pub use prefer::{PreferredSetting, SecondaryCriteria, prefer};
pub use purged::{CombinatorialPurged, purged_k_fold};
pub use ranks::LogitSummary;
pub use trial_panel::{TrialFigures, TrialPanel};
pub use tuning::{FoldChoice, TuningResult, TuningTask, median_path};
pub use walk_forward::WalkForward;
