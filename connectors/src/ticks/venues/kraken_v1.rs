//! Adapter of Kraken's first WebSocket API: arrays, <https://docs.kraken.com/api/docs/websocket-v1>.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;

use super::super::event::{Event, Quote, Sets, VenueBar};
use super::super::fields::{
    Raw, Text, TradeParts, array, at, level, object, price, quantity, required, string, symbol,
    time_of_seconds, whole,
};
use super::super::refusal::Refusal;
use super::super::sequence::Sequences;
use super::super::subscription::{Channel, Connection, KeepAlive, Subscription, SubscriptionError, bar_name};
use super::super::venue::{Parsed, Venue, impl_sequences};
use super::names::slashed;

const NAME: &str = "kraken_v1";
const MINUTE_NS: i64 = 60_000_000_000;

/// Bars: length in seconds, channel, length in minutes.
const BARS: [(u64, (&str, i64)); 9] = [
    (60, ("ohlc-1", 1)),
    (300, ("ohlc-5", 5)),
    (900, ("ohlc-15", 15)),
    (1800, ("ohlc-30", 30)),
    (3600, ("ohlc-60", 60)),
    (14_400, ("ohlc-240", 240)),
    (86_400, ("ohlc-1440", 1440)),
    (604_800, ("ohlc-10080", 10_080)),
    (1_296_000, ("ohlc-21600", 21_600)),
];

/// Channels of books by depth.
const BOOKS: [&str; 5] = ["book-10", "book-25", "book-100", "book-500", "book-1000"];

/// Adapter of Kraken's first API. Its messages and trades have no numbers.
#[derive(Default)]
pub(super) struct KrakenV1 {
    sequences: Sequences,
}

#[derive(Deserialize)]
struct Message<'m> {
    #[serde(borrow)]
    event: Option<Text<'m>>,
    #[serde(borrow)]
    status: Option<Text<'m>>,
    #[serde(borrow, rename = "errorMessage")]
    error: Option<Text<'m>>,
}

#[derive(Deserialize)]
struct Ticker<'m> {
    /// Price, whole lots, lots.
    #[serde(borrow)]
    a: Vec<Raw<'m>>,
    #[serde(borrow)]
    b: Vec<Raw<'m>>,
}

impl Venue for KrakenV1 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn address(&self) -> &'static str {
        "wss://ws.kraken.com"
    }

    fn connection(&self, wanted: &Subscription<'_>) -> Result<Connection, SubscriptionError> {
        wanted.check(NAME)?;
        let mut messages = Vec::with_capacity(wanted.channels.len());
        for channel in wanted.channels {
            let subscription = match channel {
                Channel::Trades => json!({"name": "trade"}),
                Channel::Quotes => json!({"name": "spread"}),
                Channel::Bars { length_ms } => {
                    json!({"name": "ohlc", "interval": bar_name(NAME, *length_ms, &BARS)?.1})
                }
            };
            let message = json!({"event": "subscribe", "pair": wanted.symbols, "subscription": subscription});
            messages.push(message.to_string());
        }
        let keep_alive = KeepAlive { message: json!({"event": "ping"}).to_string(), every_ms: 30_000 };
        // A heartbeat arrives in every second without another message.
        Ok(Connection {
            path: "/".to_owned(),
            messages,
            keep_alive: Some(keep_alive),
            silence_ms_max: 10_000,
        })
    }

    fn read<'m>(&mut self, message: &'m str, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
        if !message.trim_ascii_start().starts_with('[') {
            return said(object(message)?, out);
        }
        // Number of the channel, one or two contents, name of the channel, pair.
        let elements = array(message)?;
        if elements.len() < 4 {
            return Err(Refusal::new("message", message, "an array of at least 4 elements"));
        }
        let [.., channel, pair] = elements[..] else { return Err(Refusal::missing("pair")) };
        let (channel, pair) = (string(channel, "channelName")?, symbol(Text(string(pair, "pair")?))?);
        let content = at(&elements, 1, "content")?;
        let kind = match channel.as_ref() {
            "trade" => trades(content, &pair, out)?,
            "ticker" => ticker(content, pair, out)?,
            "spread" => spread(content, pair, out)?,
            name => match BARS.iter().find(|(_, bar)| bar.0 == name) {
                Some((_, (kind, minutes))) => bar(kind, *minutes, content, pair, out)?,
                None => match BOOKS.iter().find(|known| **known == name) {
                    Some(kind) => {
                        out.push(Event::Book);
                        kind
                    }
                    None => return Ok(Parsed::unknown(name)),
                },
            },
        };
        Ok(Parsed::Known(kind))
    }

    fn symbol(&self, typed: &str) -> String {
        slashed(typed, &[("BTC", "XBT"), ("DOGE", "XDG")])
    }

    impl_sequences!();
}

/// Parses a message that is an object, without market data.
fn said<'m>(message: Message<'m>, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
    let event = required(message.event, "event")?;
    if let Some(text) = message.error {
        out.push(Event::Error(text.0));
    }
    Ok(Parsed::Known(match event.as_ref() {
        "heartbeat" => {
            out.push(Event::Heartbeat { time_ns: None });
            "heartbeat"
        }
        "pong" => {
            out.push(Event::Heartbeat { time_ns: None });
            "pong"
        }
        "systemStatus" => {
            out.push(Event::Status(required(message.status, "status")?.0));
            "systemStatus"
        }
        "subscriptionStatus" => {
            if message.status.is_some_and(|status| status.0 == "subscribed") {
                out.push(Event::Subscribed);
            }
            "subscriptionStatus"
        }
        "error" => "error",
        name => return Ok(Parsed::unknown(name)),
    }))
}

// Cloning the `Cow` keeps the lifetime of the message, unlike cloning a `&str`.
#[allow(clippy::ptr_arg)]
fn trades<'m>(
    content: Raw<'m>,
    pair: &Cow<'m, str>,
    out: &mut Vec<Event<'m>>,
) -> Result<&'static str, Refusal> {
    for trade in array(content.get())? {
        // Price, volume, time, side, order type, miscellaneous.
        let fields = array(trade.get())?;
        let parts = TradeParts {
            symbol: Text(pair.clone()),
            time_ns: time_of_seconds(at(&fields, 2, "time")?, "time")?,
            price: (at(&fields, 0, "price")?, "price"),
            quantity: (at(&fields, 1, "volume")?, "volume"),
            id: None,
            sets: Sets::All,
        };
        out.push(parts.event()?);
    }
    Ok("trade")
}

fn ticker<'m>(
    content: Raw<'m>,
    symbol: Cow<'m, str>,
    out: &mut Vec<Event<'m>>,
) -> Result<&'static str, Refusal> {
    let Ticker { a, b } = object(content.get())?;
    out.push(Event::Quote(Quote {
        symbol,
        time_ns: None,
        bid: level(at(&b, 0, "b")?, Some(at(&b, 2, "b")?), "b")?,
        ask: level(at(&a, 0, "a")?, Some(at(&a, 2, "a")?), "a")?,
        update_id: None,
    }));
    Ok("ticker")
}

fn spread<'m>(
    content: Raw<'m>,
    symbol: Cow<'m, str>,
    out: &mut Vec<Event<'m>>,
) -> Result<&'static str, Refusal> {
    // Bid, ask, time, and since 2019 the volumes of both.
    let fields = array(content.get())?;
    out.push(Event::Quote(Quote {
        symbol,
        time_ns: Some(time_of_seconds(at(&fields, 2, "timestamp")?, "timestamp")?),
        bid: level(at(&fields, 0, "bid")?, fields.get(3).copied(), "bid")?,
        ask: level(at(&fields, 1, "ask")?, fields.get(4).copied(), "ask")?,
        update_id: None,
    }));
    Ok("spread")
}

fn bar<'m>(
    kind: &'static str,
    minutes: i64,
    content: Raw<'m>,
    symbol: Cow<'m, str>,
    out: &mut Vec<Event<'m>>,
) -> Result<&'static str, Refusal> {
    // Time, end, open, high, low, close, volume-weighted price, volume, trades.
    let fields = array(content.get())?;
    let field = |index, name| at(&fields, index, name);
    let end_ns = time_of_seconds(field(1, "etime")?, "etime")?;
    out.push(Event::Bar(VenueBar {
        symbol,
        time_ns: time_of_seconds(field(0, "time")?, "time")?,
        start_ns: end_ns.saturating_sub(minutes.saturating_mul(MINUTE_NS)),
        end_ns,
        open: price(field(2, "open")?, "open")?,
        high: price(field(3, "high")?, "high")?,
        low: price(field(4, "low")?, "low")?,
        close: price(field(5, "close")?, "close")?,
        volume: quantity(field(7, "volume")?, "volume")?,
        trades: Some(whole(field(8, "count")?, "count")?),
        closed: None,
    }));
    Ok(kind)
}
