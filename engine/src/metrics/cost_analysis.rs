//! Cost drag, break-even cost, and what a fraction of Kelly implies.

use super::comparing::Comparison;
use super::figures::Figures;
use super::performance::Performance;

use crate::settings::Calendar;

/// Costs against returns. NaN where a figure is not defined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostAnalysis {
    /// Annual return that costs took: gross less net; NaN of a ruined account.
    pub annual_drag: f64,
    /// Cost of a unit of turnover, in bps, that would leave a mean return of nothing; NaN without turnover.
    pub break_even_bps: f64,
}

impl CostAnalysis {
    /// Of a run.
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

    /// Cost of a unit of turnover, in bps, that would leave a mean return of nothing; NaN without turnover.
    #[must_use]
    pub fn break_even_bps(gross: &Figures, performance: &Performance, calendar: &Calendar) -> f64 {
        let turnover_a_year = performance.turnover.mean * calendar.days_per_year;
        let mean_a_year = gross.sharpe * gross.annual_volatility;
        if turnover_a_year > 0.0 { 1e4 * mean_a_year / turnover_a_year } else { f64::NAN }
    }
}

/// Probability of ever falling to 1 − `loss` of any past value, at a fraction of Kelly in continuous time:
/// x^(2/fraction − 1) (Thorp 2006).
#[must_use]
pub fn chance_of_ever_losing(loss: f64, kelly_fraction: f64) -> f64 {
    libm::pow(1.0 - loss, 2.0 / kelly_fraction - 1.0)
}
