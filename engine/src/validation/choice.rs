//! Choosing a setting by what was known at the time.

use std::ops::Range;

use super::folds::Fold;
use super::objective::{Objective, best};
use super::trials::common_frames;
use crate::settings::{Invalid, require};

/// What was chosen fold by fold, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// The choice for each fold.
    pub choices: Vec<Choice>,
    /// The returns of the chosen settings on their test blocks, joined: the out-of-sample result.
    pub out_of_sample: Vec<f64>,
    /// The best setting on all frames. It is what to use from here on, and its score is in sample: it says nothing
    /// about what to expect.
    pub in_sample: Chosen,
}

/// The choice for a fold.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// By the frames before the fold's embargo.
    pub chosen: Chosen,
    /// What the chosen setting scores on the fold's test block; NaN where it is not defined.
    pub out_of_sample_score: f64,
    /// Frames that were tested.
    pub test: Range<usize>,
}

/// A setting, and what it was chosen for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chosen {
    /// Its place among the settings.
    pub setting: usize,
    /// Its score on the frames that it was chosen by; NaN where no setting has one, and the first is taken.
    pub score: f64,
}

/// Chooses a setting for each fold by `objective` on the fold's training frames; `returns[i]` are the net returns of
/// setting i, a frame each. Of equal scores the first setting wins, so list the plainest first.
///
/// # Errors
/// The errors of [`select_by`].
pub fn select<R: AsRef<[f64]>>(
    returns: &[R],
    folds: &[Fold],
    objective: Objective,
    frames_per_year: f64,
) -> Result<Selection, Invalid> {
    select_by(returns, folds, |returns| objective.score(returns, frames_per_year))
}

/// Selects like [`select`], with another score. It is given the training frames of one setting, and nothing else: what
/// lies in an embargo or a test block cannot change a choice that was made before it.
///
/// # Errors
/// Without settings or folds, for settings of different length, a return that is not finite, and for folds that are
/// not a walk forward: one training range that ends before one test block, which follows the block of the fold before.
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
        Chosen { setting, score: scores[setting] }
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
    let expected = "one training range before one test block, in the order of time, inside the returns";
    Invalid { key: "folds", found: format!("fold {fold}"), expected }
}
