//! Mean of a correlated series and its standard error.

/// Standard error of the mean of a series by Newey & West 1987 (Bartlett kernel, weights 1 − l/(L + 1) for
/// L = `lag`), without a correction for small samples: `cov_type="HAC"` of `statsmodels`. NaN for fewer than
/// two values. Lags above T − 1 count as T − 1.
#[must_use]
pub fn newey_west_error(values: &[f64], lag: usize) -> f64 {
    let count = values.len();
    if count < 2 {
        return f64::NAN;
    }
    let mean = values.iter().sum::<f64>() / count as f64;
    let product = |shift: usize| -> f64 {
        values.iter().zip(&values[shift..]).map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    let mut sum = product(0);
    let lag = lag.min(count - 1);
    for shift in 1..=lag {
        sum += 2.0 * (1.0 - shift as f64 / (lag + 1) as f64) * product(shift);
    }
    // The kernel makes the sum non-negative up to rounding.
    sum.max(0.0).sqrt() / count as f64
}

/// Lag of [`newey_west_error`] for a series of T values whose windows overlap with `overlap` others: the
/// larger of `overlap` and ⌊4 (T/100)^(2/9)⌋ (Newey & West 1994).
pub(super) fn lag(count: usize, overlap: usize) -> usize {
    let automatic = 4.0 * libm::pow(count as f64 / 100.0, 2.0 / 9.0);
    overlap.max(automatic as usize)
}

/// Mean of a series of information coefficients or exposures, one per cross-section, and its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// Number of cross-sections with a coefficient.
    pub count: usize,
    /// Mean.
    pub mean: f64,
    /// Sample standard deviation.
    pub standard_deviation: f64,
    /// Standard error of the mean by Newey & West.
    pub standard_error: f64,
    /// Lag of the standard error in cross-sections.
    pub lag: usize,
    /// Mean over standard error.
    pub t_statistic: f64,
    /// Mean over standard deviation: the information ratio of the coefficient (ICIR).
    pub icir: f64,
    /// ICIR times √(cross-sections per year).
    pub annual_icir: f64,
    /// Share of coefficients above 0.
    pub positive: f64,
}

impl Coefficients {
    /// Summary of a series, in which NaN stands for an undefined one. `overlap`: number of neighbours with which the
    /// forward return of a cross-section overlaps; `per_year`: cross-sections per year.
    pub(super) fn of(series: impl Iterator<Item = f64>, overlap: usize, per_year: f64) -> Self {
        let values: Vec<f64> = series.filter(|value| !value.is_nan()).collect();
        let count = values.len();
        let lag = lag(count, overlap).min(count.saturating_sub(1));
        let mean = values.iter().sum::<f64>() / count as f64;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let standard_deviation = if count < 2 { f64::NAN } else { (squares / (count - 1) as f64).sqrt() };
        let standard_error = newey_west_error(&values, lag);
        let icir = mean / standard_deviation;
        Self {
            count,
            mean,
            standard_deviation,
            standard_error,
            lag,
            t_statistic: mean / standard_error,
            icir,
            annual_icir: icir * per_year.sqrt(),
            positive: values.iter().filter(|value| **value > 0.0).count() as f64 / count as f64,
        }
    }
}
