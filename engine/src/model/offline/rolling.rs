//! Out-of-sample comparison of the filter with rolling least squares on the same forecasts.

use std::fmt;

use crate::model::estimates::Estimates;
use crate::model::estimator::Estimator;
use crate::model::kinds::estimator;
use crate::model::rolling::RollingRegression;
use crate::model::settings::EstimatorSettings;
use crate::settings::{Calendar, Invalid};

/// Comparison of the filter with rolling regressions over several windows.
///
/// All windows are judged on the same frames: from one day after the longest window is first full. The
/// forecast of a frame uses the frame's factors and the betas of the previous frame.
pub struct RollingComparison {
    filter: Box<dyn Estimator>,
    estimates: Estimates,
    windows: Vec<Window>,
    skipped: u64,
    with_returns: u64,
}

struct Window {
    days: u32,
    regression: RollingRegression,
    /// Forecasts of the regression and of the filter.
    paired: PairedForecasts,
}

impl fmt::Debug for RollingComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RollingComparison").field("with_returns", &self.with_returns).finish_non_exhaustive()
    }
}

impl RollingComparison {
    /// Prepares the filter and a regression for each window, in days; `factors` factors.
    ///
    /// # Errors
    /// Fails if a parameter of the filter is missing or out of its range, or a window is empty.
    pub fn new(
        settings: &EstimatorSettings,
        calendar: &Calendar,
        factors: usize,
        windows: &[u32],
    ) -> Result<Self, Invalid> {
        let window = |days: &u32| {
            let frames = usize::try_from(calendar.frames(*days)).unwrap_or(usize::MAX);
            Ok(Window {
                days: *days,
                regression: RollingRegression::new(frames, factors)?,
                paired: PairedForecasts::default(),
            })
        };
        let longest = windows.iter().copied().max().unwrap_or(0);
        Ok(Self {
            filter: estimator(settings, calendar, factors)?,
            estimates: Estimates::default(),
            windows: windows.iter().map(window).collect::<Result<_, _>>()?,
            skipped: calendar.frames(longest.saturating_add(1)),
            with_returns: 0,
        })
    }

    /// Forecasts the next frame by all methods, then updates them with it.
    ///
    /// `factors` have length k − 1, all finite; `returns` are in engine order, NaN where missing.
    pub fn step(&mut self, factors: &[f64], returns: &[f64]) {
        self.with_returns += u64::from(returns.iter().any(|y| !y.is_nan()));
        let judged = self.with_returns > self.skipped;
        self.filter.step(factors, returns, false);
        if judged {
            self.estimates.factors.clear();
            self.estimates.factors.extend_from_slice(factors);
            self.filter.write(&mut self.estimates);
        }
        for Window { regression, paired, .. } in &mut self.windows {
            let forecasts = regression.step(factors, returns);
            if judged {
                for ((y, rolling), filter) in returns.iter().zip(forecasts).zip(&self.estimates.forecast_mean)
                {
                    paired.observe(*y, [*rolling, *filter]);
                }
            }
        }
    }

    /// Regression of a window as of the last frame; `None` for a window that is not compared.
    #[must_use]
    pub fn regression(&self, days: u32) -> Option<&RollingRegression> {
        self.windows.iter().find(|window| window.days == days).map(|window| &window.regression)
    }

    /// Windows in days, each with the comparison of its regression with the filter.
    pub fn results(&self) -> impl Iterator<Item = (u32, PairedForecasts)> {
        self.windows.iter().map(|window| (window.days, window.paired))
    }

    /// Number of frames with returns before the first judged one.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Number of frames with returns so far.
    #[must_use]
    pub fn with_returns(&self) -> u64 {
        self.with_returns
    }
}

/// Hedged R² of two forecasters over the returns that both forecast: 1 − Σ error² / Σ return².
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PairedForecasts {
    forecasts: u64,
    returns_squared: f64,
    errors_squared: [f64; 2],
}

impl PairedForecasts {
    /// Adds a return and its two forecasts, in the same unit. If one of them is missing (NaN), the return is
    /// skipped for both.
    pub fn observe(&mut self, y: f64, forecasts: [f64; 2]) {
        if y.is_nan() || forecasts.iter().any(|f| f.is_nan()) {
            return;
        }
        self.forecasts += 1;
        self.returns_squared += y * y;
        for (sum, f) in self.errors_squared.iter_mut().zip(forecasts) {
            *sum += (y - f) * (y - f);
        }
    }

    /// Number of returns that both forecast.
    #[must_use]
    pub fn forecasts(&self) -> u64 {
        self.forecasts
    }

    /// Hedged R² of both, in the order of [`Self::observe`]; `None` if every return is 0.
    #[must_use]
    pub fn hedged_r2(&self) -> Option<[f64; 2]> {
        let known = self.returns_squared > 0.0;
        known.then(|| self.errors_squared.map(|errors| 1.0 - errors / self.returns_squared))
    }
}

#[cfg(test)]
mod tests {
    use super::super::panel::tests::{FRAMES, panel};
    use super::*;

    #[test]
    fn all_windows_are_judged_on_the_same_forecasts() {
        let panel = panel();
        let (settings, calendar) = (EstimatorSettings::default(), Calendar::default());
        let mut comparison = RollingComparison::new(&settings, &calendar, 1, &[20, 63]).unwrap();
        for t in 0..panel.frames() {
            comparison.step(panel.factors(t), panel.returns(t));
        }
        // The first frame has no return and 64 more are skipped; B has returns from frame 40 on.
        assert_eq!((comparison.skipped(), comparison.with_returns()), (64, FRAMES as u64 - 2));
        let judged = 2 * (FRAMES as u64 - 2 - 64);
        let results: Vec<_> = comparison.results().collect();
        assert_eq!(results.iter().map(|(days, _)| *days).collect::<Vec<_>>(), [20, 63]);
        assert!(results.iter().all(|(_, paired)| paired.forecasts() == judged));
        let r2 = |at: usize| results[at].1.hedged_r2().unwrap();
        // The filter's forecasts are the same for each window, and a longer window is better for constant
        // betas.
        assert_eq!(r2(0)[1].to_bits(), r2(1)[1].to_bits());
        assert!(r2(1)[0] > r2(0)[0] && r2(0)[1] > 0.3, "{:?} {:?}", r2(0), r2(1));
        let regression = comparison.regression(63).unwrap();
        assert!((regression.coefficients(0)[1] - 1.2).abs() < 0.2);
        assert_eq!(regression.forecasts().len(), 2);
        assert!(comparison.regression(252).is_none());
    }
}
