//! Online estimate of the information coefficient of standardised scores.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::strategy::LearnedCoefficient;

/// Observations of a coefficient of 0 that the estimate starts with: the prior N(0, 0.02²). Grinold & Kahn (2000),
/// ch. 6, call 0.05 good and 0.1 great.
pub const PRIOR_OBSERVATIONS: f64 = 2500.0;

/// Standardised returns beyond this size count as this size: one bad price must not decide.
const CLIP: f64 = 5.0;

/// Shrunk regression through the origin of standardised residual returns on scores.
///
/// Grinold (1994): E[return over h frames] = IC · σ√h · z. With y the return over the h frames after the score over
/// σ√h, IC = Σ z y / (Σ z² + n₀), the posterior mean under the prior N(0, 1/n₀), with variance 1/(Σ z² + n₀). A
/// score is used only once its h frames have passed. Overlapping scores count by the share of frames that is
/// new, so that h overlapping observations count as one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct InformationCoefficient {
    /// Frames of the horizon, h.
    horizon: u64,
    frames: u64,
    last: Option<u64>,
    /// Σ of the returns of each instrument since the start, and their number.
    sums: Vec<f64>,
    counts: Vec<u32>,
    pending: VecDeque<Observation>,
    zy: f64,
    zz: f64,
    observations: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Observation {
    start: u64,
    weight: f64,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Row {
    instrument: u32,
    score: f64,
    /// Standard deviation of the return over the horizon, σ√h.
    deviation: f64,
    sum: f64,
    count: u32,
}

impl InformationCoefficient {
    /// Sets the frames of the horizon; called before any other method.
    pub fn set_horizon(&mut self, frames: u64) {
        self.horizon = frames.max(1);
    }

    /// Takes the returns of one frame, NaN where missing, and uses the scores whose horizon ends with it.
    pub fn observe(&mut self, returns: &[f64]) {
        self.frames += 1;
        self.sums.resize(self.sums.len().max(returns.len()), 0.0);
        self.counts.resize(self.sums.len(), 0);
        for ((sum, count), r) in self.sums.iter_mut().zip(&mut self.counts).zip(returns) {
            if r.is_finite() {
                *sum += r;
                *count += 1;
            }
        }
        while self.pending.front().is_some_and(|next| next.start + self.horizon <= self.frames) {
            let Some(observation) = self.pending.pop_front() else { return };
            for row in &observation.rows {
                let i = row.instrument as usize;
                if self.counts[i] == row.count {
                    continue;
                }
                let y = ((self.sums[i] - row.sum) / row.deviation).clamp(-CLIP, CLIP);
                self.zy += observation.weight * row.score * y;
                self.zz += observation.weight * row.score * row.score;
                self.observations += observation.weight;
            }
        }
    }

    /// Takes scores that become known after the returns of the frame. `deviations`: standard deviation of each
    /// instrument's return per frame.
    pub fn score(&mut self, scores: &[f64], deviations: impl Iterator<Item = f64>) {
        let new = self.last.map_or(self.horizon, |last| (self.frames - last).min(self.horizon));
        self.last = Some(self.frames);
        self.sums.resize(self.sums.len().max(scores.len()), 0.0);
        self.counts.resize(self.sums.len(), 0);
        let root = (self.horizon as f64).sqrt();
        let rows = scores.iter().zip(deviations).enumerate();
        let rows =
            rows.filter(|(_, (z, deviation))| z.is_finite() && deviation.is_finite() && *deviation > 0.0);
        let rows = rows.map(|(i, (score, deviation))| Row {
            instrument: i as u32,
            score: *score,
            deviation: deviation * root,
            sum: self.sums[i],
            count: self.counts[i],
        });
        let weight = new as f64 / self.horizon as f64;
        self.pending.push_back(Observation { start: self.frames, weight, rows: rows.collect() });
    }

    /// Posterior of the coefficient.
    #[must_use]
    pub fn posterior(&self) -> LearnedCoefficient {
        let precision = self.zz + PRIOR_OBSERVATIONS;
        LearnedCoefficient {
            mean: self.zy / precision,
            sd: (1.0 / precision).sqrt(),
            observations: self.observations,
        }
    }
}

/// Writes (x − mean)/sd of the known values into `out`, with the population's standard deviation; 0 if all are
/// equal.
pub fn standardise(values: &[f64], out: &mut Vec<f64>) {
    let known = || values.iter().filter(|value| !value.is_nan());
    let count = known().count() as f64;
    let mean = known().sum::<f64>() / count;
    let sd = (known().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count).sqrt();
    out.clear();
    out.extend(values.iter().map(|value| match value - mean {
        // Equal scores tell nothing; the rounding of their mean must not become one.
        _ if !value.is_nan() && sd <= 1e-12 * mean.abs() => 0.0,
        difference => difference / sd,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn learned_coefficient_converges_to_that_of_the_scores() {
        fn normal(random: &mut Random) -> f64 {
            (0..12).map(|_| random.uniform()).sum::<f64>() - 6.0
        }
        for horizon in [1_usize, 5] {
            let (mut learned, mut random) = (InformationCoefficient::default(), Random::new(7));
            learned.set_horizon(horizon as u64);
            let (truth, n) = (0.05_f64, 200);
            let frames = 1000 * horizon;
            // Score of frame t: IC × the standardised return over the next `horizon` frames, and noise.
            let noise: Vec<Vec<f64>> =
                (0..frames + horizon).map(|_| (0..n).map(|_| 0.02 * normal(&mut random)).collect()).collect();
            for t in 0..frames {
                learned.observe(&noise[t]);
                let scores: Vec<f64> = (0..n)
                    .map(|i| {
                        let ahead: f64 = (t + 1..=t + horizon).map(|s| noise[s][i]).sum();
                        let y = ahead / (0.02 * (horizon as f64).sqrt());
                        truth * y + (1.0 - truth * truth).sqrt() * normal(&mut random)
                    })
                    .collect();
                learned.score(&scores, std::iter::repeat_n(0.02, n));
            }
            let posterior = learned.posterior();
            assert!((posterior.mean / truth - 1.0).abs() < 0.15, "{horizon}: {posterior:?}");
            assert!((posterior.observations / 200_000.0 - 1.0).abs() < 0.02, "{posterior:?}");
        }
    }

    #[test]
    fn equal_scores_standardise_to_zero() {
        let mut out = Vec::new();
        standardise(&[0.1, 0.1, f64::NAN, 0.1], &mut out);
        assert_eq!(out[0].to_bits(), 0.0_f64.to_bits());
        assert!(out[2].is_nan());
        standardise(&[1.0, 3.0], &mut out);
        assert_eq!(out, [-1.0, 1.0]);
    }
}
