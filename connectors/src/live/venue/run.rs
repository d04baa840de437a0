//! Sequence of connections to a venue, with backoff between them.

use std::sync::PoisonError;

use super::connection::VenueConnection;
use super::follower::Follower;
use crate::clock::now;
use crate::live::client::EdgeEvent;
use crate::live::client::backoff::{Backoff, sleep};
use crate::live::client::backpressure::{Closed, EventSender};
use crate::live::client::counts::add;
use crate::live::raw_log::RawLog;

impl Follower {
    /// Follows the venue until the edge is stopped.
    pub(in crate::live) async fn run(mut self, mut sender: EventSender) {
        let mut stop = sender.stop();
        // A `Closed` needs no report: no receiver is left.
        let _: Option<Closed> = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => None,
            over = self.follow(&mut sender) => Some(over),
        };
        let raw_log = self.raw_log.as_ref().map(RawLog::counts).unwrap_or_default();
        self.raw_log = None;
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).raw_log = raw_log;
    }

    async fn follow(&mut self, sender: &mut EventSender) -> Closed {
        let settings = &self.settings;
        let mut backoff = Backoff::new(settings.retry_after, settings.retry_max, settings.seed);
        for attempt in 0_u64.. {
            let ended = self.once(attempt, &mut backoff, sender).await;
            let Ok(why) = ended else { return Closed };
            let retry_in = backoff.wait();
            if sender.send(EdgeEvent::Disconnected { at: now(), why, retry_in }).is_err()
                || sleep(retry_in, sender).await.is_err()
            {
                return Closed;
            }
        }
        Closed
    }

    /// Connects and runs the connection to its end; returns the reason.
    async fn once(
        &mut self,
        attempt: u64,
        backoff: &mut Backoff,
        sender: &mut EventSender,
    ) -> Result<String, Closed> {
        let connected = tokio::select! {
            connected = self.target.connect() => connected,
            over = sender.flushing() => return Err(over),
        };
        let socket = match connected {
            Ok(socket) => socket,
            Err(why) => {
                add(&sender.counters.failures, 1);
                return Ok(why);
            }
        };
        let again = sender.counters.read().connections > 0;
        add(&sender.counters.connections, 1);
        add(&sender.counters.reconnects, u64::from(again));
        let taken = self.builder.taken();
        self.builder.connected(again, sender)?;
        let ended = VenueConnection::new(self, sender, socket, attempt + 1).run().await?;
        if self.builder.taken() > taken {
            backoff.reset();
        }
        Ok(ended)
    }
}
