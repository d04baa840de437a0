//! Adapter of Binance, spot and USD-M futures: combined streams, <https://developers.binance.com/docs>.

use serde::Deserialize;
use serde_json::json;

use super::super::event::{Event, NoTrade, Quote, Sets, VenueBar};
use super::super::fields::{Raw, Text, TradeParts, bar, level, object, required, symbol, time_of_ms, whole};
use super::super::refusal::Refusal;
use super::super::sequence::{Numbering, Sequences};
use super::super::subscription::{Channel, Connection, Subscription, SubscriptionError, bar_name};
use super::super::venue::{Parsed, Venue, impl_sequences};
use super::names::upper;

/// Maximum number of streams per request, in the path and in each message.
const STREAMS_PER_REQUEST: usize = 200;

/// Channels of bars by length in seconds.
pub(crate) const BARS: [(u64, &str); 15] = [
    (1, "kline_1s"),
    (60, "kline_1m"),
    (180, "kline_3m"),
    (300, "kline_5m"),
    (900, "kline_15m"),
    (1800, "kline_30m"),
    (3600, "kline_1h"),
    (7200, "kline_2h"),
    (14_400, "kline_4h"),
    (21_600, "kline_6h"),
    (28_800, "kline_8h"),
    (43_200, "kline_12h"),
    (86_400, "kline_1d"),
    (259_200, "kline_3d"),
    (604_800, "kline_1w"),
];

/// Streams other than trades, quotes and bars, which are ignored.
const OTHERS: [&str; 12] = [
    "24hrTicker",
    "24hrMiniTicker",
    "assetIndex",
    "avgPrice",
    "compositeIndex",
    "continuous_kline",
    "contractInfo",
    "forceOrder",
    "markPrice",
    "markPriceUpdate",
    "miniTicker",
    "ticker",
];

/// Adapter of Binance.
pub(super) struct Binance {
    name: &'static str,
    address: &'static str,
    sequences: Sequences,
}

impl Binance {
    pub(super) fn spot() -> Self {
        Self::new("binance", "wss://stream.binance.com:9443")
    }

    pub(super) fn usdm() -> Self {
        Self::new("binance_usdm", "wss://fstream.binance.com")
    }

    fn new(name: &'static str, address: &'static str) -> Self {
        Self { name, address, sequences: Sequences::default() }
    }
}

#[derive(Deserialize)]
struct Envelope<'m> {
    #[serde(borrow)]
    stream: Option<Text<'m>>,
    #[serde(borrow)]
    data: Option<Raw<'m>>,
}

/// Fields that identify a message without a stream name.
#[derive(Deserialize)]
struct Shape<'m> {
    #[serde(borrow, rename = "e")]
    event: Option<Text<'m>>,
    #[serde(borrow, rename = "b")]
    bid: Option<Raw<'m>>,
    #[serde(borrow)]
    bids: Option<Raw<'m>>,
    #[serde(borrow)]
    id: Option<Raw<'m>>,
    #[serde(borrow)]
    error: Option<Raw<'m>>,
    #[serde(borrow)]
    msg: Option<Text<'m>>,
}

#[derive(Deserialize)]
struct TradeFields<'m> {
    #[serde(borrow)]
    s: Text<'m>,
    #[serde(rename = "t")]
    trade_id: Option<u64>,
    /// Number of the aggregate; in old trades the number of an order.
    #[serde(rename = "a")]
    aggregate_id: Option<u64>,
    #[serde(borrow)]
    p: Raw<'m>,
    #[serde(borrow)]
    q: Raw<'m>,
    #[serde(rename = "T")]
    time_ms: i64,
    /// Kind of trade, for futures.
    #[serde(borrow, rename = "X")]
    execution: Option<Text<'m>>,
}

/// Ids of a trade, independent of its other fields.
#[derive(Deserialize)]
struct TradeNumbers<'m> {
    #[serde(borrow)]
    s: Text<'m>,
    #[serde(borrow, rename = "t")]
    trade_id: Option<Raw<'m>>,
    #[serde(borrow, rename = "a")]
    aggregate_id: Option<Raw<'m>>,
}

#[derive(Deserialize)]
struct BookTicker<'m> {
    u: u64,
    #[serde(borrow)]
    s: Text<'m>,
    #[serde(borrow)]
    b: Raw<'m>,
    #[serde(borrow, rename = "B")]
    bid_quantity: Raw<'m>,
    #[serde(borrow)]
    a: Raw<'m>,
    #[serde(borrow, rename = "A")]
    ask_quantity: Raw<'m>,
    /// Present for futures only.
    #[serde(rename = "T")]
    time_ms: Option<i64>,
}

#[derive(Deserialize)]
struct KlineMessage<'m> {
    #[serde(rename = "E")]
    time_ms: i64,
    #[serde(borrow)]
    s: Text<'m>,
    #[serde(borrow)]
    k: Kline<'m>,
}

#[derive(Deserialize)]
struct Kline<'m> {
    #[serde(rename = "t")]
    start_ms: i64,
    /// Last millisecond of the bar.
    #[serde(rename = "T")]
    last_ms: i64,
    #[serde(borrow)]
    i: Text<'m>,
    #[serde(borrow)]
    o: Raw<'m>,
    #[serde(borrow)]
    h: Raw<'m>,
    #[serde(borrow)]
    l: Raw<'m>,
    #[serde(borrow)]
    c: Raw<'m>,
    #[serde(borrow)]
    v: Raw<'m>,
    n: u64,
    x: bool,
}

impl Venue for Binance {
    fn name(&self) -> &'static str {
        self.name
    }

    fn address(&self) -> &'static str {
        self.address
    }

    fn connection(&self, wanted: &Subscription<'_>) -> Result<Connection, SubscriptionError> {
        wanted.check(self.name)?;
        // Symbols become part of the path.
        let valid = |symbol: &str| symbol.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        wanted.check_symbols(self.name, "letters, digits and `_`, such as BTCUSDT", valid)?;
        let mut streams = Vec::with_capacity(wanted.symbols.len() * wanted.channels.len());
        for channel in wanted.channels {
            let stream = match channel {
                Channel::Trades => "aggTrade",
                Channel::Quotes => "bookTicker",
                Channel::Bars { length_ms } => bar_name(self.name, *length_ms, &BARS)?,
            };
            streams.extend(wanted.symbols.iter().map(|s| format!("{}@{stream}", s.to_ascii_lowercase())));
        }
        let mut requests = streams.chunks(STREAMS_PER_REQUEST);
        let path = format!("/stream?streams={}", requests.next().unwrap_or_default().join("/"));
        let messages = requests
            .enumerate()
            .map(|(i, streams)| json!({"method": "SUBSCRIBE", "params": streams, "id": i + 1}).to_string())
            .collect();
        // The venue pings every 20 s (spot) or 3 minutes (futures); pings do not end a silence.
        Ok(Connection { path, messages, keep_alive: None, silence_ms_max: 60_000 })
    }

    fn read<'m>(&mut self, message: &'m str, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
        let Envelope { stream, data } = object(message)?;
        let body = data.map_or(message, |data| data.get());
        let Some(Text(stream)) = stream else { return self.read_unnamed(body, out) };
        let channel = stream.split('@').nth(1).unwrap_or(&stream);
        match channel {
            "aggTrade" => self.trade("aggTrade", body, out),
            "trade" => self.trade("trade", body, out),
            "bookTicker" => self.quote(body, out),
            _ if channel.starts_with("kline_") => kline(body, out),
            _ if channel.starts_with("depth") => Ok(book("depth", out)),
            _ if stream.starts_with("!bookTicker") => self.quote(body, out),
            _ => Ok(other(
                stream.trim_start_matches('!').split('@').find(|part| OTHERS.contains(part)),
                &stream,
            )),
        }
    }

    fn symbol(&self, typed: &str) -> String {
        upper(typed)
    }

    impl_sequences!();
}

impl Binance {
    /// Parses a message without a stream name: of a raw stream, an answer, or a book snapshot added by a
    /// recorder.
    fn read_unnamed<'m>(&mut self, body: &'m str, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
        let shape: Shape<'m> = object(body)?;
        if let Some(Text(event)) = &shape.event {
            return match event.as_ref() {
                "aggTrade" => self.trade("aggTrade", body, out),
                "trade" => self.trade("trade", body, out),
                "bookTicker" => self.quote(body, out),
                "kline" => kline(body, out),
                "depthUpdate" => Ok(book("depth", out)),
                name => Ok(other(OTHERS.contains(&name).then_some(name), name)),
            };
        }
        if shape.bids.is_some() {
            return Ok(book("depth snapshot", out));
        }
        if shape.bid.is_some() {
            return self.quote(body, out);
        }
        if let Some(text) = shape.msg {
            out.push(Event::Error(text.0));
            return Ok(Parsed::Known("error"));
        }
        if let Some(error) = shape.error {
            out.push(Event::Error(error.get().into()));
            return Ok(Parsed::Known("error"));
        }
        if shape.id.is_some() {
            out.push(Event::Subscribed);
            return Ok(Parsed::Known("result"));
        }
        Ok(Parsed::unknown(body))
    }

    /// Parses a trade and records its number, even if it is refused.
    fn trade<'m>(
        &mut self,
        kind: &'static str,
        body: &'m str,
        out: &mut Vec<Event<'m>>,
    ) -> Result<Parsed, Refusal> {
        let from = out.len();
        match trade(kind, body) {
            Ok(event) => out.push(event),
            Err(refusal) => {
                if let Ok(TradeNumbers { s, trade_id, aggregate_id }) = object(body)
                    && let Some(number) = if kind == "trade" { trade_id } else { aggregate_id }
                    && let Ok(id) = whole(number, kind)
                {
                    self.sequences.see_refused(Numbering::Contiguous, kind, &s.0, id);
                }
                return Err(refusal);
            }
        }
        self.sequences.see_trades(kind, out, from);
        Ok(Parsed::Known(kind))
    }

    fn quote<'m>(&mut self, body: &'m str, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
        let fields: BookTicker<'m> = object(body)?;
        let quote = Quote {
            symbol: symbol(fields.s)?,
            time_ns: fields.time_ms.map(|ms| time_of_ms(ms, "T")).transpose()?,
            bid: level(fields.b, Some(fields.bid_quantity), "b")?,
            ask: level(fields.a, Some(fields.ask_quantity), "a")?,
            update_id: Some(fields.u),
        };
        self.sequences.see(Numbering::Increasing, "bookTicker", &quote.symbol, fields.u);
        out.push(Event::Quote(quote));
        Ok(Parsed::Known("bookTicker"))
    }
}

fn trade<'m>(kind: &'static str, body: &'m str) -> Result<Event<'m>, Refusal> {
    let fields: TradeFields<'m> = object(body)?;
    let id = Some(match kind {
        "trade" => required(fields.trade_id, "t")?,
        _ => required(fields.aggregate_id, "a")?,
    });
    let time_ns = time_of_ms(fields.time_ms, "T")?;
    // Executions other than `MARKET`, such as those of the insurance fund, are not market trades and may have
    // no price.
    if fields.execution.is_some_and(|execution| execution.0 != "MARKET") {
        return Ok(Event::NoTrade(NoTrade { symbol: symbol(fields.s)?, time_ns, id }));
    }
    let (price, quantity) = ((fields.p, "p"), (fields.q, "q"));
    TradeParts { symbol: fields.s, time_ns, price, quantity, id, sets: Sets::All }.event()
}

fn kline<'m>(body: &'m str, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
    let KlineMessage { time_ms, s, k } = object(body)?;
    let kind = BARS.iter().map(|(_, name)| *name).find(|name| name["kline_".len()..] == *k.i.0);
    let end_ms = k.last_ms.saturating_add(1);
    if end_ms <= k.start_ms {
        return Err(Refusal::new("T", &k.last_ms.to_string(), "an end after the start `t`"));
    }
    let interval = (time_of_ms(k.start_ms, "t")?, time_of_ms(end_ms, "T")?);
    let bar = bar(s, interval, [(k.o, "o"), (k.h, "h"), (k.l, "l"), (k.c, "c"), (k.v, "v")])?;
    let time_ns = time_of_ms(time_ms, "E")?;
    out.push(Event::Bar(VenueBar { time_ns, trades: Some(k.n), closed: Some(k.x), ..bar }));
    // Months have no fixed length.
    Ok(Parsed::Known(kind.unwrap_or("kline")))
}

fn book(kind: &'static str, out: &mut Vec<Event<'_>>) -> Parsed {
    out.push(Event::Book);
    Parsed::Known(kind)
}

/// Returns an ignored type as known, any other as unknown.
fn other(name: Option<&str>, full_name: &str) -> Parsed {
    match OTHERS.iter().find(|known| Some(**known) == name) {
        Some(known) => Parsed::Known(known),
        None => Parsed::unknown(full_name),
    }
}
