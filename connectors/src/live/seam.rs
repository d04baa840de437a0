//! Comparison of the end of history with the first bars of the feed.

use std::collections::VecDeque;

use betaflow_engine::frame::Field;
use betaflow_engine::time::Iso;
use betaflow_engine::time::TimestampNs;

use super::protocol::Bars;

/// Frames of history that are kept, and bars in them.
const FRAMES_MAX: usize = 256;
const BARS_MAX: usize = 100_000;
/// Relative difference up to which two numbers are the same: files and feeds round differently.
const TOLERANCE: f64 = 1e-9;

/// The last frames of history, until the feed has passed them.
#[derive(Default)]
pub(super) struct Seam {
    frames: VecDeque<Bars>,
    bars: usize,
    /// Bars of the feed that history has too, and those of them that differ.
    compared: u64,
    differing: u64,
    /// Bars of the feed with the numbers of the frame of history before, and of these that have other numbers.
    shifted: u64,
    not_shifted: u64,
    /// The first difference.
    first: Option<String>,
}

/// Finding about the join of history and feed.
pub(super) struct Finding {
    /// Kind of the event.
    pub(super) kind: &'static str,
    /// Sentence about it.
    pub(super) text: String,
}

impl Seam {
    /// Keeps a frame of history.
    pub(super) fn remember(&mut self, bars: &Bars) {
        self.bars += bars.symbols.len();
        self.frames.push_back(bars.clone());
        while self.frames.len() > FRAMES_MAX || (self.bars > BARS_MAX && self.frames.len() > 2) {
            self.bars -= self.frames.pop_front().map_or(0, |frame| frame.symbols.len());
        }
    }

    /// Compares bars of the feed that close within history.
    pub(super) fn overlap(&mut self, bars: &Bars) {
        let Ok(at) = self.frames.binary_search_by_key(&bars.timestamp, |frame| frame.timestamp) else {
            return;
        };
        for (i, symbol) in bars.symbols.iter().enumerate() {
            if let Some(difference) = difference(bars, i, &self.frames[at]) {
                self.compared += 1;
                if let Some((field, feed, history)) = difference {
                    self.differing += 1;
                    let time = Iso(TimestampNs(bars.timestamp));
                    let name = field.names()[0];
                    self.first.get_or_insert_with(|| {
                        format!("`{name}` of `{symbol}` at {time} is {history} in the history and {feed} on the feed")
                    });
                }
            }
        }
        if let Some(before) = at.checked_sub(1) {
            self.shift(bars, before);
        }
    }

    /// Compares bars with those of an earlier frame of history.
    fn shift(&mut self, bars: &Bars, before: usize) {
        for i in 0..bars.symbols.len() {
            match difference(bars, i, &self.frames[before]) {
                Some(None) => self.shifted += 1,
                Some(Some(_)) => self.not_shifted += 1,
                None => {}
            }
        }
    }

    /// Takes the first bars of the feed that close after history, and says what was found.
    pub(super) fn close(mut self, bars: &Bars) -> Option<Finding> {
        let end = self.frames.back()?.timestamp;
        if self.compared == 0 {
            self.shift(bars, self.frames.len() - 1);
        }
        let (end, begin) = (Iso(TimestampNs(end)), Iso(TimestampNs(bars.timestamp)));
        let joined = format!("history ends at {end}; the first bars of the feed behind it close at {begin}");
        let is_shifted = self.shifted > 0 && self.not_shifted == 0 && self.compared == self.differing;
        Some(match (is_shifted, self.differing) {
            (true, _) => Finding {
                kind: "history_stamped_by_open",
                text: format!(
                    "{joined}: {} bars of the feed have the numbers that history has one bar earlier, so history is stamped \
                     by the open of its bars, and they come twice; begin a new state folder with data.time_is = \"open\" and \
                     data.bar = the length of a bar",
                    self.shifted
                ),
            },
            (false, 0) => Finding {
                kind: "history_joined",
                text: format!("{joined}; {} bars in both are the same", self.compared),
            },
            (false, differing) => Finding {
                kind: "history_differs",
                text: format!(
                    "{joined}: {differing} of {} bars in both differ, the first one: {}; compare time zone, length of a bar \
                     and source of the history with those of the feed",
                    self.compared,
                    self.first.unwrap_or_default()
                ),
            },
        })
    }
}

/// The first number of a bar that history has otherwise; `None` where history has no number of the bar.
fn difference(bars: &Bars, i: usize, history: &Bars) -> Option<Option<(Field, f64, f64)>> {
    let symbol = &bars.symbols[i];
    let same = history.symbols.get(i).is_some_and(|known| known == symbol).then_some(i);
    let at = same.or_else(|| history.symbols.iter().position(|known| known == symbol))?;
    let pairs: Vec<(Field, f64, f64)> = bars
        .columns
        .iter()
        .filter_map(|(field, numbers)| {
            let (_, known) = history.columns.iter().find(|(known, _)| known == field)?;
            Some((*field, numbers[i], known[at]))
        })
        .filter(|(_, feed, known)| !feed.is_nan() && !known.is_nan())
        .collect();
    let differs =
        |(_, feed, known): &(Field, f64, f64)| (feed - known).abs() > TOLERANCE * feed.abs().max(known.abs());
    (!pairs.is_empty()).then(|| pairs.into_iter().find(differs))
}
