//! Distribution of a figure over scenarios.

use crate::percentile::percentile;

/// Quantiles of a figure over the scenarios in which it is defined, interpolated linearly between order
/// statistics like `numpy.quantile`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantiles {
    /// Scenarios in which the figure is defined.
    pub count: usize,
    /// Quantiles at [`Self::LEVELS`].
    pub quantiles: [f64; 5],
    /// Mean.
    pub mean: f64,
    /// Share of values below 0.
    pub below_zero: f64,
}

impl Quantiles {
    /// Levels of the quantiles.
    pub const LEVELS: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

    /// Returns the quantiles of values, NaN for an undefined figure; `None` if every value is NaN.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        if sorted.is_empty() {
            return None;
        }
        let count = sorted.len();
        let quantile = |level: f64| percentile(level, count, |rank| sorted[rank]);
        Some(Self {
            count,
            quantiles: Self::LEVELS.map(quantile),
            mean: sorted.iter().sum::<f64>() / count as f64,
            below_zero: sorted.partition_point(|value| *value < 0.0) as f64 / count as f64,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::sweep::quantiles::Quantiles;

    #[test]
    fn quantiles_agree_with_numpy() {
        // np.quantile([3, -1, 4, 1, -5, 9, 2, 6], [.05, .25, .5, .75, .95])
        let spread = Quantiles::of([3.0, -1.0, f64::NAN, 4.0, 1.0, -5.0, 9.0, 2.0, 6.0]);
        let expected = [-3.6, 0.5, 2.5, 4.5, 7.95];
        let Some(spread) = spread else { panic!("there are values") };
        assert!(spread.quantiles.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{spread:?}");
        assert_eq!((spread.count, spread.below_zero, spread.mean), (8, 0.25, 2.375));
        assert_eq!(Quantiles::of([f64::NAN]), None);
        assert_eq!(Quantiles::of([2.0]).map(|spread| spread.quantiles), Some([2.0; 5]));
    }
}
