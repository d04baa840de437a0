//! First and second moments of trials by block, and for every half of the blocks.

/// Standard deviation up to which returns differ by rounding alone, as in the metrics.
const ROUNDING: f64 = 16.0 * f64::EPSILON;

/// Sums over a set of frames of each trial's deviations from its own mean over all frames: small numbers, so
/// that the second moment keeps its precision.
#[derive(Clone, Debug)]
pub(super) struct Sums {
    frames: f64,
    /// Mean of each trial over all frames.
    centres: Vec<f64>,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Sums {
    fn zero(centres: &[f64]) -> Self {
        let zeros = vec![0.0; centres.len()];
        Self { frames: 0.0, centres: centres.to_vec(), first: zeros.clone(), second: zeros }
    }

    /// Sets `self` = `one` + sign × `other`.
    fn set(&mut self, one: &Self, other: &Self, sign: f64) {
        self.frames = one.frames + sign * other.frames;
        let columns =
            [(&mut self.first, &one.first, &other.first), (&mut self.second, &one.second, &other.second)];
        for (sum, one, other) in columns {
            for ((sum, one), other) in sum.iter_mut().zip(one).zip(other) {
                *sum = one + sign * other;
            }
        }
    }

    /// Writes the Sharpe ratio per frame of each trial: mean over sample standard deviation, 0 without
    /// volatility.
    pub(super) fn ratios(&self, ratios: &mut [f64]) {
        let n = self.frames;
        let moments = self.centres.iter().zip(&self.first).zip(&self.second);
        for (ratio, ((centre, first), second)) in ratios.iter_mut().zip(moments) {
            let distance = first / n;
            let variance = (second - first * distance) / (n - 1.0);
            let mean = centre + distance;
            *ratio = if variance > ROUNDING * ROUNDING { mean / variance.sqrt() } else { 0.0 };
        }
    }
}

/// Sums of each block, and their total.
#[derive(Clone, Debug)]
pub(super) struct BlockSums {
    blocks: Vec<Sums>,
    total: Sums,
}

impl BlockSums {
    /// Sums over `blocks` equal blocks at the end of the frames; the oldest remainder is skipped.
    pub(super) fn of<R: AsRef<[f64]>>(returns: &[R], frames: usize, blocks: usize) -> Self {
        let size = frames / blocks;
        let used = || returns.iter().map(|trial| &trial.as_ref()[frames - size * blocks..]);
        let mean = |returns: &[f64]| returns.iter().sum::<f64>() / returns.len() as f64;
        let centres: Vec<f64> = used().map(mean).collect();
        let mut all = vec![Sums::zero(&centres); blocks];
        for (trial, returns) in used().enumerate() {
            for (sums, block) in all.iter_mut().zip(returns.chunks_exact(size)) {
                sums.frames = size as f64;
                for r in block {
                    let distance = r - centres[trial];
                    sums.first[trial] += distance;
                    sums.second[trial] += distance * distance;
                }
            }
        }
        let mut total = Sums::zero(&centres);
        for block in &all {
            let before = total.clone();
            total.set(&before, block, 1.0);
        }
        Self { blocks: all, total }
    }

    /// Calls `each` with the sums of every half of the blocks that contains the first one, and with those of
    /// the other half. A half reuses the sums of its leading blocks: about two additions per half instead of
    /// S/2.
    pub(super) fn of_halves(&self, mut each: impl FnMut([&Sums; 2])) {
        let half = self.blocks.len() / 2;
        let mut path = vec![Sums::zero(&self.total.centres); half];
        path[0].clone_from(&self.blocks[0]);
        let mut rest = path[0].clone();
        self.extend(&mut path, 1, 1, &mut rest, &mut each);
    }

    /// Extends the first `depth` blocks of `path` by every combination of blocks from `next` on.
    fn extend(
        &self,
        path: &mut [Sums],
        depth: usize,
        next: usize,
        rest: &mut Sums,
        each: &mut impl FnMut([&Sums; 2]),
    ) {
        let half = path.len();
        if depth == half {
            rest.set(&self.total, &path[half - 1], -1.0);
            each([&path[half - 1], rest]);
            return;
        }
        for block in next..=self.blocks.len() - (half - depth) {
            let (before, after) = path.split_at_mut(depth);
            after[0].set(&before[depth - 1], &self.blocks[block], 1.0);
            self.extend(path, depth + 1, block + 1, rest, each);
        }
    }
}
