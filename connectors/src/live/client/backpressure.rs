//! Bounded channel from an edge to the pipeline, with a named policy for a full channel.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{SendTimeoutError, Sender, TrySendError};
use tokio::sync::watch;

use super::EdgeEvent;
use super::counts::{Counters, add};
use super::overflow::{Merged, Overflow};
use crate::clock::now;
use crate::live::protocol::Bars;

/// The receiver is gone or the edge was stopped: no more events are accepted.
pub(in crate::live) struct Closed;

/// Interval at which a blocked edge checks for the stop signal.
const LOOK: Duration = Duration::from_millis(20);
/// Maximum number of control events queued by conflation; beyond it, the edge blocks.
const CONTROLS_MAX: usize = 256;

pub(in crate::live) struct EventSender {
    sender: Sender<EdgeEvent>,
    stop: watch::Receiver<bool>,
    pub(in crate::live) counters: Arc<Counters>,
    overflow: Overflow,
    /// Control events that precede the merged bars.
    controls: VecDeque<EdgeEvent>,
    merged: Option<Merged>,
    /// Time of receipt of the last merged bars.
    received: Instant,
    /// Time blocked since the last call of `take_blocked`.
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

    /// Capacity of the channel. Conflation needs 2, because merged bars and their notice are sent together.
    pub(in crate::live) fn capacity(wanted: usize, overflow: Overflow) -> usize {
        wanted.max(if overflow == Overflow::ConflateLatest { 2 } else { 1 })
    }

    pub(in crate::live) fn overflow(&self) -> Overflow {
        self.overflow
    }

    /// Returns the stop signal.
    pub(in crate::live) fn stop(&self) -> watch::Receiver<bool> {
        self.stop.clone()
    }

    /// Returns whether bars or other events wait for room in the channel; [`EventSender::flush`] sends them.
    pub(in crate::live) fn is_waiting(&self) -> bool {
        self.merged.is_some() || !self.controls.is_empty()
    }

    /// Sends bars; if the channel is full, applies the overflow policy.
    pub(in crate::live) fn bars(
        &mut self,
        bars: Bars,
        text: String,
        received: Instant,
    ) -> Result<(), Closed> {
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
                    "the pipeline is {} messages behind the feed, and feed.overflow is \"fail\"; recorded inputs are \
                     complete, and a restart resumes after them; expected a pipeline that keeps up (fewer instruments, \
                     a higher rebalance_every), longer bars, or feed.overflow = \"conflate_latest\"",
                    self.sender.len()
                );
                self.send_waiting(EdgeEvent::Failed { at, text })?;
                Err(Closed)
            }
            _ => self.send_waiting(EdgeEvent::Bars { at, bars, text, received }),
        }
    }

    /// Sends a control event, which is never dropped. If the channel is full, conflation queues it; other
    /// policies block.
    pub(in crate::live) fn send(&mut self, event: EdgeEvent) -> Result<(), Closed> {
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

    /// Sends pending events while the channel has room.
    pub(in crate::live) fn flush(&mut self) -> Result<(), Closed> {
        while let Some(event) = self.controls.pop_front() {
            match self.sender.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Disconnected(_)) => return Err(Closed),
                Err(TrySendError::Full(event)) => {
                    self.controls.push_front(event);
                    return Ok(());
                }
            }
        }
        // This is the only sender, so free capacity stays free.
        let room = self.sender.capacity().map_or(usize::MAX, |capacity| capacity - self.sender.len());
        match self.merged.take_if(|merged| room > usize::from(merged.frames() > 1)) {
            Some(merged) => self.send_merged(merged),
            None => Ok(()),
        }
    }

    /// Sends pending events whenever there is room; returns only with [`Closed`].
    pub(in crate::live) async fn flushing(&mut self) -> Closed {
        loop {
            tokio::time::sleep(LOOK).await;
            if self.flush().is_err() {
                return Closed;
            }
        }
    }

    /// Sends all pending events and then `last`. Waits until all are sent.
    pub(in crate::live) async fn finish(&mut self, mut last: EdgeEvent) -> Result<(), Closed> {
        loop {
            self.flush()?;
            if !self.is_waiting() {
                last = match self.sender.try_send(last) {
                    Ok(()) => return Ok(()),
                    Err(TrySendError::Disconnected(_)) => return Err(Closed),
                    Err(TrySendError::Full(last)) => last,
                };
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn send_merged(&mut self, merged: Merged) -> Result<(), Closed> {
        let (at, frames, (from_ns, to_ns)) = (now(), merged.frames(), merged.span());
        if frames > 1 {
            self.send_waiting(EdgeEvent::Conflated { at, frames, from_ns, to_ns })?;
        }
        let bars = merged.finish();
        let text = bars.to_text();
        self.send_waiting(EdgeEvent::Bars { at, bars, text, received: self.received })
    }

    /// Sends an event. Blocks the thread while the channel is full, so the socket is not read and TCP
    /// backpressure slows the server.
    fn send_waiting(&mut self, event: EdgeEvent) -> Result<(), Closed> {
        let mut event = match self.sender.try_send(event) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(_)) => return Err(Closed),
            Err(TrySendError::Full(event)) => event,
        };
        add(&self.counters.blocked, 1);
        let begun = Instant::now();
        loop {
            if *self.stop.borrow() {
                return Err(Closed);
            }
            event = match self.sender.send_timeout(event, LOOK) {
                Ok(()) => break,
                Err(SendTimeoutError::Disconnected(_)) => return Err(Closed),
                Err(SendTimeoutError::Timeout(event)) => event,
            };
        }
        let blocked = begun.elapsed();
        add(&self.counters.blocked_ns, u64::try_from(blocked.as_nanos()).unwrap_or(u64::MAX));
        self.blocked += blocked;
        Ok(())
    }

    /// Returns and resets the time blocked. Nothing was read during it, so it counts neither as silence nor
    /// as a gap.
    pub(in crate::live) fn take_blocked(&mut self) -> Duration {
        std::mem::take(&mut self.blocked)
    }
}
