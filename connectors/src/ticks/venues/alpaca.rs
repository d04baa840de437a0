//! Adapter of Alpaca: stocks and crypto, <https://docs.alpaca.markets/docs/streaming-market-data>. A message
//! is a JSON array.

use serde::Deserialize;
use serde_json::json;

use super::super::event::{Cancel, Correction, Event, NoTrade, Quote, Sets, VenueBar};
use super::super::fields::{
    self, Raw, Text, TradeParts, array, end_of, level, object, price, quantity, symbol, time_of_iso,
};
use super::super::refusal::Refusal;
use super::super::sequence::Sequences;
use super::super::subscription::{Channel, Connection, Subscription, SubscriptionError, bar_name};
use super::super::venue::{Parsed, Venue, impl_sequences};
use super::names::upper;
use super::sale_conditions::sets;

const NAME: &str = "alpaca";
const MINUTE_NS: i64 = 60_000_000_000;
const DAY_NS: i64 = 1440 * MINUTE_NS;

/// Channels of bars by length in seconds.
const BARS: [(u64, &str); 2] = [(60, "bars"), (86_400, "dailyBars")];

/// Types of limits, halts and imbalances, which are ignored.
const OTHERS: [&str; 3] = ["i", "l", "s"];

/// Adapter of Alpaca. Holes in its trade ids have no meaning. Only this venue cancels trades: crypto
/// exchanges publish no busted trades.
#[derive(Default)]
pub(super) struct Alpaca {
    sequences: Sequences,
}

#[derive(Deserialize)]
struct Head<'m> {
    #[serde(borrow, rename = "T")]
    kind: Text<'m>,
}

#[derive(Deserialize)]
struct TradeFields<'m> {
    #[serde(borrow, rename = "S")]
    symbol: Text<'m>,
    i: u64,
    /// Exchange, for stocks.
    #[serde(borrow)]
    x: Option<Text<'m>>,
    #[serde(borrow)]
    p: Raw<'m>,
    #[serde(borrow)]
    s: Raw<'m>,
    /// Sale conditions, for stocks.
    #[serde(borrow)]
    c: Option<Vec<Text<'m>>>,
    /// Tape, for stocks.
    #[serde(borrow)]
    z: Option<Text<'m>>,
    #[serde(borrow)]
    t: Text<'m>,
}

/// Cancellation of a trade; `a` is `C` (cancelled) or `E` (error).
#[derive(Deserialize)]
struct CancelFields<'m> {
    #[serde(borrow, rename = "S")]
    symbol: Text<'m>,
    i: u64,
    #[serde(borrow)]
    x: Option<Text<'m>>,
}

/// Correction of a trade: `o…` are the fields of the wrong trade, `c…` those of the corrected one.
#[derive(Deserialize)]
struct CorrectionFields<'m> {
    #[serde(borrow, rename = "S")]
    symbol: Text<'m>,
    #[serde(borrow)]
    x: Option<Text<'m>>,
    oi: u64,
    ci: u64,
    #[serde(borrow)]
    cp: Raw<'m>,
    #[serde(borrow)]
    cs: Raw<'m>,
    #[serde(borrow)]
    cc: Option<Vec<Text<'m>>>,
    #[serde(borrow)]
    z: Option<Text<'m>>,
}

#[derive(Deserialize)]
struct QuoteFields<'m> {
    #[serde(borrow, rename = "S")]
    symbol: Text<'m>,
    #[serde(borrow)]
    bp: Raw<'m>,
    #[serde(borrow)]
    bs: Raw<'m>,
    #[serde(borrow)]
    ap: Raw<'m>,
    #[serde(borrow, rename = "as")]
    ask_size: Raw<'m>,
    #[serde(borrow)]
    t: Text<'m>,
}

#[derive(Deserialize)]
struct BarFields<'m> {
    #[serde(borrow, rename = "S")]
    symbol: Text<'m>,
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
    n: Option<u64>,
    #[serde(borrow)]
    t: Text<'m>,
}

#[derive(Deserialize)]
struct Notice<'m> {
    #[serde(borrow)]
    msg: Text<'m>,
}

impl Venue for Alpaca {
    fn name(&self) -> &'static str {
        NAME
    }

    fn address(&self) -> &'static str {
        "wss://stream.data.alpaca.markets"
    }

    fn connection(&self, wanted: &Subscription<'_>) -> Result<Connection, SubscriptionError> {
        wanted.check(NAME)?;
        let who = wanted.credentials.ok_or(SubscriptionError::Credentials { venue: NAME })?;
        let login = json!({"action": "auth", "key": who.key, "secret": who.secret}).to_string();
        let mut subscribe = json!({"action": "subscribe"});
        for channel in wanted.channels {
            let name = match channel {
                Channel::Trades => "trades",
                Channel::Quotes => "quotes",
                Channel::Bars { length_ms } => bar_name(NAME, *length_ms, &BARS)?,
            };
            subscribe[name] = json!(wanted.symbols);
        }
        // Outside trading hours, only pongs arrive for hours.
        Ok(Connection {
            path: "/v2/iex".to_owned(),
            messages: vec![login, subscribe.to_string()],
            keep_alive: None,
            silence_ms_max: 86_400_000,
        })
    }

    /// Parses a message. Its type is `mixed` if the types of its elements differ, and unknown if one is
    /// unknown.
    fn read<'m>(&mut self, message: &'m str, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
        let mut of_all: Option<Parsed> = None;
        for element in array(message)? {
            let parsed = element_of(element, out)?;
            of_all = Some(match of_all {
                None => parsed,
                Some(before) if before == parsed => before,
                Some(before @ Parsed::Unknown(_)) => before,
                Some(_) if matches!(parsed, Parsed::Unknown(_)) => parsed,
                Some(_) => Parsed::Known("mixed"),
            });
        }
        Ok(of_all.unwrap_or(Parsed::Known("empty")))
    }

    fn symbol(&self, typed: &str) -> String {
        upper(typed)
    }

    fn cancels(&self) -> bool {
        true
    }

    impl_sequences!();
}

fn element_of<'m>(element: Raw<'m>, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
    let text = element.get();
    let Head { kind } = object(text)?;
    Ok(Parsed::Known(match kind.as_ref() {
        "t" => trade(object(text)?, out)?,
        "x" => cancel(object(text)?, out)?,
        "c" => correction(object(text)?, out)?,
        "q" => quote(object(text)?, out)?,
        "b" => bar("b", MINUTE_NS, Some(true), object(text)?, out)?,
        // Updated bar of a minute, after a late trade.
        "u" => bar("u", MINUTE_NS, Some(true), object(text)?, out)?,
        "d" => bar("d", DAY_NS, None, object(text)?, out)?,
        "o" => {
            out.push(Event::Book);
            "o"
        }
        "success" => {
            out.push(Event::Status(object::<Notice<'m>>(text)?.msg.0));
            "success"
        }
        "error" => {
            out.push(Event::Error(object::<Notice<'m>>(text)?.msg.0));
            "error"
        }
        "subscription" => {
            out.push(Event::Subscribed);
            "subscription"
        }
        name => match OTHERS.iter().find(|known| **known == name) {
            Some(known) => known,
            None => return Ok(Parsed::unknown(name)),
        },
    }))
}

/// Returns the id of a trade. Ids of stocks are unique only within an exchange, so the letter of the exchange
/// becomes the highest byte.
fn number(id: u64, exchange: Option<&Text<'_>>) -> u64 {
    let letter = exchange.and_then(|exchange| exchange.0.bytes().next()).unwrap_or(0);
    if id >> 56 == 0 { u64::from(letter) << 56 | id } else { id }
}

/// Returns the prices that a trade with these conditions sets; `None` if it is not a trade.
fn sets_of(conditions: Option<&[Text<'_>]>, tape: Option<&Text<'_>>) -> Option<Sets> {
    sets(conditions.unwrap_or_default().iter().map(AsRef::as_ref), tape.map(AsRef::as_ref))
}

fn trade<'m>(fields: TradeFields<'m>, out: &mut Vec<Event<'m>>) -> Result<&'static str, Refusal> {
    let time_ns = time_of_iso(&fields.t, "t")?;
    let id = Some(number(fields.i, fields.x.as_ref()));
    let Some(sets) = sets_of(fields.c.as_deref(), fields.z.as_ref()) else {
        out.push(Event::NoTrade(NoTrade { symbol: symbol(fields.symbol)?, time_ns, id }));
        return Ok("t");
    };
    let (price, quantity) = ((fields.p, "p"), (fields.s, "s"));
    out.push(TradeParts { symbol: fields.symbol, time_ns, price, quantity, id, sets }.event()?);
    Ok("t")
}

fn cancel<'m>(fields: CancelFields<'m>, out: &mut Vec<Event<'m>>) -> Result<&'static str, Refusal> {
    let id = number(fields.i, fields.x.as_ref());
    out.push(Event::Cancel(Cancel { symbol: symbol(fields.symbol)?, id }));
    Ok("x")
}

fn correction<'m>(fields: CorrectionFields<'m>, out: &mut Vec<Event<'m>>) -> Result<&'static str, Refusal> {
    let exchange = fields.x.as_ref();
    let (id, new_id) = (number(fields.oi, exchange), number(fields.ci, exchange));
    let (symbol, price) = (symbol(fields.symbol)?, price(fields.cp, "cp")?);
    let quantity = quantity(fields.cs, "cs")?;
    out.push(match sets_of(fields.cc.as_deref(), fields.z.as_ref()) {
        Some(sets) => Event::Correction(Correction { symbol, id, new_id, price, quantity, sets }),
        // The corrected report is not a trade.
        None => Event::Cancel(Cancel { symbol, id }),
    });
    Ok("c")
}

fn quote<'m>(fields: QuoteFields<'m>, out: &mut Vec<Event<'m>>) -> Result<&'static str, Refusal> {
    out.push(Event::Quote(Quote {
        symbol: symbol(fields.symbol)?,
        time_ns: Some(time_of_iso(&fields.t, "t")?),
        bid: level(fields.bp, Some(fields.bs), "bp")?,
        ask: level(fields.ap, Some(fields.ask_size), "ap")?,
        update_id: None,
    }));
    Ok("q")
}

fn bar<'m>(
    kind: &'static str,
    length_ns: i64,
    closed: Option<bool>,
    bar: BarFields<'m>,
    out: &mut Vec<Event<'m>>,
) -> Result<&'static str, Refusal> {
    let start_ns = time_of_iso(&bar.t, "t")?;
    let end_ns = end_of(start_ns, length_ns)?;
    let BarFields { symbol, o, h, l, c, v, n: trades, .. } = bar;
    let numbers = [(o, "o"), (h, "h"), (l, "l"), (c, "c"), (v, "v")];
    let bar = fields::bar(symbol, (start_ns, end_ns), numbers)?;
    // A minute bar is sent after its end; the bar of the current day is sent at some time after its start.
    let time_ns = if closed.is_some() { end_ns } else { start_ns };
    out.push(Event::Bar(VenueBar { time_ns, trades, closed, ..bar }));
    Ok(kind)
}
