//! Returns and factors of a whole history, in memory.

use crate::frame::Frame;
use crate::model::dlm::{Dlm, Start};
use crate::model::estimator::Estimator as _;
use crate::model::returns::Returns;
use crate::model::settings::EstimatorSettings;
use crate::names::InstrumentNames;
use crate::settings::Calendar;
use crate::source::{DataFacts, Source, SourceError};
use crate::time::TimestampNs;

/// Size of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PanelShape {
    /// Number of instruments at the end.
    pub instruments: u64,
    /// Number of frames, with or without factors.
    pub frames: u64,
}

impl PanelShape {
    /// Upper bound on the bytes of the returns.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.instruments.saturating_mul(self.frames).saturating_mul(size_of::<f64>() as u64)
    }
}

impl From<&DataFacts> for PanelShape {
    fn from(facts: &DataFacts) -> Self {
        Self { instruments: facts.instruments, frames: facts.frames }
    }
}

/// Reason why a history cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PanelError {
    /// The returns take more memory than allowed.
    #[error("{} instruments × {} frames take {} bytes, more than {bytes_max}", .shape.instruments, .shape.frames, .shape.bytes())]
    TooLarge {
        /// Size of the history.
        shape: PanelShape,
        /// Largest allowed size of the returns in bytes.
        bytes_max: u64,
    },
    /// The data differs in size from an earlier reading.
    #[error("the data changed from {expected:?} to {found:?}")]
    Changed {
        /// Size at the earlier reading.
        expected: PanelShape,
        /// Size at this reading.
        found: PanelShape,
    },
    /// The source failed.
    #[error("the data cannot be read")]
    Source(#[source] SourceError),
}

/// Returns and factors of the frames with factors: the inputs of an estimator, in order.
#[derive(Clone, Debug, Default)]
pub struct Panel {
    names: InstrumentNames,
    factor_names: Vec<String>,
    /// Closing time of each frame's bars, and its sequence number.
    frames: Vec<(TimestampNs, u64)>,
    /// Factor returns, k − 1 per frame, one frame after another.
    factors: Vec<f64>,
    /// Returns in engine order, NaN where missing, one frame after another; a frame has the instruments
    /// listed up to it.
    returns: Vec<f64>,
    /// End of each frame's returns.
    ends: Vec<usize>,
}

impl Panel {
    /// Reads a source to its end. `shape`: its size at an earlier reading, checked before the first frame and
    /// after the last; `excess`: true if the risk-free return is subtracted; `bytes_max`: largest size of the
    /// returns.
    ///
    /// # Errors
    /// Fails if the history is too large, has another shape, or cannot be read.
    pub fn read(
        source: &mut dyn Source,
        shape: PanelShape,
        excess: bool,
        bytes_max: u64,
    ) -> Result<Self, PanelError> {
        if shape.bytes() > bytes_max {
            return Err(PanelError::TooLarge { shape, bytes_max });
        }
        let mut panel = Self { factor_names: source.factor_names().to_vec(), ..Self::default() };
        let mut returns = Returns::new(excess);
        let mut frame = Frame::default();
        while source.next_frame(&mut frame).map_err(PanelError::Source)? {
            panel.names.take(&frame);
            // Every frame counts for the next return, with or without factors.
            let returns = returns.of(&frame);
            if frame.has_factors() {
                panel.frames.push((frame.timestamp, frame.seq));
                panel.factors.extend_from_slice(&frame.factors);
                panel.returns.extend_from_slice(returns);
                panel.ends.push(panel.returns.len());
            }
        }
        let found = PanelShape::from(&source.facts());
        if found == shape { Ok(panel) } else { Err(PanelError::Changed { expected: shape, found }) }
    }

    /// Names of the instruments, in engine order.
    #[must_use]
    pub fn names(&self) -> &InstrumentNames {
        &self.names
    }

    /// Names of the factors.
    #[must_use]
    pub fn factor_names(&self) -> &[String] {
        &self.factor_names
    }

    /// Number of coefficients, k: alpha and a beta for each factor.
    #[must_use]
    pub fn coefficients(&self) -> usize {
        self.factor_names.len() + 1
    }

    /// Number of frames with factors.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames.len()
    }

    /// Closing time of a frame's bars, and its sequence number.
    ///
    /// # Panics
    /// There is no such frame.
    #[must_use]
    pub fn frame(&self, t: usize) -> (TimestampNs, u64) {
        self.frames[t]
    }

    /// Factor returns of frame t and all later ones, one frame after another.
    ///
    /// # Panics
    /// There is no such frame.
    #[must_use]
    pub fn factors_from(&self, t: usize) -> &[f64] {
        &self.factors[t * self.factor_names.len()..]
    }

    /// Factor returns of frame t, length k − 1.
    ///
    /// # Panics
    /// There is no such frame.
    #[must_use]
    pub fn factors(&self, t: usize) -> &[f64] {
        &self.factors_from(t)[..self.factor_names.len()]
    }

    /// Returns of frame t in engine order, NaN where missing, of the instruments listed up to it.
    ///
    /// # Panics
    /// There is no such frame.
    #[must_use]
    pub fn returns(&self, t: usize) -> &[f64] {
        let start = t.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.returns[start..self.ends[t]]
    }

    /// First frame in which an instrument has a return, and its returns from there on; `None` without any.
    #[must_use]
    pub fn history(&self, instrument: usize) -> Option<(usize, Vec<f64>)> {
        let of = |t: usize| self.returns(t).get(instrument).copied().unwrap_or(f64::NAN);
        let first = (0..self.frames()).find(|t| !of(*t).is_nan())?;
        Some((first, (first..self.frames()).map(of).collect()))
    }

    /// Start of each instrument's history when the [`Dlm`] runs over all instruments: its prior observation
    /// variance may depend on the others.
    #[must_use]
    pub fn starts(&self, settings: &EstimatorSettings, calendar: &Calendar) -> Vec<Option<Start>> {
        let mut filter = Dlm::new(settings, calendar, self.factor_names.len());
        for t in 0..self.frames() {
            filter.step(self.factors(t), self.returns(t), false);
        }
        (0..self.names.len()).map(|i| filter.start(i)).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::random::Random;
    use crate::source::MemorySource;

    pub(in crate::model::offline) const FRAMES: usize = 300;

    /// Two instruments with betas of 1.2 and 0.4 on one factor, the second listed late; frame 5 has no factors.
    pub(in crate::model::offline) fn source() -> MemorySource {
        let mut random = Random::new(9);
        let mut closes = [100.0, 50.0];
        let frame = |seq: usize| {
            let factor = 0.02 * (random.uniform() - 0.5);
            for (close, beta) in closes.iter_mut().zip([1.2, 0.4]) {
                *close *= 1.0 + beta * factor + 0.005 * (random.uniform() - 0.5);
            }
            let listed = match seq {
                0 => vec!["A".into()],
                40 => vec!["B".into()],
                _ => Vec::new(),
            };
            Frame {
                seq: seq as u64,
                timestamp: TimestampNs(seq as i64),
                listed,
                close: closes[..if seq < 40 { 1 } else { 2 }].to_vec(),
                factors: vec![if seq == 5 { f64::NAN } else { factor }],
                ..Frame::default()
            }
        };
        MemorySource::new(vec!["mkt".into()], (0..FRAMES).map(frame).collect())
    }

    pub(in crate::model::offline) fn panel() -> Panel {
        let shape = PanelShape { instruments: 2, frames: FRAMES as u64 };
        Panel::read(&mut source(), shape, false, 1_000_000).unwrap()
    }

    #[test]
    fn panel_holds_the_frames_that_have_factors() {
        let panel = panel();
        assert_eq!((panel.frames(), panel.coefficients(), panel.names().len()), (FRAMES - 1, 2, 2));
        assert_eq!((panel.frame(4), panel.frame(5)), ((TimestampNs(4), 4), (TimestampNs(6), 6)));
        assert_eq!((panel.returns(5).len(), panel.returns(39).len(), panel.factors(5).len()), (1, 2, 1));
        // The return after a frame without factors starts at that frame.
        let closes: Vec<f64> = {
            let (mut source, mut frame, mut closes) = (source(), Frame::default(), Vec::new());
            while source.next_frame(&mut frame).unwrap() {
                closes.push(frame.close[0]);
            }
            closes
        };
        assert!((panel.returns(5)[0] - (closes[6] / closes[5] - 1.0)).abs() < 1e-15);
        let (first, returns) = panel.history(1).unwrap();
        assert_eq!((first, returns.len()), (40, FRAMES - 1 - 40));
        assert_eq!(panel.history(2), None);
    }

    #[test]
    fn starts_are_at_the_first_returns() {
        let starts = panel().starts(&EstimatorSettings::default(), &Calendar::default());
        let frames: Vec<_> = starts.iter().map(|start| start.map(|start| start.frame)).collect();
        assert_eq!(frames, [Some(1), Some(40)]);
    }

    #[test]
    fn too_large_or_changed_history_is_an_error() {
        let read = |instruments, frames, bytes_max| {
            Panel::read(&mut source(), PanelShape { instruments, frames }, false, bytes_max).unwrap_err()
        };
        let bytes = 8 * 2 * FRAMES as u64;
        assert!(matches!(
            read(2, FRAMES as u64, bytes - 1),
            PanelError::TooLarge { shape, .. } if shape.bytes() == bytes
        ));
        assert!(matches!(read(u64::MAX, 2, u64::MAX - 1), PanelError::TooLarge { .. }));
        let PanelError::Changed { expected, found } = read(3, FRAMES as u64, u64::MAX) else {
            panic!("changed")
        };
        assert_eq!((expected.instruments, found.instruments), (3, 2));
    }
}
