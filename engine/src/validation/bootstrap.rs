//! Stationary block bootstrap: resampling that preserves serial dependence.

use crate::random::Random;
use crate::settings::{Invalid, require};

/// Endless frame indices of the stationary block bootstrap (Politis & Romano 1994, section 2): blocks start
/// at a uniform frame, have geometric length and wrap around at the end. The indices depend only on the seed
/// and are the same on every machine.
///
/// ```
/// use betaflow_engine::validation::StationaryBootstrap;
///
/// let returns = [0.01, -0.02, 0.005, 0.0, 0.015];
/// let resampled: Vec<f64> =
///     StationaryBootstrap::new(returns.len(), 2.0, 7)?.take(returns.len()).map(|at| returns[at]).collect();
/// assert_eq!(resampled.len(), returns.len());
/// # Ok::<(), betaflow_engine::settings::Invalid>(())
/// ```
#[derive(Clone, Debug)]
pub struct StationaryBootstrap {
    frames: usize,
    /// Probability p that a block ends.
    end: f64,
    at: Option<usize>,
    random: Random,
}

impl StationaryBootstrap {
    /// Indices in 0..`frames`, in blocks of `mean_block` frames on average. A mean of 1 resamples single
    /// frames.
    ///
    /// # Errors
    /// Fails without frames, or for a mean that is below 1 or not finite.
    pub fn new(frames: usize, mean_block: f64, seed: u64) -> Result<Self, Invalid> {
        require(frames > 0, "frames", frames, "at least 1")?;
        require(
            mean_block >= 1.0 && mean_block.is_finite(),
            "mean_block",
            mean_block,
            "finite, at least 1 frame",
        )?;
        Ok(Self { frames, end: 1.0 / mean_block, at: None, random: Random::new(seed) })
    }

    /// Ends the block: the next index starts another resample with the following random numbers.
    pub fn begin_again(&mut self) {
        self.at = None;
    }
}

impl Iterator for StationaryBootstrap {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let next = match self.at {
            Some(at) if self.random.uniform() >= self.end => (at + 1) % self.frames,
            _ => self.random.below(self.frames),
        };
        self.at = Some(next);
        Some(next)
    }
}
