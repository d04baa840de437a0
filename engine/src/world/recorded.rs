//! Recording of all frames of a source in memory.

use std::sync::Arc;

use super::error::WorldError;
use super::path::Path;
use super::plan::plan;
use super::settings::WorldSettings;
use crate::frame::Field;
use crate::frame::{Frame, UserData};
use crate::model::Returns;
use crate::source::{DataFacts, Source, SourceError};

/// The frames of one UTC date.
#[derive(Clone, Copy, Debug)]
pub(super) struct Day {
    pub(super) date: i64,
    /// Range of its frames: `first..end`.
    pub(super) first: usize,
    pub(super) end: usize,
    /// Return of the market over the date: equal weights of the instruments with a return, frame by frame.
    pub(super) market: f64,
}

#[derive(Debug)]
pub(super) struct Recording {
    pub(super) factor_names: Vec<String>,
    pub(super) frames: Vec<Frame>,
    pub(super) days: Vec<Day>,
    pub(super) facts: DataFacts,
    /// Kinds of sections of the user's files that at least one frame has.
    given: [bool; 3],
    bytes: u64,
}

impl Recording {
    /// Latest section of each kind before a frame, in the instruments of the frame.
    pub(super) fn given_before(&self, at: usize) -> UserData {
        let mut given = UserData::default();
        for frame in self.frames[..at].iter().rev() {
            if given.kinds() == self.given {
                break;
            }
            if !frame.given.is_empty() {
                let mut earlier = frame.given.clone();
                earlier.replace_by(&given);
                given = earlier;
            }
        }
        let n = self.frames[at].instruments();
        for section in given.by_instrument() {
            section.rearrange(0..n);
        }
        given
    }
}

/// Recorded frames of a source, from which many paths can be made. Cloning copies a pointer.
#[derive(Clone, Debug)]
pub struct Recorded(Arc<Recording>);

impl Recorded {
    /// Reads a source to its end.
    ///
    /// # Errors
    /// The errors of the source; [`WorldError::TooLarge`] if its frames take more than `bytes_max`.
    pub fn read(source: &mut dyn Source, bytes_max: u64) -> Result<Self, SourceError> {
        let (mut frames, mut days, mut bytes) = (Vec::new(), Vec::<Day>::new(), 0);
        let (mut returns, mut frame, mut given) = (Returns::new(false), Frame::default(), [false; 3]);
        while source.next_frame(&mut frame)? {
            bytes += size_of(&frame);
            if bytes > bytes_max {
                return Err(WorldError::TooLarge { bytes_max, reached: frame.timestamp }.into());
            }
            let (date, at) = (frame.date(), frames.len());
            let market = mean(returns.of(&frame));
            match days.last_mut().filter(|day| day.date == date) {
                Some(day) => {
                    day.end = at + 1;
                    day.market = (1.0 + day.market) * (1.0 + market) - 1.0;
                }
                None => days.push(Day { date, first: at, end: at + 1, market }),
            }
            given.iter_mut().zip(frame.given.kinds()).for_each(|(any, this)| *any |= this);
            frames.push(frame.clone());
        }
        let (factor_names, facts) = (source.factor_names().to_vec(), source.facts());
        Ok(Self(Arc::new(Recording { factor_names, frames, days, facts, given, bytes })))
    }

    /// Size of the frames in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// Returns the path with the bootstrap and the worst windows of the stress; without them, the original
    /// frames.
    ///
    /// # Errors
    /// Fails if the data has too few dates.
    pub fn path(&self, world: &WorldSettings) -> Result<Path, WorldError> {
        Ok(Path::new(Arc::clone(&self.0), plan(&self.0, world)?))
    }
}

/// Mean of the returns that are not NaN; 0 without any.
fn mean(returns: &[f64]) -> f64 {
    let known = || returns.iter().filter(|value| !value.is_nan());
    match known().count() {
        0 => 0.0,
        count => known().sum::<f64>() / count as f64,
    }
}

/// Size of a copy of the frame in bytes.
fn size_of(frame: &Frame) -> u64 {
    let columns: usize = Field::ALL.iter().map(|field| frame.column(*field).len()).sum();
    let given = &frame.given;
    let sections = [&given.signal, &given.betas, &given.factor_cov];
    let given: usize = sections.iter().map(|section| section.values.len()).sum();
    let numbers = columns + frame.returns.len() + frame.factors.len() + given;
    let names: usize = frame.listed.iter().map(|name| name.len() + size_of_val(name)).sum();
    (std::mem::size_of::<Frame>() + numbers * std::mem::size_of::<f64>() + names) as u64
}
