//! Reads the fields of a message: exactly, or not at all.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::event::{Event, Level, NoTrade, Sets, Trade, VenueBar};
use super::refusal::Refusal;
use crate::iso_time;

/// A value as its JSON text, borrowed from the message. Numbers are read from the text, so that no digit is lost.
pub(super) type Raw<'m> = &'m RawValue;

/// The longest symbol that is taken, in bytes.
pub(super) const SYMBOL_BYTES_MAX: usize = 64;

/// A string, borrowed from the message unless it has escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'m>(#[serde(borrow)] pub(super) Cow<'m, str>);

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A JSON object as `T`. Arrays are no objects here, though serde would read them by position.
pub(super) fn object<'m, T: Deserialize<'m>>(text: &'m str) -> Result<T, Refusal> {
    const EXPECTED: &str = "a JSON object with the fields that the venue documents";
    if !text.trim_ascii_start().starts_with('{') {
        return Err(Refusal::new("message", text, EXPECTED));
    }
    serde_json::from_str(text).map_err(|error| Refusal::new("message", &error.to_string(), EXPECTED))
}

/// A JSON array as its elements.
pub(super) fn array(text: &str) -> Result<Vec<Raw<'_>>, Refusal> {
    serde_json::from_str(text).map_err(|error| Refusal::new("message", &error.to_string(), "a JSON array"))
}

/// An element of an array.
pub(super) fn at<'m>(elements: &[Raw<'m>], index: usize, field: &'static str) -> Result<Raw<'m>, Refusal> {
    elements.get(index).copied().ok_or_else(|| Refusal::missing(field))
}

/// A field that must be there.
pub(super) fn required<T>(value: Option<T>, field: &'static str) -> Result<T, Refusal> {
    value.ok_or_else(|| Refusal::missing(field))
}

/// The content of a string.
pub(super) fn string<'m>(raw: Raw<'m>, field: &'static str) -> Result<Cow<'m, str>, Refusal> {
    match serde_json::from_str::<Text<'m>>(raw.get()) {
        Ok(Text(text)) => Ok(text),
        Err(_) => Err(Refusal::new(field, raw.get(), "a string")),
    }
}

/// The name of an instrument.
pub(super) fn symbol(Text(name): Text<'_>) -> Result<Cow<'_, str>, Refusal> {
    match name.len() {
        1..=SYMBOL_BYTES_MAX => Ok(name),
        _ => Err(Refusal::new("symbol", &format!("\"{name}\""), "a name of 1 to 64 bytes")),
    }
}

/// The text of a number, be it a JSON number or a string.
fn digits(raw: Raw<'_>) -> &str {
    let text = raw.get();
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// A price: positive and finite.
pub(super) fn price(raw: Raw<'_>, field: &'static str) -> Result<f64, Refusal> {
    number(raw, |value| value > 0.0)
        .ok_or_else(|| Refusal::new(field, raw.get(), "a positive finite decimal number"))
}

/// Quantity traded: positive and finite, or 0 where nothing was.
fn traded(raw: Raw<'_>, field: &'static str) -> Result<f64, Refusal> {
    match number(raw, |value| value == 0.0 && value.is_sign_positive()) {
        Some(zero) => Ok(zero),
        None => price(raw, field),
    }
}

/// The fields of a trade by their names at the venue.
pub(super) struct TradeParts<'m> {
    pub(super) symbol: Text<'m>,
    pub(super) time_ns: i64,
    pub(super) price: (Raw<'m>, &'static str),
    pub(super) quantity: (Raw<'m>, &'static str),
    pub(super) id: Option<u64>,
    pub(super) sets: Sets,
}

impl<'m> TradeParts<'m> {
    /// The trade. A quantity of 0 is no trade, whatever the price is.
    pub(super) fn event(self) -> Result<Event<'m>, Refusal> {
        let Self { time_ns, id, sets, .. } = self;
        let symbol = symbol(self.symbol)?;
        let quantity = traded(self.quantity.0, self.quantity.1)?;
        if quantity == 0.0 {
            return Ok(Event::NoTrade(NoTrade { symbol, time_ns, id }));
        }
        let price = price(self.price.0, self.price.1)?;
        Ok(Event::Trade(Trade { symbol, time_ns, price, quantity, id, sets, repeated: false }))
    }
}

/// Reads a bar of an interval in ns from its open, high, low, close and volume, each with its name at the venue. The bar
/// has no number of trades, and its time is the start of the interval.
pub(super) fn bar<'m>(
    name: Text<'m>,
    (start_ns, end_ns): (i64, i64),
    [open, high, low, close, volume]: [(Raw<'m>, &'static str); 5],
) -> Result<VenueBar<'m>, Refusal> {
    let price = |(raw, field)| price(raw, field);
    Ok(VenueBar {
        symbol: symbol(name)?,
        time_ns: start_ns,
        start_ns,
        end_ns,
        open: price(open)?,
        high: price(high)?,
        low: price(low)?,
        close: price(close)?,
        volume: quantity(volume.0, volume.1)?,
        trades: None,
        closed: None,
    })
}

/// A quantity or a volume: finite, not negative.
pub(super) fn quantity(raw: Raw<'_>, field: &'static str) -> Result<f64, Refusal> {
    // A negative zero is a zero with a sign that would show in sums and in digests.
    number(raw, |value| value >= 0.0 && value.is_sign_positive())
        .ok_or_else(|| Refusal::new(field, raw.get(), "a finite decimal number, at least 0"))
}

fn number(raw: Raw<'_>, valid: impl Fn(f64) -> bool) -> Option<f64> {
    digits(raw).parse().ok().filter(|value: &f64| value.is_finite() && valid(*value))
}

/// A side of the book. Zero for price and quantity, or no digits at all, is how venues say that it is empty.
pub(super) fn level(
    side: Raw<'_>,
    there: Option<Raw<'_>>,
    field: &'static str,
) -> Result<Option<Level>, Refusal> {
    if side.get() == "\"\"" {
        return Ok(None);
    }
    let there = there.map(|raw| quantity(raw, field)).transpose()?;
    if there == Some(0.0) && number(side, |value| value == 0.0 && value.is_sign_positive()).is_some() {
        return Ok(None);
    }
    Ok(Some(Level { price: price(side, field)?, quantity: there }))
}

/// A whole number, be it a JSON number or a string.
pub(super) fn whole(raw: Raw<'_>, field: &'static str) -> Result<u64, Refusal> {
    digits(raw).parse().map_err(|_| Refusal::new(field, raw.get(), "a whole number below 2^64"))
}

/// Milliseconds since 1970 UTC, as ns.
pub(super) fn time_of_ms(ms: i64, field: &'static str) -> Result<i64, Refusal> {
    iso_time::of_ms(ms)
        .ok_or_else(|| Refusal::new(field, &ms.to_string(), "milliseconds since 1970, before the year 2262"))
}

/// Decimal seconds since 1970 UTC, as ns.
pub(super) fn time_of_seconds(raw: Raw<'_>, field: &'static str) -> Result<i64, Refusal> {
    iso_time::of_seconds(digits(raw)).ok_or_else(|| {
        Refusal::new(field, raw.get(), "seconds since 1970 with at most 9 decimals, before the year 2262")
    })
}

/// ISO 8601 in UTC, as ns.
pub(super) fn time_of_iso(text: &Text<'_>, field: &'static str) -> Result<i64, Refusal> {
    iso_time::of_iso(&text.0).ok_or_else(|| {
        Refusal::new(field, &text.0, "a time such as 2026-08-09T21:05:48.228568804Z, before the year 2262")
    })
}

/// The end of a bar, as ns.
pub(super) fn end_of(start_ns: i64, length_ns: i64) -> Result<i64, Refusal> {
    start_ns.checked_add(length_ns).filter(|end_ns| *end_ns > start_ns).ok_or_else(|| {
        let found = format!("{length_ns} ns from {start_ns}");
        Refusal::new("interval", &found, "a length above 0 that ends before the year 2262")
    })
}
