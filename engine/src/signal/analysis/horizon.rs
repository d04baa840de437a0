//! Evaluation of cross-sections at one horizon.

use super::average::Average;
use super::correlation::{Order, mean, pearson};
use super::pending::PendingSection;
use super::previous::Previous;
use super::quantiles::{self, QUANTILES};
use super::regression::Regression;
use super::row::SignalRow;

/// State of all instruments when a horizon ends, length n.
pub(super) struct Forward<'a> {
    pub(super) prices: &'a [f64],
    /// Sums of residual returns, restarted after each missing one; empty without factors.
    pub(super) residual_sums: &'a [f64],
    /// Frames since the last missing residual return.
    pub(super) residual_frames: &'a [u64],
}

/// Figures of a horizon over all its cross-sections.
#[derive(Clone, Debug)]
pub(super) struct Horizon {
    bars: usize,
    previous: Previous,
    scratch: Scratch,
    /// Series over the cross-sections whose horizon has ended, NaN where undefined.
    pub(super) ic: Vec<f64>,
    pub(super) rank_ic: Vec<f64>,
    pub(super) residual_ic: Vec<f64>,
    pub(super) residual_rank_ic: Vec<f64>,
    pub(super) spread: Vec<f64>,
    pub(super) names: Average,
    pub(super) mean_return: Average,
    /// Returns of the quantiles, before costs.
    pub(super) quantile_returns: [Average; QUANTILES],
    /// The same less the mean return of the sample.
    pub(super) demeaned_returns: [Average; QUANTILES],
    pub(super) turnover: [Average; QUANTILES],
    pub(super) rank_autocorrelation: Average,
    pub(super) factor_return: Average,
    pub(super) regression: Regression,
    /// Cross-sections with names, but without quantiles.
    pub(super) without_quantiles: usize,
}

/// Columns of one sample.
#[derive(Clone, Debug, Default)]
struct Scratch {
    order: Order,
    signal: Vec<f64>,
    returns: Vec<f64>,
    return_ranks: Vec<f64>,
    signal_ranks: Vec<f64>,
}

impl Horizon {
    pub(super) fn new(bars: usize) -> Self {
        Self {
            bars,
            previous: Previous::default(),
            scratch: Scratch::default(),
            ic: Vec::new(),
            rank_ic: Vec::new(),
            residual_ic: Vec::new(),
            residual_rank_ic: Vec::new(),
            spread: Vec::new(),
            names: Average::default(),
            mean_return: Average::default(),
            quantile_returns: Default::default(),
            demeaned_returns: Default::default(),
            turnover: Default::default(),
            rank_autocorrelation: Average::default(),
            factor_return: Average::default(),
            regression: Regression::default(),
            without_quantiles: 0,
        }
    }

    /// Horizon in bars.
    pub(super) fn bars(&self) -> usize {
        self.bars
    }

    /// Evaluates a cross-section at the end of its horizon, and fills its row.
    pub(super) fn evaluate(
        &mut self,
        section: &PendingSection,
        forward: &Forward<'_>,
        cost_rate: f64,
        row: &mut SignalRow,
    ) {
        self.correlate_residuals(section, forward, row);
        let mut assignment = self.previous.empty();
        assignment.seq = section.frame;
        assignment.instruments.clear();
        let scratch = &mut self.scratch;
        scratch.signal.clear();
        scratch.returns.clear();
        for (i, instrument) in section.instruments.iter().enumerate() {
            let change = forward.prices[*instrument as usize] / section.prices[i] - 1.0;
            if change.is_finite() {
                assignment.instruments.push(*instrument);
                scratch.signal.push(section.signal[i]);
                scratch.returns.push(change);
            }
        }
        row.names = scratch.signal.len();
        row.mean_return = mean(&scratch.returns);
        (row.ic, row.rank_ic) = scratch.correlations();
        row.factor_return = factor_return(&scratch.signal, &scratch.returns);
        scratch.order.ranks(&scratch.signal, &mut assignment.ranks);
        quantiles::assign(&scratch.signal, scratch.order.sort(&scratch.signal), &mut assignment.quantiles);
        row.quantile_returns = quantile_means(&scratch.returns, &assignment.quantiles);
        self.without_quantiles += usize::from(row.names > 0 && assignment.quantiles.is_empty());
        (row.turnover, row.rank_autocorrelation) = self.previous.push(assignment, self.bars as u64);
        row.spread = row.quantile_returns[QUANTILES - 1] - row.quantile_returns[0];
        let traded = row.turnover[QUANTILES - 1] + row.turnover[0];
        row.spread_after_costs = row.spread - cost_of(traded, cost_rate);
        self.add(row);
    }

    /// Correlates the signal with residual returns over the instruments that have one on each bar.
    fn correlate_residuals(&mut self, section: &PendingSection, forward: &Forward<'_>, row: &mut SignalRow) {
        if forward.residual_sums.is_empty() {
            return;
        }
        let scratch = &mut self.scratch;
        scratch.signal.clear();
        scratch.returns.clear();
        for (i, instrument) in section.instruments.iter().enumerate() {
            let at = *instrument as usize;
            if forward.residual_frames[at] >= self.bars as u64 {
                scratch.signal.push(section.signal[i]);
                scratch.returns.push(forward.residual_sums[at] - section.residuals[i]);
            }
        }
        (row.residual_ic, row.residual_rank_ic) = scratch.correlations();
    }

    fn add(&mut self, row: &SignalRow) {
        self.ic.push(row.ic);
        self.rank_ic.push(row.rank_ic);
        self.residual_ic.push(row.residual_ic);
        self.residual_rank_ic.push(row.residual_rank_ic);
        self.spread.push(row.spread);
        self.names.push(row.names as f64);
        self.mean_return.push(row.mean_return);
        for quantile in 0..QUANTILES {
            let value = row.quantile_returns[quantile];
            self.quantile_returns[quantile].push(value);
            self.demeaned_returns[quantile].push(value - row.mean_return);
            self.turnover[quantile].push(row.turnover[quantile]);
        }
        self.rank_autocorrelation.push(row.rank_autocorrelation);
        self.factor_return.push(row.factor_return);
        self.regression.push(row.mean_return, row.factor_return);
    }
}

impl Scratch {
    /// Pearson and Spearman correlation of signal and returns.
    fn correlations(&mut self) -> (f64, f64) {
        self.order.ranks(&self.signal, &mut self.signal_ranks);
        self.order.ranks(&self.returns, &mut self.return_ranks);
        (pearson(&self.signal, &self.returns), pearson(&self.signal_ranks, &self.return_ranks))
    }
}

/// Cost of re-forming an equal-weighted quantile in which a share `turnover` of the names is new: those are
/// bought, and as many are sold.
pub(super) fn cost_of(turnover: f64, cost_rate: f64) -> f64 {
    2.0 * turnover * cost_rate
}

/// Mean return in each quantile; NaN without quantiles or in an empty one.
fn quantile_means(returns: &[f64], quantiles: &[u8]) -> [f64; QUANTILES] {
    let (mut sums, mut counts) = ([0.0; QUANTILES], [0_u32; QUANTILES]);
    for (value, quantile) in returns.iter().zip(quantiles) {
        sums[usize::from(*quantile)] += value;
        counts[usize::from(*quantile)] += 1;
    }
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum /= f64::from(count);
    }
    sums
}

/// Return of the portfolio with weights s − s̄ over Σ|s − s̄|; NaN for a constant signal.
fn factor_return(signal: &[f64], returns: &[f64]) -> f64 {
    let centre = mean(signal);
    let gross: f64 = signal.iter().map(|value| (value - centre).abs()).sum();
    let net: f64 = signal.iter().zip(returns).map(|(value, r)| (value - centre) * r).sum();
    if gross > 0.0 { net / gross } else { f64::NAN }
}
