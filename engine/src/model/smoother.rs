//! Smoothing: coefficients of each frame given all frames (Rauch, Tung, Striebel 1965).

use nalgebra::{DMatrix, DMatrixView, DVector, DVectorView};

use crate::linalg::solve_symmetric;

/// Means and covariances of k coefficients, frame by frame.
#[derive(Clone, Debug, PartialEq)]
struct Trajectory {
    k: usize,
    /// Means, T × k.
    mean: Vec<f64>,
    /// Covariances, T × k × k, each symmetric.
    covariance: Vec<f64>,
}

impl Trajectory {
    fn new(k: usize) -> Self {
        Self { k, mean: Vec::new(), covariance: Vec::new() }
    }

    fn push(&mut self, mean: &[f64], covariance: &[f64]) {
        let k = self.k;
        assert_eq!([mean.len(), covariance.len()], [k, k * k], "moments of {k} coefficients");
        self.mean.extend_from_slice(mean);
        self.covariance.extend_from_slice(covariance);
    }

    fn frames(&self) -> usize {
        self.mean.len() / self.k
    }

    fn mean(&self, t: usize) -> &[f64] {
        &self.mean[t * self.k..(t + 1) * self.k]
    }

    fn covariance(&self, t: usize) -> &[f64] {
        let size = self.k * self.k;
        &self.covariance[t * size..(t + 1) * size]
    }

    fn mean_view(&self, t: usize) -> DVectorView<'_, f64> {
        DVectorView::from_slice(self.mean(t), self.k)
    }

    fn covariance_view(&self, t: usize) -> DMatrixView<'_, f64> {
        DMatrixView::from_slice(self.covariance(t), self.k, self.k)
    }

    fn add(&mut self, t: usize, mean: &DVector<f64>, covariance: &DMatrix<f64>) {
        let size = self.k * self.k;
        let means = &mut self.mean[t * self.k..(t + 1) * self.k];
        means.iter_mut().zip(mean).for_each(|(to, change)| *to += change);
        let covariances = &mut self.covariance[t * size..(t + 1) * size];
        covariances.iter_mut().zip(covariance).for_each(|(to, change)| *to += change);
    }
}

/// Moments of one instrument's coefficients in each frame: prior (a, R) before its return and posterior (m,
/// C) after it.
///
/// Any filter with θ_t = F θ_{t−1} + ω_t can fill it, so that one recursion smooths all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    posterior: Trajectory,
    prior: Trajectory,
}

impl Moments {
    /// Moments of k coefficients without frames.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self { posterior: Trajectory::new(k), prior: Trajectory::new(k) }
    }

    /// Adds a frame: m and C after its return, a and R before it. Matrices are symmetric, k × k.
    ///
    /// # Panics
    /// A length is not k or k².
    pub fn push(&mut self, mean: &[f64], covariance: &[f64], prior_mean: &[f64], prior_covariance: &[f64]) {
        self.posterior.push(mean, covariance);
        self.prior.push(prior_mean, prior_covariance);
    }

    /// Number T of frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.posterior.frames()
    }

    /// Prior mean a_t: coefficients given the frames before t.
    pub(super) fn prior_mean(&self, t: usize) -> DVectorView<'_, f64> {
        self.prior.mean_view(t)
    }

    /// Prior covariance R_t, k × k.
    pub(super) fn prior_covariance(&self, t: usize) -> DMatrixView<'_, f64> {
        self.prior.covariance_view(t)
    }

    /// Smooths the coefficients of every frame for a transition F, k × k: B_t = C_t F' R_{t+1}⁻¹, s_t = m_t +
    /// B_t (s_{t+1} − a_{t+1}), S_t = C_t + B_t (S_{t+1} − R_{t+1}) B_t'.
    ///
    /// In West & Harrison (4.8) s_t and S_t are a_T(−k) and R_T(−k). For a discount model F is the identity
    /// and R the discounted C. If the observation variance is learned (10.8), pass the scaled C* and R*, and
    /// multiply S_t by the last estimate of that variance.
    ///
    /// # Panics
    /// F is not k × k.
    #[must_use]
    pub fn smooth(&self, transition: &DMatrix<f64>) -> Smoothed {
        let k = self.posterior.k;
        assert_eq!(transition.shape(), (k, k), "a transition of {k} coefficients");
        let mut smoothed = self.posterior.clone();
        for t in (0..self.frames().saturating_sub(1)).rev() {
            let (c, r) = (self.posterior.covariance_view(t), self.prior_covariance(t + 1));
            // B' = R⁻¹ F C, by solving instead of inverting.
            let b = solve_symmetric(&r.clone_owned(), transition * c).transpose();
            let mean = &b * (smoothed.mean_view(t + 1) - self.prior_mean(t + 1));
            let mut covariance = &b * (smoothed.covariance_view(t + 1) - r) * b.transpose();
            covariance.fill_lower_triangle_with_upper_triangle();
            smoothed.add(t, &mean, &covariance);
        }
        Smoothed(smoothed)
    }
}

/// Coefficients given later frames; for analysis only.
///
/// No trading function accepts this type, and it does not convert to [`Estimates`](crate::model::Estimates).
#[derive(Clone, Debug, PartialEq)]
pub struct Smoothed(Trajectory);

impl Smoothed {
    /// Number T of frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.0.frames()
    }

    /// Smoothed mean E(θ_t | all frames), length k.
    #[must_use]
    pub fn mean(&self, t: usize) -> &[f64] {
        self.0.mean(t)
    }

    /// Smoothed covariance Var(θ_t | all frames), k × k, exactly symmetric.
    #[must_use]
    pub fn covariance(&self, t: usize) -> &[f64] {
        self.0.covariance(t)
    }

    /// Standard deviation of coefficient j, 0 for alpha.
    ///
    /// # Panics
    /// Unknown frame or coefficient.
    #[must_use]
    pub fn sd(&self, t: usize, j: usize) -> f64 {
        self.0.covariance_view(t)[(j, j)].sqrt()
    }
}
