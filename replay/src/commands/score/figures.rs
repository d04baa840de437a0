//! Figures of a run before and inside its hold-out.

use std::path::Path;

use anyhow::Result;
use betaflow_connectors::record::read_equity;
use betaflow_engine::metrics::{ComparisonBuilder, Figures};
use betaflow_engine::time::TimestampNs;

use crate::config::Config;

/// Figures before or inside the hold-out.
pub(crate) struct Part {
    /// Frames from the first rebalance on.
    pub(crate) frames: usize,
    /// Net, gross and benchmark.
    pub(crate) figures: [Figures; 3],
    /// Time of the frame on which the account was ruined.
    pub(crate) ruined: Option<TimestampNs>,
}

impl Part {
    fn of(frames: usize, comparing: ComparisonBuilder, frames_per_year: f64) -> Self {
        let comparison = comparing.comparison(frames_per_year);
        let ruined = comparison.ruined;
        Self { frames, figures: [comparison.net, comparison.gross, comparison.benchmark], ruined }
    }

    /// Returns the figures after costs.
    pub(crate) fn net(&self) -> &Figures {
        &self.figures[0]
    }
}

/// Figures before and inside the hold-out.
pub(crate) struct Parts {
    pub(crate) before: Part,
    pub(crate) inside: Part,
    /// Time of each frame inside.
    pub(crate) times: Vec<TimestampNs>,
}

/// Measures both periods from `equity.parquet`. The first return inside starts from the last value before, so that each
/// return counts exactly once.
pub(crate) fn measure(folder: &Path, start: TimestampNs, config: &Config) -> Result<Parts> {
    let frames_per_year = config.run().calendar.frames_per_year();
    let (mut before, mut times) = (0, Vec::new());
    read_equity(folder, config.zone(), |point| match point.timestamp < start {
        true => before += 1,
        false => times.push(point.timestamp),
    })?;
    let inside = times.len();
    let mut past = ComparisonBuilder::new(before);
    let mut scored = ComparisonBuilder::new(inside + usize::from(before > 0));
    let mut base = None;
    read_equity(folder, config.zone(), |point| {
        if point.timestamp < start {
            past.push(point);
            base = Some(point);
        } else {
            base.take().into_iter().chain([point]).for_each(|point| scored.push(point));
        }
    })?;
    Ok(Parts {
        before: Part::of(before, past, frames_per_year),
        inside: Part::of(inside, scored, frames_per_year),
        times,
    })
}
