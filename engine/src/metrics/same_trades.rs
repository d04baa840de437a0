//! Return of unchanged trades at another cost.

/// Annual return of the same trades when a unit of turnover costs `extra_bps` more, to first order in the cost:
/// annual return − 10⁻⁴ · `extra_bps` · turnover a year. Turnover counts purchases and sales, as a share of NAV.
#[must_use]
pub fn annual_return_of_same_trades(annual_return: f64, turnover_a_year: f64, extra_bps: f64) -> f64 {
    annual_return - 1e-4 * extra_bps * turnover_a_year
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_falls_by_turnover_times_extra_cost() {
        // 2 % of NAV a day are 5.04 a year: 10 bps more cost 0.504 % a year.
        let found = annual_return_of_same_trades(0.1, 0.02 * 252.0, 10.0);
        assert!((found - 0.094_96).abs() < 1e-12);
        assert_eq!(annual_return_of_same_trades(0.1, 5.0, 0.0), 0.1);
    }
}
