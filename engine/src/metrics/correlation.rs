//! Correlations between series of returns.

/// Series scaled to mean 0 and norm 1, whose products are Pearson correlations.
#[derive(Clone, Debug)]
pub struct Correlations {
    scaled: Vec<Vec<f64>>,
}

impl Correlations {
    /// Correlations of series of equal length without missing values.
    #[must_use]
    pub fn of<S: AsRef<[f64]>>(series: &[S]) -> Self {
        Self { scaled: series.iter().map(|series| scaled(series.as_ref())).collect() }
    }

    /// Number of series.
    #[must_use]
    pub fn count(&self) -> usize {
        self.scaled.len()
    }

    /// Pearson correlation of two series, from −1 to 1; NaN if one is constant up to rounding, or has fewer than two
    /// values.
    #[must_use]
    pub fn between(&self, left: usize, right: usize) -> f64 {
        let products = self.scaled[left].iter().zip(&self.scaled[right]).map(|(x, y)| x * y);
        let correlation: f64 = products.sum();
        // `clamp` keeps NaN.
        if self.scaled[left].len() < 2 { f64::NAN } else { correlation.clamp(-1.0, 1.0) }
    }

    /// Highest correlation of a series with those before it, and the number of that series; `None` for the first series,
    /// and where no correlation is defined. Of equal correlations the first counts.
    #[must_use]
    pub fn highest_before(&self, series: usize) -> Option<(usize, f64)> {
        let each = (0..series).map(|before| (before, self.between(series, before)));
        each.filter(|(_, correlation)| !correlation.is_nan()).fold(
            None,
            |highest: Option<(usize, f64)>, found| match highest {
                Some(highest) if highest.1 >= found.1 => Some(highest),
                _ => Some(found),
            },
        )
    }
}

fn scaled(series: &[f64]) -> Vec<f64> {
    let count = series.len() as f64;
    let mean = series.iter().sum::<f64>() / count;
    let norm = series.iter().map(|r| (r - mean) * (r - mean)).sum::<f64>().sqrt();
    // Deviations of this size are rounding errors of (1 + r).
    let constant = norm <= 16.0 * f64::EPSILON * count.sqrt();
    series.iter().map(|r| if constant { f64::NAN } else { (r - mean) / norm }).collect()
}
