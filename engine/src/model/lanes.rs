//! The part of the filter that every instrument of a group does for itself, instruments side by side.
//!
//! Columns hold one value an instrument, padded to whole blocks of [`BLOCK`] lanes. All loops run the
//! same operations for each lane in the same order, without fused multiply-add and without a sum
//! across lanes, so every kernel that `multiversion` chooses gives the same bits.

use multiversion::multiversion;

use super::ln::ln;

/// Instruments handled side by side.
pub(super) const BLOCK: usize = 8;

/// n rounded up to whole blocks.
#[must_use]
pub(super) const fn padded(n: usize) -> usize {
    n.div_ceil(BLOCK) * BLOCK
}

/// What all instruments of a group share in one update (W&H 4.5 with variance discounting, 10.8).
#[derive(Clone, Copy, Debug)]
pub(super) struct SharedStep<'a> {
    /// x, the design, length k.
    pub design: &'a [f64],
    /// A, the adaptive coefficient, length k.
    pub adaptive_coef: &'a [f64],
    /// q = Q/S, the scaled forecast variance.
    pub q: f64,
    /// β n, the discounted degrees of freedom before this observation.
    pub prior_dof: f64,
    /// Constant of the log density of the standardised t with `prior_dof` degrees of freedom.
    pub log_density_constant: f64,
}

/// The columns of a group, each of padded length; coefficients are k such columns one after another.
#[derive(Clone, Debug, Default)]
pub(super) struct Lanes {
    /// m: coefficient j of lane i at `j * padded + i`.
    pub mean: Vec<f64>,
    /// S, the observation variance estimate.
    pub observation_var: Vec<f64>,
    /// The return of the frame.
    pub observed: Vec<f64>,
    /// f of the frame.
    pub forecast: Vec<f64>,
    /// S before the frame, which scales the forecast of the frame.
    pub forecast_scale: Vec<f64>,
    /// Sum of squared forecast errors.
    pub error_squared: Vec<f64>,
    /// Sum of squared returns.
    pub return_squared: Vec<f64>,
    /// Sum of log predictive densities.
    pub log_density: Vec<f64>,
}

impl Lanes {
    /// Every column, to move lanes between groups; `mean` apart.
    pub(super) fn columns_mut(&mut self) -> [&mut Vec<f64>; 7] {
        [
            &mut self.observation_var,
            &mut self.observed,
            &mut self.forecast,
            &mut self.forecast_scale,
            &mut self.error_squared,
            &mut self.return_squared,
            &mut self.log_density,
        ]
    }
}

/// Forecast, error and update of all lanes:
/// f = x'm, e = y − f, m ← m + A e, S ← (β n S + e²/q)/(β n + 1).
///
/// `score` is 1 where the frame counts in the diagnostics and 0 before.
pub(super) fn update(lanes: &mut Lanes, step: SharedStep<'_>, score: f64) {
    let stride = lanes.observed.len();
    update_kernel(lanes, stride, step, score);
}

#[multiversion(targets("x86_64+avx512f+avx512vl+avx512dq", "x86_64+avx2"))]
fn update_kernel(lanes: &mut Lanes, stride: usize, step: SharedStep<'_>, score: f64) {
    let SharedStep { design, adaptive_coef, q, prior_dof, log_density_constant } = step;
    let inverse_q = 1.0 / q;
    let inverse_dof = 1.0 / (prior_dof + 1.0);
    let tail = -0.5 * (prior_dof + 1.0);
    let standardise = inverse_q / prior_dof;
    for at in (0..stride).step_by(BLOCK) {
        let mut y = [0.0; BLOCK];
        y.copy_from_slice(&lanes.observed[at..at + BLOCK]);
        let mut f = [0.0; BLOCK];
        for (column, &x) in lanes.mean.chunks_exact(stride).zip(design) {
            for (f, m) in f.iter_mut().zip(&column[at..at + BLOCK]) {
                *f += x * m;
            }
        }
        let mut e = [0.0; BLOCK];
        for lane in 0..BLOCK {
            e[lane] = y[lane] - f[lane];
        }
        for (column, &a) in lanes.mean.chunks_exact_mut(stride).zip(adaptive_coef) {
            for (m, e) in column[at..at + BLOCK].iter_mut().zip(&e) {
                *m += a * e;
            }
        }
        lanes.forecast[at..at + BLOCK].copy_from_slice(&f);
        let s_column = &mut lanes.observation_var[at..at + BLOCK];
        lanes.forecast_scale[at..at + BLOCK].copy_from_slice(s_column);
        let mut density = [0.0; BLOCK];
        for lane in 0..BLOCK {
            let s = s_column[lane];
            let squared = e[lane] * e[lane];
            density[lane] =
                log_density_constant - 0.5 * ln(q * s) + tail * ln(1.0 + squared * standardise / s);
            s_column[lane] = (prior_dof * s + squared * inverse_q) * inverse_dof;
        }
        for lane in 0..BLOCK {
            lanes.error_squared[at + lane] += score * (e[lane] * e[lane]);
            lanes.return_squared[at + lane] += score * (y[lane] * y[lane]);
            lanes.log_density[at + lane] += score * density[lane];
        }
    }
}
