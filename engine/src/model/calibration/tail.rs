//! Shape of a forecast distribution.

use serde::{Deserialize, Serialize};

use super::INTERVALS;
use crate::distributions::{NORMAL_QUANTILES, t_quantile, variance_of_t};

/// Relative change of the degrees of freedom from which the densities and intervals of a score are those of the new
/// ones. A smaller change moves a mean log density by less than its square.
const STALE_DOF: f64 = 1e-3;

/// Shape of a forecast distribution: a t with given degrees of freedom.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(in crate::model) struct Tail {
    pub(in crate::model) dof: f64,
    /// Variance of the t, in units of its squared scale.
    pub(super) variance: f64,
    /// Degrees of freedom of the densities and intervals.
    pub(super) tabulated: f64,
    /// Inverse square of the constant of the density.
    pub(super) inverse_constant: f64,
    /// Squared half-widths of [`INTERVALS`], in units of the squared scale.
    pub(super) half_widths: [f64; 3],
}

impl Tail {
    pub(in crate::model) const fn new() -> Self {
        let none = f64::NAN;
        Self { dof: none, variance: none, tabulated: 0.0, inverse_constant: none, half_widths: [none; 3] }
    }

    /// Sets the normal distribution, approximated by a t with 10⁹ degrees of freedom and variance 1.
    pub(in crate::model) fn set_normal(&mut self) {
        self.set(1e9);
        self.variance = 1.0;
    }

    /// Sets the t with these degrees of freedom.
    pub(in crate::model) fn set(&mut self, dof: f64) {
        if self.dof == dof {
            return;
        }
        self.dof = dof;
        self.variance = variance_of_t(dof);
        if (dof - self.tabulated).abs() > STALE_DOF * dof {
            self.tabulated = dof;
            let log_constant = libm::lgamma(0.5 * (dof + 1.0))
                - libm::lgamma(0.5 * dof)
                - 0.5 * libm::log(dof * std::f64::consts::PI);
            self.inverse_constant = libm::exp(-2.0 * log_constant);
            self.half_widths = [0, 1, 2].map(|at| {
                let half_width = t_quantile(1.0 - INTERVALS[at], NORMAL_QUANTILES[at], dof);
                half_width * half_width
            });
        }
    }
}
