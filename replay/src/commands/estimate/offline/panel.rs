//! The returns and factors of a whole run, in memory.

use anyhow::{Result, bail, ensure};
use betaflow_engine::frame::Frame;
use betaflow_engine::ledger::RunFacts;
use betaflow_engine::model::{Dlm, Estimator as _, Returns, Start};
use betaflow_engine::names::Names;
use betaflow_engine::source::Source as _;
use betaflow_engine::time::TimestampNs;

use crate::config::Config;
use crate::run::data::Opened;
use crate::run::open;
use crate::run::progress::{Counted, Line};

/// The most that the returns may take.
const BYTES_MAX: u64 = 2_000_000_000;

/// What the estimator was given: the frames that have factors.
pub(crate) struct Panel {
    pub(crate) names: Names,
    pub(crate) factor_names: Vec<String>,
    /// When each frame's bars closed, and its number.
    pub(crate) frames: Vec<(TimestampNs, u64)>,
    /// One frame after another.
    factors: Vec<f64>,
    /// One frame after another in engine order, NaN where missing; a frame has the instruments listed by then.
    returns: Vec<f64>,
    /// Where each frame's returns end.
    ends: Vec<usize>,
}

impl Panel {
    /// Reads the data once more, which the pipeline has read already.
    ///
    /// # Errors
    /// It is too large, or not what it was.
    pub(crate) fn read(config: &Config, facts: &RunFacts) -> Result<Self> {
        let (instruments, frames) = (facts.data.instruments, facts.data.frames);
        check_size(instruments, frames)?;
        let Opened { source, progress } = open(config)?;
        let mut panel = Self {
            names: facts.names.clone(),
            factor_names: source.factor_names().to_vec(),
            frames: Vec::new(),
            factors: Vec::new(),
            returns: Vec::new(),
            ends: Vec::new(),
        };
        let (mut source, counter) = Counted::new(source);
        let line = Line::start(progress, counter);
        let mut returns = Returns::new(config.data.excess);
        let mut frame = Frame::default();
        while source.next_frame(&mut frame).map_err(anyhow::Error::from_boxed)? {
            // Every frame is one that the next return is counted from, with factors or without.
            let returns = returns.of(&frame);
            if frame.has_factors() {
                panel.frames.push((frame.timestamp, frame.seq));
                panel.factors.extend_from_slice(&frame.factors);
                panel.returns.extend_from_slice(returns);
                panel.ends.push(panel.returns.len());
            }
        }
        drop(line);
        let now = source.facts();
        ensure!(
            (now.frames, now.instruments) == (frames, instruments),
            "the data changed while it was read: found {} frames of {} instruments, and before {frames} of \
             {instruments}; run again",
            now.frames,
            now.instruments
        );
        Ok(panel)
    }

    /// Factor returns from a frame on, one frame after another.
    pub(crate) fn factors_from(&self, t: usize) -> &[f64] {
        &self.factors[t * self.factor_names.len()..]
    }

    /// Factor returns of a frame.
    pub(crate) fn factors(&self, t: usize) -> &[f64] {
        &self.factors_from(t)[..self.factor_names.len()]
    }

    /// Returns of a frame, in engine order.
    pub(crate) fn returns(&self, t: usize) -> &[f64] {
        let start = t.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.returns[start..self.ends[t]]
    }

    /// An instrument's first frame with a return, and its returns from there on.
    pub(crate) fn history(&self, instrument: usize) -> Option<(usize, Vec<f64>)> {
        let of = |t: usize| self.returns(t).get(instrument).copied().unwrap_or(f64::NAN);
        let first = (0..self.frames.len()).find(|t| !of(*t).is_nan())?;
        Some((first, (first..self.frames.len()).map(of).collect()))
    }

    /// Where each instrument's filter began among the others.
    pub(crate) fn starts(&self, config: &Config) -> Vec<Option<Start>> {
        let calendar = config.data.calendar();
        let mut filter = Dlm::new(&config.estimator, &calendar, self.factor_names.len());
        for t in 0..self.frames.len() {
            filter.step(self.factors(t), self.returns(t), false);
        }
        (0..self.names.len()).map(|i| filter.start(i)).collect()
    }
}

fn check_size(instruments: u64, frames: u64) -> Result<()> {
    let bytes = instruments.saturating_mul(frames).saturating_mul(8);
    if bytes > BYTES_MAX {
        bail!(
            "--smooth, --em and --compare hold all returns in memory: found {instruments} instruments × {frames} \
             frames, {:.1} GB; expected at most {:.0} GB; choose a shorter period with --from and --to, or fewer \
             instruments with universe.include",
            bytes as f64 * 1e-9,
            BYTES_MAX as f64 * 1e-9
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    #[allow(clippy::unwrap_used)]
    fn what_does_not_fit_is_refused_with_what_to_do() {
        crate::commands::estimate::offline::panel::check_size(500, 500_000).unwrap();
        let refused =
            crate::commands::estimate::offline::panel::check_size(505, 20_000_000).unwrap_err().to_string();
        for part in ["505 instruments", "80.8 GB", "at most 2 GB", "--from", "universe.include"] {
            assert!(refused.contains(part), "{part}: {refused}");
        }
        assert!(crate::commands::estimate::offline::panel::check_size(u64::MAX, 2).is_err());
    }
}
