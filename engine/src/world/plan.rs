//! Plan of a path: its dates, and the dates of the data from which they are drawn.

use super::error::{PathChange, WorldError};
use super::recorded::{Day, Recording};
use super::settings::WorldSettings;
use crate::time::{DAY_NS, Date, TimestampNs};
use crate::validation::StationaryBootstrap;
use crate::warning::{WorldNote, WorstWindow};

/// A date of a path, and the number of the drawn date of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) date: i64,
    pub(super) drawn: usize,
}

/// All dates of a path, and notes about their origin.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) steps: Vec<Step>,
    pub(super) notes: Vec<WorldNote>,
}

/// Returns the dates in their order, or resampled, followed by the worst windows of that path.
pub(super) fn plan(recording: &Recording, world: &WorldSettings) -> Result<Plan, WorldError> {
    let days = &recording.days;
    let as_it_is = days.iter().enumerate().map(|(drawn, day)| Step { date: day.date, drawn });
    let mut plan = Plan { steps: as_it_is.collect(), notes: Vec::new() };
    if let Some(seed) = world.bootstrap_seed {
        plan.resample(seed, world.bootstrap_block)?;
    }
    if world.worst_windows > 0 {
        plan.append_worst(days, world.worst_windows as usize, world.worst_window_days as usize)?;
    }
    Ok(plan)
}

impl Plan {
    /// Resamples the dates by the stationary block bootstrap (Politis & Romano 1994). The first date stays in
    /// place and is not drawn: it has no return.
    fn resample(&mut self, seed: u64, block: f64) -> Result<(), WorldError> {
        let dates = self.steps.len();
        let too_short = || WorldError::TooShort { change: PathChange::Resampling, found: dates, expected: 2 };
        // The settings check covers the block length: the only error left is data without a return.
        let draws =
            StationaryBootstrap::new(dates.saturating_sub(1), block, seed).map_err(|_| too_short())?;
        for (step, draw) in self.steps.iter_mut().skip(1).zip(draws) {
            step.drawn = draw + 1;
        }
        self.notes.push(WorldNote::Resampled { seed, block_days: block });
        Ok(())
    }

    /// Appends the non-overlapping windows of `length` dates with the lowest market returns.
    fn append_worst(&mut self, days: &[Day], windows: usize, length: usize) -> Result<(), WorldError> {
        let dates = self.steps.len();
        if dates <= length {
            return Err(WorldError::TooShort {
                change: PathChange::WorstWindows,
                found: dates,
                expected: length + 1,
            });
        }
        let chosen = worst(&self.steps, days, windows, length);
        let date_of = |at: usize| Date::of(midnight(self.steps[at].date));
        let window = |(start, growth): &(usize, f64)| WorstWindow {
            first: date_of(*start),
            last: date_of(start + length - 1),
            market_return: growth - 1.0,
        };
        self.notes.push(WorldNote::WorstWindows {
            after: date_of(dates - 1),
            dates: length as u64,
            windows: chosen.iter().map(window).collect(),
        });
        let mut date = self.steps[dates - 1].date;
        for (start, _) in chosen {
            for at in start..start + length {
                date += self.steps[at].date - self.steps[at - 1].date;
                self.steps.push(Step { date, drawn: self.steps[at].drawn });
            }
        }
        Ok(())
    }
}

/// First step of each window and the growth of wealth over it, worst first.
fn worst(steps: &[Step], days: &[Day], windows: usize, length: usize) -> Vec<(usize, f64)> {
    let growth = |step: &Step| 1.0 + days[step.drawn].market;
    // The first date has no return.
    let starts = 1..=steps.len() - length;
    let of = |start: usize| (start, steps[start..start + length].iter().map(growth).product::<f64>());
    let mut all: Vec<(usize, f64)> = starts.map(of).collect();
    all.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut chosen: Vec<(usize, f64)> = Vec::new();
    for window in all {
        if chosen.len() == windows {
            break;
        }
        if chosen.iter().all(|other| other.0.abs_diff(window.0) >= length) {
            chosen.push(window);
        }
    }
    chosen
}

fn midnight(date: i64) -> TimestampNs {
    TimestampNs(date.saturating_mul(DAY_NS))
}
