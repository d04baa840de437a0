//! Factor risk model and full Kelly weights under it, without an n × n matrix.

use nalgebra::{DMatrix, DVector, DVectorViewMut};
use serde::{Deserialize, Serialize};

use super::column_kernels::{copy_known, set_exposures, set_factor_exposures};
use super::group_slots::GroupSlots;
use super::moments::FactorMoments;
use super::own_loadings::OwnLoadings;
use crate::linalg::{cholesky_semidefinite, least_relative_eigenvalue, reshape, resize, solve_cholesky};
use crate::model::Estimates;

/// Σ = B (F + Λ) B' + D: exposures, factor covariance with the uncertainty of the premia, and idiosyncratic
/// variance (Grinold & Kahn, ch. 3). Buffers are reused between rebalances.
#[derive(Clone, Debug, Default)]
pub struct FactorRisk {
    n: usize,
    /// Number K of all factors.
    k: usize,
    /// Loadings on the given factors, n × k, the first columns of B.
    exposures: DMatrix<f64>,
    /// Loadings on the factors of groups, the other K − k columns of B.
    own: Vec<OwnLoadings>,
    /// F + Λ, K × K.
    factor_cov: DMatrix<f64>,
    /// D, length n; infinite for an instrument before its first return.
    idiosyncratic: Vec<f64>,
    /// Residual variance of the next frame alone, without scale and parameter uncertainty, length n; infinite as D.
    residual_var: Vec<f64>,
    /// Factor on the residual variances in D; `None` is 1.
    residual_scale: Option<f64>,
    /// L, lower triangular, with L L' = F + Λ.
    root: DMatrix<f64>,
    /// L'. Its products are summed in order, unlike those of `gemm_tr`.
    root_transposed: DMatrix<f64>,
    /// I + L'GL and its Cholesky factor.
    inner: DMatrix<f64>,
    product: DMatrix<f64>,
    /// M = E[x x'], (K+1) × (K+1).
    design_square: DMatrix<f64>,
    /// Design x = (1, λ), length K + 1.
    design: DVector<f64>,
    /// Buffer of the parameter uncertainty.
    traces: Vec<f64>,
    /// Buffers of length K.
    work: [DVector<f64>; 2],
}

/// Loadings, n × k, and residual variances of a [`FactorRisk`] between frames.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RiskState<V> {
    n: usize,
    k: usize,
    exposures: V,
    own: Vec<OwnLoadings>,
    residual_var: V,
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
        let residual_var = idiosyncratic.clone();
        Self { n, k, exposures, factor_cov, idiosyncratic, residual_var, root, work, ..Self::default() }
    }

    /// Assembles the model of the next frame's returns from the estimates after this one. `slots`: places of the groups'
    /// factors in `moments`.
    ///
    /// D_i = φ S_i with the scale of [`Self::scale_residuals`]; with `parameter_uncertainty` D_i = φ S_i · ν/(ν−2) +
    /// tr(V_i M) and Λ is added to F. V_i = S_i · ν/(ν−2) · R* includes the variance between the models of a mixture.
    ///
    /// An estimation error persists over the H frames that a position is held, so its variance counts H times
    /// per frame: over H designs x with covariance F about λ̃ = (1, λ), M = F̃ + H λ̃λ̃', and H Λ is added to
    /// F. With H = 1, M is E[x x'] of the next design.
    pub fn assemble(
        &mut self,
        estimates: &Estimates,
        moments: &FactorMoments,
        slots: &GroupSlots,
        parameter_uncertainty: bool,
        horizon: f64,
    ) {
        self.n = estimates.instruments();
        let given = estimates.factors.len();
        self.k = moments.premia().len().max(given);
        reshape(&mut self.exposures, self.n, given);
        copy_known(&estimates.betas, self.exposures.as_mut_slice());
        slots.write_loadings(estimates, &mut self.own);
        for buffer in &mut self.work {
            resize(buffer, self.k);
        }
        match estimates.factor_cov.as_slice() {
            given if given.len() != self.k * self.k => moments.covariance(&mut self.factor_cov),
            given => {
                reshape(&mut self.factor_cov, self.k, self.k);
                self.factor_cov.as_mut_slice().copy_from_slice(given);
            }
        }
        if parameter_uncertainty {
            self.set_design_square(moments.premia(), horizon);
            moments.add_premia_variance(horizon, &mut self.factor_cov);
        }
        self.idiosyncratic.clear();
        self.residual_var.clear();
        let scale = self.residual_scale.filter(|_| estimates.factor_cov.is_empty()).unwrap_or(1.0);
        for i in 0..self.n {
            let dof = estimates.dof[i];
            // The variance is infinite for two degrees of freedom or fewer: the instrument gets no weight.
            let learned = match dof {
                f64::INFINITY => 1.0,
                dof if dof > 2.0 => dof / (dof - 2.0),
                _ => f64::INFINITY,
            };
            let known = estimates.started(i);
            let variance = if known { estimates.observation_var[i] } else { f64::INFINITY };
            self.residual_var.push(variance * learned);
            self.idiosyncratic.push(scale * variance * if parameter_uncertainty { learned } else { 1.0 });
        }
        if parameter_uncertainty {
            let Self { design_square, traces, idiosyncratic, own, .. } = self;
            let square = |a: usize, b: usize| design_square[(b, a)];
            if own.is_empty() {
                estimates.coefficient_cov.add_traces(square, traces, idiosyncratic);
            } else {
                // The coefficients of alpha and the given factors come first.
                let design = |i: usize, coefficient: usize| {
                    own[coefficient - given - 1].of(i).map(|(factor, _)| factor + 1)
                };
                estimates.coefficient_cov.add_traces_of(square, given + 1, design, idiosyncratic);
            }
        }
        reshape(&mut self.root, self.k, self.k);
        self.root.copy_from(&self.factor_cov);
        cholesky_semidefinite(self.root.as_mut_slice(), self.k);
    }

    /// Sets the factor φ on the residual variances of the models assembled from here on, except those with a given
    /// factor covariance.
    pub fn scale_residuals(&mut self, scale: f64) {
        self.residual_scale = Some(scale);
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

    /// Loadings on the given factors, n × k; unknown ones are 0.
    #[must_use]
    pub fn exposures(&self) -> &DMatrix<f64> {
        &self.exposures
    }

    /// Loadings on the factors of groups: one entry for each division of the instruments into groups.
    #[must_use]
    pub fn own_loadings(&self) -> &[OwnLoadings] {
        &self.own
    }

    /// Number K of factors: the given ones, then those of groups.
    #[must_use]
    pub const fn factors(&self) -> usize {
        self.k
    }

    /// Writes B'w for the K factors, each sum in engine order.
    fn write_factor_exposures(
        exposures: &DMatrix<f64>,
        own: &[OwnLoadings],
        weights: &[f64],
        out: &mut DVector<f64>,
    ) {
        if own.is_empty() {
            return set_factor_exposures(exposures, weights, out);
        }
        set_exposures(exposures, weights, &mut out.as_mut_slice()[..exposures.ncols()]);
        let groups = exposures.ncols();
        out.as_mut_slice()[groups..].fill(0.0);
        own.iter().for_each(|own| own.add_exposures(weights, out.as_mut_slice()));
    }

    /// F + Λ, K × K.
    #[must_use]
    pub fn factor_covariance(&self) -> &DMatrix<f64> {
        &self.factor_cov
    }

    /// L, lower triangular, K × K, with L L' = F + Λ.
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
        if !self.own.is_empty() {
            return self.grouped_variance_of(instrument);
        }
        let b = self.exposures.row(instrument);
        let mut common = 0.0;
        for (row, beta) in self.factor_cov.row_iter().zip(b.iter()) {
            common += beta * row.iter().zip(b.iter()).map(|(f, other)| f * other).sum::<f64>();
        }
        common + self.idiosyncratic[instrument]
    }

    fn grouped_variance_of(&self, instrument: usize) -> f64 {
        let mut common = 0.0;
        for (factor, beta) in self.loadings_of(instrument) {
            let others = self.loadings_of(instrument);
            common +=
                beta * others.map(|(other, value)| self.factor_cov[(factor, other)] * value).sum::<f64>();
        }
        common + self.idiosyncratic[instrument]
    }

    /// Loadings of an instrument: factor and loading; those on the given factors come first.
    pub(super) fn loadings_of(&self, instrument: usize) -> impl Iterator<Item = (usize, f64)> {
        loadings(&self.exposures, &self.own, instrument)
    }

    /// Variance w'Σw, without the instruments whose variance is infinite.
    pub fn variance(&mut self, weights: &[f64]) -> f64 {
        let [v, t] = &mut self.work;
        Self::write_factor_exposures(&self.exposures, &self.own, weights, v);
        t.gemv(1.0, &self.factor_cov, v, 0.0);
        let known = self.idiosyncratic.iter().zip(weights).filter(|(d, _)| d.is_finite());
        v.dot(t) + known.map(|(d, w)| d * w * w).sum::<f64>()
    }

    /// Writes B'w, the exposures of a book to the factors, into `out`, length k. Instruments beyond those of the model
    /// have no exposure.
    pub fn write_exposures(&mut self, weights: &[f64], out: &mut Vec<f64>) {
        let [v, _] = &mut self.work;
        resize(v, self.k);
        Self::write_factor_exposures(&self.exposures, &self.own, weights, v);
        out.clear();
        out.extend_from_slice(v.as_slice());
    }

    /// Residual variance w'Dw of a book in the next frame alone: without scale and parameter uncertainty, and without
    /// the instruments whose variance is infinite.
    #[must_use]
    pub fn residual_variance(&self, weights: &[f64]) -> f64 {
        let known = self.residual_var.iter().zip(weights).filter(|(d, _)| d.is_finite());
        known.map(|(d, w)| d * w * w).sum()
    }

    /// Parts that [`Self::write_exposures`] and [`Self::residual_variance`] need, as saved between frames.
    pub(crate) fn state(&self) -> RiskState<&[f64]> {
        RiskState {
            n: self.n,
            k: self.k,
            exposures: self.exposures.as_slice(),
            own: self.own.clone(),
            residual_var: &self.residual_var,
        }
    }

    /// Restores saved parts; the others are those of the next assembly.
    pub(crate) fn restore(&mut self, state: RiskState<Vec<f64>>) {
        let RiskState { n, k, exposures, own, residual_var } = state;
        (self.n, self.k, self.own) = (n, k, own);
        let given = exposures.len().checked_div(n).unwrap_or(0);
        self.exposures = DMatrix::from_vec(n, given, exposures);
        self.residual_var = residual_var;
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
        if self.own.is_empty() {
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
        } else {
            for i in 0..n {
                let inverse = 1.0 / self.idiosyncratic[i];
                for (a, beta) in loadings(b, &self.own, i) {
                    let weighted = beta * inverse;
                    v[a] += weighted * expected[i];
                    for (c, other) in loadings(b, &self.own, i).filter(|(c, _)| *c <= a) {
                        self.inner[(a, c)] += weighted * other;
                    }
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
        explained.gemv(1.0, b, &v.rows(0, b.ncols()), 0.0);
        self.own.iter().for_each(|own| own.add_products(v.as_slice(), out));
        for (i, out) in out.iter_mut().enumerate() {
            *out = (expected[i] - *out) / self.idiosyncratic[i];
        }
    }

    /// Writes Σ w into `out`; infinite variances count as 0, because those instruments get no weight.
    pub fn times(&mut self, weights: &[f64], out: &mut Vec<f64>) {
        let [v, t] = &mut self.work;
        Self::write_factor_exposures(&self.exposures, &self.own, weights, v);
        t.gemv(1.0, &self.factor_cov, v, 0.0);
        out.resize(self.n, 0.0);
        let given = t.rows(0, self.exposures.ncols());
        DVectorViewMut::from_slice(out, self.n).gemv(1.0, &self.exposures, &given, 0.0);
        self.own.iter().for_each(|own| own.add_products(t.as_slice(), out));
        for (i, out) in out.iter_mut().enumerate() {
            let idiosyncratic = self.idiosyncratic[i];
            *out += if idiosyncratic.is_finite() { idiosyncratic * weights[i] } else { 0.0 };
        }
    }
}

/// Loadings of an instrument: factor and loading; those on the given factors come first.
fn loadings(
    exposures: &DMatrix<f64>,
    own: &[OwnLoadings],
    instrument: usize,
) -> impl Iterator<Item = (usize, f64)> {
    let given = (0..exposures.ncols()).map(move |factor| (factor, exposures[(instrument, factor)]));
    given.chain(own.iter().filter_map(move |own| own.of(instrument)))
}

/// Returns true if a symmetric k × k matrix, by columns, is positive semidefinite up to rounding.
#[must_use]
pub fn is_covariance(values: &[f64], k: usize) -> bool {
    /// Size of a negative eigenvalue relative to the largest that is rounding.
    const ROUNDING: f64 = 1e-9;
    let matrix = DMatrix::from_column_slice(k, k, values);
    (0..k).all(|j| matrix[(j, j)] >= 0.0) && least_relative_eigenvalue(&matrix) >= -ROUNDING
}
