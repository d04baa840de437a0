//! How often the best in one half of the data is below the middle of the other half.

use super::block_sums::{BlockSums, Sums};
use super::ranks::{LogitSummary, Ranks};
use crate::settings::{Invalid, require};

/// Probability of backtest overfitting by combinatorially symmetric cross-validation (Bailey, Borwein, López de Prado
/// & Zhu 2017, section 2.3).
#[derive(Clone, Debug, PartialEq)]
pub struct Overfitting {
    /// Share of the splits where the trial with the best Sharpe ratio in sample is at or below the median of the
    /// trials out of sample: logits of 0 or less. About one half where all trials are noise.
    pub probability: f64,
    /// Splits: S choose S/2.
    pub splits: u64,
    /// Frames used; the oldest, at most S − 1, are left out so that the blocks are of equal length.
    pub frames: usize,
    /// Of the logits of the relative ranks out of sample.
    pub logits: LogitSummary,
    /// Share of the splits where the chosen trial has a Sharpe ratio below 0 out of sample.
    pub probability_of_loss: f64,
    /// Mean Sharpe ratio per frame of the chosen trials in sample.
    pub mean_in_sample: f64,
    /// Mean Sharpe ratio per frame of the chosen trials out of sample.
    pub mean_out_of_sample: f64,
    /// Slope of the regression of the chosen trials' ratios out of sample on those in sample; NaN where those do not
    /// differ.
    pub degradation: f64,
}

/// The number of blocks unless asked otherwise: 12,870 splits.
pub const BLOCKS: usize = 16;

/// More blocks give more splits than are worth the time: 184,756 at 20.
const BLOCKS_MAX: usize = 20;

/// Frames of a block below which its Sharpe ratio says nothing.
pub const BLOCK_FRAMES_MIN: usize = 10;

/// Returns the number of blocks that `frames` frames allow: even, at most `blocks_max`, each of at least
/// [`BLOCK_FRAMES_MIN`] frames; `None` for fewer than two blocks.
#[must_use]
pub fn blocks_of(frames: usize, blocks_max: usize) -> Option<usize> {
    let blocks = blocks_max.min(frames / BLOCK_FRAMES_MIN / 2 * 2);
    (blocks >= 2).then_some(blocks)
}

/// Overfitting of a choice by Sharpe ratio among trials; `returns[i]` are those of trial i, a frame each, all of the
/// same frames. The S = `blocks` blocks are contiguous. Of two trials with the same ratio the first is chosen, and
/// they share their ranks; a trial without volatility in a half has a ratio of 0 there.
///
/// Time goes with trials × splits, whatever the number of frames, and some 5 S numbers are held a trial: ratios come
/// from each block's sums.
///
/// # Errors
/// For fewer than two trials, trials of different length, a return that is not finite, an odd number of blocks or one
/// outside 2 to 20, and blocks of fewer than two frames.
pub fn overfitting<R: AsRef<[f64]>>(returns: &[R], blocks: usize) -> Result<Overfitting, Invalid> {
    require(returns.len() >= 2, "returns", returns.len(), "at least 2 trials")?;
    let even = blocks.is_multiple_of(2) && (2..=BLOCKS_MAX).contains(&blocks);
    require(even, "blocks", blocks, "an even number from 2 to 20")?;
    let frames = super::trials::common_frames(returns)?;
    require(frames / blocks >= 2, "returns", frames, "at least 2 frames a block")?;

    let sums = BlockSums::of(returns, frames, blocks);
    let mut tally = Tally::new(returns.len());
    // A split and its mirror image have the same two halves: those with the first block in sample are half of all.
    sums.of_halves(|halves| tally.split(halves));
    Ok(tally.summary(frames / blocks * blocks))
}

/// What is counted over the splits.
struct Tally {
    /// Ratios of the two halves, trial by trial.
    ratios: [Vec<f64>; 2],
    ranks: Ranks,
    losses: u64,
    /// Sums over the chosen: in sample, out of sample, in sample squared, their product.
    chosen: [f64; 4],
}

impl Tally {
    fn new(trials: usize) -> Self {
        let ratios = [vec![0.0; trials], vec![0.0; trials]];
        Self { ratios, ranks: Ranks::new(trials), losses: 0, chosen: [0.0; 4] }
    }

    /// A split and its mirror image.
    fn split(&mut self, halves: [&Sums; 2]) {
        for (ratios, sums) in self.ratios.iter_mut().zip(halves) {
            sums.ratios(ratios);
        }
        self.choose(0, 1);
        self.choose(1, 0);
    }

    fn choose(&mut self, inside: usize, outside: usize) {
        let (inside, outside) = (&self.ratios[inside], &self.ratios[outside]);
        let best = (1..inside.len()).fold(0, |best, at| if inside[at] > inside[best] { at } else { best });
        let (x, y) = (inside[best], outside[best]);
        self.ranks.add(outside, y);
        self.losses += u64::from(y < 0.0);
        self.chosen.iter_mut().zip([x, y, x * x, x * y]).for_each(|(sum, value)| *sum += value);
    }

    fn summary(self, frames: usize) -> Overfitting {
        let logits = self.ranks.summary();
        let splits = self.ranks.count();
        let [x, y, xx, xy] = self.chosen.map(|sum| sum / splits as f64);
        let spread = xx - x * x;
        // Below this the ratios in sample differ by rounding alone.
        let moves = spread > 1e-12 * xx;
        Overfitting {
            probability: self.ranks.share_at_or_below_middle(),
            splits,
            frames,
            logits,
            probability_of_loss: self.losses as f64 / splits as f64,
            mean_in_sample: x,
            mean_out_of_sample: y,
            degradation: if moves { (xy - x * y) / spread } else { f64::NAN },
        }
    }
}
