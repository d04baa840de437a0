//! Text of the changes that a stressed environment makes to the data.

use betaflow_engine::warning::{WorldNote, WorstWindow};

use super::{Code, Rendered};
use crate::terminal::counted;

impl From<&WorldNote> for Rendered {
    fn from(note: &WorldNote) -> Self {
        Self::new(Code::World, text(note))
    }
}

fn text(note: &WorldNote) -> String {
    match note {
        WorldNote::Gap { frames, first, last } => {
            format!(
                "A gap of the feed loses {} from {first} to {last} (world.gap_frames).",
                counted(*frames, "frame")
            )
        }
        WorldNote::GapAfterData { from } => {
            format!("There is no gap, because no frame lies at or after {from} (world.gap_from).")
        }
        WorldNote::FactorReversed { factor, from, floored } => {
            let from = from.map_or_else(String::new, |from| format!(" from {from} on"));
            let floored = match floored {
                0 => String::new(),
                count => format!(" {count} of these returns are limited to -99 %."),
            };
            format!(
                "The returns of factor `{factor}` have the opposite sign{from}, and each instrument's returns are lower by \
                 twice its beta times them (world.reverse_factor).{floored}"
            )
        }
        WorldNote::Resampled { seed, block_days } => format!(
            "This is a resampled path, not history: the returns of each date are drawn from other dates, in blocks of \
             {block_days} days on average (world.bootstrap_seed = {seed})."
        ),
        WorldNote::WorstWindows { after, dates, windows } => {
            let window = |window: &WorstWindow| {
                let WorstWindow { first, last, market_return } = window;
                format!("{first} to {last} ({:+.1} %)", 100.0 * market_return)
            };
            let list: Vec<String> = windows.iter().map(window).collect();
            format!(
                "After {after}, the data repeats the {} of {dates} dates, by the return of equal weights: {} \
                 (world.worst_windows).",
                counted(windows.len() as u64, "worst window"),
                list.join(", ")
            )
        }
    }
}
