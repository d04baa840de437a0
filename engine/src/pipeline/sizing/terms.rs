//! Bounds of weights and fees on shorts of each instrument on a frame.

use super::super::settings::RunSettings;
use crate::dated::InForce;
use crate::execution::{BPS, Portfolio};
use crate::model::Estimates;
use crate::portfolio::{SizingSettings, WeightBounds};

/// Bounds and fees by instrument. They follow from the settings, the date and the portfolio: no part of the state.
#[derive(Clone, Debug)]
pub(super) struct InstrumentTerms {
    in_force: Option<InForce<WeightBounds>>,
    /// Smallest and largest weight; empty for those of the settings.
    bounds: Vec<[f64; 2]>,
    /// Share of NAV per frame of a fee of 1 bps per year.
    fee_per_bps: f64,
    /// Fee in bps per year of an instrument without its own.
    usual_bps: f64,
    /// Fee on a short per frame; empty without a file of fees.
    fees: Vec<f64>,
    /// Smallest weight for which shares can be borrowed.
    short_limit: Vec<f64>,
}

impl InstrumentTerms {
    pub(super) fn new(settings: &RunSettings) -> Self {
        let stress = settings.world.cost_stress();
        let times = if stress.sizing_knows { stress.multipliers.borrow } else { 1.0 };
        Self {
            in_force: settings.sizing.bounds_by_name.clone().map(InForce::new),
            bounds: Vec::new(),
            fee_per_bps: BPS * times / settings.calendar.frames_per_year(),
            usual_bps: settings.execution.borrow_bps_per_year,
            fees: Vec::new(),
            short_limit: Vec::new(),
        }
    }

    /// Moves to the frame of a rebalance.
    pub(super) fn advance(
        &mut self,
        settings: &SizingSettings,
        estimates: &Estimates,
        portfolio: &Portfolio,
    ) {
        let n = portfolio.quantity.len();
        if let Some(in_force) = &mut self.in_force
            && (in_force.advance(portfolio.date(), &estimates.names) || self.bounds.len() != n)
        {
            let of = |i: usize| in_force.of(i).copied().unwrap_or_default().over(settings);
            self.bounds.clear();
            self.bounds.extend((0..n).map(of));
        }
        let fee = |bps: &f64| self.fee_per_bps * if bps.is_nan() { self.usual_bps } else { *bps };
        self.fees.clear();
        self.fees.extend(portfolio.borrow_bps.iter().map(fee));
        let limit = |(units, price): (&f64, &f64)| match units.is_finite() {
            true => 0.0 - units * price / portfolio.nav,
            false => f64::NEG_INFINITY,
        };
        self.short_limit.clear();
        self.short_limit.extend(portfolio.shortable.iter().zip(&portfolio.price).map(limit));
    }

    /// Fee on a short per frame, length n; empty without a file of fees.
    pub(super) fn fees(&self) -> &[f64] {
        &self.fees
    }

    /// Smallest weight for which shares can be borrowed, length n; empty for no limit.
    pub(super) fn short_limit(&self) -> &[f64] {
        &self.short_limit
    }

    /// Smallest and largest weight, length n; empty for those of the settings.
    pub(super) fn bounds(&self) -> &[[f64; 2]] {
        &self.bounds
    }

    /// Smallest and largest weight of an instrument.
    pub(super) fn bounds_of(&self, i: usize, settings: &SizingSettings) -> [f64; 2] {
        self.bounds.get(i).copied().unwrap_or([settings.weight_min, settings.weight_max])
    }
}
