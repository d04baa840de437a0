//! Settings whose value may be a percentage where a share is expected.

use betaflow_engine::execution::CashInterest;

use super::Config;

/// Valid setting so large that a percentage may have been meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slip {
    /// Dotted key.
    pub(crate) key: &'static str,
    /// Its value.
    pub(crate) value: f64,
    /// Quantity that the value is a share of.
    pub(crate) of: &'static str,
}

impl Config {
    /// Settings so large that a percentage may have been meant.
    #[must_use]
    pub(crate) fn slips(&self) -> Vec<Slip> {
        let sizing = &self.sizing;
        let interest = match self.execution.cash_interest {
            CashInterest::PerYear(rate) => rate,
            CashInterest::RiskFree => 0.0,
        };
        // Key, value, largest plausible value, quantity that the value is a share of.
        let shares = [
            ("sizing.turnover_cap", sizing.turnover_cap, 2.0, "NAV a day"),
            ("sizing.weight_max", sizing.weight_max, 1.0, "NAV in one instrument"),
            ("sizing.gross_max", sizing.gross_max, 5.0, "NAV"),
            ("sizing.net_target", sizing.net_target.map_or(0.0, f64::abs), 2.0, "NAV"),
            ("sizing.rebalance_drift", sizing.rebalance_drift, 2.0, "NAV"),
            ("execution.cash_interest", interest, 0.2, "cash a year"),
        ];
        let large = shares.into_iter().filter(|(_, value, most, _)| value > most);
        large.map(|(key, value, _, of)| Slip { key, value, of }).collect()
    }
}

/// Settings of several configurations that may be percentages, each once.
#[must_use]
pub(crate) fn slips(configs: &[Config]) -> Vec<Slip> {
    let mut all: Vec<Slip> = Vec::new();
    for slip in configs.iter().flat_map(Config::slips) {
        if !all.contains(&slip) {
            all.push(slip);
        }
    }
    all
}
