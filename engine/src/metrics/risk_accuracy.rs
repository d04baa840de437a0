//! Accuracy of predicted risk: bias statistic and QLIKE.

use super::equity_point::EquityPoint;
use super::moments::Moments;
use crate::execution::is_ruined;
use crate::time::Iso;

/// Accuracy of the volatility predicted for some frames. Figures are NaN without frames.
///
/// With r the return of a frame and σ² its variance as predicted one frame before:
///
/// * the bias statistic is the sample standard deviation of r/σ (Grinold & Kahn, ch. 3; Menchero, Orr & Wang 2011): 1
///   for a true risk, above 1 for a risk that is predicted too low;
/// * QLIKE is the mean of ln σ² + r²/σ² (Patton 2011, eq. 5), with returns per frame: lower is better.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RiskFigures {
    /// Frames with a prediction.
    pub frames: u64,
    /// Bias statistic; NaN for fewer than two frames.
    pub bias: f64,
    /// QLIKE.
    pub qlike: f64,
    /// Root of the mean predicted variance, a year.
    pub predicted_volatility: f64,
    /// Standard deviation of the returns, a year.
    pub realised_volatility: f64,
}

/// Accumulates pairs of a predicted variance and a return into [`RiskFigures`].
#[derive(Clone, Copy, Debug, Default)]
pub struct RiskSums {
    standardised: Moments,
    returns: Moments,
    qlike: f64,
    variance: f64,
}

impl RiskSums {
    /// Adds a frame with its predicted variance, above 0, and its return.
    pub fn push(&mut self, variance: f64, r: f64) {
        self.standardised.push(r / variance.sqrt());
        self.returns.push(r);
        self.qlike += libm::log(variance) + r * r / variance;
        self.variance += variance;
    }

    /// Figures of the frames so far.
    #[must_use]
    pub fn figures(&self, frames_per_year: f64) -> RiskFigures {
        let count = self.returns.count;
        let mean = |sum: f64| if count > 0.0 { sum / count } else { f64::NAN };
        RiskFigures {
            frames: count as u64,
            bias: self.standardised.deviation(),
            qlike: mean(self.qlike),
            predicted_volatility: (mean(self.variance) * frames_per_year).sqrt(),
            realised_volatility: self.returns.deviation() * frames_per_year.sqrt(),
        }
    }
}

/// Accuracy of the predicted volatility of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskAccuracy {
    /// Figures of all frames.
    pub total: RiskFigures,
    /// Figures of each calendar year, UTC, in order.
    pub years: Vec<(i64, RiskFigures)>,
    /// Figures of the thirds of the frames with the lowest, middle and highest predicted volatility.
    pub terciles: [RiskFigures; 3],
}

/// One frame: its year, its predicted variance and its return.
#[derive(Clone, Copy, Debug)]
struct Predicted {
    year: i64,
    variance: f64,
    r: f64,
}

/// Accumulates the equity of a run, row by row, into a [`RiskAccuracy`]. Holds 24 bytes for each frame with a prediction,
/// for the terciles.
#[derive(Clone, Debug, Default)]
pub struct RiskAccuracyBuilder {
    last: Option<EquityPoint>,
    frames: Vec<Predicted>,
}

impl RiskAccuracyBuilder {
    /// Adds the next row. `frames_per_year`: that of the predicted volatilities.
    pub fn push(&mut self, point: EquityPoint, frames_per_year: f64) {
        let Some(last) = self.last.replace(point) else { return };
        let volatility = last.predicted_volatility;
        if volatility > 0.0 && volatility.is_finite() && !is_ruined(point.nav) {
            let (year, _, _) = Iso(point.timestamp).civil();
            let variance = volatility * volatility / frames_per_year;
            self.frames.push(Predicted { year, variance, r: point.returns_since(&last).net });
        }
    }

    /// Accuracy over all rows.
    #[must_use]
    pub fn accuracy(mut self, frames_per_year: f64) -> RiskAccuracy {
        let mut total = RiskSums::default();
        let mut years: Vec<(i64, RiskSums)> = Vec::new();
        for Predicted { year, variance, r } in &self.frames {
            total.push(*variance, *r);
            if years.last().is_none_or(|(last, _)| last != year) {
                years.push((*year, RiskSums::default()));
            }
            if let Some((_, sums)) = years.last_mut() {
                sums.push(*variance, *r);
            }
        }
        // The sort is stable: frames with the same prediction stay in order.
        self.frames.sort_by(|a, b| a.variance.total_cmp(&b.variance));
        let count = self.frames.len();
        let mut terciles = [RiskSums::default(); 3];
        for (rank, Predicted { variance, r, .. }) in self.frames.iter().enumerate() {
            terciles[3 * rank / count].push(*variance, *r);
        }
        RiskAccuracy {
            total: total.figures(frames_per_year),
            years: years.into_iter().map(|(year, sums)| (year, sums.figures(frames_per_year))).collect(),
            terciles: terciles.map(|sums| sums.figures(frames_per_year)),
        }
    }
}
