//! Sequence of connections to one feed, with backoff between them.

use super::EdgeSettings;
use super::connection::{Ended, FeedConnection};
use super::order::Order;
use super::state::State;
use crate::clock::now;
use crate::live::client::EdgeEvent;
use crate::live::client::backoff::{Backoff, sleep};
use crate::live::client::backpressure::{Closed, EventSender};
use crate::live::client::connect::Target;
use crate::live::client::counts::add;

/// Number of consecutive connections ended by a refusal of the same message, after which it is given up.
const STUCK_MAX: u32 = 3;

/// Follows the feed until it ends, fails or is stopped.
pub(super) async fn run(settings: &EdgeSettings, target: &Target, sender: EventSender) {
    let mut stop = sender.stop();
    let order = Order::new(settings.from, settings.held_max, settings.held_bytes_max);
    let (hello, rules, last, refused_seq) = (None, None, None, None);
    let unconfirmed = None;
    let mut state =
        State { settings, sender, order, hello, rules, last, unconfirmed, refused: 0, refused_seq };
    // A `Closed` needs no report: no receiver is left.
    let _: Result<(), Closed> = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => Ok(()),
        followed = state.follow(target) => followed,
    };
}

impl State<'_> {
    async fn follow(&mut self, target: &Target) -> Result<(), Closed> {
        let settings = self.settings;
        let mut backoff = Backoff::new(settings.retry_after, settings.retry_max, settings.seed);
        let mut stuck = 0;
        loop {
            let before = self.order.next();
            let connected = tokio::select! {
                connected = target.connect() => connected,
                over = self.sender.flushing() => return Err(over),
            };
            let ended = match connected {
                Ok(socket) => {
                    add(&self.sender.counters.connections, 1);
                    self.order.forget();
                    self.unconfirmed = None;
                    FeedConnection::new(self, socket).run().await?
                }
                Err(why) => {
                    add(&self.sender.counters.failures, 1);
                    Ended::Lost(why)
                }
            };
            if self.order.next() > before {
                stuck = 0;
                backoff.reset();
            }
            let why = match ended {
                Ended::All(frames) => return self.sender.finish(EdgeEvent::End { at: now(), frames }).await,
                Ended::Failed(text) => {
                    return self.sender.finish(EdgeEvent::Failed { at: now(), text }).await;
                }
                Ended::Lost(why) => why,
                Ended::Refused(why) => {
                    stuck += 1;
                    why
                }
                Ended::ServerError(text) if stuck >= STUCK_MAX => {
                    return self.sender.finish(EdgeEvent::Failed { at: now(), text }).await;
                }
                Ended::ServerError(why) => {
                    stuck += 1;
                    why
                }
            };
            if stuck > STUCK_MAX {
                // The message would be refused again on every connection.
                let next = self.order.next();
                self.gap(next, next)?;
                stuck = 0;
            }
            let wait = backoff.wait();
            self.sender.send(EdgeEvent::Disconnected { at: now(), why, retry_in: wait })?;
            sleep(wait, &mut self.sender).await?;
        }
    }
}
