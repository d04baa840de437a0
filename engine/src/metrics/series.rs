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

    /// Figures of the returns, annualised by `frames_per_year`. The returns are gone through several
    /// times; besides them only their tails are held.
    #[must_use]
    pub fn of(returns: impl Iterator<Item = f64> + Clone, frames_per_year: f64) -> Self {
        let count = returns.clone().count();
        let n = count as f64;
        let mean = returns.clone().sum::<f64>() / n;
        let squares: f64 = returns.clone().map(|r| (r - mean) * (r - mean)).sum();
        let deviation = if count < 2 { f64::NAN } else { (squares / (n - 1.0)).sqrt() };
        let (mut wealth, mut peak, mut max_drawdown) = (1.0_f64, 1.0_f64, 0.0_f64);
        let (mut gains, mut losses, mut downside) = (0.0, 0.0, 0.0);
        for r in returns.clone() {
            wealth *= 1.0 + r;
            peak = peak.max(wealth);
            max_drawdown = max_drawdown.min((wealth - peak) / peak);
            gains += r.max(0.0);
            losses += (-r).max(0.0);
            let below = r.min(0.0);
            downside += below * below;
        }
        let root_year = frames_per_year.sqrt();
        let annual_return = if wealth > 0.0 { libm::pow(wealth, frames_per_year / n) - 1.0 } else { -1.0 };
        let lowest = Tail::of(returns.clone(), count);
        // The upper tail is the lower one of the negated returns.
        let highest = Tail::of(returns.map(|r| -r), count);
        let defined = |value: f64| if count == 0 { f64::NAN } else { value };
        Self {
            sharpe: ratio(mean, deviation) * root_year,
            sortino: ratio(mean * frames_per_year, (downside / n).sqrt() * root_year),
            calmar: ratio(annual_return, -max_drawdown),
            max_drawdown: defined(max_drawdown),
            omega: ratio(gains, losses),
            tail_ratio: ratio(highest.percentile().abs(), lowest.percentile().abs()),
            annual_return: defined(annual_return),
            annual_volatility: deviation * root_year,
            value_at_risk: lowest.percentile(),
            conditional_value_at_risk: lowest.mean(),
            total_return: defined(wealth - 1.0),
        }
    }
}

/// The lowest returns: enough of them for the percentile at [`TAIL`].
struct Tail {
    sorted: Vec<f64>,
    /// TAIL · (N − 1), the position of the percentile among the sorted returns.
    position: f64,
}

impl Tail {
    fn of(values: impl Iterator<Item = f64>, count: usize) -> Self {
        let position = TAIL * count.saturating_sub(1) as f64;
        let wanted = (position as usize + 2).min(count);
        let mut sorted = Vec::with_capacity(2 * wanted);
        for value in values {
            sorted.push(value);
            if sorted.len() == 2 * wanted && wanted > 0 {
                sorted.select_nth_unstable_by(wanted - 1, f64::total_cmp);
                sorted.truncate(wanted);
            }
        }
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.truncate(wanted);
        Self { sorted, position }
    }

    /// Linear interpolation between order statistics, as numpy's `percentile` does it.
    fn percentile(&self) -> f64 {
        let below = self.position as usize;
        match (self.sorted.get(below), self.sorted.get(below + 1)) {
            (Some(low), Some(high)) => low + (high - low) * (self.position - below as f64),
            (Some(low), None) => *low,
            _ => f64::NAN,
        }
    }

    fn mean(&self) -> f64 {
        let lowest = &self.sorted[..(self.position as usize + 1).min(self.sorted.len())];
        lowest.iter().sum::<f64>() / lowest.len() as f64
    }
}

/// NaN rather than an infinity where the divisor is nothing.
fn ratio(numerator: f64, divisor: f64) -> f64 {
    if divisor == 0.0 { f64::NAN } else { numerator / divisor }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reference: empyrical-reloaded 0.7.1 on the same six returns, annualised by 252.
    #[test]
    fn figures_are_those_of_empyrical() {
        let returns = [0.01, -0.02, 0.03, 0.0, -0.005, 0.012];
        let figures = Figures::of(returns.into_iter(), 252.0);
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
        assert!(Figures::of([].into_iter(), 252.0).items().iter().all(|(_, value)| value.is_nan()));
        let calm = Figures::of([0.0, 0.0].into_iter(), 252.0);
        assert!(calm.sharpe.is_nan() && calm.calmar.is_nan() && calm.omega.is_nan());
        assert_eq!(calm.max_drawdown, 0.0);
    }
}
