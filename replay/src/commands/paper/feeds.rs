//! Starts the feed client that `[feed]` configures.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use betaflow_connectors::live::{Account, Edge, EdgeSettings, RawLogSettings, Trust, VenueSettings};

use crate::config::Config;

/// Arguments of a feed client that are not settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct StartArguments<'a> {
    /// Address that replaces the configured one.
    pub url: Option<&'a str>,
    /// Certificates to trust, in PEM, instead of the public ones.
    pub ca: Option<PathBuf>,
    /// Close time of the last recorded bar, nanoseconds since 1970 UTC; `None` for a new run.
    pub from_ns: Option<i64>,
    /// Sequence number of the next message.
    pub next: u64,
    /// Folder of the raw log of a venue, used if `feed.raw_log` is set.
    pub raw_log: Option<&'a Path>,
}

/// Starts to follow the configured feed.
///
/// # Errors
/// No address is configured, the venue needs an account, or the feed client refuses the settings.
pub(crate) fn start(config: &Config, start: StartArguments<'_>) -> Result<Edge> {
    let feed = &config.feed;
    if !feed.is_venue() {
        return Ok(Edge::start(own_feed(config, start)?)?);
    }
    let (url, trust) = (url(config, start.url), start.ca.map_or(Trust::Public, Trust::File));
    let symbols: Vec<&str> = feed.symbols.iter().map(String::as_str).collect();
    let mut settings = VenueSettings::new(&feed.venue, &symbols);
    (settings.url, settings.trust) = (url, trust);
    settings.bars_from = feed.bars_from();
    settings.bar_ns = feed.bar_ns().context("feed.bar")?;
    settings.lateness = feed.lateness();
    (settings.from_ns, settings.first_seq) = (start.from_ns, start.next);
    settings.overflow = feed.overflow();
    settings.stale_after = stale_after(config);
    settings.account = account(&feed.venue)?;
    settings.raw_log = start.raw_log.filter(|_| feed.raw_log).map(|folder| {
        let total_max = feed.raw_log_max();
        RawLogSettings { total_max, ..RawLogSettings::new(folder) }
    });
    Ok(Edge::follow(settings)?)
}

/// Address of the feed, if any.
fn url(config: &Config, typed: Option<&str>) -> Option<String> {
    typed.filter(|url| !url.is_empty()).map(str::to_owned).or_else(|| config.feed.url.clone())
}

/// Settings of the client of our own protocol.
///
/// # Errors
/// No address is configured.
pub(crate) fn own_feed(config: &Config, start: StartArguments<'_>) -> Result<EdgeSettings> {
    let Some(url) = url(config, start.url) else {
        bail!(
            "found no feed, expected --url ws://HOST:PORT of `betaflow serve`, or a venue, for example \
             --venue binance --symbols BTCUSDT"
        );
    };
    let feed = &config.feed;
    let mut settings = EdgeSettings::new(&url);
    settings.trust = start.ca.map_or(Trust::Public, Trust::File);
    settings.from = start.next;
    settings.data = Some(Box::new(config.source().clone()));
    (settings.overflow, settings.back_fill) = (feed.overflow(), feed.back_fill);
    settings.stale_after = stale_after(config).unwrap_or(settings.stale_after);
    Ok(settings)
}

/// Silence limit of the feed: the smaller of `feed.stale_after` and the limit on trading.
fn stale_after(config: &Config) -> Option<Duration> {
    let limit = config.limits.feed().silence_ns_max.map(|ns| Duration::from_nanos(ns.unsigned_abs()));
    config.feed.stale_after().into_iter().chain(limit).min()
}

/// Account of a venue that needs one, from the environment: settings are recorded and must not hold secrets.
fn account(venue: &str) -> Result<Option<Account>> {
    if venue != "alpaca" {
        return Ok(None);
    }
    let read = |name: &str| {
        std::env::var(name).with_context(|| {
            format!("alpaca needs an account: found no environment variable {name}, expected one")
        })
    };
    Ok(Some(Account { key: read("APCA_API_KEY_ID")?, secret: read("APCA_API_SECRET_KEY")? }))
}
