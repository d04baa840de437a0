//! Market conditions of each instrument: corporate actions and trading costs.

use serde::{Deserialize, Serialize};

use super::actions::{Action, Actions};
use super::costs::Conditions;
use super::half_spreads::HalfSpreads;
use super::settings::ExecutionSettings;
use super::stress::{CostMultipliers, CostStress, StressedCosts};
use super::trailing::TrailingDays;
use super::volumes::{VolumeFacts, Volumes};
use crate::frame::Frame;

/// Data that an instrument needs before it can be traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Needs {
    /// A price.
    Price,
    /// Also a trailing volume above 0, for a participation cap.
    Volume,
    /// Also a volatility, for impact: unknown impact is not 0.
    Impact,
}

/// Market conditions, common to the strategy's book and the benchmark's.
///
/// A frame is begun before its fills and ended after them. The costs of a fill do not depend on its own bar,
/// except that a fill at the close pays the quoted spread at that close.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Market {
    actions: Actions,
    half_spreads: HalfSpreads,
    volumes: Volumes,
    needs: Needs,
    /// Present if needed or requested by [`Market::watching`].
    trailing: Option<TrailingDays>,
    stress: StressedCosts,
}

impl Market {
    /// Returns a market before the first frame, without stress on costs.
    #[must_use]
    pub fn new(settings: &ExecutionSettings) -> Self {
        Self::stressed(settings, &CostStress::default())
    }

    /// Returns a market before the first frame, with stressed costs.
    #[must_use]
    pub fn stressed(settings: &ExecutionSettings, stress: &CostStress) -> Self {
        let needs = match settings.participation_cap {
            _ if settings.has_impact() => Needs::Impact,
            Some(_) => Needs::Volume,
            None => Needs::Price,
        };
        Self {
            actions: Actions::default(),
            half_spreads: HalfSpreads::new(settings),
            volumes: Volumes::default(),
            needs,
            trailing: (needs != Needs::Price).then(|| TrailingDays::new(settings.impact_window)),
            stress: StressedCosts::new(stress),
        }
    }

    /// Tracks volume and volatility even if this run has no market impact, for scenarios that have it.
    #[must_use]
    pub fn watching(self, window: u32) -> Self {
        Self { trailing: self.trailing.or_else(|| Some(TrailingDays::new(window))), ..self }
    }

    /// Begins a frame, before its fills.
    pub fn begin(&mut self, frame: &Frame) {
        self.actions.observe(frame);
        self.volumes.begin(frame);
        self.half_spreads.begin(frame, self.actions.acting());
        self.stress.begin(frame, self.actions.acting());
        if let Some(trailing) = &mut self.trailing {
            trailing.begin(frame, self.actions.acting());
        }
    }

    /// Ends a frame, after its fills.
    pub fn end(&mut self, frame: &Frame) {
        self.half_spreads.end(frame);
        self.stress.end(frame);
        if let Some(trailing) = &mut self.trailing {
            trailing.end(frame);
        }
    }

    /// Returns true if the current bar has a price but no volume, and the instrument has volume data. The
    /// price is then stale, and no order fills at it.
    #[must_use]
    pub fn is_stale(&self, instrument: usize) -> bool {
        self.volumes.is_stale(instrument)
    }

    /// Returns true if an instrument can be traded: a participation cap needs its trailing volume, impact
    /// also its volatility.
    #[must_use]
    pub fn admits(&self, instrument: usize) -> bool {
        let Some(trailing) = &self.trailing else { return true };
        match self.needs {
            Needs::Price => true,
            Needs::Volume => trailing.has_volume(instrument),
            Needs::Impact => trailing.has_volume(instrument) && !trailing.volatility(instrument).is_nan(),
        }
    }

    /// Returns true if a price is all that any instrument needs.
    pub(super) fn admits_any(&self) -> bool {
        self.needs == Needs::Price
    }

    /// Counts of the volume data so far.
    #[must_use]
    pub fn volume_facts(&self) -> VolumeFacts {
        self.volumes.facts()
    }

    /// Splits and dividends of the frame, in engine order.
    #[must_use]
    pub fn actions(&self) -> &[Action] {
        self.actions.acting()
    }

    /// Returns true if the costs of an instrument change from frame to frame.
    #[must_use]
    pub fn varies(&self) -> bool {
        self.trailing.is_some() || self.half_spreads.vary() || self.stress.vary()
    }

    /// Returns true while the instrument has no quote or estimate yet.
    #[must_use]
    pub fn has_usual_spread(&self, instrument: usize) -> bool {
        self.half_spreads.is_usual(instrument)
    }

    /// Count of bars whose quote was crossed.
    #[must_use]
    pub fn crossed_quotes(&self) -> u64 {
        self.half_spreads.crossed()
    }

    /// Count of volatile dates so far, if costs follow volatility.
    #[must_use]
    pub fn volatile_dates(&self) -> u64 {
        self.stress.volatile_dates()
    }

    /// Current multipliers of the costs. The half-spread of [`Market::conditions`] already includes its
    /// multiplier.
    #[must_use]
    pub fn multipliers(&self) -> CostMultipliers {
        self.stress.charged()
    }

    /// Current multipliers of the costs that sizing assumes.
    #[must_use]
    pub fn sized_multipliers(&self) -> CostMultipliers {
        self.stress.sized()
    }

    /// Multiplier of the volume of a bar.
    #[must_use]
    pub fn volume_multiplier(&self) -> f64 {
        self.stress.volume()
    }

    /// Current cost conditions of the instrument.
    #[must_use]
    pub fn conditions(&self, instrument: usize) -> Conditions {
        self.conditions_in(instrument, self.stress.charged(), self.stress.volume())
    }

    /// Current cost conditions that sizing assumes.
    #[must_use]
    pub fn sized_conditions(&self, instrument: usize) -> Conditions {
        self.conditions_in(instrument, self.stress.sized(), self.stress.sized_volume())
    }

    fn conditions_in(&self, instrument: usize, multipliers: CostMultipliers, volume: f64) -> Conditions {
        let daily = |of: fn(&TrailingDays, usize) -> f64| {
            self.trailing.as_ref().map_or(f64::NAN, |trailing| of(trailing, instrument))
        };
        Conditions {
            half_spread_bps: self.half_spreads.bps(instrument) * multipliers.spread,
            volatility: daily(TrailingDays::volatility),
            daily_volume: daily(TrailingDays::volume) * volume,
        }
    }
}
