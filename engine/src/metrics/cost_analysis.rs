//! Cost drag, break-even cost, and drawdown probability at a fraction of Kelly.

use super::comparing::Comparison;
use super::figures::Figures;
use super::performance::Performance;

use crate::settings::Calendar;

/// Costs relative to returns; NaN if a figure is undefined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostAnalysis {
    /// Annual return lost to costs: gross less net; NaN for a ruined account.
    pub annual_drag: f64,
    /// Break-even cost: cost per unit of turnover, in bps, at which the mean return is 0; NaN without
    /// turnover.
    pub break_even_bps: f64,
}

impl CostAnalysis {
    /// Cost analysis of a run.
    #[must_use]
    pub fn of(comparison: &Comparison, performance: &Performance, calendar: &Calendar) -> Self {
        let Comparison { net, gross, .. } = comparison;
        Self {
            annual_drag: match comparison.ruined {
                Some(_) => f64::NAN,
                None => gross.annual_return - net.annual_return,
            },
            break_even_bps: Self::break_even_bps(gross, performance, calendar),
        }
    }

    /// Break-even cost: cost per unit of turnover, in bps, at which the mean return is 0; NaN without
    /// turnover.
    #[must_use]
    pub fn break_even_bps(gross: &Figures, performance: &Performance, calendar: &Calendar) -> f64 {
        let turnover_a_year = performance.turnover.mean * calendar.days_per_year;
        let mean_a_year = gross.sharpe * gross.annual_volatility;
        if turnover_a_year > 0.0 { 1e4 * mean_a_year / turnover_a_year } else { f64::NAN }
    }
}

/// Probability that wealth falls by `loss` from its current value at any later time, at a fraction of Kelly
/// in continuous time: x^(2/fraction − 1), x = 1 − `loss` (Thorp 2006).
#[must_use]
pub fn chance_of_ever_losing(loss: f64, kelly_fraction: f64) -> f64 {
    libm::pow(1.0 - loss, 2.0 / kelly_fraction - 1.0)
}
