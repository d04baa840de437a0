//! One connection after the other.

use betaflow_engine::time::TimestampNs;

use super::EdgeSettings;
use super::connection::{Ended, FeedConnection};
use super::order::{Order, Received};
use crate::live::bar_rules::BarRules;
use crate::live::client::EdgeEvent;
use crate::live::client::backoff::{Backoff, sleep};
use crate::live::client::backpressure::{EventSender, Over, now};
use crate::live::client::connect::Target;
use crate::live::client::counts::add;
use crate::live::protocol::Hello;

/// After so many connections in a row that ended with a refusal before the next message, that one is given up.
const STUCK_MAX: u32 = 3;

/// What outlives a connection.
pub(super) struct State<'a> {
    pub(super) settings: &'a EdgeSettings,
    pub(super) sender: EventSender,
    pub(super) order: Order,
    /// What the feed said of itself first.
    pub(super) hello: Option<Hello>,
    /// Rules for its bars.
    pub(super) rules: Option<BarRules>,
    /// When the last bars that were handed over closed.
    pub(super) last: Option<TimestampNs>,
    /// Bars of the next number that close much later than those before them, until other messages confirm the time.
    pub(super) doubted: Option<Received>,
    /// Messages that were refused, and the number of the bars that were refused last.
    pub(super) refused: u64,
    pub(super) refused_seq: Option<u64>,
}

/// Follows the feed until it ends, fails, or nobody wants it any more.
pub(super) async fn run(settings: &EdgeSettings, target: &Target, sender: EventSender) {
    let mut stop = sender.stop();
    let order = Order::new(settings.from, settings.held_max, settings.held_bytes_max);
    let (hello, rules, last, refused_seq) = (None, None, None, None);
    let doubted = None;
    let mut state = State { settings, sender, order, hello, rules, last, doubted, refused: 0, refused_seq };
    // Nobody wants any more events: there is nobody to tell.
    let _: Result<(), Over> = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => Ok(()),
        followed = state.follow(target) => followed,
    };
}

impl State<'_> {
    async fn follow(&mut self, target: &Target) -> Result<(), Over> {
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
                    self.doubted = None;
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
                Ended::All(frames) => return self.sender.finish(EdgeEvent::End { at: now(), frames }),
                Ended::Failed(text) => return self.sender.finish(EdgeEvent::Failed { at: now(), text }),
                Ended::Lost(why) => why,
                Ended::Refused(why) => {
                    stuck += 1;
                    why
                }
                Ended::ServerError(text) if stuck >= STUCK_MAX => {
                    return self.sender.finish(EdgeEvent::Failed { at: now(), text });
                }
                Ended::ServerError(why) => {
                    stuck += 1;
                    why
                }
            };
            if stuck > STUCK_MAX {
                // Whatever it is that cannot be taken, it would be there again.
                let next = self.order.next();
                self.gap(next, next)?;
                stuck = 0;
            }
            let wait = backoff.wait();
            self.sender.send(EdgeEvent::Disconnected { at: now(), why, retry_in: wait })?;
            sleep(wait, &mut self.sender).await?;
        }
    }

    /// Gives messages up, the last included.
    pub(super) fn gap(&mut self, from: u64, to: u64) -> Result<(), Over> {
        self.order.give_up(to);
        add(&self.sender.counters.gaps, 1);
        add(&self.sender.counters.missing, to - from + 1);
        self.sender.send(EdgeEvent::Gap { at: now(), from, to })
    }
}
