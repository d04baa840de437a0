//! The way out of an edge: bounded. What happens when it is full has a name.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{SendTimeoutError, Sender, TrySendError};
use tokio::sync::watch;

use super::EdgeEvent;
use super::counts::{Counters, add};
use super::overflow::{Merged, Overflow};
use crate::live::clock::now;
use crate::live::protocol::Bars;

/// Nobody wants any more events.
pub(in crate::live) struct Over;

/// How often a blocked edge looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(20);
/// Events that are no bars and wait beside merged ones; with more of them the edge waits.
const CONTROLS_MAX: usize = 256;

pub(in crate::live) struct EventSender {
    sender: Sender<EdgeEvent>,
    stop: watch::Receiver<bool>,
    pub(in crate::live) counters: Arc<Counters>,
    overflow: Overflow,
    /// Events that are no bars and go before the merged bars.
    controls: VecDeque<EdgeEvent>,
    merged: Option<Merged>,
    /// When the last of the merged bars was received.
    received: Instant,
    /// How long it has been blocked since this was last taken.
    blocked: Duration,
}

impl EventSender {
    pub(in crate::live) fn new(
        sender: Sender<EdgeEvent>,
        stop: watch::Receiver<bool>,
        counters: Arc<Counters>,
        overflow: Overflow,
    ) -> Self {
        let (controls, received) = (VecDeque::new(), Instant::now());
        Self { sender, stop, counters, overflow, controls, merged: None, received, blocked: Duration::ZERO }
    }

    /// Room of a channel. A message that says that bars were merged is handed over together with these.
    pub(in crate::live) fn capacity(wanted: usize, overflow: Overflow) -> usize {
        wanted.max(if overflow == Overflow::ConflateLatest { 2 } else { 1 })
    }

    pub(in crate::live) fn overflow(&self) -> Overflow {
        self.overflow
    }

    /// The signal to stop.
    pub(in crate::live) fn stop(&self) -> watch::Receiver<bool> {
        self.stop.clone()
    }

    /// Whether bars or other events wait here for room in the channel; [`EventSender::flush`] hands them over.
    pub(in crate::live) fn is_waiting(&self) -> bool {
        self.merged.is_some() || !self.controls.is_empty()
    }

    /// Hands bars over, by the policy where there is no room for them.
    pub(in crate::live) fn bars(&mut self, bars: Bars, text: String, received: Instant) -> Result<(), Over> {
        add(&self.counters.delivered, 1);
        self.flush()?;
        let at = now();
        match self.overflow {
            Overflow::Block => self.send_waiting(EdgeEvent::Bars { at, bars, text, received }),
            Overflow::ConflateLatest if self.is_waiting() || self.sender.is_full() => {
                self.received = received;
                match &mut self.merged {
                    Some(merged) => {
                        add(&self.counters.conflated, 1);
                        merged.add(&bars);
                    }
                    None => self.merged = Some(Merged::new(bars)),
                }
                Ok(())
            }
            Overflow::Fail if self.sender.is_full() => {
                let text = format!(
                    "whoever trades is {} messages behind the feed, and feed.overflow is \"fail\": nothing is lost of \
                     what was recorded, and a new start goes on behind it; expected a pipeline that follows \
                     (fewer instruments, a higher rebalance_every), longer bars, or feed.overflow = \"conflate_latest\"",
                    self.sender.len()
                );
                self.send_waiting(EdgeEvent::Failed { at, text })?;
                Err(Over)
            }
            _ => self.send_waiting(EdgeEvent::Bars { at, bars, text, received }),
        }
    }

    /// Hands an event over that is no bars; never is one lost. It waits beside bars that wait, and blocks otherwise.
    pub(in crate::live) fn send(&mut self, event: EdgeEvent) -> Result<(), Over> {
        self.flush()?;
        let full = self.is_waiting() || self.sender.is_full();
        if self.overflow == Overflow::ConflateLatest && full && self.controls.len() < CONTROLS_MAX {
            self.controls.push_back(event);
            return Ok(());
        }
        while let Some(event) = self.controls.pop_front() {
            self.send_waiting(event)?;
        }
        self.send_waiting(event)
    }

    /// Hands over what waits as far as there is room.
    pub(in crate::live) fn flush(&mut self) -> Result<(), Over> {
        while let Some(event) = self.controls.pop_front() {
            match self.sender.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Disconnected(_)) => return Err(Over),
                Err(TrySendError::Full(event)) => {
                    self.controls.push_front(event);
                    return Ok(());
                }
            }
        }
        // Nobody else sends, so room that is there stays there.
        let room = self.sender.capacity().map_or(usize::MAX, |capacity| capacity - self.sender.len());
        match self.merged.take_if(|merged| room > usize::from(merged.frames() > 1)) {
            Some(merged) => self.send_merged(merged),
            None => Ok(()),
        }
    }

    /// Hands over what waits whenever there is room; it ends only with [`Over`].
    pub(in crate::live) async fn flushing(&mut self) -> Over {
        loop {
            tokio::time::sleep(LOOK).await;
            if self.flush().is_err() {
                return Over;
            }
        }
    }

    /// Hands over all that waits, and then a last event. It blocks as long as that takes.
    pub(in crate::live) fn finish(&mut self, last: EdgeEvent) -> Result<(), Over> {
        while let Some(event) = self.controls.pop_front() {
            self.send_waiting(event)?;
        }
        if let Some(merged) = self.merged.take() {
            self.send_merged(merged)?;
        }
        self.send_waiting(last)
    }

    fn send_merged(&mut self, merged: Merged) -> Result<(), Over> {
        let (at, frames, (from_ns, to_ns)) = (now(), merged.frames(), merged.span());
        if frames > 1 {
            self.send_waiting(EdgeEvent::Conflated { at, frames, from_ns, to_ns })?;
        }
        let bars = merged.finish();
        let text = bars.to_text();
        self.send_waiting(EdgeEvent::Bars { at, bars, text, received: self.received })
    }

    /// Hands an event over. It blocks the thread while the channel is full, and with it everything at this edge: that
    /// is what keeps the server from sending on.
    fn send_waiting(&mut self, event: EdgeEvent) -> Result<(), Over> {
        let mut event = match self.sender.try_send(event) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(_)) => return Err(Over),
            Err(TrySendError::Full(event)) => event,
        };
        add(&self.counters.blocked, 1);
        let begun = Instant::now();
        loop {
            if *self.stop.borrow() {
                return Err(Over);
            }
            event = match self.sender.send_timeout(event, LOOK) {
                Ok(()) => break,
                Err(SendTimeoutError::Disconnected(_)) => return Err(Over),
                Err(SendTimeoutError::Timeout(event)) => event,
            };
        }
        let blocked = begun.elapsed();
        add(&self.counters.blocked_ns, u64::try_from(blocked.as_nanos()).unwrap_or(u64::MAX));
        self.blocked += blocked;
        Ok(())
    }

    /// How long it was blocked: nothing was read then, so silence and gaps do not count that time.
    pub(in crate::live) fn take_blocked(&mut self) -> Duration {
        std::mem::take(&mut self.blocked)
    }
}
