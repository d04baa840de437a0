//! Comparison of the end of history with the first bars of the feed.

use std::collections::VecDeque;
use std::fmt;

use betaflow_engine::frame::Field;
use betaflow_engine::time::Iso;
use betaflow_engine::time::TimestampNs;
use betaflow_engine::warning::{BarDifference, Warning};

use super::protocol::Bars;

/// Maximum number of frames of history kept, and of the bars in them.
const FRAMES_MAX: usize = 256;
const BARS_MAX: usize = 100_000;
/// Relative difference up to which two numbers count as equal: files and feeds round differently.
const TOLERANCE: f64 = 1e-9;

/// Last frames of history, kept until the feed has passed the end of history.
#[derive(Default)]
pub(super) struct Seam {
    frames: VecDeque<Bars>,
    bars: usize,
    /// Number of bars present in both feed and history, and number of those that differ.
    compared: u64,
    differing: u64,
    /// Number of bars of the feed that equal the bar one frame earlier in history, and number of those that
    /// differ.
    shifted: u64,
    not_shifted: u64,
    /// First difference.
    first: Option<BarDifference>,
}

/// Comparison of the end of history with the beginning of the feed.
pub(super) struct Join {
    /// Time of the last frame of history and of the first later bars of the feed.
    times: [TimestampNs; 2],
    /// Number of bars in both.
    compared: u64,
    /// Number of bars stamped one frame earlier in history than in the feed, if all bars are.
    shifted: Option<u64>,
    /// Number of these bars that differ.
    differing: u64,
    /// First difference.
    first: Option<BarDifference>,
}

impl Join {
    /// Returns the kind of the event in the record.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self { shifted: Some(_), .. } => "history_stamped_by_open",
            Self { differing: 0, .. } => "history_joined",
            Self { .. } => "history_differs",
        }
    }

    /// Returns a warning if history and feed do not fit together.
    pub(super) fn into_warning(self) -> Option<Warning> {
        let Self { times: join, compared, shifted, differing, first } = self;
        match (shifted, differing) {
            (Some(shifted), _) => Some(Warning::HistoryStampedByOpen { join, shifted }),
            (None, 0) => None,
            (None, _) => Some(Warning::HistoryDiffers { join, differing, compared, first }),
        }
    }
}

/// Sentence for the record.
impl fmt::Display for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [end, begin] = self.times.map(Iso);
        write!(f, "history ends at {end}; the first bars of the feed after it close at {begin}")?;
        match (self.shifted, self.differing) {
            (Some(shifted), _) => write!(f, "; history has {shifted} bars of the feed one bar earlier"),
            (None, 0) => write!(f, "; {} bars in both are the same", self.compared),
            (None, differing) => {
                write!(f, "; {differing} of {} bars in both differ", self.compared)?;
                let Some(first) = &self.first else { return Ok(()) };
                let BarDifference { column, symbol, time, history, feed } = first;
                let time = Iso(*time);
                write!(
                    f,
                    ", the first one: `{column}` of `{symbol}` at {time}: history {history}, feed {feed}"
                )
            }
        }
    }
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

    /// Compares bars of the feed with the frame of history that has the same timestamp.
    pub(super) fn overlap(&mut self, bars: &Bars) {
        let Ok(at) = self.frames.binary_search_by_key(&bars.timestamp, |frame| frame.timestamp) else {
            return;
        };
        for (i, symbol) in bars.symbols.iter().enumerate() {
            if let Some(difference) = difference(bars, i, &self.frames[at]) {
                self.compared += 1;
                if let Some((field, feed, history)) = difference {
                    self.differing += 1;
                    self.first.get_or_insert_with(|| BarDifference {
                        column: field.names()[0].to_owned(),
                        symbol: symbol.clone(),
                        time: TimestampNs(bars.timestamp),
                        history,
                        feed,
                    });
                }
            }
        }
        if let Some(before) = at.checked_sub(1) {
            self.shift(bars, before);
        }
    }

    /// Compares bars with frame `before` of history, and counts equal and different ones.
    fn shift(&mut self, bars: &Bars, before: usize) {
        for i in 0..bars.symbols.len() {
            match difference(bars, i, &self.frames[before]) {
                Some(None) => self.shifted += 1,
                Some(Some(_)) => self.not_shifted += 1,
                None => {}
            }
        }
    }

    /// Ends the comparison at the first bars of the feed that close after history.
    pub(super) fn close(mut self, bars: &Bars) -> Option<Join> {
        let end = self.frames.back()?.timestamp;
        if self.compared == 0 {
            self.shift(bars, self.frames.len() - 1);
        }
        let is_shifted = self.shifted > 0 && self.not_shifted == 0 && self.compared == self.differing;
        Some(Join {
            times: [TimestampNs(end), TimestampNs(bars.timestamp)],
            compared: self.compared,
            shifted: is_shifted.then_some(self.shifted),
            differing: self.differing,
            first: self.first,
        })
    }
}

/// Returns the first value of bar `i` that differs from history; outer `None` if history has no value of it.
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
