//! The source stage: frames, several to a message.

use std::sync::Arc;

use super::super::error::StageError;
use super::super::message::Message;
use super::super::range_checks::check_frame;
use super::super::recycler::Recycler;
use super::super::stage::{Outbox, Stage};
use crate::frame::{Batch, Frame};
use crate::ledger::RunFacts;
use crate::names::InstrumentNames;
use crate::range::OnOutOfRange;
use crate::settings::Calendar;
use crate::source::Source;
use crate::time::Sessions;

use super::data_warnings::DataWarnings;
use super::spacing::Spacing;

/// Cells (frames × instruments) of a message if the settings do not give the number of frames.
const CELLS_PER_MESSAGE: usize = 4_096;
/// Largest number of frames of a message whose size follows from its cells.
const FRAMES_PER_MESSAGE_MAX: usize = 64;

/// Stage that sends the frames of a source to its outlets.
pub struct SourceStage {
    source: Box<dyn Source>,
    spacing: Spacing,
    data_warnings: DataWarnings,
    outlets: usize,
    frames_per_message: Option<usize>,
    /// Names of the instruments so far, in engine order.
    names: InstrumentNames,
    on_out_of_range: OnOutOfRange,
    width: usize,
    messages: Recycler<Batch<Frame>>,
}

impl SourceStage {
    /// Returns the stage. `outlets`: number of stages that receive the frames. `frames_per_message`: at least
    /// 1; `None` to choose by the number of instruments.
    #[must_use]
    pub fn new(
        source: Box<dyn Source>,
        calendar: Calendar,
        outlets: usize,
        frames_per_message: Option<usize>,
    ) -> Self {
        let (spacing, data_warnings) = (Spacing::new(calendar), DataWarnings::new(calendar));
        Self {
            source,
            spacing,
            data_warnings,
            outlets,
            frames_per_message,
            names: InstrumentNames::default(),
            on_out_of_range: OnOutOfRange::default(),
            width: 1,
            messages: Recycler::default(),
        }
    }

    /// Sets the sessions, in which frames are counted.
    #[must_use]
    pub fn with_sessions(self, sessions: Option<Arc<Sessions>>) -> Self {
        Self { spacing: self.spacing.with_sessions(sessions), ..self }
    }

    /// Sets the effect of a value of the data out of range.
    #[must_use]
    pub fn when_out_of_range(self, on_out_of_range: OnOutOfRange) -> Self {
        Self { on_out_of_range, ..self }
    }

    /// Sets the instruments listed before the run resumes. The facts of the stage cover only the frames that
    /// it emits.
    #[must_use]
    pub fn with_listed(self, names: &[Arc<str>]) -> Self {
        let mut known = InstrumentNames::default();
        known.extend(names);
        Self { data_warnings: self.data_warnings.with_listed(names), names: known, ..self }
    }
}

impl Stage for SourceStage {
    fn name(&self) -> &'static str {
        "source"
    }

    fn handle(&mut self, _: Message, out: &mut Outbox) -> Result<(), StageError> {
        let most = self
            .frames_per_message
            .unwrap_or_else(|| (CELLS_PER_MESSAGE / self.width).clamp(1, FRAMES_PER_MESSAGE_MAX));
        let Self { source, width, spacing, data_warnings, names, on_out_of_range, .. } = self;
        let mut finished = false;
        let message = self.messages.write(|batch| {
            batch.clear();
            while batch.len() < most {
                let frame = batch.push();
                if !source.next_frame(frame)? {
                    batch.pop();
                    finished = true;
                    break;
                }
                names.take(frame);
                // Under `Halt`, sizing checks the same prices in the portfolio.
                if *on_out_of_range == OnOutOfRange::Stop {
                    check_frame(frame, names, source.factor_names())?;
                }
                *width = frame.instruments().max(1);
                spacing.observe(frame);
                data_warnings.observe(frame);
            }
            Ok::<_, StageError>(())
        })?;
        if !message.is_empty() {
            for outlet in 0..self.outlets {
                out.send(outlet, Message::Frames(message.clone()));
            }
        }
        if finished {
            out.finish();
        }
        Ok(())
    }

    fn end(&mut self, facts: &mut RunFacts, _: &mut Outbox) -> Result<(), StageError> {
        facts.data = self.source.facts();
        facts.data.warnings.extend(self.spacing.warning());
        facts.data.sessions = self.spacing.sessions();
        facts.data.warnings.extend(self.data_warnings.warnings(self.source.factor_names()));
        facts.factor_names = self.source.factor_names().to_vec();
        Ok(())
    }
}
