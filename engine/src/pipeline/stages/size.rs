//! The size stage: estimates and the portfolio in, decisions out.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::error::{Miswired, StageError};
use super::super::message::{Decision, Message};
use super::super::recycler::Recycler;
use super::super::sizing::Sizing;
use super::super::stage::{Outbox, Stage};
use super::super::trading::TradingError;
use crate::execution::Portfolio;
use crate::frame::Batch;
use crate::ledger::{EstimatesOfFrame, RunFacts};
use crate::model::Estimates;
use crate::state::Checkpoint;

const ESTIMATES: usize = 0;
const ACKNOWLEDGED: usize = 1;

/// Stage that decides on each frame once its estimates and the portfolio after it have arrived.
pub struct Size {
    sizing: Sizing,
    /// Current message, and the number of its frames that have a decision.
    current: Option<(Arc<Batch<Estimates>>, usize)>,
    waiting: VecDeque<Arc<Batch<Estimates>>>,
    messages: Recycler<Decision>,
}

impl Size {
    /// Returns the stage around a [`Sizing`].
    #[must_use]
    pub fn new(sizing: Sizing) -> Self {
        Self { sizing, current: None, waiting: VecDeque::new(), messages: Recycler::default() }
    }

    fn decide(
        &mut self,
        estimates: &EstimatesOfFrame,
        portfolio: &Portfolio,
    ) -> Result<Arc<Decision>, StageError> {
        let Self { sizing, messages, .. } = self;
        messages.write(|decision: &mut Decision| {
            let frame = estimates.get();
            sizing.decide(frame, portfolio, decision).map_err(TradingError::into_inner)?;
            decision.estimates = frame.complete.then(|| estimates.clone());
            decision.groups = (!frame.groups.is_empty()).then(|| estimates.clone());
            decision.checkpoint = Checkpoint::extend(frame.checkpoint.as_ref(), |checkpoint| {
                checkpoint.size = sizing.save()?.into();
                Ok(())
            })?;
            Ok::<_, StageError>(())
        })
    }
}

impl Stage for Size {
    fn name(&self) -> &'static str {
        "size"
    }

    fn wants(&self) -> usize {
        if self.current.is_some() { ACKNOWLEDGED } else { ESTIMATES }
    }

    fn handle(&mut self, message: Message, out: &mut Outbox) -> Result<(), StageError> {
        match message {
            Message::Estimates(batch) if !batch.is_empty() => self.waiting.push_back(batch),
            Message::Estimates(_) => {}
            Message::Acknowledged(portfolio) => {
                let Some((batch, position)) = self.current.take() else {
                    return Err(Miswired { stage: self.name() }.into());
                };
                let estimates = EstimatesOfFrame { batch, position };
                let decision = self.decide(&estimates, &portfolio)?;
                out.send(0, Message::Decided(decision));
                let next = position + 1;
                if next < estimates.batch.len() {
                    self.current = Some((estimates.batch, next));
                }
            }
            _ => return Err(Miswired { stage: self.name() }.into()),
        }
        if self.current.is_none() {
            self.current = self.waiting.pop_front().map(|batch| (batch, 0));
        }
        Ok(())
    }

    fn end(&mut self, facts: &mut RunFacts, _: &mut Outbox) -> Result<(), StageError> {
        facts.sizing = self.sizing.facts();
        Ok(())
    }
}
