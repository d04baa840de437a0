//! Factor risk model and full Kelly weights under it, without an n × n matrix.

use nalgebra::{DMatrix, DVector, DVectorViewMut};

use super::column_kernels::{copy_known, set_factor_exposures};
use super::moments::FactorMoments;
use crate::linalg::{cholesky_semidefinite, least_relative_eigenvalue, reshape, resize, solve_cholesky};
use crate::model::Estimates;

/// Σ = B (F + Λ) B' + D: exposures, factor covariance with the uncertainty of the premia, and idiosyncratic
/// variance (Grinold & Kahn, ch. 3). Buffers are reused between rebalances.
#[derive(Clone, Debug, Default)]
pub struct FactorRisk {
    n: usize,
    k: usize,
    /// B, n × k.
    exposures: DMatrix<f64>,
    /// F + Λ, k × k.
    factor_cov: DMatrix<f64>,
    /// D, length n; infinite for an instrument before its first return.
    idiosyncratic: Vec<f64>,
    /// L, lower triangular, with L L' = F + Λ.
    root: DMatrix<f64>,
    /// L'. Its products are summed in order, unlike those of `gemm_tr`.
    root_transposed: DMatrix<f64>,
    /// I + L'GL and its Cholesky factor.
    inner: DMatrix<f64>,
    product: DMatrix<f64>,
    /// M = E[x x'], (k+1) × (k+1).
    design_square: DMatrix<f64>,
    /// Design x = (1, λ), length k + 1.
    design: DVector<f64>,
    /// Buffer of the parameter uncertainty.
    traces: Vec<f64>,
    /// Buffers of length k.
    work: [DVector<f64>; 2],
}

impl FactorRisk {
    /// Model of given parts per frame: exposures, factor j of instrument i at `j * n + i`; factor covariance, k × k,
    /// symmetric and positive semidefinite; idiosyncratic variances, length n, infinite for an instrument that gets no
    /// weight.
    ///
    /// # Panics
    /// The lengths do not match.
    #[must_use]
    pub fn of_parts(exposures: Vec<f64>, factor_cov: Vec<f64>, idiosyncratic: Vec<f64>) -> Self {
        let (n, k) = (idiosyncratic.len(), factor_cov.len().isqrt());
        assert_eq!([exposures.len(), factor_cov.len()], [n * k, k * k], "lengths of the parts");
        let factor_cov = DMatrix::from_vec(k, k, factor_cov);
        let mut root = factor_cov.clone();
        cholesky_semidefinite(root.as_mut_slice(), k);
        let exposures = DMatrix::from_vec(n, k, exposures);
        let work = [DVector::zeros(k), DVector::zeros(k)];
        Self { n, k, exposures, factor_cov, idiosyncratic, root, work, ..Self::default() }
    }

    /// Assembles the model of the next frame's returns from the estimates after this one.
    ///
    /// D_i = S_i; with `parameter_uncertainty` D_i = S_i · ν/(ν−2) + tr(V_i M) and Λ is added to F. V_i = S_i
    /// · ν/(ν−2) · R* includes the variance between the models of a mixture.
    ///
    /// An estimation error persists over the H frames that a position is held, so its variance counts H times
    /// per frame: over H designs x with covariance F about λ̃ = (1, λ), M = F̃ + H λ̃λ̃', and H Λ is added to
    /// F. With H = 1, M is E[x x'] of the next design.
    pub fn assemble(
        &mut self,
        estimates: &Estimates,
        moments: &FactorMoments,
        parameter_uncertainty: bool,
        horizon: f64,
    ) {
        self.n = estimates.instruments();
        self.k = estimates.factors.len();
        reshape(&mut self.exposures, self.n, self.k);
        copy_known(&estimates.betas, self.exposures.as_mut_slice());
        for buffer in &mut self.work {
            resize(buffer, self.k);
        }
        match estimates.factor_cov.as_slice() {
            [] => moments.covariance(&mut self.factor_cov),
            given => {
                reshape(&mut self.factor_cov, self.k, self.k);
                self.factor_cov.as_mut_slice().copy_from_slice(given);
            }
        }
        if parameter_uncertainty {
            self.set_design_square(moments.premia(), horizon);
            self.factor_cov *= 1.0 + horizon * moments.premia_variance_ratio();
        }
        self.idiosyncratic.clear();
        for i in 0..self.n {
            let dof = estimates.dof[i];
            // The variance is infinite for two degrees of freedom or fewer: the instrument gets no weight.
            let learned = match dof {
                f64::INFINITY => 1.0,
                dof if dof > 2.0 => dof / (dof - 2.0),
                _ => f64::INFINITY,
            };
            let learned = if parameter_uncertainty { learned } else { 1.0 };
            let known = estimates.started(i);
            self.idiosyncratic.push(if known {
                estimates.observation_var[i] * learned
            } else {
                f64::INFINITY
            });
        }
        if parameter_uncertainty {
            let Self { design_square, traces, idiosyncratic, .. } = self;
            let square = |a: usize, b: usize| design_square[(b, a)];
            estimates.coefficient_cov.add_traces(square, traces, idiosyncratic);
        }
        reshape(&mut self.root, self.k, self.k);
        self.root.copy_from(&self.factor_cov);
        cholesky_semidefinite(self.root.as_mut_slice(), self.k);
    }

    /// M = [[0, 0], [0, F]] + H [[1, λ'], [λ, λλ']].
    fn set_design_square(&mut self, premia: &DVector<f64>, horizon: f64) {
        let size = self.k + 1;
        resize(&mut self.design, size);
        self.design[0] = 1.0;
        self.design.rows_range_mut(1..).copy_from(premia);
        reshape(&mut self.design_square, size, size);
        self.design_square.fill(0.0);
        self.design_square.view_mut((1, 1), (self.k, self.k)).copy_from(&self.factor_cov);
        self.design_square.ger(horizon, &self.design, &self.design, 1.0);
    }

    /// B, n × k; unknown exposures are 0.
    #[must_use]
    pub fn exposures(&self) -> &DMatrix<f64> {
        &self.exposures
    }

    /// F + Λ, k × k.
    #[must_use]
    pub fn factor_covariance(&self) -> &DMatrix<f64> {
        &self.factor_cov
    }

    /// L, lower triangular, k × k, with L L' = F + Λ.
    #[must_use]
    pub fn factor_root(&self) -> &DMatrix<f64> {
        &self.root
    }

    /// Adds the error variance of expected returns, `horizon` times per frame as in [`Self::assemble`].
    /// `deviations`: standard deviation per frame, length n; NaN adds nothing.
    pub fn add_expected_variance(&mut self, deviations: &[f64], horizon: f64) {
        for (variance, sd) in self.idiosyncratic.iter_mut().zip(deviations).filter(|(_, sd)| !sd.is_nan()) {
            *variance += horizon * sd * sd;
        }
    }

    /// Variance b_i'(F + Λ)b_i + D_i of an instrument's next return; infinite before its first return.
    #[must_use]
    pub fn variance_of(&self, instrument: usize) -> f64 {
        let b = self.exposures.row(instrument);
        let mut common = 0.0;
        for (row, beta) in self.factor_cov.row_iter().zip(b.iter()) {
            common += beta * row.iter().zip(b.iter()).map(|(f, other)| f * other).sum::<f64>();
        }
        common + self.idiosyncratic[instrument]
    }

    /// Variance w'Σw, without the instruments whose variance is infinite.
    pub fn variance(&mut self, weights: &[f64]) -> f64 {
        let [v, t] = &mut self.work;
        set_factor_exposures(&self.exposures, weights, v);
        t.gemv(1.0, &self.factor_cov, v, 0.0);
        let known = self.idiosyncratic.iter().zip(weights).filter(|(d, _)| d.is_finite());
        v.dot(t) + known.map(|(d, w)| d * w * w).sum::<f64>()
    }

    /// D, length n.
    #[must_use]
    pub fn idiosyncratic(&self) -> &[f64] {
        &self.idiosyncratic
    }

    /// Writes Σ⁻¹ μ into `out` by Woodbury, with F = L L': D⁻¹(μ − B L (I + L'GL)⁻¹ L' B'D⁻¹μ), G = B'D⁻¹B. F
    /// may be singular.
    pub fn inverse_times(&mut self, expected: &[f64], out: &mut Vec<f64>) {
        let (n, k) = (self.n, self.k);
        let (b, root) = (&self.exposures, &self.root);
        let [v, t] = &mut self.work;
        v.fill(0.0);
        reshape(&mut self.inner, k, k);
        reshape(&mut self.product, k, k);
        self.inner.fill(0.0);
        // B'D⁻¹μ and the lower half of G, summed in engine order.
        for i in 0..n {
            let inverse = 1.0 / self.idiosyncratic[i];
            for a in 0..k {
                let weighted = b[(i, a)] * inverse;
                v[a] += weighted * expected[i];
                for c in 0..=a {
                    self.inner[(a, c)] += weighted * b[(i, c)];
                }
            }
        }
        self.inner.fill_upper_triangle_with_lower_triangle();
        reshape(&mut self.root_transposed, k, k);
        root.transpose_to(&mut self.root_transposed);
        self.product.gemm(1.0, &self.inner, root, 0.0);
        self.inner.gemm(1.0, &self.root_transposed, &self.product, 0.0);
        for j in 0..k {
            self.inner[(j, j)] += 1.0;
        }
        cholesky_semidefinite(self.inner.as_mut_slice(), k);
        t.gemv(1.0, &self.root_transposed, v, 0.0);
        solve_cholesky(self.inner.as_slice(), k, t.as_mut_slice());
        v.gemv(1.0, root, t, 0.0);
        out.resize(n, 0.0);
        let mut explained = DVectorViewMut::from_slice(out, n);
        explained.gemv(1.0, b, v, 0.0);
        for (i, out) in out.iter_mut().enumerate() {
            *out = (expected[i] - *out) / self.idiosyncratic[i];
        }
    }

    /// Writes Σ w into `out`; infinite variances count as 0, because those instruments get no weight.
    pub fn times(&mut self, weights: &[f64], out: &mut Vec<f64>) {
        let [v, t] = &mut self.work;
        set_factor_exposures(&self.exposures, weights, v);
        t.gemv(1.0, &self.factor_cov, v, 0.0);
        out.resize(self.n, 0.0);
        DVectorViewMut::from_slice(out, self.n).gemv(1.0, &self.exposures, t, 0.0);
        for (i, out) in out.iter_mut().enumerate() {
            let idiosyncratic = self.idiosyncratic[i];
            *out += if idiosyncratic.is_finite() { idiosyncratic * weights[i] } else { 0.0 };
        }
    }
}

/// Returns true if a symmetric k × k matrix, by columns, is positive semidefinite up to rounding.
#[must_use]
pub fn is_covariance(values: &[f64], k: usize) -> bool {
    /// Size of a negative eigenvalue relative to the largest that is rounding.
    const ROUNDING: f64 = 1e-9;
    let matrix = DMatrix::from_column_slice(k, k, values);
    (0..k).all(|j| matrix[(j, j)] >= 0.0) && least_relative_eigenvalue(&matrix) >= -ROUNDING
}
