//! Looking back: the coefficients of each frame given all frames (Rauch, Tung, Striebel 1965).

use super::matrix::{self, transposed};

/// What a filter knew of one instrument in each frame: before its return (a, R) and after it (m, C).
///
/// Any filter can fill it whose states move by θ_t = F θ_{t−1} + ω_t, so that one recursion looks back on all
/// of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    k: usize,
    /// m_t, T × k.
    mean: Vec<f64>,
    /// C_t, T × k × k.
    covariance: Vec<f64>,
    /// a_t, T × k.
    prior_mean: Vec<f64>,
    /// R_t, T × k × k.
    prior_covariance: Vec<f64>,
}

impl Moments {
    /// Without frames, for k coefficients.
    #[must_use]
    pub fn new(k: usize) -> Self {
        let (mean, covariance, prior_mean, prior_covariance) = Default::default();
        Self { k, mean, covariance, prior_mean, prior_covariance }
    }

    /// Adds a frame: m and C after its return, a and R before it. Matrices are row-major and symmetric.
    ///
    /// # Panics
    /// Where a length is not k, or k².
    pub fn push(&mut self, mean: &[f64], covariance: &[f64], prior_mean: &[f64], prior_covariance: &[f64]) {
        let k = self.k;
        let lengths = [mean.len(), covariance.len(), prior_mean.len(), prior_covariance.len()];
        assert_eq!(lengths, [k, k * k, k, k * k], "moments of {k} coefficients");
        self.mean.extend_from_slice(mean);
        self.covariance.extend_from_slice(covariance);
        self.prior_mean.extend_from_slice(prior_mean);
        self.prior_covariance.extend_from_slice(prior_covariance);
    }

    /// T, the number of frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.mean.len() / self.k
    }

    /// m_t: coefficients given the frames up to t.
    #[must_use]
    pub fn mean(&self, t: usize) -> &[f64] {
        vector(&self.mean, t, self.k)
    }

    /// C_t, row-major k × k.
    #[must_use]
    pub fn covariance(&self, t: usize) -> &[f64] {
        vector(&self.covariance, t, self.k * self.k)
    }

    /// a_t: coefficients given the frames before t.
    #[must_use]
    pub fn prior_mean(&self, t: usize) -> &[f64] {
        vector(&self.prior_mean, t, self.k)
    }

    /// R_t, row-major k × k.
    #[must_use]
    pub fn prior_covariance(&self, t: usize) -> &[f64] {
        vector(&self.prior_covariance, t, self.k * self.k)
    }

    /// The coefficients of every frame given all of them, for F row-major k × k:
    /// B_t = C_t F' R_{t+1}⁻¹, s_t = m_t + B_t (s_{t+1} − a_{t+1}), S_t = C_t + B_t (S_{t+1} − R_{t+1}) B_t'.
    ///
    /// West & Harrison write a_T(−k) and R_T(−k) for the same (4.8). For a discount model F is the identity and
    /// R what the discount makes of C. Where the observation variance is learned (10.8), C and R are to be given
    /// scaled, C* and R*, and S_t is then to be multiplied by the last estimate of that variance.
    ///
    /// # Panics
    /// Where F is not k × k.
    #[must_use]
    pub fn smooth(&self, transition: &[f64]) -> Smoothed {
        let (k, frames) = (self.k, self.frames());
        assert_eq!(transition.len(), k * k, "a transition of {k} coefficients");
        let mut smoothed = Smoothed {
            k,
            mean: self.mean.clone(),
            covariance: self.covariance.clone(),
            lag_one: vec![0.0; self.covariance.len()],
        };
        for t in (0..frames.saturating_sub(1)).rev() {
            let (c, r) = (self.covariance(t), self.prior_covariance(t + 1));
            // B' = R⁻¹ F C, by solving instead of inverting.
            let b = transposed(&matrix::solve(r, &matrix::times(transition, c, k), k), k);
            let next_mean = smoothed.mean(t + 1).iter().zip(self.prior_mean(t + 1));
            let moved: Vec<f64> = next_mean.map(|(s, a)| s - a).collect();
            let next = smoothed.covariance(t + 1);
            let learned: Vec<f64> = next.iter().zip(r).map(|(s, r)| s - r).collect();
            let lag_one = matrix::times_transposed(next, &b, k);
            let change = matrix::congruence(&b, &learned, k);
            let shift = matrix::times_vector(&b, &moved);
            for (s, shift) in smoothed.mean[t * k..].iter_mut().zip(shift) {
                *s += shift;
            }
            for (s, change) in smoothed.covariance[t * k * k..].iter_mut().zip(change) {
                *s += change;
            }
            smoothed.lag_one[(t + 1) * k * k..(t + 2) * k * k].copy_from_slice(&lag_one);
        }
        smoothed
    }
}

/// Coefficients given frames that come after them: to look at, never to trade.
///
/// Nothing that decides accepts this type, and it does not turn into [`Estimates`](crate::model::Estimates).
#[derive(Clone, Debug, PartialEq)]
pub struct Smoothed {
    k: usize,
    mean: Vec<f64>,
    covariance: Vec<f64>,
    lag_one: Vec<f64>,
}

impl Smoothed {
    /// T, the number of frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.mean.len() / self.k
    }

    /// E(θ_t | all frames), length k.
    #[must_use]
    pub fn mean(&self, t: usize) -> &[f64] {
        vector(&self.mean, t, self.k)
    }

    /// Var(θ_t | all frames), row-major k × k, symmetric to the bit.
    #[must_use]
    pub fn covariance(&self, t: usize) -> &[f64] {
        vector(&self.covariance, t, self.k * self.k)
    }

    /// Standard deviation of coefficient j, 0 for alpha.
    ///
    /// # Panics
    /// Where there is no such frame or coefficient.
    #[must_use]
    pub fn sd(&self, t: usize, j: usize) -> f64 {
        self.covariance(t)[j * self.k + j].sqrt()
    }

    /// Cov(θ_t, θ_{t−1} | all frames), row-major k × k; zeros for the first frame, which has none before it.
    #[must_use]
    pub fn lag_one_covariance(&self, t: usize) -> &[f64] {
        vector(&self.lag_one, t, self.k * self.k)
    }
}

fn vector(values: &[f64], t: usize, len: usize) -> &[f64] {
    &values[t * len..(t + 1) * len]
}
