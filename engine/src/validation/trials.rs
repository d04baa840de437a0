//! Requirements on the returns of trials.

use crate::settings::{Invalid, require};

/// Number of frames that all trials have.
///
/// # Errors
/// Fails for trials of different length, or a return that is not finite.
pub(super) fn common_frames<R: AsRef<[f64]>>(returns: &[R]) -> Result<usize, Invalid> {
    let frames = returns.first().map_or(0, |first| first.as_ref().len());
    for trial in returns {
        let trial = trial.as_ref();
        require(trial.len() == frames, "returns", trial.len(), "the same number of frames for every trial")?;
        let broken = trial.iter().find(|r| !r.is_finite());
        require(broken.is_none(), "returns", broken.unwrap_or(&0.0), "finite returns")?;
    }
    Ok(frames)
}
