//! Tuning without hindsight, and how much of a result is luck. Free of I/O; everything is a function of its inputs.
//!
//! | read | for |
//! |---|---|
//! | `walk_forward`, `purged` | which frames to fit on and which to be judged on: [`WalkForward`], [`purged_k_fold`], [`CombinatorialPurged`] |
//! | `choice`, `objective` | a setting for each fold by what lies before its embargo: [`select`] |
//! | `cross` | a setting for each split by what lies around its tested blocks, and the paths that come of it: [`select_across`] |
//! | `prefer` | of settings that cannot be told from the best the one that trades least: [`prefer`](prefer()) |
//! | `certainty`, `resampled` | how sure a choice is, the runner-up: [`certainty`](certainty()) |
//! | `aligned` | returns of many trials on the frames that all have: [`AlignedReturns`] |
//! | `tuning` | all of these as one tuning with its out-of-sample paths: [`TuningResult`] |
//! | `deflated` | what the best of many trials is worth: [`Trials`], [`min_backtest_years`] |
//! | `overfitting`, `block_sums`, `ranks` | how often the best in one half is below the middle of the other: [`overfitting`] |
//! | `bootstrap` | resampling that keeps blocks together: [`StationaryBootstrap`] |
//!
//! Six settings that are all noise: one of them looks good, and the module says what that is worth.
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
//! // Choose for five blocks, each by what came 21 frames or more before it.
//! let folds: Vec<_> = WalkForward::split(1260, WalkForward::FOLDS, 21)?.folds(1260)?.collect();
//! let selection = select(&returns, &folds, Objective::Sharpe, 252.0)?;
//! assert_eq!(selection.out_of_sample.len(), 5 * 210);
//!
//! // The best on all frames, and its chance of being worth anything, knowing that six were tried.
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
//! * The choice for a fold is a function of the training slice of one setting. Frames in the embargo or after
//!   it cannot reach it. [`select`] refuses folds that are not a walk forward. [`select_across`] passes the
//!   training frames on both sides of a block, joined.
//! * `Selection::in_sample` is the best setting on all frames: the one to use next, not the result to expect.
//! * The one-standard-error rule needs the turnover of each frame beside its return. `judge_across` takes the
//!   rule of choice as a function.
//! * Resampling draws the same blocks of frames for all settings. Sharpe ratio and growth follow from weighted
//!   sums, other objectives from the drawn frames. Many settings get fewer resamples.
//! * [`WalkForward::split`] gives the remainder of ⌊frames/(folds + 1)⌋ to the first training window, as
//!   `TimeSeriesSplit` does. [`purged_k_fold`] gives the first blocks one frame more, as `KFold` does.
//!   [`CombinatorialPurged`] gives the remainder to the last block, as skfolio does. `purge` frames are left
//!   out before a tested block, `purge + embargo` after it.
//! * The deflated Sharpe ratio uses the number of all trials and the variance of their ratios, including the
//!   chosen one. Correlated trials count as fewer in theory; counting all of them is cautious.
//! * Overfitting follows from first and second moments of each block around the trial's own mean. A split and
//!   its mirror image share their halves, and ranks are counted, not stored.

mod aligned;
mod block_sums;
mod bootstrap;
mod certainty;
mod choice;
mod cross;
mod deflated;
mod folds;
mod objective;
mod overfitting;
mod prefer;
mod purged;
mod ranks;
mod resampled;
mod trials;
mod tuning;
mod walk_forward;

pub use aligned::{AlignedReturns, AlignmentError, TrialReturns, common_tail};
pub use bootstrap::StationaryBootstrap;
pub use certainty::{Certainty, Difference, Resampling, certainty};
pub use choice::{Choice, Chosen, Selection, select, select_by};
pub use cross::{
    BacktestPath, CrossChoice, CrossSelection, PathScores, judge_across, one_path, select_across,
    select_across_by,
};
pub use deflated::{Trials, min_backtest_years};
pub use folds::Fold;
pub use objective::{Objective, best};
pub use overfitting::{BLOCK_FRAMES_MIN, BLOCKS, Overfitting, blocks_of, overfitting};
pub use prefer::{Effort, Preferred, prefer};
pub use purged::{CombinatorialPurged, purged_k_fold};
pub use ranks::LogitSummary;
pub use tuning::{FoldChoice, TuningResult, TuningTask, median_path};
pub use walk_forward::WalkForward;
