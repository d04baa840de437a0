//! Table of the analysis of a signal.

use betaflow_engine::signal::analysis::SignalRow;
use betaflow_engine::time::TimestampNs;

use super::declare::tables;

tables! {
    /// One row per cross-section and horizon of `signal`. Figures use the instruments with a signal, a price, and a price at the end of the horizon. They are null if the horizon ends after the data.
    SignalTableRow in "signal" from (row: &SignalRow) {
        timestamp: TimestampNs = row.timestamp, "", "Close of the frame on which the cross-section is known.";
        seq: u64 = row.seq, "", "Number of the frame.";
        horizon: u64 = row.horizon as u64, "bars", "Bars of the forward return.";
        instruments: u64 = row.instruments as u64, "", "Instruments with a price.";
        signals: u64 = row.signals as u64, "", "Instruments with a price and a signal.";
        coverage: f64 = row.coverage(), "share", "Share of the instruments with a price that have a signal.";
        names: u64 = row.names as u64, "", "Instruments with a price, a signal and a forward return; 0 if the horizon ends after the data.";
        ic: f64 = row.ic, "", "Pearson correlation of signal and forward return.";
        rank_ic: f64 = row.rank_ic, "", "Spearman correlation of signal and forward return.";
        residual_ic: f64 = row.residual_ic, "", "Pearson correlation of signal and summed residual returns.";
        residual_rank_ic: f64 = row.residual_rank_ic, "", "Spearman correlation of signal and summed residual returns.";
        mean_return: f64 = row.mean_return, "return over the horizon", "Mean forward return.";
        quantile_1: f64 = row.quantile_returns[0], "return over the horizon", "Mean forward return of the lowest fifth of the signals.";
        quantile_2: f64 = row.quantile_returns[1], "return over the horizon", "Mean forward return of the second fifth.";
        quantile_3: f64 = row.quantile_returns[2], "return over the horizon", "Mean forward return of the third fifth.";
        quantile_4: f64 = row.quantile_returns[3], "return over the horizon", "Mean forward return of the fourth fifth.";
        quantile_5: f64 = row.quantile_returns[4], "return over the horizon", "Mean forward return of the highest fifth.";
        spread: f64 = row.spread, "return over the horizon", "`quantile_5` less `quantile_1`.";
        spread_after_costs: f64 = row.spread_after_costs, "return over the horizon", "`spread` less the costs of the names that changed in both quantiles.";
        turnover_1: f64 = row.turnover[0], "share", "Names of the lowest fifth that were not in it one horizon before.";
        turnover_2: f64 = row.turnover[1], "share", "The same of the second fifth.";
        turnover_3: f64 = row.turnover[2], "share", "The same of the third fifth.";
        turnover_4: f64 = row.turnover[3], "share", "The same of the fourth fifth.";
        turnover_5: f64 = row.turnover[4], "share", "The same of the highest fifth.";
        rank_autocorrelation: f64 = row.rank_autocorrelation, "", "Correlation of the ranks of the signal with those one horizon before.";
        factor_return: f64 = row.factor_return, "return over the horizon", "Return of the portfolio with weights s - mean(s) over their absolute sum.";
    }
}
