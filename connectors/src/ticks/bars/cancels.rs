//! Cancellations and corrections of trades whose bar is open.

use super::super::event::Correction;
use super::{Bars, EventOutcome};

impl Bars {
    /// Cancels a trade of an open bar.
    pub(super) fn cancel(&mut self, symbol: &str, id: u64) -> EventOutcome {
        let Some(column) = self.column(symbol) else { return EventOutcome::NotAsked };
        let room = &mut self.room;
        let mut open = self.open.values_mut().rev().filter_map(|bars| bars[column].as_mut());
        match open.any(|bar| bar.cancel(id, room)) {
            true => {
                self.counts.cancelled += 1;
                self.counts.in_bars -= 1;
                EventOutcome::Changed
            }
            false => {
                self.counts.cancelled_late += 1;
                EventOutcome::ChangedLate
            }
        }
    }

    /// Corrects a trade of an open bar.
    pub(super) fn correct(&mut self, right: &Correction<'_>) -> EventOutcome {
        let Some(column) = self.column(&right.symbol) else { return EventOutcome::NotAsked };
        let mut open = self.open.values_mut().rev().filter_map(|bars| bars[column].as_mut());
        match open.any(|bar| bar.correct(right)) {
            true => {
                self.counts.corrected += 1;
                EventOutcome::Changed
            }
            false => {
                self.counts.corrected_late += 1;
                EventOutcome::ChangedLate
            }
        }
    }
}
