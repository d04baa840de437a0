//! `[feed]`: what live trading follows, and how.

use std::time::Duration;

use anyhow::{Result, bail};
use betaflow_connectors::hint;
use betaflow_connectors::live::{BarsFrom, Overflow};
use betaflow_connectors::ticks::{VENUES, venue};
use betaflow_engine::assembly::{Expression, Universe};
use betaflow_engine::require_number;
use betaflow_engine::settings::{Invalid, require};
use betaflow_engine::time::{DAY_NS, duration, duration_ns};
use serde::{Deserialize, Serialize};

/// Our own protocol, which is no venue.
const OWN: &str = "betaflow";
const VENUE: &str = "\"betaflow\", which is what `betaflow serve` speaks, or a venue: \"alpaca\", \"binance\", \
                     \"binance_usdm\", \"coinbase_advanced\", \"coinbase_exchange\", \"kraken_v1\" or \"kraken_v2\"";
const LENGTH: &str = "a length of time such as \"250ms\", \"2s\" or \"1m\"";

/// `[feed]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FeedSettings {
    /// `betaflow`, or the venue that is followed.
    pub venue: String,
    /// An address in the place of the venue's own.
    pub url: Option<String>,
    /// Instruments of a venue, by its names.
    pub symbols: Vec<String>,
    /// Length of a bar of a venue.
    pub bar: String,
    /// How much later than the latest a trade may come and still belong to its bar.
    pub lateness: String,
    /// What bars of a venue are made of.
    pub bars_from: From,
    /// What becomes of bars while trading is behind; as the feed needs it where it is not said.
    pub overflow: Option<Overflow>,
    /// Whether our own feed is asked again for what is missing.
    pub back_fill: bool,
    /// How long the feed may say nothing; 15 s of our own, and as the adapter has it of a venue, where it is not said.
    pub stale_after: Option<String>,
    /// Whether all that a venue says is written to the state folder.
    pub raw_log: bool,
    /// Most of that, in GB: the oldest is removed.
    pub raw_log_max_gb: f64,
}

impl Default for FeedSettings {
    fn default() -> Self {
        Self {
            venue: OWN.into(),
            url: None,
            symbols: Vec::new(),
            bar: "1m".into(),
            lateness: "2s".into(),
            bars_from: From::Trades,
            overflow: None,
            back_fill: true,
            stale_after: None,
            raw_log: true,
            raw_log_max_gb: 4.0,
        }
    }
}

/// `feed.bars_from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum From {
    /// Every trade.
    Trades,
    /// The bars that the venue makes.
    Venue,
}

impl FeedSettings {
    /// Checks names, lengths and numbers.
    ///
    /// # Errors
    /// The first that is not as it should be.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let known = self.venue == OWN || VENUES.contains(&self.venue.as_str());
        let near = hint(&self.venue, [OWN].into_iter().chain(VENUES));
        let found = format!("{:?}{near}", self.venue);
        require(known, "venue", found, VENUE)?;
        require(
            !self.is_venue() || !self.symbols.is_empty(),
            "symbols",
            "none",
            "the instruments of the venue, such as symbols = [\"BTCUSDT\"] or --symbols BTCUSDT,ETHUSDT",
        )?;
        require(
            self.bar_ns().is_some(),
            "bar",
            format!("{:?}", self.bar),
            "the length of a bar that divides a day, such as \"1s\", \"1m\", \"5m\" or \"1h\"",
        )?;
        let lengths = [("lateness", Some(&self.lateness)), ("stale_after", self.stale_after.as_ref())];
        for (key, text) in lengths.into_iter().filter_map(|(key, text)| Some((key, text?))) {
            require(length(text).is_some(), key, format!("{text:?}"), LENGTH)?;
        }
        require_number!("raw_log_max_gb", self.raw_log_max_gb, 0.2 to 1e6 "of GB ")
    }

    /// Whether nobody has said anything.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What decides which bars there are: the rest is how they are got.
    pub(super) fn of_results(self) -> Self {
        let Self { venue, symbols, bar, bars_from, .. } = self;
        match venue == OWN {
            true => Self::default(),
            false => Self { venue, symbols, bar, bars_from, ..Self::default() },
        }
    }

    /// Whether an exchange is followed, rather than a feed of our own protocol.
    pub(crate) fn is_venue(&self) -> bool {
        self.venue != OWN
    }

    /// The venue's name of an instrument, from the name as it was typed; of our own protocol the name itself.
    pub(crate) fn symbol(&self, typed: &str) -> String {
        venue(&self.venue).map_or_else(|| typed.to_owned(), |venue| venue.symbol(typed))
    }

    /// Refuses factors and a universe of instruments that the venue is not asked for.
    ///
    /// # Errors
    /// The first such instrument.
    pub(crate) fn refuse_unasked(&self, factors: &[(String, Expression)], universe: &Universe) -> Result<()> {
        let asked = self.symbols.join(", ");
        let unasked = |symbol: &&String| !self.symbols.contains(symbol);
        for (name, expression) in factors {
            if let Some(symbol) = expression.terms().iter().map(|(_, symbol)| symbol).find(unasked) {
                bail!(
                    "factors.{name}: found the instrument {symbol}, expected one of feed.symbols ({asked}): add it there; a \
                     name with a dash stands in quotes of its own, such as factors.{name} = \"'BTC-USD'\""
                );
            }
        }
        for (key, symbols) in [("include", &universe.include), ("trade", &universe.trade)] {
            if let Some(symbol) = symbols.iter().find(unasked) {
                bail!(
                    "universe.{key}: found the instrument {symbol}, expected one of feed.symbols ({asked}): add it there"
                );
            }
        }
        Ok(())
    }

    /// Length of a bar in ns, where it divides a day.
    pub(crate) fn bar_ns(&self) -> Option<i64> {
        duration_ns(&self.bar).ok().filter(|ns| DAY_NS % ns == 0)
    }

    /// How much later a trade may come.
    pub(crate) fn lateness(&self) -> Duration {
        length(&self.lateness).unwrap_or_default()
    }

    /// How long there may be silence.
    pub(crate) fn stale_after(&self) -> Option<Duration> {
        self.stale_after.as_deref().and_then(length)
    }

    /// What bars of a venue are made of.
    pub(crate) fn bars_from(&self) -> BarsFrom {
        match self.bars_from {
            From::Trades => BarsFrom::Trades,
            From::Venue => BarsFrom::Venue,
        }
    }

    /// What becomes of bars while trading is behind: our own feed waits, an exchange does not.
    pub(crate) fn overflow(&self) -> Overflow {
        let usual = if self.is_venue() { Overflow::ConflateLatest } else { Overflow::Block };
        self.overflow.unwrap_or(usual)
    }

    /// Most bytes of what a venue said.
    pub(crate) fn raw_log_max(&self) -> u64 {
        (self.raw_log_max_gb * 1e9) as u64
    }
}

/// A length of time, or zero.
fn length(text: &str) -> Option<Duration> {
    if matches!(text, "0" | "0s" | "0ms") { Some(Duration::ZERO) } else { duration(text).ok() }
}
