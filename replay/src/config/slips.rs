//! Settings that look like percent where a share is meant.

use betaflow_engine::execution::CashInterest;
use betaflow_engine::warning::Warning;

use super::Config;

/// A setting with its value, the value above which it is doubted, and what the value is a share of.
type Share = (&'static str, f64, f64, &'static str);

impl Config {
    /// A warning for each setting that is valid but so large that percent may have been meant.
    #[must_use]
    pub(crate) fn slips(&self) -> Vec<Warning> {
        let sizing = &self.sizing;
        let interest = match self.execution.cash_interest {
            CashInterest::PerYear(rate) => rate,
            CashInterest::RiskFree => 0.0,
        };
        let shares: [Share; 6] = [
            ("sizing.turnover_cap", sizing.turnover_cap, 2.0, "NAV a day"),
            ("sizing.weight_max", sizing.weight_max, 1.0, "NAV in one instrument"),
            ("sizing.gross_max", sizing.gross_max, 5.0, "NAV"),
            ("sizing.net_target", sizing.net_target.map_or(0.0, f64::abs), 2.0, "NAV"),
            ("sizing.rebalance_drift", sizing.rebalance_drift, 2.0, "NAV"),
            ("execution.cash_interest", interest, 0.2, "cash a year"),
        ];
        let doubted = shares.into_iter().filter(|(_, value, most, _)| value > most);
        doubted.map(|share| Warning::new("percent_for_share", question(share))).collect()
    }
}

/// The warnings of several configurations, each once.
#[must_use]
pub(crate) fn slips(configs: &[Config]) -> Vec<Warning> {
    let mut all: Vec<Warning> = Vec::new();
    for warning in configs.iter().flat_map(Config::slips) {
        if all.iter().all(|known| known.text != warning.text) {
            all.push(warning);
        }
    }
    all
}

fn question((key, value, _, of): Share) -> String {
    // Rounded: 8/100 is not 0.08 to the last digit.
    let share = (value * 1e8).round() / 1e10;
    let percent = (value * 1e10).round() / 1e8;
    format!("{key} is {value}, which is {percent} % of {of}: was {share} meant?")
}
