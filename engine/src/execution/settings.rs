//! What a user may say about execution.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::settings::{Invalid, require};

/// Which price of its frame an order fills at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillAt {
    /// The close.
    #[default]
    Close,
    /// The open.
    Open,
}

/// What becomes of an order that could not fill on its frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfilled {
    /// It is cancelled.
    #[default]
    Cancel,
    /// It works on until the next decision, which cancels it.
    Carry,
}

/// What cash earns: `"rf"` or a number in a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum CashInterest {
    /// The factors' risk-free return, where there is one.
    #[default]
    RiskFree,
    /// A rate per year, decimal, by calendar days over 365.
    PerYear(f64),
}

impl Serialize for CashInterest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::RiskFree => serializer.serialize_str("rf"),
            Self::PerYear(rate) => serializer.serialize_f64(*rate),
        }
    }
}

impl<'de> Deserialize<'de> for CashInterest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CashInterestVisitor)
    }
}

struct CashInterestVisitor;

impl Visitor<'_> for CashInterestVisitor {
    type Value = CashInterest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"rf\" or a rate per year such as 0.03")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<CashInterest, E> {
        match word {
            "rf" => Ok(CashInterest::RiskFree),
            _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
        }
    }

    fn visit_f64<E: Error>(self, rate: f64) -> Result<CashInterest, E> {
        Ok(CashInterest::PerYear(rate))
    }

    fn visit_i64<E: Error>(self, rate: i64) -> Result<CashInterest, E> {
        Ok(CashInterest::PerYear(rate as f64))
    }
}

/// Settings of the execute stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExecutionSettings {
    /// Starting net asset value, above 0.
    pub nav: f64,
    /// Frames from a decision to its fills, at least 1.
    pub delay_bars: u64,
    /// Which price of the frame fills.
    pub fill_at: FillAt,
    /// Quantities are whole multiples of this, rounded towards no trade; 0 for fractional quantities.
    pub lot: f64,
    /// What becomes of an order whose instrument has no price on its frame.
    pub unfilled: Unfilled,
    /// Commission in bps of notional, at least 0.
    pub commission_bps: f64,
    /// Half of the quoted spread in bps of notional, at least 0.
    pub half_spread_bps: f64,
    /// Fee on the value of shorts, bps a year by calendar days over 365, at least 0.
    pub borrow_bps_per_year: f64,
    /// Spread over the interest on cash that negative cash pays, bps a year, at least 0.
    pub financing_bps_per_year: f64,
    /// What cash earns: `"rf"` or a rate per year.
    pub cash_interest: CashInterest,
    /// Days without a price after which a position is closed at its last price, at least 1.
    pub delist_after: u32,
    /// Share of that price that is lost, from 0 to 1.
    pub delisting_haircut: f64,
}

impl Default for ExecutionSettings {
    fn default() -> Self {
        Self {
            nav: 1e6,
            delay_bars: 1,
            fill_at: FillAt::Close,
            lot: 0.0,
            unfilled: Unfilled::Cancel,
            commission_bps: 1.0,
            half_spread_bps: 4.0,
            borrow_bps_per_year: 0.0,
            financing_bps_per_year: 0.0,
            cash_interest: CashInterest::RiskFree,
            delist_after: 10,
            delisting_haircut: 0.0,
        }
    }
}

impl ExecutionSettings {
    /// Checks the range of every number.
    ///
    /// # Errors
    /// The first number that is out of its range.
    pub fn check(&self) -> Result<(), Invalid> {
        let not_negative = |key, value: f64| {
            require(value >= 0.0 && value.is_finite(), key, value, "a finite number of at least 0")
        };
        let nav = self.nav;
        require(nav > 0.0 && nav.is_finite(), "nav", nav, "a finite number above 0")?;
        let delay = self.delay_bars;
        require((1..=10_000).contains(&delay), "delay_bars", delay, "a whole number from 1 to 10000")?;
        not_negative("lot", self.lot)?;
        not_negative("commission_bps", self.commission_bps)?;
        not_negative("half_spread_bps", self.half_spread_bps)?;
        not_negative("borrow_bps_per_year", self.borrow_bps_per_year)?;
        not_negative("financing_bps_per_year", self.financing_bps_per_year)?;
        if let CashInterest::PerYear(rate) = self.cash_interest {
            require(rate.is_finite() && rate > -1.0, "cash_interest", rate, "\"rf\" or a number above -1")?;
        }
        let delist = self.delist_after;
        require(delist >= 1, "delist_after", delist, "a whole number of days of at least 1")?;
        let haircut = self.delisting_haircut;
        require((0.0..=1.0).contains(&haircut), "delisting_haircut", haircut, "a number from 0 to 1")
    }
}
