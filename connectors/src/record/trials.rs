//! Tables of `luck`: figures of trials, and the correlations between them.

use std::sync::Arc;

use betaflow_engine::time::TimestampNs;

use super::declare::tables;

tables! {
    /// One row per trial of `luck`, in the order of the file. Figures use all returns of the trial.
    TrialRow in "luck" {
        trial: Arc<str>, "", "Name of the column.";
        first: TimestampNs, "", "Time of the first return.";
        last: TimestampNs, "", "Time of the last return.";
        returns: u64, "returns", "Number of returns.";
        missing: u64, "returns", "Times between the first and the last return without a return.";
        sharpe: f64, "", "Annualised Sharpe ratio: mean/sd · √(periods a year), sample standard deviation.";
        sharpe_standard_error: f64, "", "Standard error of the Sharpe ratio, with skewness and kurtosis (Mertens 2002).";
        probabilistic_sharpe: f64, "share", "Probability that the true Sharpe ratio is above 0, as a single trial (Bailey & López de Prado 2012).";
        deflated_sharpe: f64, "share", "The same probability as the best of all trials (Bailey & López de Prado 2014).";
        min_track_record_years: f64, "years", "Years of such returns after which `probabilistic_sharpe` is 0.95; null for a ratio of 0 or less.";
        annual_return: f64, "return per year", "Compound annual growth rate.";
        annual_volatility: f64, "return per year", "Annualised sample standard deviation.";
        max_drawdown: f64, "share", "Maximum drawdown, at most 0.";
        skew: f64, "", "Population skewness.";
        kurtosis: f64, "", "Population excess kurtosis: 0 for a normal distribution.";
        highest_correlation: f64, "", "Highest correlation with an earlier trial, over the times that all trials have; null for the first trial.";
        correlated_with: Option<Arc<str>>, "", "Earlier trial with that correlation.";
    }

    /// One row per pair of trials of `luck`: each trial with each one before it in the file.
    CorrelationRow in "correlations" {
        trial: Arc<str>, "", "Trial.";
        before: Arc<str>, "", "Earlier trial.";
        correlation: f64, "", "Pearson correlation of their returns, over the times that all trials have.";
    }
}
