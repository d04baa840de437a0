//! Adapter of Kraken's second WebSocket API, <https://docs.kraken.com/api/docs/websocket-v2>.

use serde::Deserialize;
use serde_json::json;

use super::super::event::{Event, Quote, Sets, VenueBar};
use super::super::fields::{
    Raw, Text, TradeParts, array, bar, end_of, level, object, required, symbol, time_of_iso, whole,
};
use super::super::refusal::Refusal;
use super::super::sequence::{Numbering, Sequences};
use super::super::subscription::{Channel, Connection, KeepAlive, Subscription, SubscriptionError, bar_name};
use super::super::venue::{Parsed, Venue, impl_sequences};
use super::names::slashed;

const NAME: &str = "kraken_v2";
const MINUTE_NS: i64 = 60_000_000_000;

/// Bars: length in seconds, length in minutes.
const BARS: [(u64, u32); 9] = [
    (60, 1),
    (300, 5),
    (900, 15),
    (1800, 30),
    (3600, 60),
    (14_400, 240),
    (86_400, 1440),
    (604_800, 10_080),
    (1_296_000, 21_600),
];

/// Methods of answers to our requests.
const ANSWERS: [&str; 3] = ["subscribe", "unsubscribe", "pong"];

/// Adapter of Kraken's second API.
#[derive(Default)]
pub(super) struct KrakenV2 {
    sequences: Sequences,
}

#[derive(Deserialize)]
struct Message<'m> {
    #[serde(borrow)]
    channel: Option<Text<'m>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'m>>,
    #[serde(borrow)]
    timestamp: Option<Text<'m>>,
    #[serde(borrow)]
    data: Option<Raw<'m>>,
    #[serde(borrow)]
    method: Option<Text<'m>>,
    #[serde(borrow)]
    error: Option<Text<'m>>,
}

#[derive(Deserialize)]
struct TradeFields<'m> {
    #[serde(borrow)]
    symbol: Text<'m>,
    #[serde(borrow)]
    price: Raw<'m>,
    #[serde(borrow)]
    qty: Raw<'m>,
    trade_id: u64,
    #[serde(borrow)]
    timestamp: Text<'m>,
}

/// Id of a trade, independent of its other fields.
#[derive(Deserialize)]
struct TradeNumber<'m> {
    #[serde(borrow)]
    symbol: Text<'m>,
    #[serde(borrow)]
    trade_id: Raw<'m>,
}

#[derive(Deserialize)]
struct Ticker<'m> {
    #[serde(borrow)]
    symbol: Text<'m>,
    #[serde(borrow)]
    bid: Raw<'m>,
    #[serde(borrow)]
    bid_qty: Raw<'m>,
    #[serde(borrow)]
    ask: Raw<'m>,
    #[serde(borrow)]
    ask_qty: Raw<'m>,
    /// Sent since 2025.
    #[serde(borrow)]
    timestamp: Option<Text<'m>>,
}

#[derive(Deserialize)]
struct Ohlc<'m> {
    #[serde(borrow)]
    symbol: Text<'m>,
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
    trades: u64,
    #[serde(borrow)]
    interval_begin: Text<'m>,
    /// Length in minutes.
    interval: u32,
}

#[derive(Deserialize)]
struct Status<'m> {
    #[serde(borrow)]
    system: Text<'m>,
}

impl Venue for KrakenV2 {
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
            let symbols = wanted.symbols;
            let params = match channel {
                Channel::Trades => json!({"channel": "trade", "symbol": symbols, "snapshot": true}),
                // Request every change of the best bid or ask, not only those at trades.
                Channel::Quotes => json!({"channel": "ticker", "symbol": symbols, "event_trigger": "bbo"}),
                Channel::Bars { length_ms } => {
                    let interval = bar_name(NAME, *length_ms, &BARS)?;
                    json!({"channel": "ohlc", "symbol": symbols, "interval": interval})
                }
            };
            messages.push(json!({"method": "subscribe", "params": params}).to_string());
        }
        let keep_alive = KeepAlive { message: json!({"method": "ping"}).to_string(), every_ms: 30_000 };
        // A heartbeat arrives in every second without another message.
        Ok(Connection {
            path: "/v2".to_owned(),
            messages,
            keep_alive: Some(keep_alive),
            silence_ms_max: 10_000,
        })
    }

    fn read<'m>(&mut self, message: &'m str, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
        let fields: Message<'m> = object(message)?;
        let Some(Text(channel)) = &fields.channel else { return answer(fields, out) };
        let from = out.len();
        if matches!(channel.as_ref(), "trade" | "ohlc")
            && fields.kind.as_ref().is_some_and(|kind| kind.0 == "snapshot")
        {
            out.push(Event::Past);
        }
        Ok(Parsed::Known(match channel.as_ref() {
            "trade" => {
                if let Err(refusal) = trades(&fields, out) {
                    self.see_refused(&fields);
                    return Err(refusal);
                }
                self.sequences.see_trades("trade", out, from);
                "trade"
            }
            "ticker" => tickers(&fields, out)?,
            "ohlc" => bars(&fields, out)?,
            "book" => {
                out.push(Event::Book);
                "book"
            }
            "level3" => {
                out.push(Event::Book);
                "level3"
            }
            "heartbeat" => {
                out.push(Event::Heartbeat { time_ns: None });
                "heartbeat"
            }
            "status" => {
                for status in data(&fields)? {
                    out.push(Event::Status(object::<Status<'m>>(status.get())?.system.0));
                }
                "status"
            }
            "instrument" => "instrument",
            name => return Ok(Parsed::unknown(name)),
        }))
    }

    fn symbol(&self, typed: &str) -> String {
        slashed(typed, &[("XBT", "BTC"), ("XDG", "DOGE")])
    }

    impl_sequences!();
}

impl KrakenV2 {
    /// Records the trade numbers of a refused message, if they are readable.
    fn see_refused(&mut self, fields: &Message<'_>) {
        let trades = data(fields).unwrap_or_default();
        for TradeNumber { symbol, trade_id } in trades.into_iter().filter_map(|raw| object(raw.get()).ok()) {
            if let Ok(id) = whole(trade_id, "trade_id") {
                self.sequences.see_refused(Numbering::Contiguous, "trade", &symbol.0, id);
            }
        }
    }
}

fn data<'m>(fields: &Message<'m>) -> Result<Vec<Raw<'m>>, Refusal> {
    array(required(fields.data, "data")?.get())
}

/// Parses an answer to a request, or an unsolicited error.
fn answer<'m>(fields: Message<'m>, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
    let method = fields.method.map(|method| method.0);
    if let Some(error) = fields.error {
        out.push(Event::Error(error.0));
        return Ok(Parsed::Known("error"));
    }
    let name = required(method, "channel")?;
    let Some(known) = ANSWERS.iter().find(|known| **known == name) else { return Ok(Parsed::unknown(&name)) };
    match *known {
        "subscribe" => out.push(Event::Subscribed),
        "pong" => out.push(Event::Heartbeat { time_ns: None }),
        _ => {}
    }
    Ok(Parsed::Known(known))
}

fn trades<'m>(fields: &Message<'m>, out: &mut Vec<Event<'m>>) -> Result<(), Refusal> {
    for raw in data(fields)? {
        let trade: TradeFields<'m> = object(raw.get())?;
        let parts = TradeParts {
            symbol: trade.symbol,
            time_ns: time_of_iso(&trade.timestamp, "timestamp")?,
            price: (trade.price, "price"),
            quantity: (trade.qty, "qty"),
            id: Some(trade.trade_id),
            sets: Sets::All,
        };
        out.push(parts.event()?);
    }
    Ok(())
}

fn tickers<'m>(fields: &Message<'m>, out: &mut Vec<Event<'m>>) -> Result<&'static str, Refusal> {
    for raw in data(fields)? {
        let ticker: Ticker<'m> = object(raw.get())?;
        out.push(Event::Quote(Quote {
            symbol: symbol(ticker.symbol)?,
            time_ns: ticker.timestamp.map(|time| time_of_iso(&time, "timestamp")).transpose()?,
            bid: level(ticker.bid, Some(ticker.bid_qty), "bid")?,
            ask: level(ticker.ask, Some(ticker.ask_qty), "ask")?,
            update_id: None,
        }));
    }
    Ok("ticker")
}

fn bars<'m>(fields: &Message<'m>, out: &mut Vec<Event<'m>>) -> Result<&'static str, Refusal> {
    let sent = fields.timestamp.as_ref().map(|time| time_of_iso(time, "timestamp")).transpose()?;
    for raw in data(fields)? {
        let ohlc: Ohlc<'m> = object(raw.get())?;
        let start_ns = time_of_iso(&ohlc.interval_begin, "interval_begin")?;
        let end_ns = end_of(start_ns, i64::from(ohlc.interval) * MINUTE_NS)?;
        let numbers = [
            (ohlc.open, "open"),
            (ohlc.high, "high"),
            (ohlc.low, "low"),
            (ohlc.close, "close"),
            (ohlc.volume, "volume"),
        ];
        let bar = bar(ohlc.symbol, (start_ns, end_ns), numbers)?;
        // A snapshot without a time was sent after its bars started.
        let time_ns = sent.unwrap_or(start_ns);
        out.push(Event::Bar(VenueBar { time_ns, trades: Some(ohlc.trades), ..bar }));
    }
    Ok("ohlc")
}
