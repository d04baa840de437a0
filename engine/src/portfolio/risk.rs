//! The factor risk model and full Kelly under it, without an n × n matrix.

use super::linalg::{cholesky_semidefinite, lower_times, lower_transposed_times, solve_cholesky};
use super::moments::FactorMoments;
use crate::model::Estimates;

/// Σ = B (F + Λ) B' + D: exposures, factor covariance with the uncertainty of the premia, and
/// idiosyncratic variance (Grinold & Kahn, ch. 3). Buffers are reused from one decision to the next.
#[derive(Clone, Debug, Default)]
pub struct FactorRisk {
    n: usize,
    k: usize,
    /// B: factor j of instrument i at `j * n + i`.
    exposures: Vec<f64>,
    /// F + Λ, row-major k × k.
    factor_cov: Vec<f64>,
    /// D, length n; infinite for an instrument that is not known yet.
    idiosyncratic: Vec<f64>,
    root: Vec<f64>,
    inner: Vec<f64>,
    product: Vec<f64>,
    /// M = E[x x'], row-major (k+1)².
    design_square: Vec<f64>,
    work: [Vec<f64>; 3],
}

impl FactorRisk {
    /// The model of the next frame's returns, given the estimates after this one.
    ///
    /// D_i = S_i; with `parameter_uncertainty` S_i · ν/(ν−2) + tr(V_i M), V_i = S_i · ν/(ν−2) · R* with the
    /// variance between the models of a mixture, and Λ added to F.
    ///
    /// What is wrong in an estimate is wrong in every frame of the H that a position is held, so that its
    /// variance counts H times a frame: over H designs x that vary with covariance F about λ̃ = (1, λ),
    /// M = F̃ + H λ̃λ̃', and H Λ is added to F. With H = 1 M is E[x x'] of the next design.
    pub fn assemble(
        &mut self,
        estimates: &Estimates,
        moments: &FactorMoments,
        parameter_uncertainty: bool,
        horizon: f64,
    ) {
        self.n = estimates.instruments();
        self.k = estimates.factors.len();
        self.exposures.clear();
        self.exposures.extend(estimates.betas.iter().map(|b| if b.is_nan() { 0.0 } else { *b }));
        moments.covariance(&mut self.factor_cov);
        if parameter_uncertainty {
            self.set_design_square(moments.premia(), horizon);
            let inflation = 1.0 + horizon * moments.premia_variance_ratio();
            self.factor_cov.iter_mut().for_each(|f| *f *= inflation);
        }
        self.idiosyncratic.clear();
        for i in 0..self.n {
            let dof = estimates.dof[i];
            // Two degrees of freedom or fewer have no variance: such an instrument is not sized.
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
            self.add_parameter_uncertainty(&estimates.coefficient_cov);
        }
        self.root.clone_from(&self.factor_cov);
        cholesky_semidefinite(&mut self.root, self.k);
        for row in 0..self.k {
            self.root[row * self.k + row + 1..(row + 1) * self.k].fill(0.0);
        }
    }

    /// D_i += tr(V_i M), V_i the covariance of the instrument's coefficients: a column for each pair.
    fn add_parameter_uncertainty(&mut self, coefficient_cov: &[f64]) {
        let size = self.k + 1;
        let mut columns = coefficient_cov.chunks_exact(self.n.max(1));
        for a in 0..size {
            for b in a..size {
                let Some(column) = columns.next() else { return };
                let square = self.design_square[a * size + b] * if a == b { 1.0 } else { 2.0 };
                for (variance, covariance) in self.idiosyncratic.iter_mut().zip(column) {
                    // Of an instrument that is not known yet, nothing is.
                    *variance += if covariance.is_nan() { 0.0 } else { square * covariance };
                }
            }
        }
    }

    /// M = [[0, 0], [0, F]] + H [[1, λ'], [λ, λλ']].
    fn set_design_square(&mut self, premia: &[f64], horizon: f64) {
        let size = self.k + 1;
        let design = |j: usize| if j == 0 { 1.0 } else { premia[j - 1] };
        self.design_square.clear();
        for a in 0..size {
            for b in 0..size {
                let spread = if a > 0 && b > 0 { self.factor_cov[(a - 1) * self.k + b - 1] } else { 0.0 };
                self.design_square.push(horizon * design(a) * design(b) + spread);
            }
        }
    }

    /// B: factor j of instrument i at `j * n + i`; 0 where it is not known.
    #[must_use]
    pub fn exposures(&self) -> &[f64] {
        &self.exposures
    }

    /// F + Λ, row-major k × k.
    #[must_use]
    pub fn factor_covariance(&self) -> &[f64] {
        &self.factor_cov
    }

    /// L, lower, row-major k × k, with L L' = F + Λ.
    #[must_use]
    pub fn factor_root(&self) -> &[f64] {
        &self.root
    }

    /// w'Σw, without those whose variance is infinite.
    pub fn variance(&mut self, weights: &[f64]) -> f64 {
        let (n, k) = (self.n, self.k);
        let exposures = &mut self.work[0];
        exposures.clear();
        for column in self.exposures.chunks_exact(n.max(1)) {
            exposures.push(column.iter().zip(weights).map(|(beta, w)| beta * w).sum());
        }
        let mut variance = 0.0;
        for a in 0..k {
            variance += (0..k).map(|b| exposures[a] * self.factor_cov[a * k + b] * exposures[b]).sum::<f64>();
        }
        let own = self.idiosyncratic.iter().zip(weights).filter(|(d, _)| d.is_finite());
        variance + own.map(|(d, w)| d * w * w).sum::<f64>()
    }

    /// D, length n.
    #[must_use]
    pub fn idiosyncratic(&self) -> &[f64] {
        &self.idiosyncratic
    }

    /// Σ⁻¹ μ into `out` by Woodbury, with F = L L':
    /// D⁻¹(μ − B L (I + L'GL)⁻¹ L' B'D⁻¹μ), G = B'D⁻¹B. F may be singular.
    pub fn inverse_times(&mut self, expected: &[f64], out: &mut Vec<f64>) {
        let (n, k) = (self.n, self.k);
        let [v, t, u] = &mut self.work;
        for buffer in [&mut *v, &mut *t, &mut *u] {
            buffer.clear();
            buffer.resize(k, 0.0);
        }
        self.inner.clear();
        self.inner.resize(k * k, 0.0);
        for i in 0..n {
            let inverse = 1.0 / self.idiosyncratic[i];
            for a in 0..k {
                let weighted = self.exposures[a * n + i] * inverse;
                v[a] += weighted * expected[i];
                for b in 0..=a {
                    self.inner[a * k + b] += weighted * self.exposures[b * n + i];
                }
            }
        }
        inner_matrix(&self.root, &mut self.inner, &mut self.product, k);
        cholesky_semidefinite(&mut self.inner, k);
        lower_transposed_times(&self.root, k, v, t);
        solve_cholesky(&self.inner, k, t);
        lower_times(&self.root, k, t, u);
        out.clear();
        for i in 0..n {
            let explained: f64 = (0..k).map(|j| self.exposures[j * n + i] * u[j]).sum();
            out.push((expected[i] - explained) / self.idiosyncratic[i]);
        }
    }

    /// Σ w into `out`; infinite variances count as nothing, for what cannot be sized cannot be held up.
    pub fn times(&mut self, weights: &[f64], out: &mut Vec<f64>) {
        let (n, k) = (self.n, self.k);
        let [v, t, _] = &mut self.work;
        for buffer in [&mut *v, &mut *t] {
            buffer.clear();
            buffer.resize(k, 0.0);
        }
        for (i, w) in weights.iter().enumerate() {
            for (a, v) in v.iter_mut().enumerate() {
                *v += self.exposures[a * n + i] * w;
            }
        }
        for (a, t) in t.iter_mut().enumerate() {
            *t = self.factor_cov[a * k..(a + 1) * k].iter().zip(v.iter()).map(|(f, v)| f * v).sum();
        }
        out.clear();
        for (i, w) in weights.iter().enumerate() {
            let systematic: f64 = (0..k).map(|j| self.exposures[j * n + i] * t[j]).sum();
            let own = self.idiosyncratic[i];
            out.push(systematic + if own.is_finite() { own * w } else { 0.0 });
        }
    }
}

/// I + L' G L in place of G, of which the lower half is given; the result is full.
fn inner_matrix(root: &[f64], g: &mut [f64], product: &mut Vec<f64>, k: usize) {
    for a in 0..k {
        for b in a + 1..k {
            g[a * k + b] = g[b * k + a];
        }
    }
    product.clear();
    for a in 0..k {
        product.extend((0..k).map(|b| (b..k).map(|p| g[a * k + p] * root[p * k + b]).sum::<f64>()));
    }
    for a in 0..k {
        for b in 0..k {
            let value: f64 = (a..k).map(|p| root[p * k + a] * product[p * k + b]).sum();
            g[a * k + b] = value + f64::from(u8::from(a == b));
        }
    }
}
