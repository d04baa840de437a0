//! Scores of many settings on resampled frames.

use super::objective::Objective;
use crate::metrics::annual_growth;

/// Standard deviation up to which returns differ by rounding alone, as in the metrics.
const ROUNDING: f64 = 16.0 * f64::EPSILON;
/// Number of partial sums, added in a fixed order on every machine.
const LANES: usize = 8;

/// Returns of the settings, prepared for scoring. The scores of [`is_sum`] do not depend on the order of the
/// returns: a resample is then the count of each frame, and a score comes from weighted sums.
pub(super) struct ResampledScores {
    objective: Objective,
    frames_per_year: f64,
    /// Returns; for growth log(1 + r); for the Sharpe ratio deviations from the mean.
    columns: Vec<Vec<f64>>,
    /// Means that were subtracted.
    centres: Vec<f64>,
    /// Count of each frame in the resample.
    weights: Vec<f64>,
    /// Frames of the resample, if their order matters.
    drawn: Vec<usize>,
    gathered: Vec<f64>,
    scores: Vec<f64>,
    means: Vec<f64>,
}

impl ResampledScores {
    /// Time per return, relative to a weighted sum.
    pub(super) fn work(objective: Objective) -> usize {
        if is_sum(objective) { 1 } else { 24 }
    }

    pub(super) fn new(mut columns: Vec<Vec<f64>>, objective: Objective, frames_per_year: f64) -> Self {
        let mut centres = vec![0.0; columns.len()];
        for (column, centre) in columns.iter_mut().zip(&mut centres) {
            match objective {
                Objective::Sharpe => {
                    *centre = column.iter().sum::<f64>() / column.len() as f64;
                    column.iter_mut().for_each(|r| *r -= *centre);
                }
                Objective::Growth => column.iter_mut().for_each(|r| *r = libm::log1p(*r)),
                _ => {}
            }
        }
        let frames = columns.first().map_or(0, Vec::len);
        Self {
            objective,
            frames_per_year,
            scores: vec![f64::NAN; columns.len()],
            means: vec![f64::NAN; columns.len()],
            columns,
            centres,
            weights: vec![0.0; frames],
            drawn: Vec::new(),
            gathered: Vec::new(),
        }
    }

    /// Scores of all settings on the drawn frames.
    #[cfg(test)]
    pub(super) fn scores(&mut self, drawn: impl Iterator<Item = usize>) -> &[f64] {
        self.scores_and_means(drawn).0
    }

    /// Scores of all settings on the drawn frames, and for the Sharpe ratio their mean returns; else NaN.
    pub(super) fn scores_and_means(&mut self, drawn: impl Iterator<Item = usize>) -> (&[f64], &[f64]) {
        if is_sum(self.objective) {
            self.weights.fill(0.0);
            drawn.for_each(|frame| self.weights[frame] += 1.0);
            for setting in 0..self.columns.len() {
                (self.scores[setting], self.means[setting]) = self.summed(setting);
            }
        } else {
            self.drawn.clear();
            self.drawn.extend(drawn);
            for (score, column) in self.scores.iter_mut().zip(&self.columns) {
                self.gathered.clear();
                self.gathered.extend(self.drawn.iter().map(|frame| column[*frame]));
                *score = self.objective.score(&self.gathered, self.frames_per_year);
            }
        }
        (&self.scores, &self.means)
    }

    /// Score, and for the Sharpe ratio the mean return.
    fn summed(&self, setting: usize) -> (f64, f64) {
        let column = &self.columns[setting];
        let (count, year) = (column.len() as f64, self.frames_per_year);
        match self.objective {
            Objective::Growth => {
                let [sum, _] = sums(&self.weights, column, |_| 0.0);
                (annual_growth(libm::exp(sum), count, year), f64::NAN)
            }
            Objective::Sortino => {
                let [sum, downside] = sums(&self.weights, column, |r| r.min(0.0) * r.min(0.0));
                let ratio = sum / count / (downside / count).sqrt() * year.sqrt();
                (if downside == 0.0 { f64::NAN } else { ratio }, f64::NAN)
            }
            _ => {
                let [sum, squares] = sums(&self.weights, column, |r| r * r);
                let distance = sum / count;
                let variance = (squares - sum * distance) / (count - 1.0);
                let known = variance > ROUNDING * ROUNDING;
                let mean = self.centres[setting] + distance;
                (if known { mean / variance.sqrt() * year.sqrt() } else { f64::NAN }, mean)
            }
        }
    }
}

/// Returns true if the score follows from sums over the frames.
fn is_sum(objective: Objective) -> bool {
    matches!(objective, Objective::Sharpe | Objective::Sortino | Objective::Growth)
}

/// Weighted sums of the column and of a function of it.
fn sums(weights: &[f64], column: &[f64], function: impl Fn(f64) -> f64) -> [f64; 2] {
    let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
    let (weight_chunks, chunks) = (weights.chunks_exact(LANES), column.chunks_exact(LANES));
    let rest = weight_chunks.remainder().iter().zip(chunks.remainder());
    let rest = rest.fold([0.0; 2], |[a, b], (w, r)| [a + w * r, b + w * function(*r)]);
    for (w, r) in weight_chunks.zip(chunks) {
        for lane in 0..LANES {
            first[lane] += w[lane] * r[lane];
            second[lane] += w[lane] * function(r[lane]);
        }
    }
    [first.iter().sum::<f64>() + rest[0], second.iter().sum::<f64>() + rest[1]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::validation::StationaryBootstrap;

    #[test]
    fn scores_by_sums_equal_those_of_the_resampled_returns() {
        let mut random = Random::new(5);
        let columns: Vec<Vec<f64>> = (0..4)
            .map(|setting| {
                (0..203).map(|_| 0.03 * (random.uniform() - 0.49 + 0.002 * f64::from(setting))).collect()
            })
            .collect();
        for objective in [
            Objective::Sharpe,
            Objective::Sortino,
            Objective::Growth,
            Objective::Calmar,
            Objective::WorstBlock { blocks: 3 },
        ] {
            let mut resampled = ResampledScores::new(columns.clone(), objective, 252.0);
            for seed in 0..20 {
                let drawn: Vec<usize> = StationaryBootstrap::new(203, 9.0, seed).unwrap().take(203).collect();
                let scores = resampled.scores(drawn.iter().copied()).to_vec();
                for (score, column) in scores.iter().zip(&columns) {
                    let returns: Vec<f64> = drawn.iter().map(|at| column[*at]).collect();
                    let expected = objective.score(&returns, 252.0);
                    assert!(
                        (score - expected).abs() <= 1e-9 * expected.abs().max(1.0),
                        "{objective:?}: {score} {expected}"
                    );
                }
            }
        }
    }
}
