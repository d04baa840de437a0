//! One connection after the other.

use std::sync::{Arc, Mutex, PoisonError};

use super::making::Making;
use super::session::Session;
use super::{VenueCounts, VenueSettings};
use crate::live::edge::EdgeEvent;
use crate::live::edge::backoff::Backoff;
use crate::live::edge::connect::Target;
use crate::live::edge::counts::add;
use crate::live::edge::outlet::{Outlet, Over, now};
use crate::live::edge::run::sleep;
use crate::live::raw_log::RawLog;
use crate::ticks::Connection;

/// Follows a venue.
pub(in crate::live) struct Follower {
    pub(super) settings: VenueSettings,
    pub(super) target: Target,
    pub(super) connection: Connection,
    pub(super) making: Making,
    pub(super) raw_log: Option<RawLog>,
    pub(super) counts: Arc<Mutex<VenueCounts>>,
}

impl Follower {
    /// Follows the venue until nobody wants it any more.
    pub(in crate::live) async fn run(mut self, mut outlet: Outlet) {
        let mut stop = outlet.stop();
        // Nobody wants any more events: there is nobody to tell.
        let _: Option<Over> = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => None,
            over = self.follow(&mut outlet) => Some(over),
        };
        let raw_log = self.raw_log.as_ref().map(RawLog::counts).unwrap_or_default();
        self.raw_log = None;
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).raw_log = raw_log;
    }

    async fn follow(&mut self, outlet: &mut Outlet) -> Over {
        let settings = &self.settings;
        let mut backoff = Backoff::new(settings.retry_after, settings.retry_max, settings.seed);
        for attempt in 0_u64.. {
            let ended = self.once(attempt, &mut backoff, outlet).await;
            let Ok(why) = ended else { return Over };
            let retry_in = backoff.wait();
            if outlet.send(EdgeEvent::Disconnected { at: now(), why, retry_in }).is_err()
                || sleep(retry_in, outlet).await.is_err()
            {
                return Over;
            }
        }
        Over
    }

    /// Connects and follows the connection to its end; returns why it ended.
    async fn once(
        &mut self,
        attempt: u64,
        backoff: &mut Backoff,
        outlet: &mut Outlet,
    ) -> Result<String, Over> {
        let connected = tokio::select! {
            connected = self.target.connect() => connected,
            over = outlet.flushing() => return Err(over),
        };
        let socket = match connected {
            Ok(socket) => socket,
            Err(why) => {
                add(&outlet.counters.failures, 1);
                return Ok(why);
            }
        };
        let again = outlet.counters.read().connections > 0;
        add(&outlet.counters.connections, 1);
        add(&outlet.counters.reconnects, u64::from(again));
        let taken = self.making.taken();
        self.making.connected(again, outlet)?;
        let ended = Session::new(self, outlet, socket, attempt + 1).run().await?;
        if self.making.taken() > taken {
            backoff.reset();
        }
        Ok(ended)
    }
}
