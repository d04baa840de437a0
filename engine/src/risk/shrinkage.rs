//! Shrinkage of a sample covariance towards a multiple of the identity.

/// Shrunk covariance (1 − δ) S + δ μ I of the returns X, T × p (Ledoit & Wolf 2004, "A well-conditioned estimator for
/// large-dimensional covariance matrices"). S is the population covariance.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shrinkage {
    /// Share δ of the target, from 0 to 1.
    pub share: f64,
    /// Mean variance μ of the p series.
    pub variance: f64,
}

/// Shrinkage of `series` series from the Gram matrix X X' of their returns in T periods, T × T and symmetric. The
/// returns need not be centred.
///
/// The figures equal those of `sklearn.covariance.ledoit_wolf`, which needs p × p: Σ (X'X)² = Σ (X X')².
///
/// # Panics
/// The length of `gram` is not T².
#[must_use]
pub fn ledoit_wolf(gram: &[f64], periods: usize, series: usize) -> Shrinkage {
    assert_eq!(gram.len(), periods * periods, "length of the Gram matrix");
    if periods == 0 || series == 0 {
        return Shrinkage::default();
    }
    let (count, width) = (periods as f64, series as f64);
    let means: Vec<f64> = gram.chunks_exact(periods).map(|row| row.iter().sum::<f64>() / count).collect();
    let mean = means.iter().sum::<f64>() / count;
    let (mut trace, mut fourth, mut squares) = (0.0, 0.0, 0.0);
    for (t, row) in gram.chunks_exact(periods).enumerate() {
        let centred = |s: usize| row[s] - means[t] - means[s] + mean;
        let own = centred(t);
        trace += own;
        fourth += own * own;
        squares += (0..periods).map(|s| centred(s) * centred(s)).sum::<f64>();
    }
    let (trace, squares) = (trace / count, squares / (count * count));
    let variance = trace / width;
    let noise = (fourth / count - squares) / (width * count);
    let distance = (squares - 2.0 * variance * trace + width * variance * variance) / width;
    let noise = noise.min(distance);
    let share = if noise <= 0.0 { 0.0 } else { noise / distance };
    Shrinkage { share, variance }
}
