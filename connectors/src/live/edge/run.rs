//! One connection after the other.

use std::time::Duration;

use betaflow_engine::frame::TimestampNs;

use super::backoff::Backoff;
use super::connect::Target;
use super::counts::add;
use super::order::{Order, Received};
use super::outlet::{Outlet, Over, now};
use super::session::{Ended, Session};
use super::{EdgeEvent, EdgeSettings};
use crate::live::bar_rules::BarRules;
use crate::live::protocol::Hello;

/// After so many connections in a row that ended with a refusal before the next message, that one is given up.
const STUCK_MAX: u32 = 3;

/// What outlives a connection.
pub(super) struct State<'a> {
    pub(super) settings: &'a EdgeSettings,
    pub(super) outlet: Outlet,
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
pub(super) async fn run(settings: &EdgeSettings, target: &Target, outlet: Outlet) {
    let mut stop = outlet.stop();
    let order = Order::new(settings.from, settings.held_max, settings.held_bytes_max);
    let (hello, rules, last, refused_seq) = (None, None, None, None);
    let doubted = None;
    let mut state = State { settings, outlet, order, hello, rules, last, doubted, refused: 0, refused_seq };
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
                over = self.outlet.flushing() => return Err(over),
            };
            let ended = match connected {
                Ok(socket) => {
                    add(&self.outlet.counters.connections, 1);
                    self.order.forget();
                    self.doubted = None;
                    Session::new(self, socket).run().await?
                }
                Err(why) => {
                    add(&self.outlet.counters.failures, 1);
                    Ended::Lost(why)
                }
            };
            if self.order.next() > before {
                stuck = 0;
                backoff.reset();
            }
            let why = match ended {
                Ended::All(frames) => return self.outlet.finish(EdgeEvent::End { at: now(), frames }),
                Ended::Failed(text) => return self.outlet.finish(EdgeEvent::Failed { at: now(), text }),
                Ended::Lost(why) => why,
                Ended::Refused(why) => {
                    stuck += 1;
                    why
                }
                Ended::ServerError(text) if stuck >= STUCK_MAX => {
                    return self.outlet.finish(EdgeEvent::Failed { at: now(), text });
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
            self.outlet.send(EdgeEvent::Disconnected { at: now(), why, retry_in: wait })?;
            sleep(wait, &mut self.outlet).await?;
        }
    }

    /// Gives messages up, the last included.
    pub(super) fn gap(&mut self, from: u64, to: u64) -> Result<(), Over> {
        self.order.give_up(to);
        add(&self.outlet.counters.gaps, 1);
        add(&self.outlet.counters.missing, to - from + 1);
        self.outlet.send(EdgeEvent::Gap { at: now(), from, to })
    }
}

/// Waits for another attempt, and hands over meanwhile what there is room for.
pub(in crate::live) async fn sleep(wait: Duration, outlet: &mut Outlet) -> Result<(), Over> {
    let mut stop = outlet.stop();
    tokio::select! {
        over = outlet.flushing() => Err(over),
        () = tokio::time::sleep(wait) => Ok(()),
        _ = stop.wait_for(|stop| *stop) => Err(Over),
    }
}
