//! Loadings of each instrument on the factor of its own group.

use serde::{Deserialize, Serialize};

/// Factor of an instrument without a group factor.
pub const NO_FACTOR: u32 = u32::MAX;

/// Loadings on the factors of one division into groups: one entry for each instrument, instead of a column for each
/// group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OwnLoadings {
    /// Factor of each instrument's group, as an index into all K factors; [`NO_FACTOR`] without one. Length n.
    pub factor: Vec<u32>,
    /// Loading on that factor; 0 without one. Length n.
    pub loading: Vec<f64>,
}

impl OwnLoadings {
    /// Factor of the instrument's group and the loading on it.
    #[must_use]
    pub fn of(&self, instrument: usize) -> Option<(usize, f64)> {
        let factor = *self.factor.get(instrument)?;
        (factor != NO_FACTOR).then(|| (factor as usize, self.loading[instrument]))
    }

    /// Adds the exposures Σ loading · weight to the sums of the factors, in engine order.
    pub(super) fn add_exposures(&self, weights: &[f64], sums: &mut [f64]) {
        for ((factor, loading), weight) in self.factor.iter().zip(&self.loading).zip(weights) {
            if *factor != NO_FACTOR {
                sums[*factor as usize] += loading * weight;
            }
        }
    }

    /// Adds loading · value of the own factor to each entry of `out`, length n.
    pub fn add_products(&self, values: &[f64], out: &mut [f64]) {
        for ((factor, loading), out) in self.factor.iter().zip(&self.loading).zip(out) {
            if *factor != NO_FACTOR {
                *out += loading * values[*factor as usize];
            }
        }
    }
}
