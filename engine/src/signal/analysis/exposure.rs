//! Exposure of a signal to factors.

use super::correlation::pearson;
use super::newey_west::Coefficients;

/// Exposure of a signal to one factor: Pearson correlation over instruments of the signal with the betas on
/// the factor as estimated on the frame of the cross-section.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExposureFigures {
    /// Mean over cross-sections, with its uncertainty.
    pub correlation: Coefficients,
    /// Mean of the absolute correlation: high with a mean near 0 if the exposure changes its sign.
    pub mean_absolute: f64,
}

/// Series of exposures, one per factor.
#[derive(Clone, Debug, Default)]
pub(super) struct Exposures {
    series: Vec<Vec<f64>>,
    signal: Vec<f64>,
    betas: Vec<f64>,
}

impl Exposures {
    /// Adds a cross-section with values `signal` of `members`, if the frame has betas: factor j of instrument
    /// i at `j * n + i`.
    pub(super) fn push(&mut self, members: &[u32], signal: &[f64], betas: &[f64], n: usize) {
        let factors = betas.len().checked_div(n).unwrap_or_default();
        if self.series.len() < factors {
            self.series.resize(factors, Vec::new());
        }
        for (series, column) in self.series.iter_mut().zip(betas.chunks_exact(n.max(1))) {
            self.signal.clear();
            self.betas.clear();
            for (member, value) in members.iter().zip(signal) {
                let beta = column[*member as usize];
                if beta.is_finite() {
                    self.signal.push(*value);
                    self.betas.push(beta);
                }
            }
            series.push(pearson(&self.signal, &self.betas));
        }
    }

    /// Figures of each factor.
    pub(super) fn figures(&self, per_year: f64) -> Vec<ExposureFigures> {
        let of = |series: &Vec<f64>| {
            let absolute = Coefficients::of(series.iter().map(|value| value.abs()), 0, per_year);
            let correlation = Coefficients::of(series.iter().copied(), 0, per_year);
            ExposureFigures { correlation, mean_absolute: absolute.mean }
        };
        self.series.iter().map(of).collect()
    }
}
