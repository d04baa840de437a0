//! `[data]`: the data to read, and how to read it.

use betaflow_connectors::nearest;
use betaflow_connectors::parquet::{BadRow, RF_MAX, TimeIs};
use betaflow_engine::assembly::{FactorGap, FrameColumn, Values};
use betaflow_engine::execution::Need;
use betaflow_engine::frame::Field;
use betaflow_engine::settings::{Calendar, Invalid, OneOrMore, SettingsTable as _, require};
use betaflow_engine::time::{DAY_NS, Date, NoZone, Sessions, TimestampNs, Zone, duration_ns};
use betaflow_engine::{choices, settings};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::NO_FACTORS;
use super::remedy::setting_of;

const BAR: &str = "the length of a bar, such as \"1m\", \"1h\" or \"1d\"";
const DATE: &str = "a date such as 2015-01-31, from 1678 to 2261";
const DATE_OR_TIME: &str = "a date such as 2015-01-31, or a time such as 2015-01-31T14:30:00Z";
const PATH: &str = "a path";
const ZONE: &str = "a time zone of the IANA database such as America/New_York";
const COLUMN: &str = "the name of a column";
const COLUMN_OR_NONE: &str = "the name of a column, or \"none\"";

settings! {
    /// Data to read, and how to read it.
    #[derive(Clone, Debug, Serialize, Deserialize)]
    pub(crate) struct DataSettings in "data" {
        /// File or folder of prices; unset: the embedded tutorial data.
        prices: Option<String> = None, form PATH;
        /// File of factor returns, or a list of files that are joined by time, or "none" to run without factors.
        factors: Option<OneOrMore> = None, form "a path, a list of paths, or \"none\"";
        /// File of symbol changes: `from_symbol`, `to_symbol`, `date` and optional `ratio`, new units for one old unit.
        ///
        /// From the date on, the rows of the new symbol continue the instrument of the old one: its estimates, position, cost
        /// basis, orders in flight and trailing figures. Tables have the new symbol from that date on.
        #[serde(skip_serializing_if = "Option::is_none")]
        renames: Option<String> = None, form PATH;
        /// State folder whose session recording is the data, in place of prices and factors; for `replay` alone.
        session: Option<String> = None, form PATH;
        /// Column of the price that trades.
        price: String = "close".into(), form COLUMN;
        /// Column of the price that returns are computed from; unset: `price`.
        return_price: Option<String> = None, form COLUMN;
        /// Content of the price column: prices or returns.
        values: ValuesAre = ValuesAre::Prices;
        /// Time column; unset: date, datetime, timestamp, ts or time.
        time: Option<String> = None, form COLUMN;
        /// Symbol column; unset: symbol or ticker.
        symbol: Option<String> = None, form COLUMN;
        /// Column of opening prices; unset: open. With "none", as for all columns below, it is not read.
        open: Option<String> = None, form COLUMN_OR_NONE;
        /// Column of highest prices; unset: high.
        high: Option<String> = None, form COLUMN_OR_NONE;
        /// Column of lowest prices; unset: low.
        low: Option<String> = None, form COLUMN_OR_NONE;
        /// Column of volumes; unset: volume.
        volume: Option<String> = None, form COLUMN_OR_NONE;
        /// Column of bids at the close; unset: bid or bid_close.
        bid: Option<String> = None, form COLUMN_OR_NONE;
        /// Column of asks at the close; unset: ask or ask_close.
        ask: Option<String> = None, form COLUMN_OR_NONE;
        /// Column of dividends per unit; unset: dividend.
        dividend: Option<String> = None, form COLUMN_OR_NONE;
        /// Column of split ratios, new units for one; unset: split.
        split: Option<String> = None, form COLUMN_OR_NONE;
        /// End of the bar that the time column states.
        time_is: BarEnd = BarEnd::Close;
        /// Length of a bar; needed with `time_is` open.
        bar: Option<String> = None, form BAR;
        /// Time zone of dates and times of day, for intraday data; unset: UTC.
        ///
        /// Days, their caps and losses, `sizing.rebalance_at`, calendars, and the dates of settings and of files are local.
        /// Tables keep timestamps in UTC. With one frame per day, a timestamp at midnight UTC is the date that it states.
        #[serde(skip_serializing_if = "Option::is_none")]
        timezone: Option<String> = None, form ZONE;
        /// File of trading sessions, Parquet or CSV: `date`, and `open` and `close` as times of day such as 09:30 or as
        /// timestamps.
        ///
        /// `sizing.rebalance_at` may be relative to a session. Returns are annualised by the sessions of the calendar
        /// years that the file covers, in place of `days_per_year`, and by their mean length: a half-day has fewer frames.
        /// Frames outside sessions mark positions and update estimates as others.
        #[serde(skip_serializing_if = "Option::is_none")]
        sessions: Option<String> = None, form PATH;
        /// Frames in a day, with `sessions` in one of the usual length: 390 for minutes of US equities.
        frames_per_day: u32 = Calendar::default().frames_per_day, in 1 to 86_400, unit "frames";
        /// Trading days in a year: 365 for crypto.
        days_per_year: f64 = Calendar::default().days_per_year, in 1 to 366, unit "days";
        /// True if the estimator uses returns in excess of the risk-free return.
        excess: bool = true;
        /// Treatment of a frame without factor returns inside their range.
        factor_gap: OnGap = OnGap::Error;
        /// Largest risk-free rate that is accepted: 0.5 for 50 %.
        rf_max: f64 = RF_MAX, in 1e-6 to 1e9, unit "share per year";
        /// Treatment of a bad row.
        on_bad_row: OnBadRow = OnBadRow::Error;
        /// First date; earlier data is not read.
        #[serde(deserialize_with = "date_or_text")]
        from: Option<String> = None, form DATE;
        /// Last date, included.
        #[serde(deserialize_with = "date_or_text")]
        to: Option<String> = None, form DATE;
        /// Date or time before which frames only warm up: no orders.
        #[serde(deserialize_with = "date_or_text")]
        trade_from: Option<String> = None, form DATE_OR_TIME;
    }
}

choices! {
    /// Content of the price column.
    pub(crate) enum ValuesAre, default Prices {
        /// Prices.
        Prices = "prices",
        /// Simple returns, 0.01 for one percent.
        Returns = "returns",
    }
}

choices! {
    /// End of the bar that the time column states.
    pub(crate) enum BarEnd, default Close {
        /// Time at which the bar closed.
        Close = "close",
        /// Time at which the bar opened.
        Open = "open",
    }
}

choices! {
    /// Treatment of a frame without factor returns.
    pub(crate) enum OnGap, default Error {
        /// An error.
        Error = "error",
        /// The frame updates no estimate.
        Carry = "carry",
    }
}

choices! {
    /// Treatment of a bad row.
    pub(crate) enum OnBadRow, default Error {
        /// An error.
        Error = "error",
        /// The row is skipped and counted.
        Skip = "skip",
    }
}

/// Deserialises a TOML date, with or without quotes.
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
    /// Checks the range of every number, and that dates and the length of a bar can be read.
    ///
    /// # Errors
    /// The first setting with an invalid value.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        self.check_ranges()?;
        self.zone()?;
        if let Some(OneOrMore::More(files)) = &self.factors {
            let valid =
                !files.is_empty() && files.iter().all(|file| !file.trim().is_empty() && file != NO_FACTORS);
            require(valid, "factors", format!("{files:?}"), "a list of paths, or \"none\" alone")?;
        }
        let (from, to) = (self.from()?, self.to()?);
        if let (Some(from), Some(to)) = (from, to) {
            let found = self.to.as_deref().unwrap_or("");
            require(from <= to, "to", found, "a date that is not before data.from")?;
        }
        self.trade_from()?;
        self.time_is().map(|_| ())
    }

    /// True if the settings ask for a run without factors.
    #[must_use]
    pub(crate) fn has_no_factors(&self) -> bool {
        self.factors.as_ref().is_some_and(|files| files.all() == [NO_FACTORS])
    }

    /// Columns whose names the settings replace.
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

    /// Optional columns: dividends and splits; the volume if `trades`, because no order fills on a bar without volume;
    /// and whole bars of daily data, to check their quality.
    #[must_use]
    pub(crate) fn optional(&self, trades: bool) -> Vec<FrameColumn> {
        let due = [Field::Dividend, Field::Split].map(|field| FrameColumn { field, checked: true });
        let bars = [Field::Open, Field::High, Field::Low, Field::Volume];
        let looks = self.frames_per_day == 1 && self.bars_belong_to_price();
        let reads = |field: &Field| looks || trades && *field == Field::Volume;
        let bars = bars.into_iter().filter(reads).map(|field| FrameColumn { field, checked: false });
        due.into_iter().chain(bars).collect()
    }

    /// True if open, high, low and volume are on the scale of the price that is read.
    #[must_use]
    pub(crate) fn bars_belong_to_price(&self) -> bool {
        self.price == "close"
    }

    /// Refuses a column on the scale of `close` if another price trades, unless the configuration names the column.
    ///
    /// # Errors
    /// The column has the scale of `close`, but another price trades.
    pub(crate) fn refuse_mixed(&self, field: Field, need: Need) -> anyhow::Result<()> {
        if self.names().iter().any(|(named, _)| *named == field) {
            return Ok(());
        }
        let (price, name, setting) = (&self.price, field.names()[0], setting_of(need));
        anyhow::bail!(
            "`data.price`: found {price:?}, expected \"close\", because {setting} needs the column `{name}`, which is on the \
             scale of `close`; trade the close and compute returns from the other price (data.price = \"close\", \
             data.return_price = {price:?}), or name a column on the scale of {price:?} (data.{name} = ...)"
        )
    }

    /// Time zone of the dates. With one frame per day, and bars not stated to be shorter, midnights UTC are dates.
    ///
    /// # Errors
    /// No zone has the name.
    pub(crate) fn zone(&self) -> Result<Zone, Invalid> {
        let Some(name) = &self.timezone else { return Ok(Zone::UTC) };
        let bar_ns = self.bar.as_deref().and_then(|bar| duration_ns(bar).ok());
        let is_daily = self.frames_per_day == 1 && bar_ns.is_none_or(|ns| ns >= DAY_NS);
        Zone::named(name, is_daily).map_err(|NoZone(found)| {
            let near = near_zones(&found);
            let question = if near.is_empty() { String::new() } else { format!("; did you mean {near}?") };
            Invalid {
                key: "timezone",
                found: format!("{found:?}"),
                expected: format!("{ZONE}{question}").into(),
            }
        })
    }

    /// Frames per day and days per year; days per year and the mean day follow from sessions.
    #[must_use]
    pub(crate) fn calendar(&self, sessions: Option<&Sessions>) -> Calendar {
        let days_per_year = sessions.and_then(Sessions::per_year).unwrap_or(self.days_per_year);
        // A half-day has as many frames as other days if that is one.
        let mean_day = sessions.filter(|_| self.frames_per_day > 1).map_or(1.0, Sessions::mean_share);
        Calendar { frames_per_day: self.frames_per_day, days_per_year, mean_day }
    }

    /// First time that is read.
    ///
    /// # Errors
    /// `data.from` is not a date.
    pub(crate) fn from(&self) -> Result<Option<TimestampNs>, Invalid> {
        let zone = self.zone()?;
        self.from.as_deref().map(|text| midnight("from", text, 0, &zone)).transpose()
    }

    /// Last time that is read: the end of the date.
    ///
    /// # Errors
    /// `data.to` is not a date.
    pub(crate) fn to(&self) -> Result<Option<TimestampNs>, Invalid> {
        let zone = self.zone()?;
        let next = self.to.as_deref().map(|text| midnight("to", text, 1, &zone)).transpose()?;
        Ok(next.map(|next| TimestampNs(next.0 - 1)))
    }

    /// Time of the first frame that may trade.
    ///
    /// # Errors
    /// `data.trade_from` is neither a date nor a time.
    pub(crate) fn trade_from(&self) -> Result<Option<TimestampNs>, Invalid> {
        let Some(text) = self.trade_from.as_deref() else { return Ok(None) };
        if let Ok(midnight) = midnight("trade_from", text, 0, &self.zone()?) {
            return Ok(Some(midnight));
        }
        let time = text.parse::<Timestamp>().ok().and_then(|time| i64::try_from(time.as_nanosecond()).ok());
        Self::require("trade_from", time.is_some(), format!("{text:?}"))?;
        Ok(time.map(TimestampNs))
    }

    /// End of the bar that the time column states.
    ///
    /// # Errors
    /// The length of a bar is missing or cannot be read.
    pub(crate) fn time_is(&self) -> Result<TimeIs, Invalid> {
        match self.time_is {
            BarEnd::Close => Ok(TimeIs::Close),
            BarEnd::Open => {
                let text = self.bar.as_deref().unwrap_or("nothing");
                let bar_ns = self.bar.as_deref().and_then(|bar| duration_ns(bar).ok());
                let expected = format!("{BAR}, because data.time_is is \"open\"");
                require(bar_ns.is_some(), "bar", text, expected)?;
                Ok(TimeIs::Open { bar_ns: bar_ns.unwrap_or_default() })
            }
        }
    }

    /// `values` for the source; `trades`: true if the command trades on the data.
    #[must_use]
    pub(crate) fn values(&self, trades: bool) -> Values {
        match self.values {
            ValuesAre::Prices => Values::Prices,
            ValuesAre::Returns if trades => Values::Returns,
            ValuesAre::Returns => Values::ReturnsOfAnySize,
        }
    }

    /// `factor_gap` for the source.
    #[must_use]
    pub(crate) fn factor_gap(&self) -> FactorGap {
        match self.factor_gap {
            OnGap::Error => FactorGap::Error,
            OnGap::Carry => FactorGap::Carry,
        }
    }

    /// `on_bad_row` for the source.
    #[must_use]
    pub(crate) fn on_bad_row(&self) -> BadRow {
        match self.on_bad_row {
            OnBadRow::Error => BadRow::Error,
            OnBadRow::Skip => BadRow::Skip,
        }
    }
}

/// Names of the zones most similar to an unknown one, the nearest first.
fn near_zones(found: &str) -> String {
    const NAMES_MAX: usize = 3;
    let mut names = Zone::names();
    names.sort();
    let mut near: Vec<String> = Vec::new();
    // A city without its continent is a usual mistake.
    let city = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
    let wanted = found.replace(' ', "_");
    while near.len() < NAMES_MAX {
        let whole = nearest(&wanted, names.iter().map(String::as_str));
        let by_city = || {
            let cities: Vec<String> = names.iter().map(|name| city(name)).collect();
            let close = nearest(&city(&wanted), cities.iter().map(String::as_str))?;
            names.iter().find(|name| city(name) == close).cloned()
        };
        let Some(name) = whole.or_else(by_city) else { break };
        names.retain(|other| *other != name);
        near.push(name);
    }
    near.join(", ")
}

/// First moment of a date in a time zone; `key`: setting or flag with the text.
///
/// # Errors
/// The text is not a date.
pub(crate) fn date(key: &'static str, text: &str, zone: &Zone) -> Result<TimestampNs, Invalid> {
    midnight(key, text, 0, zone)
}

fn midnight(key: &'static str, text: &str, days_later: i64, zone: &Zone) -> Result<TimestampNs, Invalid> {
    let days = text.parse::<Date>().ok().map(|date| date.days() + days_later);
    require(days.is_some(), key, format!("{text:?}"), DATE)?;
    Ok(zone.midnight(days.unwrap_or_default()))
}
