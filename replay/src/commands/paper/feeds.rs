//! From `[feed]` to an edge that follows it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use betaflow_connectors::live::{Account, Edge, EdgeSettings, RawLogSettings, Trust, VenueSettings};

use crate::config::Config;

/// Where a feed is taken up, and what is no setting.
#[derive(Clone, Debug, Default)]
pub(crate) struct StartArguments<'a> {
    /// An address that goes before that of the settings.
    pub url: Option<&'a str>,
    /// Certificates to trust, in PEM, in place of the public ones.
    pub ca: Option<PathBuf>,
    /// When the last bar on record closed, ns since 1970 UTC; none of a new run.
    pub from_ns: Option<i64>,
    /// Number of the next message.
    pub next: u64,
    /// Folder for what a venue says, where `feed.raw_log` wants it.
    pub raw_log: Option<&'a Path>,
}

/// Begins to follow what the settings name.
///
/// # Errors
/// There is no address, no account where the venue wants one, or the edge refuses.
pub(crate) fn start(config: &Config, start: StartArguments<'_>) -> Result<Edge> {
    let feed = &config.feed;
    let url = start.url.filter(|url| !url.is_empty()).map(str::to_owned).or_else(|| feed.url.clone());
    let trust = start.ca.map_or(Trust::Public, Trust::File);
    if !feed.is_venue() {
        let Some(url) = url else {
            bail!(
                "found no address of a feed, expected --url ws://HOST:PORT of `betaflow serve`, or a venue, such as \
                 --venue binance --symbols BTCUSDT"
            );
        };
        let mut settings = EdgeSettings::new(&url);
        (settings.trust, settings.from) = (trust, start.next);
        settings.data = Some(Box::new(config.source().clone()));
        (settings.overflow, settings.back_fill) = (feed.overflow(), feed.back_fill);
        settings.stale_after = stale_after(config).unwrap_or(settings.stale_after);
        return Ok(Edge::start(settings)?);
    }
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

/// How long there may be silence: what trading may not bear is left, too.
fn stale_after(config: &Config) -> Option<Duration> {
    let limit = config.limits.feed().silence_ns_max.map(|ns| Duration::from_nanos(ns.unsigned_abs()));
    config.feed.stale_after().into_iter().chain(limit).min()
}

/// The account of a venue that wants one, from the environment: a secret is no setting.
fn account(venue: &str) -> Result<Option<Account>> {
    if venue != "alpaca" {
        return Ok(None);
    }
    let read = |name: &str| {
        std::env::var(name).with_context(|| {
            format!("alpaca sends nothing without an account: expected the environment variable {name}")
        })
    };
    Ok(Some(Account { key: read("APCA_API_KEY_ID")?, secret: read("APCA_API_SECRET_KEY")? }))
}
