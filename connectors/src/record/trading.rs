//! Tables of trading: equity, fills, orders, weights.

use std::sync::Arc;

use betaflow_engine::execution::{BorrowCharge, Costs, Fill, OrderRecord};
use betaflow_engine::ledger::LedgerFrame;
use betaflow_engine::metrics::EquityPoint;
use betaflow_engine::names::InstrumentNames;
use betaflow_engine::time::{TimestampNs, Zone};

use super::declare::tables;
use super::field::{FillCosts, InState};

tables! {
    /// One row per frame from the first rebalance on.
    EquityRow in "equity" from (frame: &LedgerFrame, digest: Option<&str>) {
        timestamp: TimestampNs = frame.timestamp, "", "Close of the frame's bars.";
        seq: u64 = frame.seq, "", "Number of the frame.";
        nav: f64 = frame.nav, "currency", "Net asset value after the frame's fills, at its close.";
        nav_gross: f64 = frame.nav_gross, "currency", "Net asset value with all costs so far added back.";
        cash: f64 = frame.cash, "currency", "Cash.";
        gross_exposure: f64 = frame.account.gross_exposure, "share of NAV", "Sum of the absolute position values.";
        net_exposure: f64 = frame.account.net_exposure, "share of NAV", "Sum of the position values.";
        turnover: f64 = frame.turnover, "share of NAV", "Turnover of the rebalance on the frame; 0 without a rebalance.";
        cap_multiplier: f64 = frame.multipliers.turnover, "growth per unit of turnover", "Lagrange multiplier of the turnover cap; null without a rebalance.";
        gross_multiplier: f64 = frame.multipliers.gross, "growth per unit of exposure", "Lagrange multiplier of the gross limit; null without a rebalance.";
        net_multiplier: f64 = frame.multipliers.net, "growth per unit of exposure", "Lagrange multiplier of the net target; null without a rebalance.";
        costs: Costs = frame.account.costs, "currency", "Costs of the frame.";
        interest: f64 = frame.account.interest, "currency", "Interest on cash; negative where cash is.";
        dividends: f64 = frame.account.dividends, "currency", "Dividends on positions held at the preceding close; negative for shorts.";
        predicted_volatility: f64 = frame.predicted_volatility, "a year", "Predicted volatility of the book's return in the next frame, from the positions after the frame's fills; null on the opening of an account, and with a NAV of 0 or less.";
        benchmark_nav: f64 = frame.benchmark_nav, "currency", "Net asset value of the benchmark.";
        digest: InState<Option<Arc<str>>> = digest.map(Arc::from), "", "Digest of the run up to and including the frame.";
    }

    /// One row per fill.
    FillRow in "fills" from (frame: &LedgerFrame, n: usize, fill: &Fill) {
        timestamp: TimestampNs = frame.timestamp, "", "Close of the frame's bars.";
        seq: u64 = frame.seq, "", "Number of the frame.";
        n: InState<u64> = n as u64, "", "Position among the fills of the frame, from 0.";
        decided_seq: Option<u64> = fill.decided_seq, "", "Number of the rebalance frame of the order; null without an order.";
        symbol: Arc<str> = Arc::clone(&frame.names[fill.instrument as usize]), "", "Instrument.";
        quantity: f64 = fill.quantity, "units", "Quantity; negative for a sale.";
        price: f64 = fill.price, "currency per unit", "Price of the fill, before costs.";
        decision_price: f64 = fill.decision_price, "currency per unit", "Price at the rebalance, split-adjusted; null without an order.";
        notional: f64 = fill.quantity * fill.price, "currency", "Quantity times price.";
        costs: FillCosts = fill.costs, "currency", "Costs of the fill.";
        reason: Arc<str> = Arc::from(fill.reason.name()), "", "Cause: order, delisting, cash_in_lieu (fraction of a lot after a split), ruin or recall (of borrowed shares).";
        permanent_impact: f64 = fill.permanent_impact, "currency", "Permanent part of the impact.";
        delay: f64 = fill.delay(), "currency", "Quantity times (price - decision_price); null without an order.";
        shortfall: f64 = fill.shortfall(), "currency", "Implementation shortfall: delay, spread, impact and commission; null without an order.";
        half_spread_bps: f64 = fill.conditions.half_spread_bps, "bps of notional", "Half-spread charged.";
        volatility: f64 = fill.conditions.volatility, "daily return", "Standard deviation of daily returns used for impact; null where unknown or not needed.";
        daily_volume: f64 = fill.conditions.daily_volume, "units a day", "Volume used for impact; null where unknown or not needed.";
    }

    /// One row per order, on the frame where it ended; orders still open at the end of the run follow on the last frame.
    OrderRow in "orders" from (at: (TimestampNs, u64), n: usize, names: &InstrumentNames, order: &OrderRecord) {
        timestamp: TimestampNs = at.0, "", "Close of the bars of the frame where the order ended.";
        seq: u64 = at.1, "", "Number of that frame.";
        n: InState<u64> = n as u64, "", "Position among the orders of the frame, from 0.";
        decided_seq: u64 = order.decided_seq, "", "Number of the rebalance frame of the order.";
        due_seq: u64 = order.due_seq, "", "Number of the first frame on which it could fill.";
        symbol: Arc<str> = Arc::clone(&names[order.instrument as usize]), "", "Instrument.";
        quantity: f64 = order.quantity, "units", "Quantity ordered, split-adjusted; negative for a sale.";
        filled: f64 = order.filled, "units", "Quantity filled.";
        state: Arc<str> = Arc::from(order.state.name()), "", "State at the end.";
    }

    /// One row per short position that pays a fee on the frame, in runs with `execution.borrow_file`. Run folders only.
    BorrowRow in "borrow" from (frame: &LedgerFrame, charge: &BorrowCharge) {
        timestamp: TimestampNs = frame.timestamp, "", "Close of the frame's bars.";
        seq: u64 = frame.seq, "", "Number of the frame.";
        symbol: Arc<str> = Arc::clone(&frame.names[charge.instrument as usize]), "", "Instrument.";
        short_value: f64 = charge.short_value, "currency", "Value of the short at the preceding close, positive.";
        bps_per_year: f64 = charge.bps_per_year, "bps per year", "Fee in force at the preceding close, multiplied by the stress on borrow fees.";
        days: f64 = charge.days, "calendar days", "Days since the preceding close.";
        fee: f64 = charge.fee, "currency", "Fee: short_value times bps_per_year/10000 times days/365.";
    }

    /// One row per instrument with a target or a position, on the frames that `record.weights` selects. A state folder
    /// keeps those of the last rebalance.
    WeightRow in "weights" from (frame: &LedgerFrame, instrument: usize) {
        timestamp: TimestampNs = frame.timestamp, "", "Close of the frame's bars.";
        seq: u64 = frame.seq, "", "Number of the frame.";
        symbol: Arc<str> = Arc::clone(&frame.names[instrument]), "", "Instrument.";
        target_weight: f64 = frame.target.get(instrument).copied().unwrap_or(f64::NAN), "share of NAV", "Target weight; null on frames without a rebalance.";
        held_weight: f64 = frame.held.get(instrument).copied().unwrap_or(0.0), "share of NAV", "Held weight after the frame's fills, at its close.";
        expected_return: f64 = frame.expected.get(instrument).copied().unwrap_or(f64::NAN), "return per frame", "Expected excess return as sizing used it; null if the strategy gives weights, and on frames without a rebalance.";
    }

    /// One row per instrument on the last 1,500 frames of a regular grid. The coefficients of a row are from after its
    /// frame. State folders only; run folders have `betas.parquet`.
    SavedBetas in "betas" {
        seq: InState<u64>, "", "Number of the frame.";
        timestamp: InState<TimestampNs>, "", "Close of the frame's bars.";
        symbol: InState<Arc<str>>, "", "Instrument.";
        coefficients: InState<Arc<str>>, "", "JSON: a list of [coefficient, posterior mean, posterior standard deviation], after the frame.";
    }
}

impl EquityRow {
    /// Values for the figures of a run, with dates in a time zone.
    #[must_use]
    pub fn point(&self, zone: &Zone) -> EquityPoint {
        EquityPoint {
            timestamp: self.timestamp,
            utc_offset: zone.offset(self.timestamp),
            nav: self.nav,
            costs: self.costs,
            turnover: self.turnover,
            cap_multiplier: self.cap_multiplier,
            predicted_volatility: self.predicted_volatility,
            benchmark_nav: self.benchmark_nav,
        }
    }

    /// Returns true for the columns of [`Self::point`].
    pub(super) fn is_of_point(column: &str) -> bool {
        let fixed = [
            "timestamp",
            "seq",
            "nav",
            "turnover",
            "cap_multiplier",
            "predicted_volatility",
            "benchmark_nav",
        ];
        fixed.contains(&column) || Costs::default().items().iter().any(|(name, _)| *name == column)
    }

    /// Record of a frame; `digest` in a state folder.
    pub(crate) fn of(frame: &LedgerFrame, digest: Option<&str>) -> Self {
        let mut row = Self::default();
        row.take(frame, digest);
        row
    }
}

/// Fills of a frame.
pub(crate) fn fills(frame: &LedgerFrame) -> impl Iterator<Item = FillRow> {
    frame.fills.iter().enumerate().map(|(n, fill)| {
        let mut row = FillRow::default();
        row.take(frame, n, fill);
        row
    })
}

/// Orders that ended on the frame `at`.
pub(crate) fn orders(
    at: (TimestampNs, u64),
    names: &InstrumentNames,
    ended: &[OrderRecord],
) -> impl Iterator<Item = OrderRow> {
    ended.iter().enumerate().map(move |(n, order)| {
        let mut row = OrderRow::default();
        row.take(at, n, names, order);
        row
    })
}

/// Target and held weights of a frame, without instruments that have neither; with `expected` those with an expected
/// return too.
pub(crate) fn weights(frame: &LedgerFrame, expected: bool) -> impl Iterator<Item = WeightRow> {
    (0..frame.names.len()).filter_map(move |instrument| {
        let held = frame.held.get(instrument).copied().unwrap_or(0.0);
        let target = frame.target.get(instrument).copied().unwrap_or(f64::NAN);
        let forecast = expected && frame.expected.get(instrument).is_some_and(|value| *value != 0.0);
        (forecast || held != 0.0 || !(target == 0.0 || target.is_nan())).then(|| {
            let mut row = WeightRow::default();
            row.take(frame, instrument);
            row
        })
    })
}
