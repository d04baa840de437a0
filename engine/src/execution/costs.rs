//! Costs of trading and holding, item by item.

use std::ops::{AddAssign, Index, IndexMut};

use serde::{Deserialize, Serialize};

use super::settings::ExecutionSettings;
use super::stress::CostMultipliers;

/// One basis point.
pub const BPS: f64 = 1e-4;
/// Share of a day's volume at which sizing's 3/2-power impact equals the impact that execution charges.
const REFERENCE_PARTICIPATION: f64 = 0.01;

/// Base on which a cost item is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargedOn {
    /// A fill.
    Fills,
    /// Short positions, in proportion to their value.
    Shorts,
    /// The account; not attributed to an instrument.
    Account,
}

/// Declares the cost items: variant, column name, base on which it is charged, and one line of documentation.
macro_rules! cost_items {
    ($($item:ident $name:literal $charged_on:ident $about:literal;)+) => {
        /// Cost item.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum CostItem { $(#[doc = $about] $item,)+ }

        impl CostItem {
            /// All items, in the order of their columns.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$item),+];
            /// Column names of all items.
            pub const NAMES: [&'static str; Self::ALL.len()] = [$($name),+];

            /// Column name of the item in every table.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$item => $name,)+ }
            }

            /// Base on which the item is charged.
            #[must_use]
            pub const fn charged_on(self) -> ChargedOn {
                match self { $(Self::$item => ChargedOn::$charged_on,)+ }
            }

            /// One line of documentation.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$item => $about,)+ }
            }
        }
    };
}

cost_items! {
    Commission "commission" Fills "Commission.";
    Spread "spread" Fills "Half-spread.";
    Impact "impact" Fills "Market impact, temporary and permanent.";
    Borrow "borrow" Shorts "Fee on borrowed shares.";
    Financing "financing" Account "Financing of negative cash over the interest on cash.";
}

impl CostItem {
    /// Items charged on a base, in the order of their columns.
    pub fn on(charged_on: ChargedOn) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |item| item.charged_on() == charged_on)
    }
}

/// Costs in currency by item; a positive number is a cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Costs([f64; CostItem::ALL.len()]);

impl Costs {
    /// Returns costs of some items; the others are 0.
    #[must_use]
    pub fn of(items: &[(CostItem, f64)]) -> Self {
        let mut costs = Self::default();
        items.iter().for_each(|(item, value)| costs[*item] = *value);
        costs
    }

    /// Sum of all items, in the order of their columns.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.0.iter().sum()
    }

    /// Items with their column names.
    #[must_use]
    pub fn items(&self) -> [(&'static str, f64); CostItem::ALL.len()] {
        CostItem::ALL.map(|item| (item.name(), self[item]))
    }
}

impl Index<CostItem> for Costs {
    type Output = f64;

    fn index(&self, item: CostItem) -> &f64 {
        &self.0[item as usize]
    }
}

impl IndexMut<CostItem> for Costs {
    fn index_mut(&mut self, item: CostItem) -> &mut f64 {
        &mut self.0[item as usize]
    }
}

impl AddAssign for Costs {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, value)| *sum += value);
    }
}

/// Cost conditions of an instrument at one time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// Half-spread in bps of notional.
    pub half_spread_bps: f64,
    /// Deviation σ of daily returns; NaN if unknown or not needed.
    pub volatility: f64,
    /// Daily volume V in units; NaN if unknown or not needed.
    pub daily_volume: f64,
}

impl Conditions {
    /// Returns true if impact can be computed.
    pub(super) fn are_known(self) -> bool {
        !self.volatility.is_nan() && self.daily_volume > 0.0
    }
}

/// Impact of a fill, in currency.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Impact {
    /// Notional · η σ (Q/V)^p.
    pub temporary: f64,
    /// Notional · ½ γ σ Q/V.
    pub permanent: f64,
    /// Impact by sizing's 3/2-power law, in place of both parts.
    pub as_sized: f64,
    /// True if volume or volatility is unknown; impact is then 0.
    pub unknown: bool,
}

impl ExecutionSettings {
    /// Commission of one fill, before the per-order minimum.
    #[must_use]
    pub fn commission(&self, quantity: f64, price: f64) -> f64 {
        (quantity * price).abs() * self.commission_bps * BPS + quantity.abs() * self.commission_per_share
    }

    /// Impact of a fill of `quantity` units; the sign does not matter.
    #[must_use]
    pub fn impact(&self, quantity: f64, price: f64, conditions: Conditions) -> Impact {
        if !self.has_impact() {
            return Impact::default();
        }
        let Conditions { volatility, daily_volume, .. } = conditions;
        if !conditions.are_known() {
            return Impact { unknown: true, ..Impact::default() };
        }
        let participation = quantity.abs() / daily_volume;
        let moved = (quantity * price).abs() * volatility;
        Impact {
            temporary: moved * self.impact_coefficient * power(participation, self.impact_exponent),
            permanent: moved * 0.5 * self.permanent_impact_coefficient * participation,
            as_sized: moved * self.sized_impact_coefficient() * participation.sqrt(),
            unknown: false,
        }
    }

    /// Share of the last price lost on a delisting.
    pub(super) fn haircut(&self, times: CostMultipliers) -> f64 {
        (self.delisting_haircut * times.haircut).min(1.0)
    }

    /// Cost of a unit of notional before impact, as sizing uses it, without the per-order commission minimum.
    /// `times`: multiplier of commissions.
    #[must_use]
    pub fn linear_cost(&self, price: f64, conditions: Conditions, times: f64) -> f64 {
        let bps = (self.commission_bps * times + conditions.half_spread_bps) * BPS;
        // An instrument without a first price cannot be traded.
        if price.is_nan() { bps } else { bps + self.commission_per_share * times / price }
    }

    /// Coefficient of |trade|^{3/2}, trade as a share of NAV: sizing's form of impact. 0 if volume or
    /// volatility is unknown.
    #[must_use]
    pub fn sized_impact(&self, nav: f64, price: f64, conditions: Conditions) -> f64 {
        let Conditions { volatility, daily_volume, .. } = conditions;
        if !(conditions.are_known() && nav > 0.0) {
            return 0.0;
        }
        self.sized_impact_coefficient() * volatility * (nav / (daily_volume * price)).sqrt()
    }

    /// Coefficient of the square-root law that equals the charged impact at the reference participation.
    fn sized_impact_coefficient(&self) -> f64 {
        let temporary = self.impact_coefficient * power(REFERENCE_PARTICIPATION, self.impact_exponent - 0.5);
        temporary + 0.5 * self.permanent_impact_coefficient * REFERENCE_PARTICIPATION.sqrt()
    }
}

/// Power of a base; an exponent of one half takes the square root, which is rounded once.
pub(super) fn power(base: f64, exponent: f64) -> f64 {
    match exponent {
        0.0 => 1.0,
        0.5 => base.sqrt(),
        1.0 => base,
        other => libm::pow(base, other),
    }
}
