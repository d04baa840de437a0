//! Settings of execution.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::frame::Field;
use crate::settings::{Invalid, require};
use crate::{require_number, require_whole};

/// Price of the frame at which an order fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillAt {
    /// The close.
    #[default]
    Close,
    /// The open.
    Open,
    /// The typical price, (high + low + close)/3.
    Typical,
    /// A stand-in for the volume-weighted average price of the bar, (open + high + low + close)/4.
    Vwap,
    /// The close of the deciding frame itself: **looks ahead**, because a decision at the close cannot trade at it.
    /// All outputs of such a run name it.
    SameClose,
}

/// Source of the half-spread of a fill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpreadModel {
    /// `half_spread_bps`, or the instrument's value in `half_spreads` or `spread_file`.
    #[default]
    Constant,
    /// Half of ask less bid over their mean, of the last quote at the time of the fill.
    Quotes,
    /// Estimated from highs and lows (Corwin & Schultz 2012), over the bars before the fill's.
    CorwinSchultz,
    /// Estimated from closes, highs and lows (Abdi & Ranaldo 2017), over the bars before the fill's.
    AbdiRanaldo,
}

/// Treatment of the part of an order that did not fill on its frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unfilled {
    /// Cancels the remainder.
    #[default]
    Cancel,
    /// Keeps the remainder working until the next rebalance, which cancels it.
    Carry,
}

/// Interest on cash: `"rf"` or a number in a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "CashInterestText", into = "CashInterestText")]
pub enum CashInterest {
    /// The risk-free return of the factor file; 0 without one.
    #[default]
    RiskFree,
    /// A rate per year, decimal, by calendar days over 365.
    PerYear(f64),
}

/// [`CashInterest`] as it is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected \"rf\" or a rate per year such as 0.03")]
enum CashInterestText {
    Word(String),
    Rate(f64),
}

impl TryFrom<CashInterestText> for CashInterest {
    type Error = String;

    fn try_from(text: CashInterestText) -> Result<Self, String> {
        match text {
            CashInterestText::Rate(rate) => Ok(Self::PerYear(rate)),
            CashInterestText::Word(word) if word == "rf" => Ok(Self::RiskFree),
            CashInterestText::Word(word) => {
                Err(format!("found {word:?}, expected \"rf\" or a rate per year such as 0.03"))
            }
        }
    }
}

impl From<CashInterest> for CashInterestText {
    fn from(interest: CashInterest) -> Self {
        match interest {
            CashInterest::RiskFree => Self::Word("rf".to_owned()),
            CashInterest::PerYear(rate) => Self::Rate(rate),
        }
    }
}

/// Settings of the execute stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExecutionSettings {
    /// Starting net asset value, from 1e-6 to 1e18.
    pub nav: f64,
    /// Frames from a decision to its fills, from 1 to 10,000.
    pub delay_bars: u64,
    /// Price of the frame at which orders fill.
    pub fill_at: FillAt,
    /// Quantities are whole multiples of this, rounded towards no trade; from 1e-12 to 1e12, or 0
    /// for fractional quantities.
    pub lot: f64,
    /// Most of a bar's volume that fills of an instrument may take, from 1e-9 to 1; no limit where it is not
    /// said. It needs the volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub participation_cap: Option<f64>,
    /// Treatment of the part of an order that did not fill on its frame: no price, or the participation cap.
    pub unfilled: Unfilled,
    /// Commission in bps of notional, from 0 to 1e4.
    pub commission_bps: f64,
    /// Commission in currency per unit traded, on top of that in bps, from 0 to 1e9.
    pub commission_per_share: f64,
    /// Least commission of an order that fills at all, in currency, from 0 to 1e9; an order that fills in parts pays it
    /// with the first.
    pub commission_min: f64,
    /// Source of the half-spread.
    pub spread_model: SpreadModel,
    /// Half of the quoted spread in bps of notional, from 0 to 1e4: of all instruments where `spread_model` is constant,
    /// else of those for which there is no quote or estimate yet.
    pub half_spread_bps: f64,
    /// The same by instrument, where `spread_model` is constant.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub half_spreads: BTreeMap<String, f64>,
    /// A Parquet file with the columns `symbol` and `half_spread_bps`, for more instruments than one likes to type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread_file: Option<String>,
    /// Pairs of bars that an estimated spread is the mean of, from 2 to 10,000; the usual one stands until there are as many.
    pub spread_window: u32,
    /// Least half-spread in bps that an estimate may come to, from 0 to 1e4. Estimates of a month are noise about the truth
    /// and often 0: without a floor sizing would trade just those instruments as if it cost nothing.
    pub spread_floor_bps: f64,
    /// η of the temporary impact η σ (Q/V)^p of a fill of Q units, with σ the daily volatility and V the daily volume
    /// over the `impact_window` days before that of the fill; from 0 to 1000. About 1 for large US stocks (Almgren et al.
    /// 2005; Grinold & Kahn 2000, ch. 16). It needs the volume.
    pub impact_coefficient: f64,
    /// p, from 0.01 to 1: 0.5 is the square-root law, 0.6 that of Almgren et al. (2005).
    pub impact_exponent: f64,
    /// γ of the permanent impact γ σ Q/V, half of which the fill that moves the price pays (Almgren et al. 2005);
    /// from 0 to 1000.
    pub permanent_impact_coefficient: f64,
    /// Days that σ and V look back, from 2 to 1000.
    pub impact_window: u32,
    /// Fee on the value of shorts, bps a year by calendar days over 365, from 0 to 1e6.
    pub borrow_bps_per_year: f64,
    /// Spread over the interest on cash that negative cash pays, bps a year, from 0 to 1e6.
    pub financing_bps_per_year: f64,
    /// Interest on cash: `"rf"` or a rate per year, from -0.99 to 10.
    pub cash_interest: CashInterest,
    /// Days without a price after which a position is closed at its last price, from 1 to 100,000.
    pub delist_after: u32,
    /// Share of that price lost on a delisting, from 0 to 1. It is a price move, not a cost: a short gains
    /// what a long loses.
    pub delisting_haircut: f64,
}

impl Default for ExecutionSettings {
    fn default() -> Self {
        Self {
            nav: 1e6,
            delay_bars: 1,
            fill_at: FillAt::Close,
            lot: 0.0,
            participation_cap: None,
            unfilled: Unfilled::Cancel,
            commission_bps: 1.0,
            commission_per_share: 0.0,
            commission_min: 0.0,
            spread_model: SpreadModel::Constant,
            half_spread_bps: 4.0,
            half_spreads: BTreeMap::new(),
            spread_file: None,
            spread_window: 21,
            spread_floor_bps: 1.0,
            impact_coefficient: 0.0,
            impact_exponent: 0.5,
            permanent_impact_coefficient: 0.0,
            impact_window: 21,
            borrow_bps_per_year: 0.0,
            financing_bps_per_year: 0.0,
            cash_interest: CashInterest::RiskFree,
            delist_after: 10,
            delisting_haircut: 0.0,
        }
    }
}

/// Returns whether a half-spread in bps of notional is in its range.
#[must_use]
pub fn is_half_spread(bps: f64) -> bool {
    (0.0..=1e4).contains(&bps)
}

/// Reason why a run needs a column of the bars beside the close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Fills at another price than the close.
    FillAt(FillAt),
    /// A half-spread from quotes or from highs and lows.
    Spread(SpreadModel),
    /// A cap on the share of a bar's volume.
    ParticipationCap,
    /// Market impact.
    Impact,
    /// Returns from another price than the close.
    ReturnPrice,
}

impl Need {
    /// Phrase for error messages, after the name of the column.
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::FillAt(FillAt::Open) => "needed to fill at the open",
            Self::FillAt(FillAt::Typical) => "needed to fill at the typical price",
            Self::FillAt(FillAt::Vwap) => "needed to fill at the mean price of the bar",
            Self::FillAt(FillAt::Close | FillAt::SameClose) => "needed to fill at the close",
            Self::Spread(SpreadModel::Quotes) => "needed for the quoted half-spread",
            Self::Spread(_) => "needed to estimate the half-spread",
            Self::ParticipationCap => "needed for the participation cap",
            Self::Impact => "needed for market impact",
            Self::ReturnPrice => "needed for returns",
        }
    }
}

impl ExecutionSettings {
    /// Columns that a run needs beside the close, each once, with the first reason.
    #[must_use]
    pub fn needs(&self) -> Vec<(Field, Need)> {
        let of_price: &[Field] = match self.fill_at {
            FillAt::Close | FillAt::SameClose => &[],
            FillAt::Open => &[Field::Open],
            FillAt::Typical => &[Field::High, Field::Low],
            FillAt::Vwap => &[Field::Open, Field::High, Field::Low],
        };
        let of_spread: &[Field] = match self.spread_model {
            SpreadModel::Constant => &[],
            SpreadModel::Quotes => &[Field::Bid, Field::Ask],
            SpreadModel::CorwinSchultz | SpreadModel::AbdiRanaldo => &[Field::High, Field::Low],
        };
        let volume = |is_needed: bool| -> &[Field] { if is_needed { &[Field::Volume] } else { &[] } };
        let all = [
            (of_price, Need::FillAt(self.fill_at)),
            (of_spread, Need::Spread(self.spread_model)),
            (volume(self.participation_cap.is_some()), Need::ParticipationCap),
            (volume(self.has_impact()), Need::Impact),
        ];
        let mut needs: Vec<(Field, Need)> = Vec::new();
        for (fields, need) in all {
            for field in fields {
                if needs.iter().all(|(known, _)| known != field) {
                    needs.push((*field, need));
                }
            }
        }
        needs
    }

    /// Returns whether trades move prices.
    #[must_use]
    pub fn has_impact(&self) -> bool {
        self.impact_coefficient > 0.0 || self.permanent_impact_coefficient > 0.0
    }

    /// True if orders fill at the close that they are decided on.
    #[must_use]
    pub fn looks_ahead(&self) -> bool {
        self.fill_at == FillAt::SameClose
    }

    /// Checks the range of every number.
    ///
    /// # Errors
    /// The first number that is out of its range.
    pub fn check(&self) -> Result<(), Invalid> {
        require_number!("nav", self.nav, 1e-6 to 1e18)?;
        require_whole!("delay_bars", self.delay_bars, 1 to 10_000)?;
        let (lot, expected) = (self.lot, "0 for fractional quantities, or a number from 1e-12 to 1e12");
        require(lot == 0.0 || (1e-12..=1e12).contains(&lot), "lot", lot, expected)?;
        require_number!("commission_bps", self.commission_bps, 0 to 1e4)?;
        require_number!("commission_per_share", self.commission_per_share, 0 to 1e9)?;
        require_number!("commission_min", self.commission_min, 0 to 1e9)?;
        require_number!("half_spread_bps", self.half_spread_bps, 0 to 1e4)?;
        for (symbol, spread) in &self.half_spreads {
            let found = format!("{symbol} = {spread}");
            let expected = "a number of bps from 0 to 1e4 for each instrument";
            require(is_half_spread(*spread), "half_spreads", found, expected)?;
        }
        if let Some(cap) = self.participation_cap {
            require_number!("participation_cap", cap, 1e-9 to 1)?;
        }
        require_whole!("spread_window", self.spread_window, 2 to 10_000 "of bars ")?;
        require_number!("spread_floor_bps", self.spread_floor_bps, 0 to 1e4)?;
        require_number!("impact_coefficient", self.impact_coefficient, 0 to 1e3)?;
        require_number!("impact_exponent", self.impact_exponent, 0.01 to 1)?;
        require_number!("permanent_impact_coefficient", self.permanent_impact_coefficient, 0 to 1e3)?;
        require_whole!("impact_window", self.impact_window, 2 to 1_000 "of days ")?;
        let expected = "1 where `fill_at` is \"same_close\", which fills on the deciding frame itself";
        require(!self.looks_ahead() || self.delay_bars == 1, "delay_bars", self.delay_bars, expected)?;
        require_number!("borrow_bps_per_year", self.borrow_bps_per_year, 0 to 1e6)?;
        require_number!("financing_bps_per_year", self.financing_bps_per_year, 0 to 1e6)?;
        if let CashInterest::PerYear(rate) = self.cash_interest {
            let expected = "\"rf\" or a number from -0.99 to 10";
            require((-0.99..=10.0).contains(&rate), "cash_interest", rate, expected)?;
        }
        require_whole!("delist_after", self.delist_after, 1 to 100_000 "of days ")?;
        require_number!("delisting_haircut", self.delisting_haircut, 0 to 1)
    }
}
