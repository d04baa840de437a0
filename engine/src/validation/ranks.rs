//! Distribution of relative ranks and of their logits.

use crate::percentile::percentile;

/// Counts of the ranks of the chosen trial among N trials. Equal ratios share the mean of their ranks, so a
/// rank is a multiple of one half, and 2N counts hold the whole distribution for any number of splits.
#[derive(Clone, Debug)]
pub(super) struct Ranks {
    trials: usize,
    /// Count of the rank i/2 at index i.
    counts: Vec<u64>,
}

/// Distribution of the logits λ = ln(ω/(1 − ω)) of the relative ranks ω = rank/(N + 1): positive if the best
/// in sample is above the median out of sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogitSummary {
    /// Mean of the logits.
    pub mean: f64,
    /// Population standard deviation.
    pub deviation: f64,
    /// 5th, 25th, 50th, 75th and 95th percentiles, linearly interpolated.
    pub percentiles: [f64; 5],
}

impl Ranks {
    pub(super) fn new(trials: usize) -> Self {
        Self { trials, counts: vec![0; 2 * trials + 1] }
    }

    /// Adds the rank of `chosen` among `ratios`, which include it.
    pub(super) fn add(&mut self, ratios: &[f64], chosen: f64) {
        let below = ratios.iter().map(|&ratio| usize::from(ratio < chosen)).sum::<usize>();
        let equal = ratios.iter().map(|&ratio| usize::from(ratio == chosen)).sum::<usize>();
        self.counts[2 * below + equal + 1] += 1;
    }

    /// Number of ranks.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Share of the ranks whose logit is 0 or less.
    pub(super) fn share_at_or_below_middle(&self) -> f64 {
        // ω ≤ 1/2 means rank ≤ (N + 1)/2, and the index is twice the rank.
        let low: u64 = self.counts[..=self.trials + 1].iter().sum();
        low as f64 / self.count() as f64
    }

    fn logit(&self, doubled_rank: usize) -> f64 {
        let last = 2 * (self.trials + 1);
        libm::log(doubled_rank as f64 / (last - doubled_rank) as f64)
    }

    /// Logits with their counts, ascending.
    fn logits(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        let seen = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        seen.map(|(doubled_rank, count)| (self.logit(doubled_rank), *count))
    }

    pub(super) fn summary(&self) -> LogitSummary {
        let count = self.count() as f64;
        let mean = self.logits().map(|(logit, times)| logit * times as f64).sum::<f64>() / count;
        let squares = self.logits().map(|(logit, times)| (logit - mean) * (logit - mean) * times as f64);
        let deviation = (squares.sum::<f64>() / count).sqrt();
        LogitSummary {
            mean,
            deviation,
            percentiles: [0.05, 0.25, 0.5, 0.75, 0.95]
                .map(|p| percentile(p, self.count() as usize, |rank| self.nth(rank as u64))),
        }
    }

    /// Logit at an index of the ascending order, from 0.
    fn nth(&self, place: u64) -> f64 {
        let mut passed = 0;
        let at = self.logits().find(|(_, count)| {
            passed += count;
            passed > place
        });
        at.map_or(f64::NAN, |(logit, _)| logit)
    }
}
