//! The execute stage: frames and decisions in, the ledger and the portfolio out.

use std::sync::Arc;

use super::super::error::{Miswired, StageError};
use super::super::message::{FrameWithoutLedger, Message};
use super::super::recycler::Recycler;
use super::super::stage::{Outbox, Stage};
use super::super::trading::{Trading, TradingError};
use crate::frame::{Batch, Frame};
use crate::ledger::{LedgerFrame, RunFacts};
use crate::state::Checkpoint;

const FRAMES: usize = 0;
const DECISIONS: usize = 1;
/// Outlets; those of the ledger follow `ACKNOWLEDGE`.
const ACKNOWLEDGE: usize = 0;
const LEDGER: usize = 1;

/// Stage that moves the book from frame to frame.
///
/// Frame t is handled once the decision of t−1 is known. The portfolio is then acknowledged to sizing. The
/// decision of t completes the frame's ledger.
pub struct Execute {
    trading: Trading,
    frames: Option<(Arc<Batch<Frame>>, usize)>,
    /// Number of stages that receive the ledger.
    takers: usize,
    messages: Recycler<LedgerFrame>,
}

impl Execute {
    /// Returns the stage around a [`Trading`].
    #[must_use]
    pub fn new(trading: Trading) -> Self {
        Self { trading, frames: None, takers: 1, messages: Recycler::default() }
    }

    /// Sets the number of stages that receive the ledger.
    #[must_use]
    pub fn with_takers(self, takers: usize) -> Self {
        Self { takers, ..self }
    }

    /// Advances to the frame at the position and sends its portfolio to sizing.
    fn advance(
        &mut self,
        frames: &Arc<Batch<Frame>>,
        position: usize,
        out: &mut Outbox,
    ) -> Result<(), StageError> {
        let portfolio = Arc::clone(self.trading.advance(&frames[position])?);
        self.frames = Some((Arc::clone(frames), position));
        out.send(ACKNOWLEDGE, Message::Acknowledged(portfolio));
        Ok(())
    }
}

impl Stage for Execute {
    fn name(&self) -> &'static str {
        "execute"
    }

    fn wants(&self) -> usize {
        if self.frames.is_some() { DECISIONS } else { FRAMES }
    }

    fn handle(&mut self, message: Message, out: &mut Outbox) -> Result<(), StageError> {
        match message {
            Message::Frames(frames) if !frames.is_empty() => self.advance(&frames, 0, out)?,
            Message::Frames(_) => {}
            Message::Decided(decision) => {
                let Some((frames, position)) = self.frames.take() else {
                    return Err(Miswired { stage: self.name() }.into());
                };
                debug_assert_eq!(decision.seq, frames[position].seq, "decision of another frame");
                let Self { trading, messages, .. } = self;
                let frame = &frames[position];
                if trading.opens(&decision) {
                    let ledger = messages.write(|ledger: &mut LedgerFrame| {
                        trading.open(ledger);
                        Ok::<_, StageError>(())
                    })?;
                    (0..self.takers)
                        .for_each(|taker| out.send(LEDGER + taker, Message::Ledger(Arc::clone(&ledger))));
                }
                let mut traded = false;
                let mut checkpoint = None;
                let ledger = messages.write(|ledger: &mut LedgerFrame| {
                    traded = trading.complete(frame, &decision, ledger).map_err(TradingError::into_inner)?;
                    checkpoint = Checkpoint::extend(decision.checkpoint.as_ref(), |checkpoint| {
                        checkpoint.execute = trading.save()?.into();
                        Ok(())
                    })?;
                    ledger.checkpoint = checkpoint.take_if(|_| traded);
                    Ok::<_, StageError>(())
                })?;
                let (seq, timestamp) = (frame.seq, frame.timestamp);
                let complete = match traded {
                    true => Message::Ledger(ledger),
                    false => Message::WithoutLedger(FrameWithoutLedger { seq, timestamp, checkpoint }),
                };
                for taker in 0..self.takers {
                    out.send(LEDGER + taker, complete.clone());
                }
                if position + 1 < frames.len() {
                    self.advance(&frames, position + 1, out)?;
                }
            }
            _ => return Err(Miswired { stage: self.name() }.into()),
        }
        Ok(())
    }

    fn end(&mut self, facts: &mut RunFacts, _: &mut Outbox) -> Result<(), StageError> {
        self.trading.end(facts);
        Ok(())
    }
}
