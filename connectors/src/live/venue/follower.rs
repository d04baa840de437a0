//! Setup of a venue's client before its first connection.

use std::sync::{Arc, Mutex};

use super::bar_builder::BarBuilder;
use super::{VenueCounts, VenueSettings};
use crate::did_you_mean::nearest;
use crate::live::client::connect::{Target, check_address};
use crate::live::error::LiveError;
use crate::live::raw_log::RawLog;
use crate::ticks::{Bars, Connection, VENUES, venue};

/// Client of a venue; outlives a connection.
pub(in crate::live) struct Follower {
    pub(super) settings: VenueSettings,
    pub(super) target: Target,
    pub(super) connection: Connection,
    pub(super) builder: BarBuilder,
    pub(super) raw_log: Option<RawLog>,
    pub(super) counts: Arc<Mutex<VenueCounts>>,
}

impl Follower {
    /// Checks the settings, opens the raw log and creates the bar builder.
    ///
    /// # Errors
    /// The venue is unknown or does not offer the subscription, the address or the certificates are invalid,
    /// or the folder cannot be written.
    pub(in crate::live) fn new(
        mut settings: VenueSettings,
        counts: Arc<Mutex<VenueCounts>>,
    ) -> Result<Self, LiveError> {
        let adapter = venue(&settings.venue).ok_or_else(|| LiveError::Venue {
            found: settings.venue.clone(),
            nearest: nearest(&settings.venue, VENUES),
            known: VENUES.join(", "),
        })?;
        settings.symbols.iter_mut().for_each(|symbol| *symbol = adapter.symbol(symbol));
        let connection = settings.connection(&*adapter)?;
        settings.url.as_deref().map_or(Ok(()), check_address)?;
        let address = settings.url.as_deref().unwrap_or(adapter.address()).trim_end_matches('/');
        let url = format!("{address}{}", connection.path);
        let target = Target::new(&url, &settings.trust, settings.message_max, settings.connect_within)?;
        let symbols = settings.symbols.iter().map(String::as_str);
        let bars = Bars::new(settings.bar_settings(), 1, symbols)?;
        let bars = if adapter.cancels() { bars.with_cancels() } else { bars };
        let raw_log = settings.raw_log.clone().map(RawLog::start).transpose()?;
        let builder = BarBuilder::new(&settings, adapter, bars, Arc::clone(&counts));
        Ok(Self { settings, target, connection, builder, raw_log, counts })
    }
}
