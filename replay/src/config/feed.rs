//! `[feed]`: the live feed of `paper`.

use std::time::Duration;

use anyhow::{Result, bail};
use betaflow_connectors::hint;
use betaflow_connectors::live::{BarsFrom, Overflow};
use betaflow_connectors::ticks::{VENUES, venue};
use betaflow_engine::assembly::{Expression, Universe};
use betaflow_engine::settings::{Invalid, SettingsTable as _, require};
use betaflow_engine::time::{DAY_NS, duration, duration_ns};
use betaflow_engine::{choices, settings};
use serde::{Deserialize, Serialize};

/// Value of `feed.venue` for the protocol of `betaflow serve`.
const OWN: &str = "betaflow";
const VENUE: &str = "\"betaflow\" for the protocol of `betaflow serve`, or a venue: \"alpaca\", \"binance\", \"binance_usdm\", \
                     \"coinbase_advanced\", \"coinbase_exchange\", \"kraken_v1\" or \"kraken_v2\"";
const LENGTH: &str = "a length of time such as \"250ms\", \"2s\" or \"1m\"";

settings! {
    /// Live feed of `paper`. Omitted from `run.toml` when every value is the default.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub(crate) struct FeedSettings in "feed" {
        /// Venue that the feed connects to, or "betaflow".
        venue: String = OWN.into(), form VENUE;
        /// Address in place of the venue's own.
        url: Option<String> = None, form "an address such as \"wss://stream.example.com\"";
        /// Instruments to subscribe to at a venue, by its names.
        symbols: Vec<String> = Vec::new();
        /// Length of a bar made from a venue's trades.
        bar: String = "1m".into(), form "the length of a bar that divides a day, such as \"1s\", \"1m\", \"5m\" or \"1h\"";
        /// Lateness: delay behind the latest trade up to which a trade still belongs to its bar.
        lateness: String = "2s".into(), form LENGTH;
        /// Origin of the bars of a venue.
        bars_from: BarSource = BarSource::Trades;
        /// Treatment of bars while trading is behind; unset: block for "betaflow", conflate_latest for a venue.
        overflow: Option<OnFull> = None;
        /// True if missing frames of a "betaflow" feed are back-filled.
        back_fill: bool = true;
        /// Silence after which the connection is stale and reconnects; unset: 15s for "betaflow", else by venue.
        stale_after: Option<String> = None, form LENGTH;
        /// True if all messages of a venue are written to the state folder.
        raw_log: bool = true;
        /// Size limit of these messages; the oldest files are removed.
        raw_log_max_gb: f64 = 4.0, in 0.2 to 1e6, unit "GB";
    }
}

choices! {
    /// Origin of the bars of a venue.
    pub(crate) enum BarSource, default Trades {
        /// Every trade of the venue.
        Trades = "trades",
        /// The bars that the venue sends.
        Venue = "venue",
    }
}

choices! {
    /// Treatment of bars while a channel is full.
    pub(crate) enum OnFull, default Block {
        /// The feed reads no more until there is room: no bar is lost, and the server waits.
        Block = "block",
        /// Later bars are merged into one message, which the run reports.
        ConflateLatest = "conflate_latest",
        /// The run ends with an error.
        Fail = "fail",
    }
}

impl FeedSettings {
    /// Checks names, lengths and numbers.
    ///
    /// # Errors
    /// The first setting with an invalid value.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        self.check_ranges()?;
        let known = self.venue == OWN || VENUES.contains(&self.venue.as_str());
        let near = hint(&self.venue, [OWN].into_iter().chain(VENUES));
        let found = format!("{:?}{near}", self.venue);
        Self::require("venue", known, found)?;
        require(
            !self.is_venue() || !self.symbols.is_empty(),
            "symbols",
            "none",
            "at least one instrument of the venue, such as symbols = [\"BTCUSDT\"] or --symbols BTCUSDT,ETHUSDT",
        )?;
        Self::require("bar", self.bar_ns().is_some(), format!("{:?}", self.bar))?;
        let lengths = [("lateness", Some(&self.lateness)), ("stale_after", self.stale_after.as_ref())];
        let mut lengths = lengths.into_iter().filter_map(|(key, text)| Some((key, text?)));
        lengths.try_for_each(|(key, text)| Self::require(key, length(text).is_some(), format!("{text:?}")))
    }

    /// True if every value is the default.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Copy with the settings that determine the bars; all others have their defaults.
    pub(super) fn of_results(self) -> Self {
        let Self { venue, symbols, bar, bars_from, .. } = self;
        match venue == OWN {
            true => Self::default(),
            false => Self { venue, symbols, bar, bars_from, ..Self::default() },
        }
    }

    /// True for a venue, false for the protocol of `betaflow serve`.
    pub(crate) fn is_venue(&self) -> bool {
        self.venue != OWN
    }

    /// Converts a typed symbol to the form of the venue; unchanged without a venue.
    pub(crate) fn symbol(&self, typed: &str) -> String {
        venue(&self.venue).map_or_else(|| typed.to_owned(), |venue| venue.symbol(typed))
    }

    /// Refuses factors, a universe and a benchmark with instruments that the feed does not subscribe to.
    ///
    /// # Errors
    /// An instrument is not in `feed.symbols`.
    pub(crate) fn refuse_unasked(
        &self,
        factors: &[(String, Expression)],
        universe: &Universe,
        benchmark: Option<&String>,
    ) -> Result<()> {
        let asked = self.symbols.join(", ");
        let unasked = |symbol: &&String| !self.symbols.contains(symbol);
        for (name, expression) in factors {
            if let Some(symbol) = expression.terms().iter().map(|(_, symbol)| symbol).find(unasked) {
                bail!(
                    "`factors.{name}`: found the instrument {symbol}, expected one of feed.symbols ({asked}); add it there, and \
                     put a name with a dash in single quotes, such as factors.{name} = \"'BTC-USD'\""
                );
            }
        }
        if let Some(symbol) = benchmark.filter(unasked) {
            bail!(
                "`benchmark.symbol`: found the instrument {symbol}, expected one of feed.symbols ({asked}); add it there, and leave \
                 it out of the universe if it is not to be traded"
            );
        }
        for (key, symbols) in [("include", &universe.include), ("trade", &universe.trade)] {
            if let Some(symbol) = symbols.iter().find(unasked) {
                bail!(
                    "`universe.{key}`: found the instrument {symbol}, expected one of feed.symbols ({asked}); add it there"
                );
            }
        }
        Ok(())
    }

    /// Length of a bar in ns; `None` if it does not divide a day.
    pub(crate) fn bar_ns(&self) -> Option<i64> {
        duration_ns(&self.bar).ok().filter(|ns| DAY_NS % ns == 0)
    }

    /// Largest delay of a trade.
    pub(crate) fn lateness(&self) -> Duration {
        length(&self.lateness).unwrap_or_default()
    }

    /// Longest silence; `None` for the default of the feed.
    pub(crate) fn stale_after(&self) -> Option<Duration> {
        self.stale_after.as_deref().and_then(length)
    }

    /// Origin of the bars of a venue.
    pub(crate) fn bars_from(&self) -> BarsFrom {
        match self.bars_from {
            BarSource::Trades => BarsFrom::Trades,
            BarSource::Venue => BarsFrom::Venue,
        }
    }

    /// Treatment of bars while trading is behind: `betaflow serve` waits, a venue does not.
    pub(crate) fn overflow(&self) -> Overflow {
        let usual = if self.is_venue() { OnFull::ConflateLatest } else { OnFull::Block };
        match self.overflow.unwrap_or(usual) {
            OnFull::Block => Overflow::Block,
            OnFull::ConflateLatest => Overflow::ConflateLatest,
            OnFull::Fail => Overflow::Fail,
        }
    }

    /// Size limit of the recorded messages in bytes.
    pub(crate) fn raw_log_max(&self) -> u64 {
        (self.raw_log_max_gb * 1e9) as u64
    }
}

/// Length of time; 0 is allowed.
fn length(text: &str) -> Option<Duration> {
    if matches!(text, "0" | "0s" | "0ms") { Some(Duration::ZERO) } else { duration(text).ok() }
}
