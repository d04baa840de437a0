//! Settings of execution.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::borrow_terms::BorrowTerms;
use super::holdings::Holdings;
use crate::dated::DatedValues;
use crate::frame::Field;
use crate::settings::{Choice, Invalid, Kind, Range, SettingType, SettingValue, SettingsTable as _, require};
use crate::{choices, settings};

choices! {
    /// Price of the frame at which an order fills.
    pub enum FillAt, default Close {
        /// The close.
        Close = "close",
        /// The open.
        Open = "open",
        /// The typical price, (high + low + close)/3.
        Typical = "typical",
        /// Stand-in for the volume-weighted average price of the bar, (open + high + low + close)/4.
        Vwap = "vwap",
        /// The close of the rebalance frame itself: looks ahead, because a rebalance at the close cannot trade at it.
        ///
        /// All outputs of such a run name it.
        SameClose = "same_close",
    }
}

choices! {
    /// Source of the half-spread of a fill.
    pub enum SpreadModel, default Constant {
        /// `half_spread_bps`, or the instrument's value in `half_spreads` or `spread_file`.
        Constant = "constant",
        /// Half of ask less bid over their mean, of the last quote at the time of the fill.
        Quotes = "quotes",
        /// Estimate from highs and lows of the bars before the fill (Corwin and Schultz 2012).
        CorwinSchultz = "corwin_schultz",
        /// Estimate from closes, highs and lows of the bars before the fill (Abdi and Ranaldo 2017).
        AbdiRanaldo = "abdi_ranaldo",
        /// Estimate from opens, highs, lows and closes of the bars before the fill (Ardia, Guidotti and Kroencke 2024).
        Edge = "edge",
    }
}

choices! {
    /// Treatment of the part of an order that did not fill on its frame.
    pub enum Unfilled, default Cancel {
        /// Cancels the remainder.
        Cancel = "cancel",
        /// Keeps the remainder working until the next rebalance, which cancels it.
        Carry = "carry",
    }
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

/// [`CashInterest`] as written in a configuration.
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

impl SettingValue for CashInterest {
    fn outside(&self, range: &Range) -> Option<String> {
        match self {
            Self::RiskFree => None,
            Self::PerYear(rate) => rate.outside(range),
        }
    }
}

impl SettingType for CashInterest {
    const KIND: Kind = Kind::NumberOrWord(&[Choice {
        name: "rf",
        doc: &["The risk-free return of the factor file; 0 without one."],
    }]);
}

settings! {
    /// Execution of orders: fills, costs, cash, delistings.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct ExecutionSettings in "execution" {
        /// Net asset value at the start.
        nav: f64 = 1e6, in 1e-6 to 1e18, unit "currency";
        /// File, Parquet or CSV, of the positions at the start: columns `symbol` and `quantity`, negative for shorts.
        ///
        /// One row without a symbol has the cash. The account opens with them on the first rebalance, at the last prices
        /// then and without costs; `nav` follows and must be absent. The benchmark starts with the same value, in cash.
        #[serde(skip_serializing_if = "Option::is_none")]
        holdings: Option<String> = None, form "a path";
        /// Frames from a rebalance to its fills.
        delay_bars: u64 = 1, in 1 to 10_000, unit "frames";
        /// Price of the frame at which orders fill.
        fill_at: FillAt = FillAt::Close;
        /// Lot: quantities are whole multiples of it, rounded towards no trade; 0 for fractional quantities.
        lot: f64 = 0.0, in 1e-12 to 1e12 or 0, unit "units";
        /// Largest share of a bar's volume that fills of an instrument take; unset: no limit. Needs the volume.
        #[serde(skip_serializing_if = "Option::is_none")]
        participation_cap: Option<f64> = None, in 1e-9 to 1, unit "share of volume";
        /// Treatment of the part of an order that did not fill on its frame: no price, or the participation cap.
        unfilled: Unfilled = Unfilled::Cancel;
        /// Commission by notional.
        commission_bps: f64 = 1.0, in 0 to 1e4, unit "bps of notional";
        /// Commission by quantity, in addition to `commission_bps`.
        commission_per_share: f64 = 0.0, in 0 to 1e9, unit "currency per unit";
        /// Commission minimum of an order that fills, charged once with its first fill.
        commission_min: f64 = 0.0, in 0 to 1e9, unit "currency";
        /// Source of the half-spread.
        spread_model: SpreadModel = SpreadModel::Constant;
        /// Half-spread of all instruments; with another `spread_model` until an instrument has a quote or an estimate.
        half_spread_bps: f64 = 4.0, in 0 to 1e4, unit "bps of notional";
        /// Half-spreads by instrument, with `spread_model` constant.
        #[serde(skip_serializing_if = "BTreeMap::is_empty")]
        half_spreads: BTreeMap<String, f64> = BTreeMap::new(), in 0 to 1e4, unit "bps of notional";
        /// File, Parquet or CSV, of half-spreads: columns `symbol` and `half_spread_bps`. `half_spreads` takes precedence.
        #[serde(skip_serializing_if = "Option::is_none")]
        spread_file: Option<String> = None, form "a path";
        /// Pairs of bars that an estimated spread is the mean of; `half_spread_bps` applies until there are enough.
        spread_window: u32 = 21, in 2 to 10_000, unit "bars";
        /// Smallest half-spread that an estimate yields.
        ///
        /// Estimates over a month scatter about the true spread and are often 0: without a floor sizing would trade just
        /// those instruments as if they cost nothing.
        spread_floor_bps: f64 = 1.0, in 0 to 1e4, unit "bps of notional";
        /// Coefficient of the temporary impact: coefficient * volatility * (quantity / daily volume)^exponent.
        ///
        /// The coefficient is η of the temporary impact η σ (Q/V)^p of a fill of Q units, with σ the daily volatility and V the daily volume
        /// over the `impact_window` days before that of the fill. About 1 for large US stocks (Almgren et al. 2005;
        /// Grinold & Kahn 2000, ch. 16). It needs the volume.
        impact_coefficient: f64 = 0.0, in 0 to 1e3;
        /// Exponent of the temporary impact: 0.5 is the square-root law, 0.6 the estimate of Almgren et al. (2005).
        impact_exponent: f64 = 0.5, in 0.01 to 1;
        /// Coefficient of the permanent impact: coefficient * volatility * quantity / daily volume.
        ///
        /// The coefficient is γ of γ σ Q/V; the fill that moves the price pays half of it (Almgren et al. 2005). It needs the volume.
        permanent_impact_coefficient: f64 = 0.0, in 0 to 1e3;
        /// Days over which volatility and volume of the impact are measured.
        impact_window: u32 = 21, in 2 to 1_000, unit "days";
        /// Fee on the value of shorts, by calendar days over 365.
        borrow_bps_per_year: f64 = 0.0, in 0 to 1e6, unit "bps per year";
        /// File, Parquet or CSV, of fees on shorts by instrument and date, and of the shares that can be borrowed: columns
        /// `symbol`, `bps_per_year`, optionally `from` and `available`.
        ///
        /// A row is in force from the date `from` until the next row of the symbol; without `from`, from the beginning. An
        /// instrument without one, or with null, pays `borrow_bps_per_year`. `available` is 0 or false for no shares, 1, true
        /// or null for any number, and otherwise the units that can be short in all, which splits do not change. Shares that are short beyond it are
        /// recalled: they are bought on the next bar, outside the turnover cap and the participation cap. Sizing counts
        /// the fee per frame as a cost of each short.
        #[serde(skip_serializing_if = "Option::is_none")]
        borrow_file: Option<String> = None, form "a path";
        /// Spread over the interest on cash that negative cash pays.
        financing_bps_per_year: f64 = 0.0, in 0 to 1e6, unit "bps per year";
        /// Interest on cash: "rf", the risk-free return of the factor file, or a rate.
        cash_interest: CashInterest = CashInterest::RiskFree, in -0.99 to 10, unit "share per year";
        /// Days without a price after which a position is closed at its last price.
        delist_after: u32 = 10, in 1 to 100_000, unit "days";
        /// Share of the last price lost on a delisting.
        ///
        /// It is a price move, not a cost: a short gains what a long loses.
        delisting_haircut: f64 = 0.0, in 0 to 1, unit "share of the price";
    }
    and {
        /// Content of the file `holdings`; `None` to open with `nav` in cash.
        pub opening: Option<Arc<Holdings>>,
        /// Content of the file `borrow_file`.
        pub borrow: Option<Arc<DatedValues<BorrowTerms>>>,
    }
}

/// Returns whether a half-spread in bps of notional is in its range.
#[must_use]
pub fn is_half_spread(bps: f64) -> bool {
    let declared = ExecutionSettings::SETTINGS.iter().find(|setting| setting.key == "half_spread_bps");
    declared.and_then(|setting| setting.range).is_some_and(|range| range.contains(bps))
}

/// Reason why a run needs a column of the bars beside the close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Fills at another price than the close.
    FillAt(FillAt),
    /// A half-spread from quotes or from the prices of bars.
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
            SpreadModel::Edge => &[Field::Open, Field::High, Field::Low],
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

    /// Checks the range of every number, and that an order that fills at the rebalance's close has no delay
    /// and no holdings before it.
    ///
    /// # Errors
    /// The first setting with an invalid value.
    pub fn check(&self) -> Result<(), Invalid> {
        self.check_ranges()?;
        let holdings = self.holdings.as_deref().unwrap_or_default();
        let expected = "no file, because with `fill_at` \"same_close\" the account opens on the frame before its first rebalance";
        require(self.holdings.is_none() || !self.looks_ahead(), "holdings", holdings, expected)?;
        let expected = "1, because `fill_at` is \"same_close\", which fills on the rebalance frame itself";
        require(!self.looks_ahead() || self.delay_bars == 1, "delay_bars", self.delay_bars, expected)
    }
}
