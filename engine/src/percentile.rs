//! Percentiles by linear interpolation between order statistics.

/// Percentile at a share `level` from 0 to 1 of `count` values in ascending order, as the default of
/// `numpy.quantile`. `value` returns the value at a rank. NaN without values.
pub(crate) fn percentile(level: f64, count: usize, value: impl Fn(usize) -> f64) -> f64 {
    let Some(last) = count.checked_sub(1) else { return f64::NAN };
    let rank = level * last as f64;
    let (below, share) = (rank as usize, rank - rank.floor());
    let (low, high) = (value(below), value((below + 1).min(last)));
    low + share * (high - low)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_agree_with_numpy() {
        // np.quantile([1, 2, 4, 8], [0, .1, .5, 1])
        let values = [1.0, 2.0, 4.0, 8.0];
        for (level, expected) in [(0.0, 1.0), (0.1, 1.3), (0.5, 3.0), (1.0, 8.0)] {
            assert!((percentile(level, 4, |rank| values[rank]) - expected).abs() < 1e-15, "{level}");
        }
        assert!(percentile(0.5, 0, |_| 0.0).is_nan());
    }
}
