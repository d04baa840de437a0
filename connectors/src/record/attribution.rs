//! Tables of attribution: the change of NAV of each frame by source, and the sums by instrument.

use std::sync::Arc;

use betaflow_engine::execution::CostItem;
use betaflow_engine::ledger::{Contributions, LedgerFrame, RunFacts};
use betaflow_engine::time::TimestampNs;

use super::column::{Kind, RunNames, Value};
use super::declare::tables;
use super::field::{ColumnFacts, Field, Take};

tables! {
    /// One row per frame: its change of NAV, attributed by the coefficients from before the frame. The columns after
    /// `change` add up to it; costs are negative.
    AttributionRow in "attribution" from (frame: &LedgerFrame) {
        timestamp: TimestampNs = frame.timestamp, "", "Close of the frame's bars.";
        seq: u64 = frame.seq, "", "Number of the frame.";
        exposures: Vec<f64> as "exposure_{factor}" = frame.exposures.iter().copied(), "share of NAV", "Exposure to the factor at the preceding close, by the betas after the frame before.";
        change: f64 = frame.change, "currency", "Change of NAV since the preceding frame.";
        parts: Contributions = &frame.contributions, "currency", "Contributions.";
    }

    /// One row per instrument, and one without a symbol for interest and costs of the account: sums over the run. The
    /// columns after `total` add up to it; costs are negative.
    ContributionRow in "contributions" from (name: Option<&Arc<str>>, sums: &Contributions) {
        symbol: Option<Arc<str>> = name.cloned(), "", "Instrument; null for the account.";
        total: f64 = sums.total(), "currency", "Contribution to the change of NAV.";
        parts: Contributions = sums, "currency", "Contributions.";
    }
}

/// Contributions listed before those of the factors, with their documentation.
const BEFORE: [(&str, &str); 2] = [
    ("alpha", "Position value times alpha as estimated at the preceding close."),
    ("residual", "Price moves and dividends of positions held, less alpha, factors and risk-free return."),
];
const FACTOR: &str = "Position value times beta as estimated at the preceding close, times factor return.";
const AFTER: [(&str, &str); 3] = [
    ("risk_free", "Position value times risk-free return, where returns are taken in excess of it."),
    ("trading", "Moves from the price of the fill to the close."),
    ("interest", "Interest on cash."),
];

impl Field for Contributions {
    fn columns(_: &'static str, _: &'static str, names: &RunNames) -> Vec<ColumnFacts> {
        let number = |(name, doc): (&'static str, &'static str)| ColumnFacts::new(name, Kind::Number, doc);
        let factor = |name: &String| ColumnFacts::new(format!("factor_{name}"), Kind::Number, FACTOR);
        let before = BEFORE.into_iter().map(number);
        let after = AFTER.into_iter().chain(CostItem::ALL.map(|item| (item.name(), item.about())));
        before.chain(names.factors.iter().map(factor)).chain(after.map(number)).collect()
    }

    fn value(&self, at: usize) -> Value<'_> {
        let value = match at.checked_sub(BEFORE.len()) {
            None => [self.alpha, self.residual][at],
            Some(factor) if factor < self.factors.len() => self.factors[factor],
            Some(behind) => match behind - self.factors.len() {
                0 => self.risk_free,
                1 => self.trading,
                2 => self.interest,
                // A cost of 0 is written as 0, not as -0.
                item => 0.0 - self.costs[CostItem::ALL[item - AFTER.len()]],
            },
        };
        if value.is_nan() { Value::Null } else { Value::Number(value) }
    }

    /// Does nothing: reports read these columns by name.
    fn set(&mut self, _: usize, _: Value<'_>) {}
}

impl Take<&Contributions> for Contributions {
    fn take(&mut self, from: &Contributions) {
        self.copy_from(from);
    }
}

/// Contributions of all instruments and of the account.
pub(super) fn contributions(facts: &RunFacts) -> impl Iterator<Item = ContributionRow> {
    let instruments = facts.names.iter().map(Some).zip(&facts.contributions);
    instruments.chain([(None, &facts.cash_contributions)]).map(|(name, sums)| {
        let mut row = ContributionRow::default();
        row.take(name, sums);
        row
    })
}
