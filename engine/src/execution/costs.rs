//! What trading and holding cost, item by item.

use std::ops::AddAssign;

use super::settings::ExecutionSettings;

/// One basis point.
pub const BPS: f64 = 1e-4;

/// Costs in currency; a cost is positive.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Costs {
    /// Commission.
    pub commission: f64,
    /// Half-spread.
    pub spread: f64,
    /// Market impact.
    pub impact: f64,
    /// Fee on borrowed shares.
    pub borrow: f64,
    /// Financing of negative cash over the interest on cash.
    pub financing: f64,
    /// Loss on delisting.
    pub haircut: f64,
}

impl Costs {
    /// Sum of all items, in the order of the fields.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.items().iter().map(|(_, value)| value).sum()
    }

    /// Each item under its column name.
    #[must_use]
    pub fn items(&self) -> [(&'static str, f64); 6] {
        [
            ("commission", self.commission),
            ("spread", self.spread),
            ("impact", self.impact),
            ("borrow", self.borrow),
            ("financing", self.financing),
            ("haircut", self.haircut),
        ]
    }
}

impl AddAssign for Costs {
    fn add_assign(&mut self, other: Self) {
        self.commission += other.commission;
        self.spread += other.spread;
        self.impact += other.impact;
        self.borrow += other.borrow;
        self.financing += other.financing;
        self.haircut += other.haircut;
    }
}

/// Costs of one fill, given its notional (signed; the size counts).
#[must_use]
pub fn fill_costs(settings: &ExecutionSettings, notional: f64) -> Costs {
    let size = notional.abs();
    Costs {
        commission: size * settings.commission_bps * BPS,
        spread: size * settings.half_spread_bps * BPS,
        ..Costs::default()
    }
}
