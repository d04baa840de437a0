//! Clients of exchanges: an adapter of `crate::ticks` behind a WebSocket, and bars of its messages.
//!
//! * `connection.rs` is one connection. `bar_builder.rs` holds the bars, which outlive a connection.
//! * Bars are made by event time. Without messages the venue's clock advances by the monotonic clock from its
//!   latest event. It ticks only while the socket has nothing to read, so a busy machine closes nothing early.
//!   It stands still while the venue is not connected. The wall clock is never read.
//! * Bars of trades begin with the first interval after the first message of the first connection. If bars are
//!   requested from an earlier time (`from_ns`), the missed intervals are an
//!   [`EdgeEvent::Outage`](super::EdgeEvent::Outage).
//! * After a later reconnection the known part of each interval is passed on, and the outage names the
//!   intervals that it touches. Nothing is requested again, because a venue's WebSocket has no such request.
//!   Some venues send their latest trades and bars after a subscription, and these count.
//! * A gap in a venue's numbers is reported as `Missing` once it has been open for four times the lateness.
//! * `faults.rs` reports each kind of fault once (`Fault`; its kind is a stable name). `watch.rs` finds symbols
//!   that are not heard, not subscribed to, or quiet.
//! * `live/raw_log.rs` keeps every message in the form of a capture. `betaflow check` reads captures, and
//!   `betaflow serve --capture` plays them (`live/capture.rs`, `live/server/playback.rs`).

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
use super::protocol::{Hello, MESSAGE_MAX, PROTOCOL, Stated};
use super::raw_log::{RawLogCounts, RawLogSettings};
use super::tls::Trust;
use crate::ticks::{
    BarCounts, BarSettings, Channel, Connection, Counts, Credentials, LatePolicy, Subscription, Venue,
};
pub use watch::SymbolsHeard;

pub(super) use follower::Follower;

/// What bars are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BarsFrom {
    /// Every trade.
    #[default]
    Trades,
    /// The bars that the venue makes itself, of lengths that it has.
    Venue,
}

/// An account at a venue. `Debug` does not show it: a secret must not get into a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The key.
    pub key: String,
    /// Its secret.
    pub secret: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Account")
    }
}

/// How a venue is followed.
#[derive(Clone, Debug)]
pub struct VenueSettings {
    /// One of [`VENUES`](crate::ticks::VENUES).
    pub venue: String,
    /// An address in the place of the venue's own, such as a proxy's: `ws://` or `wss://` without a path.
    pub url: Option<String>,
    /// Whose certificates are good, of `wss`.
    pub trust: Trust,
    /// The instruments, by the venue's names, in upper or lower case.
    pub symbols: Vec<String>,
    /// Time after a connection at which symbols that were not heard are reported.
    pub symbols_after: Duration,
    /// Shortest silence of a symbol, by the venue's clock, that is reported while others go on.
    pub quiet_after: Duration,
    /// What bars are made of.
    pub bars_from: BarsFrom,
    /// Length of a bar, in ns. It divides a day.
    pub bar_ns: i64,
    /// How much later than the latest event an event may come by its own time.
    pub lateness: Duration,
    /// Who asks, of a venue that wants to know.
    pub account: Option<Account>,
    /// Bars that start before this, ns since 1970 UTC, are not made: after a restart, where the last bar ended. Without it,
    /// the first bar of trades is the first that begins after the connection.
    pub from_ns: Option<i64>,
    /// Number of the first message of bars.
    pub first_seq: u64,
    /// Events that wait for whoever takes them.
    pub capacity: usize,
    /// What becomes of bars that find no room there.
    pub overflow: Overflow,
    /// How long the venue may send no message; it is then left and connected again. Without it, as the adapter has it. A
    /// connection that is dead, so that not even a ping is answered, is left after 15 s in any case.
    pub stale_after: Option<Duration>,
    /// How long a connection may take.
    pub connect_within: Duration,
    /// The first wait before another connection; it doubles.
    pub retry_after: Duration,
    /// The longest wait before another connection.
    pub retry_max: Duration,
    /// Bytes of the largest message that is taken.
    pub message_max: usize,
    /// Where the jitter of these waits comes from.
    pub seed: u64,
    /// Where all that the venue says is written, if it is.
    pub raw_log: Option<RawLogSettings>,
}

impl VenueSettings {
    /// The usual ones: bars of a minute of trades, 2 s of lateness; later bars are merged where whoever takes them is behind.
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

    /// What the feed of this venue says of itself.
    #[must_use]
    pub fn hello(&self) -> Hello {
        let from = if self.bars_from == BarsFrom::Venue { ", its own bars" } else { "" };
        Hello {
            protocol: PROTOCOL,
            name: format!("{} {}{from}", self.venue, duration_text(self.bar_ns)),
            columns: ["open", "high", "low", "close", "volume"].map(str::to_owned).to_vec(),
            factors: Vec::new(),
            has_rf: false,
            values: Stated::Prices,
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

    /// How the venue wants to be asked.
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

/// What a venue has said.
#[derive(Clone, Debug, Default)]
pub struct VenueCounts {
    /// Its messages by type, those of unknown types and those that were refused.
    pub messages: Counts,
    /// What became of its trades and bars.
    pub bars: BarCounts,
    /// Symbols that were not heard, not asked for, or are quiet.
    pub symbols: SymbolsHeard,
    /// What of it was written to files.
    pub raw_log: RawLogCounts,
}
