//! Attribution of the change of NAV to factors, alpha, residual, trading, interest and each cost.

use serde::{Deserialize, Serialize};

use super::groups::{GroupEntry, GroupTally};
use crate::execution::{Account, BorrowCharge, ChargedOn, CostItem, Costs, Fill, Moves};
use crate::groups::GroupColumn;
use crate::model::Estimates;

/// Amounts in currency that add up to a change of NAV.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contributions {
    /// Value held × alpha as of the preceding close.
    pub alpha: f64,
    /// Return on the held positions beyond alpha, factors and the risk-free return.
    pub residual: f64,
    /// Value held × beta as of the preceding close × factor return, by factor; for a column of groups the return of the
    /// instrument's own group.
    pub factors: Vec<f64>,
    /// Value held × risk-free return, for returns in excess of it.
    pub risk_free: f64,
    /// Gain of the fills from their price to the close.
    pub trading: f64,
    /// Interest on cash.
    pub interest: f64,
    /// Costs; positive, subtracted from the total.
    pub costs: Costs,
}

impl Contributions {
    /// Zero contributions for `factors` factors.
    #[must_use]
    pub fn none(factors: usize) -> Self {
        Self { factors: vec![0.0; factors], ..Self::default() }
    }

    /// Sum of the contributions, less costs.
    #[must_use]
    pub fn total(&self) -> f64 {
        let Self { alpha, residual, factors, risk_free, trading, interest, costs } = self;
        alpha + residual + factors.iter().sum::<f64>() + risk_free + trading + interest - costs.total()
    }

    /// Copies `other` into the existing buffers.
    pub fn copy_from(&mut self, other: &Self) {
        let mut factors = std::mem::take(&mut self.factors);
        factors.clone_from(&other.factors);
        let Self { alpha, residual, risk_free, trading, interest, costs, .. } = *other;
        *self = Self { alpha, residual, factors, risk_free, trading, interest, costs };
    }

    fn clear(&mut self) {
        self.factors.fill(0.0);
        *self = Self { factors: std::mem::take(&mut self.factors), ..Self::default() };
    }

    /// Adds the contributions of a held position, without trading, interest and costs.
    fn add_held(&mut self, other: &Self) {
        self.alpha += other.alpha;
        self.residual += other.residual;
        self.risk_free += other.risk_free;
        for (sum, value) in self.factors.iter_mut().zip(&other.factors) {
            *sum += value;
        }
    }
}

/// Inputs of a frame's attribution.
#[derive(Clone, Copy, Debug)]
pub struct AttributionInputs<'a> {
    /// Price gains of the positions.
    pub moves: &'a Moves,
    /// Interest and costs of the frame.
    pub account: &'a Account,
    /// Fills of the frame.
    pub fills: &'a [Fill],
    /// Fees on shorts by instrument; `None` if all shorts have one rate.
    pub borrow: Option<&'a [BorrowCharge]>,
    /// Factor returns of the frame, NaN if it has none.
    pub factors: &'a [f64],
    /// Groups of the instruments and returns of their factors in the frame; empty without groups.
    pub groups: &'a [GroupColumn],
    /// Risk-free return of the frame.
    pub rf: f64,
    /// NAV at the preceding close.
    pub nav_before: f64,
}

/// Splits each frame's change of NAV by the betas of the preceding frame, and sums the parts by instrument.
///
/// For a held position with value v at the preceding close, and betas as of that close: P&L = v (rf + alpha +
/// beta'f) + residual. The residual is defined by this equation, so the parts add up. A column of groups is one factor:
/// its return is that of the factor of the instrument's group as of that close, 0 in a frame where that has none.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Attribution {
    excess: bool,
    /// Columns of length n each: alpha, then the betas on each factor; NaN without an estimate.
    coefficients: Vec<Vec<f64>>,
    /// Number of given factors; those of groups follow, one for each column.
    given: usize,
    /// Group of each instrument as of the coefficients, by column that makes factors.
    own: Vec<Vec<u32>>,
    groups: GroupTally,
    frame: Contributions,
    exposures: Vec<f64>,
    instruments: Vec<Contributions>,
    /// Interest and costs of the account, which are not attributed to an instrument.
    cash: Contributions,
    one: Contributions,
}

impl Attribution {
    /// Returns an attribution before the first frame. `excess`: true if the estimator uses returns in excess
    /// of the risk-free return.
    #[must_use]
    pub fn new(factors: usize, excess: bool) -> Self {
        Self::with_groups(factors, 0, excess)
    }

    /// Returns such an attribution with further factors: `columns` columns of groups that make factors.
    #[must_use]
    pub fn with_groups(given: usize, columns: usize, excess: bool) -> Self {
        let factors = given + columns;
        Self {
            excess,
            given,
            own: vec![Vec::new(); columns],
            groups: GroupTally::default(),
            coefficients: vec![Vec::new(); factors + 1],
            frame: Contributions::none(factors),
            exposures: vec![0.0; factors],
            instruments: Vec::new(),
            cash: Contributions::none(factors),
            one: Contributions::none(factors),
        }
    }

    /// True if the estimator uses returns in excess of the risk-free return.
    #[must_use]
    pub fn in_excess(&self) -> bool {
        self.excess
    }

    /// Sets the coefficients for the frames until the next estimates.
    pub fn set_coefficients(&mut self, estimates: &Estimates) {
        self.coefficients[0].clone_from(&estimates.alpha);
        for factor in 0..estimates.loadings().min(self.coefficients.len() - 1) {
            self.coefficients[factor + 1].clear();
            self.coefficients[factor + 1].extend_from_slice(estimates.betas_on(factor));
        }
        let columns = estimates.groups.iter().filter(|column| column.has_factors);
        self.own.iter_mut().zip(columns).for_each(|(own, column)| own.clone_from(&column.of));
    }

    /// Attributes the change of NAV of a frame.
    pub fn explain(&mut self, of: AttributionInputs<'_>) {
        let AttributionInputs { moves, account, fills, factors, .. } = of;
        let n = moves.before.len();
        let columns = self.coefficients.len() - 1;
        self.instruments.resize_with(n, || Contributions::none(columns));
        self.frame.clear();
        self.exposures.fill(0.0);
        let has_factors = factors.iter().all(|f| f.is_finite());
        for (i, (value, held)) in moves.before.iter().zip(&moves.held).enumerate() {
            if *value != 0.0 || *held != 0.0 {
                self.explain_held(i, (*value, *held), has_factors, &of);
            }
        }
        self.groups.add(moves, of.groups, &self.coefficients[self.given + 1..]);
        if let Some(charges) = of.borrow {
            for charge in charges {
                self.instruments[charge.instrument as usize].costs[CostItem::Borrow] += charge.fee;
            }
        } else if CostItem::on(ChargedOn::Shorts).any(|item| account.costs[item] != 0.0) {
            self.charge_shorts(moves, account);
        }
        for fill in fills {
            let sums = &mut self.instruments[fill.instrument as usize];
            sums.costs += fill.costs;
        }
        if !fills.is_empty() {
            for (sums, traded) in self.instruments.iter_mut().zip(&moves.traded) {
                sums.trading += traded;
            }
            self.frame.trading = moves.traded.iter().sum();
        }
        self.frame.interest = account.interest;
        self.frame.costs = account.costs;
        self.cash.interest += account.interest;
        CostItem::on(ChargedOn::Account).for_each(|item| self.cash.costs[item] += account.costs[item]);
    }

    /// Adds the contributions of one held position, with value and gain `held`, and its part of the exposures.
    fn explain_held(
        &mut self,
        i: usize,
        (value, held): (f64, f64),
        has_factors: bool,
        of: &AttributionInputs<'_>,
    ) {
        let coefficient = |column: &[f64]| column.get(i).copied().filter(|value| !value.is_nan());
        let Self { coefficients, one, exposures, given, own, .. } = self;
        let alpha = coefficient(&coefficients[0]).filter(|_| has_factors);
        one.alpha = alpha.map_or(0.0, |alpha| value * alpha);
        one.risk_free = if self.excess { value * of.rf } else { 0.0 };
        let parts = one.factors.iter_mut().zip(exposures).zip(&coefficients[1..]);
        for (j, ((part, exposure), column)) in parts.enumerate() {
            let beta = coefficient(column).unwrap_or(0.0);
            let factor = match j.checked_sub(*given) {
                None => of.factors.get(j).copied(),
                Some(column) => own_return(&own[column], of.groups, column, i),
            };
            let factor = factor.filter(|_| alpha.is_some());
            *part = factor.map_or(0.0, |factor| value * beta * factor);
            *exposure += value * beta / of.nav_before;
        }
        one.residual = 0.0;
        one.residual = held - one.total();
        self.instruments[i].add_held(one);
        self.frame.add_held(one);
    }

    /// Attributes the costs of short positions in proportion to their values.
    fn charge_shorts(&mut self, moves: &Moves, account: &Account) {
        let shorts: f64 = moves.before.iter().map(|value| (-value).max(0.0)).sum();
        if shorts <= 0.0 {
            return;
        }
        for (sums, value) in self.instruments.iter_mut().zip(&moves.before) {
            for item in CostItem::on(ChargedOn::Shorts) {
                sums.costs[item] += account.costs[item] * (-value).max(0.0) / shorts;
            }
        }
    }

    /// Exposures and gains by group after the last frame, since the preceding call. `weights`: held weights of the
    /// instruments; `benchmark`: those of the benchmark, empty if they are not known.
    pub fn take_groups(
        &mut self,
        columns: &[GroupColumn],
        weights: &[f64],
        benchmark: &[f64],
        out: &mut Vec<GroupEntry>,
    ) {
        self.groups.take(columns, &self.coefficients[self.given + 1..], weights, benchmark, out);
    }

    /// Contributions of the last frame.
    #[must_use]
    pub fn frame(&self) -> &Contributions {
        &self.frame
    }

    /// Exposure of the book to each factor at the preceding close, as a share of NAV.
    #[must_use]
    pub fn exposures(&self) -> &[f64] {
        &self.exposures
    }

    /// Sums by instrument in engine order, and those of the account.
    #[must_use]
    pub fn sums(&self) -> (&[Contributions], &Contributions) {
        (&self.instruments, &self.cash)
    }
}

/// Return of the factor of the instrument's group as of the coefficients, by number of the column that makes factors.
/// `None` without a group, and in a frame without a return.
fn own_return(own: &[u32], groups: &[GroupColumn], column: usize, instrument: usize) -> Option<f64> {
    let column = groups.iter().filter(|column| column.has_factors).nth(column)?;
    let value = *column.returns.get(*own.get(instrument)? as usize)?;
    (!value.is_nan()).then_some(value)
}

#[cfg(test)]
mod tests;
