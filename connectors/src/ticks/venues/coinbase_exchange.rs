//! Adapter of Coinbase Exchange (formerly Pro): public channels, <https://docs.cdp.coinbase.com/exchange>.

use serde::Deserialize;
use serde_json::json;

use super::super::event::{Event, Quote, Sets};
use super::super::fields::{Raw, Text, TradeParts, level, object, required, symbol, time_of_iso, whole};
use super::super::refusal::Refusal;
use super::super::sequence::{Numbering, Sequences};
use super::super::subscription::{Channel, Connection, Subscription, SubscriptionError, bar_name};
use super::super::venue::{Parsed, Venue, impl_sequences};
use super::names::dashed;

const NAME: &str = "coinbase_exchange";

/// Messages of the channels `full`, `status` and `auction`, which are ignored.
const OTHERS: [&str; 7] = ["activate", "auction", "change", "done", "open", "received", "status"];

/// Adapter of Coinbase Exchange.
#[derive(Default)]
pub(super) struct CoinbaseExchange {
    sequences: Sequences,
}

#[derive(Deserialize)]
struct Head<'m> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'m>>,
}

#[derive(Deserialize)]
struct Match<'m> {
    #[serde(borrow)]
    product_id: Text<'m>,
    trade_id: u64,
    #[serde(borrow)]
    price: Raw<'m>,
    #[serde(borrow)]
    size: Raw<'m>,
    #[serde(borrow)]
    time: Text<'m>,
}

/// Id of a match, independent of its other fields.
#[derive(Deserialize)]
struct MatchNumber<'m> {
    #[serde(borrow)]
    product_id: Text<'m>,
    #[serde(borrow)]
    trade_id: Raw<'m>,
}

/// Ticker; before 2022 without sizes, and without a time for a product without trades.
#[derive(Deserialize)]
struct Ticker<'m> {
    #[serde(borrow)]
    product_id: Text<'m>,
    sequence: u64,
    #[serde(borrow)]
    best_bid: Raw<'m>,
    #[serde(borrow)]
    best_bid_size: Option<Raw<'m>>,
    #[serde(borrow)]
    best_ask: Raw<'m>,
    #[serde(borrow)]
    best_ask_size: Option<Raw<'m>>,
    #[serde(borrow)]
    time: Option<Text<'m>>,
}

#[derive(Deserialize)]
struct Heartbeat<'m> {
    #[serde(borrow)]
    time: Text<'m>,
}

#[derive(Deserialize)]
struct Failure<'m> {
    #[serde(borrow)]
    message: Text<'m>,
    #[serde(borrow)]
    reason: Option<Text<'m>>,
}

impl Venue for CoinbaseExchange {
    fn name(&self) -> &'static str {
        NAME
    }

    fn address(&self) -> &'static str {
        "wss://ws-feed.exchange.coinbase.com"
    }

    fn connection(&self, wanted: &Subscription<'_>) -> Result<Connection, SubscriptionError> {
        wanted.check(NAME)?;
        let mut channels = vec!["heartbeat"];
        for channel in wanted.channels {
            channels.push(match channel {
                Channel::Trades => "matches",
                Channel::Quotes => "ticker",
                Channel::Bars { length_ms } => bar_name(NAME, *length_ms, &[])?,
            });
        }
        let message = json!({"type": "subscribe", "product_ids": wanted.symbols, "channels": channels});
        // A heartbeat arrives every second.
        let messages = vec![message.to_string()];
        Ok(Connection { path: "/".to_owned(), messages, keep_alive: None, silence_ms_max: 10_000 })
    }

    fn read<'m>(&mut self, message: &'m str, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
        let Head { kind } = object(message)?;
        let kind = required(kind, "type")?;
        match kind.as_ref() {
            "match" => self.trade("match", message, out),
            "last_match" => {
                out.push(Event::Past);
                self.trade("last_match", message, out)
            }
            "ticker" => self.quote(message, out),
            "heartbeat" => {
                let Heartbeat { time } = object(message)?;
                out.push(Event::Heartbeat { time_ns: Some(time_of_iso(&time, "time")?) });
                Ok(Parsed::Known("heartbeat"))
            }
            "l2update" => {
                out.push(Event::Book);
                Ok(Parsed::Known("l2update"))
            }
            "snapshot" => {
                out.push(Event::Book);
                Ok(Parsed::Known("snapshot"))
            }
            "subscriptions" => {
                out.push(Event::Subscribed);
                Ok(Parsed::Known("subscriptions"))
            }
            "error" => {
                let Failure { message, reason } = object(message)?;
                out.push(Event::Error(match reason {
                    Some(reason) => format!("{}: {}", message.0, reason.0).into(),
                    None => message.0,
                }));
                Ok(Parsed::Known("error"))
            }
            name => match OTHERS.iter().find(|known| **known == name) {
                Some(known) => Ok(Parsed::Known(known)),
                None => Ok(Parsed::unknown(name)),
            },
        }
    }

    fn symbol(&self, typed: &str) -> String {
        dashed(typed)
    }

    impl_sequences!();
}

impl CoinbaseExchange {
    /// Parses a match and records its number, even if it is refused. The last match before the subscription
    /// is recorded too, because the next number follows it.
    fn trade<'m>(
        &mut self,
        kind: &'static str,
        message: &'m str,
        out: &mut Vec<Event<'m>>,
    ) -> Result<Parsed, Refusal> {
        let from = out.len();
        match trade(message) {
            Ok(event) => out.push(event),
            Err(refusal) => {
                if let Ok(MatchNumber { product_id, trade_id }) = object(message)
                    && let Ok(id) = whole(trade_id, "trade_id")
                {
                    self.sequences.see_refused(Numbering::Contiguous, "match", &product_id.0, id);
                }
                return Err(refusal);
            }
        }
        self.sequences.see_trades("match", out, from);
        Ok(Parsed::Known(kind))
    }

    fn quote<'m>(&mut self, message: &'m str, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal> {
        let fields: Ticker<'m> = object(message)?;
        let quote = Quote {
            symbol: symbol(fields.product_id)?,
            time_ns: fields.time.map(|time| time_of_iso(&time, "time")).transpose()?,
            bid: level(fields.best_bid, fields.best_bid_size, "best_bid")?,
            ask: level(fields.best_ask, fields.best_ask_size, "best_ask")?,
            update_id: Some(fields.sequence),
        };
        // Book updates between two tickers use numbers too, so the numbers have holes.
        self.sequences.see(Numbering::Increasing, "ticker", &quote.symbol, fields.sequence);
        out.push(Event::Quote(quote));
        Ok(Parsed::Known("ticker"))
    }
}

fn trade(message: &str) -> Result<Event<'_>, Refusal> {
    let fields: Match<'_> = object(message)?;
    let parts = TradeParts {
        symbol: fields.product_id,
        time_ns: time_of_iso(&fields.time, "time")?,
        price: (fields.price, "price"),
        quantity: (fields.size, "size"),
        id: Some(fields.trade_id),
        sets: Sets::All,
    };
    parts.event()
}
