//! Covariances of some members of a window, by which minimum-variance portfolios are chosen.

use nalgebra::DMatrix;

use super::window::{Regression, Window};
use crate::portfolio::{Covariance, FactorRisk};

/// Covariance of a subset of instruments, in full.
pub(super) struct Subset(pub(super) DMatrix<f64>);

impl Covariance for Subset {
    fn instruments(&self) -> usize {
        self.0.nrows()
    }

    fn row(&self, i: usize, out: &mut [f64]) {
        out.iter_mut().zip(self.0.column(i).iter()).for_each(|(out, value)| *out = *value);
    }
}

/// Exponentially weighted covariance about zero. `weights`: those of the frames, oldest first, with sum 1.
pub(super) fn exponential(window: &Window, members: &[usize], weights: &[f64]) -> Subset {
    let series: Vec<Vec<f64>> = members.iter().map(|i| window.series_of(*i).collect()).collect();
    Subset(DMatrix::from_fn(members.len(), members.len(), |a, b| {
        weights.iter().zip(&series[a]).zip(&series[b]).map(|((w, left), right)| w * left * right).sum()
    }))
}

/// Covariance of Ledoit & Wolf with the shrinkage of all members of the window.
pub(super) fn shrunk(window: &Window, members: &[usize]) -> Subset {
    let shrinkage = window.shrinkage();
    let centred = |i: &usize| {
        let series: Vec<f64> = window.series_of(*i).collect();
        let mean = series.iter().sum::<f64>() / series.len() as f64;
        series.into_iter().map(|r| r - mean).collect::<Vec<f64>>()
    };
    let series: Vec<Vec<f64>> = members.iter().map(centred).collect();
    Subset(DMatrix::from_fn(members.len(), members.len(), |a, b| {
        let count = series[a].len() as f64;
        let sample = series[a].iter().zip(&series[b]).map(|(left, right)| left * right).sum::<f64>() / count;
        let target = if a == b { shrinkage.variance } else { 0.0 };
        (1.0 - shrinkage.share) * sample + shrinkage.share * target
    }))
}

/// Covariance of the rolling regression on the factors.
pub(super) fn of_factors(regression: &Regression, members: &[usize]) -> Subset {
    let Regression { coefficients, residual_var, factor_cov } = regression;
    let betas = DMatrix::from_fn(factor_cov.nrows(), members.len(), |j, a| coefficients[(j + 1, members[a])]);
    let mut covariance = betas.transpose() * factor_cov * &betas;
    for (a, i) in members.iter().enumerate() {
        covariance[(a, a)] += residual_var[*i];
    }
    Subset(covariance)
}

/// Covariance of the factor model of sizing. `instruments`: places in engine order.
pub(super) fn of_model(risk: &FactorRisk, instruments: &[usize]) -> Subset {
    let mut row = vec![0.0; risk.instruments()];
    let mut covariance = DMatrix::zeros(instruments.len(), instruments.len());
    for (a, i) in instruments.iter().enumerate() {
        risk.row(*i, &mut row);
        for (b, other) in instruments.iter().enumerate() {
            covariance[(b, a)] = row[*other];
        }
    }
    Subset(covariance)
}
