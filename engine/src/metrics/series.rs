//! Performance of one series of returns, by the definitions of `empyrical`.

/// Share of observations in the tail of value at risk.
const TAIL: f64 = 0.05;

/// Performance figures of a series of simple returns per frame; risk-free 0. NaN where a figure is not
/// defined: fewer than two returns, no volatility, no loss, no drawdown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// mean/std · √(frames a year), sample deviation.
    pub sharpe: f64,
    /// Annualised mean over annualised downside deviation, the root mean square of min(r, 0) over all
    /// returns.
    pub sortino: f64,
    /// Annual return over the size of the largest drawdown.
    pub calmar: f64,
    /// Largest fall from a peak, anchored at the start; at most 0.
    pub max_drawdown: f64,
    /// Sum of gains over sum of losses.
    pub omega: f64,
    /// |95th percentile| over |5th percentile|.
    pub tail_ratio: f64,
    /// Compound annual growth rate, years by count of observations.
    pub annual_return: f64,
    /// Annualised sample deviation.
    pub annual_volatility: f64,
    /// 5th percentile of the returns, interpolated.
    pub value_at_risk: f64,
    /// Mean of the lowest ⌊(N − 1)·5 %⌋ + 1 returns.
    pub conditional_value_at_risk: f64,
    /// Total return.
    pub total_return: f64,
}

impl Figures {
    /// Every figure under its name.
    #[must_use]
    pub fn items(&self) -> [(&'static str, f64); 11] {
        [
            ("sharpe", self.sharpe),
            ("sortino", self.sortino),
            ("calmar", self.calmar),
            ("max_drawdown", self.max_drawdown),
            ("omega", self.omega),
            ("tail_ratio", self.tail_ratio),
            ("annual_return", self.annual_return),
            ("annual_volatility", self.annual_volatility),
            ("value_at_risk", self.value_at_risk),
            ("conditional_value_at_risk", self.conditional_value_at_risk),
            ("total_return", self.total_return),
        ]
    }

    /// Figures of the returns, annualised by `frames_per_year`.
    #[must_use]
    pub fn of(returns: &[f64], frames_per_year: f64) -> Self {
        let n = returns.len() as f64;
        let mean = returns.iter().sum::<f64>() / n;
        let squares: f64 = returns.iter().map(|r| (r - mean) * (r - mean)).sum();
        let deviation = if returns.len() < 2 { f64::NAN } else { (squares / (n - 1.0)).sqrt() };
        let (mut wealth, mut peak, mut max_drawdown) = (1.0_f64, 1.0_f64, 0.0_f64);
        let (mut gains, mut losses, mut downside) = (0.0, 0.0, 0.0);
        for r in returns {
            wealth *= 1.0 + r;
            peak = peak.max(wealth);
            max_drawdown = max_drawdown.min((wealth - peak) / peak);
            gains += r.max(0.0);
            losses += (-r).max(0.0);
            let below = r.min(0.0);
            downside += below * below;
        }
        if returns.is_empty() {
            max_drawdown = f64::NAN;
        }
        let root_year = frames_per_year.sqrt();
        let annual_return = if wealth > 0.0 { libm::pow(wealth, frames_per_year / n) - 1.0 } else { -1.0 };
        let mut sorted = returns.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let value_at_risk = percentile(&sorted, TAIL);
        Self {
            sharpe: ratio(mean, deviation) * root_year,
            sortino: ratio(mean * frames_per_year, (downside / n).sqrt() * root_year),
            calmar: ratio(annual_return, -max_drawdown),
            max_drawdown,
            omega: ratio(gains, losses),
            tail_ratio: ratio(percentile(&sorted, 1.0 - TAIL).abs(), value_at_risk.abs()),
            annual_return: if returns.is_empty() { f64::NAN } else { annual_return },
            annual_volatility: deviation * root_year,
            value_at_risk,
            conditional_value_at_risk: lowest_mean(&sorted),
            total_return: if returns.is_empty() { f64::NAN } else { wealth - 1.0 },
        }
    }
}

/// NaN rather than an infinity where the divisor is nothing.
fn ratio(numerator: f64, divisor: f64) -> f64 {
    if divisor == 0.0 { f64::NAN } else { numerator / divisor }
}

/// Linear interpolation between order statistics, as numpy's `percentile` does it.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let position = share * (sorted.len() - 1) as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (position - below as f64)
}

fn lowest_mean(sorted: &[f64]) -> f64 {
    if sorted.is_empty() {
        return f64::NAN;
    }
    let count = (TAIL * (sorted.len() - 1) as f64) as usize + 1;
    sorted[..count].iter().sum::<f64>() / count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference: empyrical-reloaded 0.7.1 on the same six returns, annualised by 252.
    #[test]
    fn figures_are_those_of_empyrical() {
        let figures = Figures::of(&[0.01, -0.02, 0.03, 0.0, -0.005, 0.012], 252.0);
        let expected = [
            ("sharpe", 4.198445308108865),
            ("sortino", 8.487776678328457),
            ("calmar", 100.41018186923075),
            ("max_drawdown", -0.019999999999999962),
            ("omega", 2.08),
            ("tail_ratio", 1.569230769230769),
            ("annual_return", 2.0082036373846113),
            ("annual_volatility", 0.270099981488337),
            ("value_at_risk", -0.01625),
            ("conditional_value_at_risk", -0.02),
            ("total_return", 0.026569288360000165),
        ];
        for ((name, found), (expected_name, value)) in figures.items().into_iter().zip(expected) {
            assert_eq!(name, expected_name);
            assert!((found - value).abs() <= 1e-9 * value.abs(), "{name}: {found}, empyrical {value}");
        }
    }

    #[test]
    fn figures_without_meaning_are_nan() {
        assert!(Figures::of(&[], 252.0).items().iter().all(|(_, value)| value.is_nan()));
        let calm = Figures::of(&[0.0, 0.0], 252.0);
        assert!(calm.sharpe.is_nan() && calm.calmar.is_nan() && calm.omega.is_nan());
        assert_eq!(calm.max_drawdown, 0.0);
    }
}
