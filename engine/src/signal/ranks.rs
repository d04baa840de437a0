//! Rank correlation of two columns.

/// Spearman's rank correlation over the rows in which both values are known; ties have the mean of their ranks.
/// NaN for fewer than three rows, or if one side has a single value.
#[must_use]
pub fn rank_correlation(a: &[f64], b: &[f64]) -> f64 {
    let known: Vec<(f64, f64)> =
        a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan()).map(|(a, b)| (*a, *b)).collect();
    if known.len() < 3 {
        return f64::NAN;
    }
    let ranks = |column: Vec<f64>| {
        let mut order: Vec<usize> = (0..column.len()).collect();
        order.sort_by(|a, b| column[*a].total_cmp(&column[*b]));
        let mut ranks = vec![0.0; column.len()];
        let mut first = 0;
        while first < order.len() {
            let ties = order[first..].iter().take_while(|i| column[**i] == column[order[first]]).count();
            // Ranks from 1; the mean of the tied ones.
            let rank = first as f64 + (ties as f64 + 1.0) / 2.0;
            order[first..first + ties].iter().for_each(|i| ranks[*i] = rank);
            first += ties;
        }
        ranks
    };
    let (a, b): (Vec<f64>, Vec<f64>) = known.into_iter().unzip();
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 + 1.0) / 2.0;
    let sum = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    sum(&a, &b) / (sum(&a, &a) * sum(&b, &b)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_correlation_equals_scipy() {
        // scipy.stats.spearmanr([3, 1, 1, 7, 5], [2, 2, 1, 5, 9]).statistic
        let (a, b) = ([3.0, 1.0, f64::NAN, 1.0, 7.0, 5.0], [2.0, 2.0, 4.0, 1.0, 5.0, 9.0]);
        assert!((rank_correlation(&a, &b) - 0.815_789_473_684_210_7).abs() < 1e-12);
        assert!(rank_correlation(&[1.0, 2.0], &[1.0, 2.0]).is_nan());
        assert!(rank_correlation(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]).is_nan());
    }
}
