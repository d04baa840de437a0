//! Walk-forward choice of a setting by earlier frames.

use std::ops::Range;

use super::folds::Fold;
use super::objective::{Objective, best};
use super::trials::common_frames;
use crate::settings::{Invalid, require};

/// Choices fold by fold, and their out-of-sample result.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Choice for each fold.
    pub choices: Vec<Choice>,
    /// Out-of-sample result: returns of the chosen settings on their test blocks, joined.
    pub out_of_sample: Vec<f64>,
    /// Best setting on all frames: the one to use next. Its score is in-sample and does not predict
    /// performance.
    pub in_sample: ChosenSetting,
}

/// Choice for one fold.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Setting chosen by the frames before the fold's embargo.
    pub chosen: ChosenSetting,
    /// Score of the chosen setting on the test block of the fold; NaN if undefined.
    pub out_of_sample_score: f64,
    /// Test block.
    pub test: Range<usize>,
}

/// Setting, and the score that it was chosen by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChosenSetting {
    /// Index of the setting.
    pub setting: usize,
    /// Score on the frames of the choice; NaN if no setting has one, in which case the first is chosen.
    pub score: f64,
}

/// Chooses a setting for each fold by `objective` on the fold's training frames. `returns[i]` are the net
/// returns of setting i, one per frame. Of equal scores the first setting wins, so list the simplest first.
///
/// # Errors
/// See [`select_by`].
pub fn select<R: AsRef<[f64]>>(
    returns: &[R],
    folds: &[Fold],
    objective: Objective,
    frames_per_year: f64,
) -> Result<Selection, Invalid> {
    select_by(returns, folds, |returns| objective.score(returns, frames_per_year))
}

/// Selects like [`select`], with another score. `score` receives only the training frames of one setting, so
/// frames in an embargo or a test block cannot change an earlier choice.
///
/// # Errors
/// Fails without settings or folds, for settings of different length, a return that is not finite, or folds
/// that are not a walk forward: each needs one training range that ends before one test block, which follows
/// the block of the previous fold.
pub fn select_by<R: AsRef<[f64]>>(
    returns: &[R],
    folds: &[Fold],
    score: impl Fn(&[f64]) -> f64,
) -> Result<Selection, Invalid> {
    require(!returns.is_empty(), "returns", 0, "at least 1 setting")?;
    require(!folds.is_empty(), "folds", 0, "at least 1 fold")?;
    let frames = common_frames(returns)?;
    let of = |setting: usize, range: &Range<usize>| &returns[setting].as_ref()[range.clone()];
    let choose = |range: &Range<usize>| {
        let scores: Vec<f64> = (0..returns.len()).map(|setting| score(of(setting, range))).collect();
        let setting = best(&scores).unwrap_or(0);
        ChosenSetting { setting, score: scores[setting] }
    };
    let mut choices: Vec<Choice> = Vec::with_capacity(folds.len());
    let mut out_of_sample = Vec::new();
    for (at, fold) in folds.iter().enumerate() {
        let ([train], [test]) = (&fold.train[..], &fold.test[..]) else {
            return Err(not_forward(at));
        };
        let after = choices.last().map_or(0, |before| before.test.end);
        if train.is_empty()
            || test.is_empty()
            || train.end > test.start
            || test.start < after
            || test.end > frames
        {
            return Err(not_forward(at));
        }
        let chosen = choose(train);
        let tested = of(chosen.setting, test);
        out_of_sample.extend_from_slice(tested);
        choices.push(Choice { chosen, out_of_sample_score: score(tested), test: test.clone() });
    }
    Ok(Selection { choices, out_of_sample, in_sample: choose(&(0..frames)) })
}

fn not_forward(fold: usize) -> Invalid {
    let expected = "one training range before one test block, in time order, inside the returns";
    Invalid { key: "folds", found: format!("fold {fold}"), expected: expected.into() }
}
