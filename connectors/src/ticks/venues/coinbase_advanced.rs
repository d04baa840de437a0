//! Adapter of Coinbase Advanced Trade: market data channels,
//! <https://docs.cdp.coinbase.com/coinbase-app/advanced-trade-apis>.

use serde::Deserialize;
use serde_json::json;

use super::super::event::{Event, Quote, Sets, VenueBar};
use super::super::fields::{
    Raw, Text, TradeParts, bar, end_of, level, object, required, symbol, time_of_iso, time_of_seconds, whole,
};
use super::super::refusal::Refusal;
use super::super::sequence::{Numbering, Sequences};
use super::super::subscription::{Channel, Connection, Subscription, SubscriptionError, bar_name};
use super::super::venue::{Parsed, Venue, impl_sequences};
use super::names::dashed;

const NAME: &str = "coinbase_advanced";
/// Channel of bars by length in seconds.
const BARS: [(u64, &str); 1] = [(300, "candles")];
const BAR_NS: i64 = 300_000_000_000;

/// Adapter of Coinbase Advanced Trade.
#[derive(Default)]
pub(super) struct CoinbaseAdvanced {
    sequences: Sequences,
}

#[derive(Deserialize)]
struct Message<'m> {
    #[serde(borrow)]
    channel: Option<Text<'m>>,
    #[serde(borrow)]
    timestamp: Option<Text<'m>>,
    sequence_num: Option<u64>,
    #[serde(borrow)]
    events: Option<Vec<Raw<'m>>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'m>>,
    #[serde(borrow)]
    message: Option<Text<'m>>,
}

#[derive(Deserialize)]
struct Trades<'m> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'m>>,
    #[serde(borrow)]
    trades: Vec<TradeFields<'m>>,
}

#[derive(Deserialize)]
struct TradeFields<'m> {
    #[serde(borrow)]
    product_id: Text<'m>,
    #[serde(borrow)]
    trade_id: Raw<'m>,
    #[serde(borrow)]
    price: Raw<'m>,
    #[serde(borrow)]
    size: Raw<'m>,
    #[serde(borrow)]
    time: Text<'m>,
}

#[derive(Deserialize)]
struct Tickers<'m> {
    #[serde(borrow)]
    tickers: Vec<Ticker<'m>>,
}

/// Trades of an event as JSON texts.
#[derive(Deserialize)]
struct TradeTexts<'m> {
    #[serde(borrow)]
    trades: Vec<Raw<'m>>,
}

/// Id of a trade, independent of its other fields.
#[derive(Deserialize)]
struct TradeNumber<'m> {
    #[serde(borrow)]
    product_id: Text<'m>,
    #[serde(borrow)]
    trade_id: Raw<'m>,
}

/// Ticker; before 2024 without bid and ask.
#[derive(Deserialize)]
struct Ticker<'m> {
    #[serde(borrow)]
    product_id: Text<'m>,
    #[serde(borrow)]
    best_bid: Option<Raw<'m>>,
    #[serde(borrow)]
    best_ask: Option<Raw<'m>>,
    #[serde(borrow)]
    best_bid_quantity: Option<Raw<'m>>,
    #[serde(borrow)]
    best_ask_quantity: Option<Raw<'m>>,
}

#[derive(Deserialize)]
struct Candles<'m> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'m>>,
    #[serde(borrow)]
    candles: Vec<Candle<'m>>,
}

#[derive(Deserialize)]
struct Candle<'m> {
    #[serde(borrow)]
    product_id: Text<'m>,
    #[serde(borrow)]
    start: Raw<'m>,
    #[serde(borrow)]
    open: Raw<'m>,
    #[serde(borrow)]
    high: Raw<'m>,
    #[serde(borrow)]
    low: Raw<'m>,
    #[serde(borrow)]
    close: Raw<'m>,
    #[serde(borrow)]
    volume: Raw<'m>,
}

impl Venue for CoinbaseAdvanced {
    fn name(&self) -> &'static str {
        NAME
    }

    fn address(&self) -> &'static str {
        "wss://advanced-trade-ws.coinbase.com"
    }

    fn connection(&self, wanted: &Subscription<'_>) -> Result<Connection, SubscriptionError> {
        wanted.check(NAME)?;
        let mut messages = vec![json!({"type": "subscribe", "channel": "heartbeats"}).to_string()];
        for channel in wanted.channels {
            let name = match channel {
                Channel::Trades => "market_trades",
                Channel::Quotes => "ticker",
                Channel::Bars { length_ms } => bar_name(NAME, *length_ms, &BARS)?,
            };
            let message = json!({"type": "subscribe", "product_ids": wanted.symbols, "channel": name});
            messages.push(message.to_string());
        }
        // A heartbeat arrives every second.
        Ok(Connection { path: "/".to_owned(), messages, keep_alive: None, silence_ms_max: 10_000 })
    }

    fn read<'m>(&mut self, message: &'m str, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
        let fields: Message<'m> = object(message)?;
        let from = out.len();
        let parsed = content(&fields, out);
        match &parsed {
            Ok(_) => self.sequences.see_trades("market_trades", out, from),
            Err(_) => self.see_refused(&fields),
        }
        if let Some(number) = fields.sequence_num {
            match &parsed {
                Ok(_) => self.sequences.see_message("sequence_num", number, out),
                Err(_) => self.sequences.see_refused(Numbering::OfConnection, "sequence_num", "", number),
            }
        }
        parsed
    }

    fn symbol(&self, typed: &str) -> String {
        dashed(typed)
    }

    impl_sequences!();
}

impl CoinbaseAdvanced {
    /// Records the trade numbers of a refused message, if they are readable.
    fn see_refused(&mut self, fields: &Message<'_>) {
        if fields.channel.as_ref().is_none_or(|channel| channel.0 != "market_trades") {
            return;
        }
        let events = fields.events.as_deref().unwrap_or_default();
        for trade in events.iter().filter_map(|event| object::<TradeTexts<'_>>(event.get()).ok()) {
            let numbers = trade.trades.into_iter().rev();
            for TradeNumber { product_id, trade_id } in numbers.filter_map(|raw| object(raw.get()).ok()) {
                if let Ok(id) = whole(trade_id, "trade_id") {
                    self.sequences.see_refused(Numbering::Contiguous, "market_trades", &product_id.0, id);
                }
            }
        }
    }
}

/// Parses a message by its channel.
fn content<'m>(fields: &Message<'m>, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
    match fields.channel.as_ref().map(AsRef::as_ref) {
        Some("market_trades") => trades(fields, out),
        Some("ticker") => tickers("ticker", fields, out),
        Some("ticker_batch") => tickers("ticker_batch", fields, out),
        Some("candles") => candles(fields, out),
        Some("heartbeats") => {
            out.push(Event::Heartbeat { time_ns: Some(time(fields)?) });
            Ok(Parsed::Known("heartbeats"))
        }
        Some("l2_data") => {
            out.push(Event::Book);
            Ok(Parsed::Known("l2_data"))
        }
        Some("subscriptions") => {
            out.push(Event::Subscribed);
            Ok(Parsed::Known("subscriptions"))
        }
        Some("status") => Ok(Parsed::Known("status")),
        Some(name) => Ok(Parsed::unknown(name)),
        None if fields.kind.as_ref().is_some_and(|kind| kind.0 == "error") => {
            out.push(Event::Error(required(fields.message.as_ref(), "message")?.0.clone()));
            Ok(Parsed::Known("error"))
        }
        None => Err(Refusal::missing("channel")),
    }
}

/// Returns the time at which the message was sent.
fn time(fields: &Message<'_>) -> Result<i64, Refusal> {
    let text = fields.timestamp.as_ref().ok_or_else(|| Refusal::missing("timestamp"))?;
    time_of_iso(text, "timestamp")
}

fn events<'a, 'm>(fields: &'a Message<'m>) -> Result<&'a [Raw<'m>], Refusal> {
    required(fields.events.as_deref(), "events")
}

/// Marks a snapshot, whose events precede the subscription.
fn past(kind: Option<Text<'_>>, out: &mut Vec<Event<'_>>) {
    if kind.is_some_and(|kind| kind.0 == "snapshot") {
        out.push(Event::Past);
    }
}

fn trades<'m>(fields: &Message<'m>, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
    for event in events(fields)? {
        let Trades { kind, trades } = object(event.get())?;
        past(kind, out);
        // The venue lists the latest trade first.
        for trade in trades.into_iter().rev() {
            let parts = TradeParts {
                symbol: trade.product_id,
                time_ns: time_of_iso(&trade.time, "time")?,
                price: (trade.price, "price"),
                quantity: (trade.size, "size"),
                id: Some(whole(trade.trade_id, "trade_id")?),
                sets: Sets::All,
            };
            out.push(parts.event()?);
        }
    }
    Ok(Parsed::Known("market_trades"))
}

fn tickers<'m>(
    kind: &'static str,
    fields: &Message<'m>,
    out: &mut Vec<Event<'m>>,
) -> Result<Parsed, Refusal> {
    let time_ns = Some(time(fields)?);
    for event in events(fields)? {
        let Tickers { tickers } = object(event.get())?;
        for ticker in tickers {
            let (Some(bid), Some(ask)) = (ticker.best_bid, ticker.best_ask) else { continue };
            out.push(Event::Quote(Quote {
                symbol: symbol(ticker.product_id)?,
                time_ns,
                bid: level(bid, ticker.best_bid_quantity, "best_bid")?,
                ask: level(ask, ticker.best_ask_quantity, "best_ask")?,
                update_id: None,
            }));
        }
    }
    Ok(Parsed::Known(kind))
}

fn candles<'m>(fields: &Message<'m>, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
    let time_ns = time(fields)?;
    for event in events(fields)? {
        let Candles { kind, candles } = object(event.get())?;
        past(kind, out);
        for candle in candles {
            let start_ns = time_of_seconds(candle.start, "start")?;
            let numbers = [
                (candle.open, "open"),
                (candle.high, "high"),
                (candle.low, "low"),
                (candle.close, "close"),
                (candle.volume, "volume"),
            ];
            let bar = bar(candle.product_id, (start_ns, end_of(start_ns, BAR_NS)?), numbers)?;
            out.push(Event::Bar(VenueBar { time_ns, ..bar }));
        }
    }
    Ok(Parsed::Known("candles"))
}
