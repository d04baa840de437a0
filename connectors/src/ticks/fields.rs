//! Exact parsing of message fields.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::event::{Event, Level, NoTrade, Sets, Trade, VenueBar};
use super::refusal::Refusal;
use crate::iso_time;

/// JSON text of a value, borrowed from the message. Numbers are parsed from it without loss of digits.
pub(super) type Raw<'m> = &'m RawValue;

/// Maximum length of a symbol, in bytes.
pub(super) const SYMBOL_BYTES_MAX: usize = 64;

/// String, borrowed from the message unless it has escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'m>(#[serde(borrow)] pub(super) Cow<'m, str>);

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Parses a JSON object as `T`. Rejects arrays, which serde would read by position.
pub(super) fn object<'m, T: Deserialize<'m>>(text: &'m str) -> Result<T, Refusal> {
    const EXPECTED: &str = "a JSON object with the fields that the venue documents";
    if !text.trim_ascii_start().starts_with('{') {
        return Err(Refusal::new("message", text, EXPECTED));
    }
    serde_json::from_str(text).map_err(|error| Refusal::new("message", &error.to_string(), EXPECTED))
}

/// Splits a JSON array into its elements.
pub(super) fn array(text: &str) -> Result<Vec<Raw<'_>>, Refusal> {
    serde_json::from_str(text).map_err(|error| Refusal::new("message", &error.to_string(), "a JSON array"))
}

/// Returns an element of an array.
pub(super) fn at<'m>(elements: &[Raw<'m>], index: usize, field: &'static str) -> Result<Raw<'m>, Refusal> {
    elements.get(index).copied().ok_or_else(|| Refusal::missing(field))
}

/// Returns a required field.
pub(super) fn required<T>(value: Option<T>, field: &'static str) -> Result<T, Refusal> {
    value.ok_or_else(|| Refusal::missing(field))
}

/// Returns the content of a string.
pub(super) fn string<'m>(raw: Raw<'m>, field: &'static str) -> Result<Cow<'m, str>, Refusal> {
    match serde_json::from_str::<Text<'m>>(raw.get()) {
        Ok(Text(text)) => Ok(text),
        Err(_) => Err(Refusal::new(field, raw.get(), "a string")),
    }
}

/// Checks the name of an instrument.
pub(super) fn symbol(Text(name): Text<'_>) -> Result<Cow<'_, str>, Refusal> {
    match name.len() {
        1..=SYMBOL_BYTES_MAX => Ok(name),
        _ => Err(Refusal::new("symbol", &format!("\"{name}\""), "a name of 1 to 64 bytes")),
    }
}

/// Returns the text of a number, given as a JSON number or as a string.
fn digits(raw: Raw<'_>) -> &str {
    let text = raw.get();
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// Parses a price: positive and finite.
pub(super) fn price(raw: Raw<'_>, field: &'static str) -> Result<f64, Refusal> {
    number(raw, |value| value > 0.0)
        .ok_or_else(|| Refusal::new(field, raw.get(), "a positive finite decimal number"))
}

/// Parses a traded quantity: finite, positive or 0.
fn traded(raw: Raw<'_>, field: &'static str) -> Result<f64, Refusal> {
    match number(raw, |value| value == 0.0 && value.is_sign_positive()) {
        Some(zero) => Ok(zero),
        None => price(raw, field),
    }
}

/// Fields of a trade with their names at the venue.
pub(super) struct TradeParts<'m> {
    pub(super) symbol: Text<'m>,
    pub(super) time_ns: i64,
    pub(super) price: (Raw<'m>, &'static str),
    pub(super) quantity: (Raw<'m>, &'static str),
    pub(super) id: Option<u64>,
    pub(super) sets: Sets,
}

impl<'m> TradeParts<'m> {
    /// Returns the trade; a quantity of 0 gives `NoTrade` for any price.
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

/// Parses a bar of an interval in ns from open, high, low, close and volume, each with its name at the venue.
/// The bar has no number of trades, and its time is the start of the interval.
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

/// Parses a quantity or a volume: finite, not negative.
pub(super) fn quantity(raw: Raw<'_>, field: &'static str) -> Result<f64, Refusal> {
    // The sign of a negative zero would change sums and digests.
    number(raw, |value| value >= 0.0 && value.is_sign_positive())
        .ok_or_else(|| Refusal::new(field, raw.get(), "a finite decimal number, at least 0"))
}

fn number(raw: Raw<'_>, valid: impl Fn(f64) -> bool) -> Option<f64> {
    digits(raw).parse().ok().filter(|value: &f64| value.is_finite() && valid(*value))
}

/// Parses a side of the book. Venues mark an empty side by price and quantity 0, or by an empty string.
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

/// Parses a whole number, given as a JSON number or as a string.
pub(super) fn whole(raw: Raw<'_>, field: &'static str) -> Result<u64, Refusal> {
    digits(raw).parse().map_err(|_| Refusal::new(field, raw.get(), "a whole number below 2^64"))
}

/// Converts milliseconds since 1970 UTC to ns.
pub(super) fn time_of_ms(ms: i64, field: &'static str) -> Result<i64, Refusal> {
    iso_time::of_ms(ms)
        .ok_or_else(|| Refusal::new(field, &ms.to_string(), "milliseconds since 1970, before the year 2262"))
}

/// Converts decimal seconds since 1970 UTC to ns.
pub(super) fn time_of_seconds(raw: Raw<'_>, field: &'static str) -> Result<i64, Refusal> {
    iso_time::of_seconds(digits(raw)).ok_or_else(|| {
        Refusal::new(field, raw.get(), "seconds since 1970 with at most 9 decimals, before the year 2262")
    })
}

/// Converts ISO 8601 in UTC to ns since 1970 UTC.
pub(super) fn time_of_iso(text: &Text<'_>, field: &'static str) -> Result<i64, Refusal> {
    iso_time::of_iso(&text.0).ok_or_else(|| {
        Refusal::new(field, &text.0, "a time such as 2026-08-09T21:05:48.228568804Z, before the year 2262")
    })
}

/// Returns the end of a bar, in ns.
pub(super) fn end_of(start_ns: i64, length_ns: i64) -> Result<i64, Refusal> {
    start_ns.checked_add(length_ns).filter(|end_ns| *end_ns > start_ns).ok_or_else(|| {
        let found = format!("{length_ns} ns from {start_ns}");
        Refusal::new("interval", &found, "a length above 0 that ends before the year 2262")
    })
}
