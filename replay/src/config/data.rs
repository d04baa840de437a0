//! Settings of the data: what to read and how.

use betaflow_connectors::parquet::{BadRow, RF_MAX, TimeIs};
use betaflow_engine::assembly::{FactorGap, FrameColumn, Values};
use betaflow_engine::execution::Need;
use betaflow_engine::frame::Field;
use betaflow_engine::settings::{Calendar, Invalid, require};
use betaflow_engine::time::{DAY_NS, Date, TimestampNs, duration_ns};
use betaflow_engine::{require_number, require_whole};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::remedy::setting_of;

/// `[data]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DataSettings {
    /// File or folder of prices; the embedded tutorial data where there is none.
    pub prices: Option<String>,
    /// File of factor returns; `"none"` to run without factors.
    pub factors: Option<String>,
    /// State folder whose inputs on record are the data, in place of prices and factors; of `replay` alone.
    pub session: Option<String>,
    /// Column of the price that trades.
    pub price: String,
    /// Column of the price that returns are made of; the same where there is none.
    pub return_price: Option<String>,
    /// Whether the data states prices or returns.
    pub values: ValuesAre,
    /// Name of the time column, where it is not date, datetime, timestamp, ts or time.
    pub time: Option<String>,
    /// Name of the symbol column, where it is not symbol or ticker.
    pub symbol: Option<String>,
    /// Name of the column of opening prices, where it is not open; as all names below, `"none"` where it is not to be
    /// read.
    pub open: Option<String>,
    /// Name of the column of highest prices, where it is not high.
    pub high: Option<String>,
    /// Name of the column of lowest prices, where it is not low.
    pub low: Option<String>,
    /// Name of the column of volumes, where it is not volume.
    pub volume: Option<String>,
    /// Name of the column of bids at the close, where it is not bid or bid_close.
    pub bid: Option<String>,
    /// Name of the column of asks at the close, where it is not ask or ask_close.
    pub ask: Option<String>,
    /// Name of the column of dividends per unit, where it is not dividend.
    pub dividend: Option<String>,
    /// Name of the column of split ratios, where it is not split.
    pub split: Option<String>,
    /// Which end of a bar the time column states.
    pub time_is: BarEnd,
    /// Length of a bar, such as "1m"; needed with `time_is = "open"`.
    pub bar: Option<String>,
    /// Frames in a day.
    pub frames_per_day: u32,
    /// Trading days in a year.
    pub days_per_year: f64,
    /// Whether the estimator sees returns in excess of the risk-free return.
    pub excess: bool,
    /// What a frame without factors inside their range is.
    pub factor_gap: OnGap,
    /// Largest risk-free rate a year that is accepted, 0.5 for 50 %.
    pub rf_max: f64,
    /// What a bad row is.
    pub on_bad_row: OnBadRow,
    /// First date.
    #[serde(deserialize_with = "date_or_text")]
    pub from: Option<String>,
    /// Last date, included.
    #[serde(deserialize_with = "date_or_text")]
    pub to: Option<String>,
    /// Date or time before which frames only warm up: no orders.
    #[serde(deserialize_with = "date_or_text")]
    pub trade_from: Option<String>,
}

impl Default for DataSettings {
    fn default() -> Self {
        let calendar = Calendar::default();
        Self {
            prices: None,
            factors: None,
            session: None,
            price: "close".into(),
            return_price: None,
            values: ValuesAre::Prices,
            time: None,
            symbol: None,
            open: None,
            high: None,
            low: None,
            volume: None,
            bid: None,
            ask: None,
            dividend: None,
            split: None,
            time_is: BarEnd::Close,
            bar: None,
            frames_per_day: calendar.frames_per_day,
            days_per_year: calendar.days_per_year,
            excess: true,
            factor_gap: OnGap::Error,
            rf_max: RF_MAX,
            on_bad_row: OnBadRow::Error,
            from: None,
            to: None,
            trade_from: None,
        }
    }
}

/// `data.values`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ValuesAre {
    /// Prices.
    Prices,
    /// Simple returns.
    Returns,
}

/// `data.time_is`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BarEnd {
    /// When the bar closed.
    Close,
    /// When the bar opened.
    Open,
}

/// `data.factor_gap`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnGap {
    /// An error.
    Error,
    /// A frame without an update of the estimates.
    Carry,
}

/// `data.on_bad_row`.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnBadRow {
    /// An error.
    Error,
    /// Passed over and counted.
    Skip,
}

/// A TOML date, or the same in quotes.
pub(super) fn date_or_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Typed {
        Date(toml::value::Datetime),
        Text(String),
    }
    Ok(Option::<Typed>::deserialize(deserializer)?.map(|typed| match typed {
        Typed::Date(date) => date.to_string(),
        Typed::Text(text) => text,
    }))
}

impl DataSettings {
    /// Checks the range of every number, and that dates and the bar can be read.
    ///
    /// # Errors
    /// The first that is not as it should be.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        require_whole!("frames_per_day", self.frames_per_day, 1 to 86_400)?;
        require_number!("days_per_year", self.days_per_year, 1 to 366)?;
        require_number!("rf_max", self.rf_max, 1e-6 to 1e9 "of risk-free return a year ")?;
        let (from, to) = (self.from()?, self.to()?);
        if let (Some(from), Some(to)) = (from, to) {
            require(
                from <= to,
                "to",
                self.to.as_deref().unwrap_or(""),
                "a date that is not before data.from",
            )?;
        }
        self.trade_from()?;
        self.time_is().map(|_| ())
    }

    /// Names of columns that are not the usual ones.
    #[must_use]
    pub(crate) fn names(&self) -> Vec<(Field, String)> {
        let named = [
            (Field::Open, &self.open),
            (Field::High, &self.high),
            (Field::Low, &self.low),
            (Field::Volume, &self.volume),
            (Field::Bid, &self.bid),
            (Field::Ask, &self.ask),
            (Field::Dividend, &self.dividend),
            (Field::Split, &self.split),
        ];
        named.into_iter().filter_map(|(field, name)| Some((field, name.clone()?))).collect()
    }

    /// Columns that are read where the data has them: dividends and splits; where something trades the volume, because
    /// no order fills on a bar without it; and whole bars of daily data, which are few, to check their quality.
    #[must_use]
    pub(crate) fn optional(&self, trades: bool) -> Vec<FrameColumn> {
        let due = [Field::Dividend, Field::Split].map(|field| FrameColumn { field, checked: true });
        let bars = [Field::Open, Field::High, Field::Low, Field::Volume];
        let looks = self.frames_per_day == 1 && self.bars_belong_to_price();
        let reads = |field: &Field| looks || trades && *field == Field::Volume;
        let bars = bars.into_iter().filter(reads).map(|field| FrameColumn { field, checked: false });
        due.into_iter().chain(bars).collect()
    }

    /// Whether open, high, low and volume are on the scale of the price that is read.
    #[must_use]
    pub(crate) fn bars_belong_to_price(&self) -> bool {
        self.price == "close"
    }

    /// Refuses a column that belongs to another price than the one that trades, unless it was named for it.
    ///
    /// # Errors
    /// It would be taken from the columns beside `close`.
    pub(crate) fn refuse_mixed(&self, field: Field, need: Need) -> anyhow::Result<()> {
        if self.names().iter().any(|(named, _)| *named == field) {
            return Ok(());
        }
        let (price, name, setting) = (&self.price, field.names()[0], setting_of(need));
        anyhow::bail!(
            "`data.price` is {price:?}, and the column `{name}`, which {setting} needs, belongs to `close`: fills and costs \
             would mix two scales; trade the close and take returns from the other (data.price = \"close\", data.return_price = \
             {price:?}), or name a column that belongs to {price:?} (data.{name} = ...)"
        )
    }

    /// The calendar.
    #[must_use]
    pub(crate) fn calendar(&self) -> Calendar {
        Calendar { frames_per_day: self.frames_per_day, days_per_year: self.days_per_year }
    }

    /// The first moment that is read.
    ///
    /// # Errors
    /// It is not a date.
    pub(crate) fn from(&self) -> Result<Option<TimestampNs>, Invalid> {
        self.from.as_deref().map(|text| midnight("from", text, 0)).transpose()
    }

    /// The last moment that is read: the end of the day.
    ///
    /// # Errors
    /// It is not a date.
    pub(crate) fn to(&self) -> Result<Option<TimestampNs>, Invalid> {
        let next = self.to.as_deref().map(|text| midnight("to", text, 1)).transpose()?;
        Ok(next.map(|next| TimestampNs(next.0 - 1)))
    }

    /// The first moment that may trade.
    ///
    /// # Errors
    /// It is neither a date nor a time.
    pub(crate) fn trade_from(&self) -> Result<Option<TimestampNs>, Invalid> {
        let Some(text) = self.trade_from.as_deref() else { return Ok(None) };
        if let Ok(midnight) = midnight("trade_from", text, 0) {
            return Ok(Some(midnight));
        }
        let time = text.parse::<Timestamp>().ok().and_then(|time| i64::try_from(time.as_nanosecond()).ok());
        let expected = "a date such as 2015-01-31, or a time such as 2015-01-31T14:30:00Z";
        require(time.is_some(), "trade_from", format!("{text:?}"), expected)?;
        Ok(time.map(TimestampNs))
    }

    /// Which end of the bar the time column states.
    ///
    /// # Errors
    /// The length of a bar is missing or cannot be read.
    pub(crate) fn time_is(&self) -> Result<TimeIs, Invalid> {
        match self.time_is {
            BarEnd::Close => Ok(TimeIs::Close),
            BarEnd::Open => {
                let text = self.bar.as_deref().unwrap_or("nothing");
                let bar_ns = self.bar.as_deref().and_then(|bar| duration_ns(bar).ok());
                let expected =
                    "the length of a bar, such as \"1m\", \"1h\" or \"1d\", because data.time_is is \"open\"";
                require(bar_ns.is_some(), "bar", text, expected)?;
                Ok(TimeIs::Open { bar_ns: bar_ns.unwrap_or_default() })
            }
        }
    }

    /// As the source has it; `trades`: whether anything trades on the data.
    #[must_use]
    pub(crate) fn values(&self, trades: bool) -> Values {
        match self.values {
            ValuesAre::Prices => Values::Prices,
            ValuesAre::Returns if trades => Values::Returns,
            ValuesAre::Returns => Values::ReturnsOfAnySize,
        }
    }

    /// As the source has it.
    #[must_use]
    pub(crate) fn factor_gap(&self) -> FactorGap {
        match self.factor_gap {
            OnGap::Error => FactorGap::Error,
            OnGap::Carry => FactorGap::Carry,
        }
    }

    /// As the source has it.
    #[must_use]
    pub(crate) fn on_bad_row(&self) -> BadRow {
        match self.on_bad_row {
            OnBadRow::Error => BadRow::Error,
            OnBadRow::Skip => BadRow::Skip,
        }
    }
}

/// The midnight with which a date begins; `key` is where it was said.
///
/// # Errors
/// It is not a date.
pub(crate) fn date(key: &'static str, text: &str) -> Result<TimestampNs, Invalid> {
    midnight(key, text, 0)
}

fn midnight(key: &'static str, text: &str, days_later: i64) -> Result<TimestampNs, Invalid> {
    let days = text.parse::<Date>().ok().map(|date| date.days() + days_later);
    let midnight = days.and_then(|days| days.checked_mul(DAY_NS));
    require(midnight.is_some(), key, format!("{text:?}"), "a date such as 2015-01-31, from 1678 to 2261")?;
    Ok(TimestampNs(midnight.unwrap_or_default()))
}
