//! Clients of exchanges: a WebSocket, an adapter of `crate::ticks`, and the bars built from its messages.
//!
//! * `connection.rs` handles one connection. `bar_builder.rs` holds the bars, which outlive a connection.
//! * Bars are built by event time.
//!   Without messages the venue's clock advances by the monotonic clock from its latest event. It advances
//!   only while the socket has no data to read, so a busy machine closes no bar early. It stops while
//!   disconnected. The wall clock is never read.
//! * Bars of trades begin with the first interval after the first message of the first connection.
//!   If bars from an earlier time (`from_ns`) are requested, an outage names the missed intervals.
//! * After a reconnection, incomplete bars are delivered too, and the outage names the affected intervals.
//!   No message is requested again, because a venue's WebSocket has no such request. Some venues send their
//!   latest trades and bars after a subscription; these enter bars too.
//! * A gap in a venue's numbering is reported as `Missing` once it has been open for four times the lateness.
//! * `faults.rs` reports each kind of fault once (`Fault`; its kind is a stable name).
//! * `watch.rs` finds symbols without any message, outside the subscription, or quiet.
//! * `live/raw_log.rs` records every message in the format of a capture.
//!   Captures are read by `betaflow check` and played by `betaflow serve --capture` (`live/capture.rs`,
//!   `live/server/playback.rs`).

mod bar_builder;
mod connection;
mod faults;
mod follower;
mod run;
mod watch;

use std::time::Duration;

use betaflow_engine::time::duration_text;

use super::client::Overflow;
use super::error::LiveError;
use super::protocol::{FeedValues, Hello, MESSAGE_MAX, PROTOCOL};
use super::raw_log::{RawLogCounts, RawLogSettings};
use super::tls::Trust;
use crate::ticks::{
    BarCounts, BarSettings, Channel, Connection, Counts, Credentials, LatePolicy, Subscription, Venue,
};
pub use watch::SymbolsHeard;

pub(super) use follower::Follower;

/// Source of a venue's bars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BarsFrom {
    /// Every trade.
    #[default]
    Trades,
    /// Bars sent by the venue, in the lengths that it offers.
    Venue,
}

/// Account at a venue. `Debug` hides its fields: secrets must not appear in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// API key.
    pub key: String,
    /// API secret.
    pub secret: String,
}

impl Account {
    /// Key and secret as they are, and as the content of a text in JSON, where some characters are escaped.
    fn secrets(&self) -> Vec<String> {
        let both = [&self.secret, &self.key].into_iter().filter(|secret| !secret.is_empty());
        both.flat_map(|secret| {
            let json = serde_json::Value::from(secret.as_str()).to_string();
            [json[1..json.len() - 1].to_owned(), secret.clone()]
        })
        .collect()
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Account")
    }
}

/// Settings of a venue's client.
#[derive(Clone, Debug)]
pub struct VenueSettings {
    /// Name of the venue, one of [`VENUES`](crate::ticks::VENUES).
    pub venue: String,
    /// Address that replaces the venue's own, such as a proxy: `ws://` or `wss://` without a path.
    pub url: Option<String>,
    /// Accepted certificates of a `wss` server.
    pub trust: Trust,
    /// Instruments by the venue's names, in upper or lower case.
    pub symbols: Vec<String>,
    /// Time after a connection at which symbols without any message are reported.
    pub symbols_after: Duration,
    /// Minimum silence of a symbol, by the venue's clock, that is reported while other symbols trade.
    pub quiet_after: Duration,
    /// Source of the bars.
    pub bars_from: BarsFrom,
    /// Length of a bar, in ns. It divides a day.
    pub bar_ns: i64,
    /// Maximum lateness of an event: its distance behind the latest event, by event time.
    pub lateness: Duration,
    /// Account, for a venue that requires one.
    pub account: Option<Account>,
    /// Start of the bars, ns since 1970 UTC: after a restart, the end of the last bar. `None`: bars of trades
    /// start with the first interval after the connection.
    pub from_ns: Option<i64>,
    /// Number of the first bars message.
    pub first_seq: u64,
    /// Capacity of the event channel.
    pub capacity: usize,
    /// Policy for bars when the channel is full.
    pub overflow: Overflow,
    /// Maximum silence of the venue before the client reconnects; `None`: the adapter's value. A connection
    /// that answers no ping either is closed after 15 s in any case.
    pub stale_after: Option<Duration>,
    /// Timeout of a connection attempt.
    pub connect_within: Duration,
    /// First wait before a reconnect; it doubles with each attempt.
    pub retry_after: Duration,
    /// Maximum wait before a reconnect.
    pub retry_max: Duration,
    /// Maximum size of a message, in bytes.
    pub message_max: usize,
    /// Seed of the jitter of the waits.
    pub seed: u64,
    /// Log of the venue's messages; `None`: not recorded.
    pub raw_log: Option<RawLogSettings>,
}

impl VenueSettings {
    /// Creates the default settings: one-minute bars of trades, 2 s of lateness, conflation while the channel
    /// is full.
    #[must_use]
    pub fn new(venue: &str, symbols: &[&str]) -> Self {
        Self {
            venue: venue.to_owned(),
            url: None,
            trust: Trust::Public,
            symbols: symbols.iter().map(|symbol| (*symbol).to_owned()).collect(),
            symbols_after: Duration::from_secs(30),
            quiet_after: Duration::from_secs(60),
            bars_from: BarsFrom::Trades,
            bar_ns: 60_000_000_000,
            lateness: Duration::from_secs(2),
            account: None,
            from_ns: None,
            first_seq: 0,
            capacity: 64,
            overflow: Overflow::ConflateLatest,
            stale_after: None,
            connect_within: Duration::from_secs(10),
            retry_after: Duration::from_millis(250),
            retry_max: Duration::from_secs(30),
            message_max: MESSAGE_MAX,
            seed: 0,
            raw_log: None,
        }
    }

    /// Returns the description of this venue's feed.
    #[must_use]
    pub fn hello(&self) -> Hello {
        let from = if self.bars_from == BarsFrom::Venue { ", its own bars" } else { "" };
        Hello {
            protocol: PROTOCOL,
            name: format!("{} {}{from}", self.venue, duration_text(self.bar_ns)),
            columns: ["open", "high", "low", "close", "volume"].map(str::to_owned).to_vec(),
            factors: Vec::new(),
            has_rf: false,
            values: FeedValues::Prices,
            frames: None,
            recorded: false,
        }
    }

    fn bar_settings(&self) -> BarSettings {
        BarSettings {
            length_ns: self.bar_ns,
            lateness_ns: i64::try_from(self.lateness.as_nanos()).unwrap_or(i64::MAX),
            late: LatePolicy::DropAndCount,
            from_ns: self.from_ns.unwrap_or(i64::MIN),
        }
    }

    /// Returns the venue's connection for these settings.
    fn connection(&self, venue: &dyn Venue) -> Result<Connection, LiveError> {
        let channels = match self.bars_from {
            BarsFrom::Trades => Channel::Trades,
            BarsFrom::Venue => {
                Channel::Bars { length_ms: u64::try_from(self.bar_ns / 1_000_000).unwrap_or_default() }
            }
        };
        let symbols: Vec<&str> = self.symbols.iter().map(String::as_str).collect();
        let credentials =
            self.account.as_ref().map(|account| Credentials { key: &account.key, secret: &account.secret });
        Ok(venue.connection(&Subscription { symbols: &symbols, channels: &[channels], credentials })?)
    }
}

/// Counts of a venue.
#[derive(Clone, Debug, Default)]
pub struct VenueCounts {
    /// Messages by type, including unknown and refused ones.
    pub messages: Counts,
    /// Trades and bars by outcome.
    pub bars: BarCounts,
    /// Symbols without any message, outside the subscription, or quiet.
    pub symbols: SymbolsHeard,
    /// Messages written to the raw log.
    pub raw_log: RawLogCounts,
}
