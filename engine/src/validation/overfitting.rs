//! Probability of backtest overfitting.

use super::block_sums::{BlockSums, Sums};
use super::ranks::{LogitSummary, Ranks};
use crate::settings::{Invalid, require};

/// Probability of backtest overfitting by combinatorially symmetric cross-validation (Bailey, Borwein, López de Prado
/// & Zhu 2017, section 2.3).
#[derive(Clone, Debug, PartialEq)]
pub struct Overfitting {
    /// Share of the splits in which the trial with the best in-sample Sharpe ratio is at or below the median
    /// of the trials out of sample: logits of 0 or less. About one half if all trials are noise.
    pub probability: f64,
    /// Number of splits: S choose S/2.
    pub splits: u64,
    /// Number of frames used; the oldest, at most S − 1, are skipped so that the blocks have equal length.
    pub frames: usize,
    /// Distribution of the logits of the out-of-sample relative ranks.
    pub logits: LogitSummary,
    /// Share of the splits in which the chosen trial has a negative out-of-sample Sharpe ratio.
    pub probability_of_loss: f64,
    /// Mean in-sample Sharpe ratio per frame of the chosen trials.
    pub mean_in_sample: f64,
    /// Mean out-of-sample Sharpe ratio per frame of the chosen trials.
    pub mean_out_of_sample: f64,
    /// Slope of the regression of the chosen trials' out-of-sample ratios on their in-sample ratios; NaN if
    /// the latter are equal.
    pub degradation: f64,
}

/// Default number of blocks: 12,870 splits.
pub const BLOCKS: usize = 16;

/// Largest number of blocks, 184,756 splits; more take too long.
const BLOCKS_MAX: usize = 20;

/// Frames per block below which its Sharpe ratio is meaningless.
pub const BLOCK_FRAMES_MIN: usize = 10;

/// Number of blocks for `frames` frames: even, at most `blocks_max`, each of at least [`BLOCK_FRAMES_MIN`]
/// frames; `None` for fewer than two blocks.
#[must_use]
pub fn blocks_of(frames: usize, blocks_max: usize) -> Option<usize> {
    let blocks = blocks_max.min(frames / BLOCK_FRAMES_MIN / 2 * 2);
    (blocks >= 2).then_some(blocks)
}

/// Overfitting of a choice by Sharpe ratio among trials.
///
/// Row `returns[i]` has the returns of trial i, one per frame, on the same frames for all. The S = `blocks`
/// blocks are contiguous. Of two trials with the same ratio the first is chosen, and they share their ranks;
/// a trial without volatility in a half has a ratio of 0 there.
///
/// Time is proportional to trials × splits, whatever the number of frames; memory is about 5 S numbers per
/// trial, because ratios come from the sums of each block.
///
/// # Errors
/// Fails for fewer than two trials, trials of different length, a return that is not finite, an odd number of
/// blocks or one outside 2 to 20, or blocks of fewer than two frames.
pub fn overfitting<R: AsRef<[f64]>>(returns: &[R], blocks: usize) -> Result<Overfitting, Invalid> {
    require(returns.len() >= 2, "returns", returns.len(), "at least 2 trials")?;
    let even = blocks.is_multiple_of(2) && (2..=BLOCKS_MAX).contains(&blocks);
    require(even, "blocks", blocks, "an even number from 2 to 20")?;
    let frames = super::trials::common_frames(returns)?;
    require(frames / blocks >= 2, "returns", frames, "at least 2 frames per block")?;

    let sums = BlockSums::of(returns, frames, blocks);
    let mut tally = Tally::new(returns.len());
    // A split and its mirror image share the two halves; the splits with the first block in sample are half
    // of all.
    sums.of_halves(|halves| tally.split(halves));
    Ok(tally.summary(frames / blocks * blocks))
}

/// Counts and sums over the splits.
struct Tally {
    /// Ratios of the two halves, by trial.
    ratios: [Vec<f64>; 2],
    ranks: Ranks,
    losses: u64,
    /// Sums over the chosen trials: in-sample ratio, out-of-sample ratio, squared in-sample ratio, product.
    chosen: [f64; 4],
}

impl Tally {
    fn new(trials: usize) -> Self {
        let ratios = [vec![0.0; trials], vec![0.0; trials]];
        Self { ratios, ranks: Ranks::new(trials), losses: 0, chosen: [0.0; 4] }
    }

    /// Adds a split and its mirror image.
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
        // Below this the in-sample ratios differ by rounding alone.
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
