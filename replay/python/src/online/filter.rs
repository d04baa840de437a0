//! One of the engine's filters, with its columns of the last frame.

use betaflow_engine::model::{Dlm, Estimates, Estimator, EstimatorFacts, FixedEstimator, Mixture};
use betaflow_engine::pipeline::check_estimates;
use betaflow_engine::range::OutOfRange;
use betaflow_engine::state::{Part, StateError, restore, save};

/// Filter of the engine.
#[derive(Clone)]
pub(super) enum Filter {
    Mixture(Box<Mixture>),
    Dlm(Box<Dlm>),
    Fixed(Box<FixedEstimator>),
}

impl Filter {
    fn estimator(&mut self) -> &mut dyn Estimator {
        match self {
            Self::Mixture(filter) => &mut **filter,
            Self::Dlm(filter) => &mut **filter,
            Self::Fixed(filter) => &mut **filter,
        }
    }

    fn read(&self) -> &dyn Estimator {
        match self {
            Self::Mixture(filter) => &**filter,
            Self::Dlm(filter) => &**filter,
            Self::Fixed(filter) => &**filter,
        }
    }

    /// Largest number of instruments, if there is one.
    pub(super) fn instruments_max(&self) -> Option<usize> {
        match self {
            Self::Fixed(filter) => filter.instruments_max(),
            Self::Mixture(_) | Self::Dlm(_) => None,
        }
    }
}

/// Filter with its place in the frames, as the estimate stage of a run keeps it.
#[derive(Clone)]
pub(super) struct State {
    pub(super) filter: Filter,
    /// Number k of factors.
    factors: usize,
    /// Frames with returns before the first scored forecast.
    warmup_frames: u64,
    instruments: usize,
    frames: u64,
    frames_with_returns: u64,
    /// True if the last frame had factors, so that its returns have a forecast.
    has_forecast: bool,
    estimates: Estimates,
    /// True if `estimates` belong to the last frame.
    is_written: bool,
    covariances: Vec<f64>,
}

/// Name of a saved state in errors.
const NAME: &str = "online filter";

impl State {
    pub(super) fn new(filter: Filter, factors: usize, warmup_frames: u64) -> Self {
        Self {
            filter,
            factors,
            warmup_frames,
            instruments: 0,
            frames: 0,
            frames_with_returns: 0,
            has_forecast: false,
            estimates: Estimates { factors: vec![0.0; factors], ..Estimates::default() },
            is_written: false,
            covariances: Vec::new(),
        }
    }

    /// Number k of factors.
    pub(super) fn factors(&self) -> usize {
        self.factors
    }

    /// Number n of instruments.
    pub(super) fn instruments(&self) -> usize {
        self.instruments
    }

    /// Number of frames.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Processes one frame. Factors with a NaN are those of a frame without factors, which changes no estimate.
    pub(super) fn step(&mut self, factors: &[f64], returns: &[f64]) {
        self.has_forecast = factors.iter().all(|f| f.is_finite());
        if self.has_forecast {
            let scores = self.frames_with_returns >= self.warmup_frames;
            self.filter.estimator().step(factors, returns, scores);
            self.frames_with_returns += u64::from(returns.iter().any(|r| !r.is_nan()));
        }
        self.instruments = returns.len();
        self.frames += 1;
        self.is_written = false;
    }

    /// Returns the columns of the last frame.
    ///
    /// # Errors
    /// An estimate is not finite.
    pub(super) fn write(&mut self) -> Result<&Estimates, OutOfRange> {
        if !self.is_written {
            self.filter.estimator().write(&mut self.estimates);
            self.estimates.pad(self.instruments);
            if !self.has_forecast {
                self.estimates.clear_forecast();
            }
            check_estimates(&self.estimates)?;
            self.is_written = true;
        }
        Ok(&self.estimates)
    }

    /// Returns the forecast of a next frame with these factors, as a step would make it. The state is unchanged.
    ///
    /// # Errors
    /// An estimate is not finite.
    pub(super) fn forecast(&mut self, factors: &[f64]) -> Result<Estimates, OutOfRange> {
        let known = |alpha: &f64| if alpha.is_nan() { f64::NAN } else { 0.0 };
        // The forecast of a frame does not depend on its returns, only on which of them are present.
        let returns: Vec<f64> = self.write()?.alpha.iter().map(known).collect();
        let mut next = self.clone();
        next.filter.estimator().step(factors, &returns, false);
        next.filter.estimator().write(&mut next.estimates);
        next.estimates.pad(self.instruments);
        check_estimates(&next.estimates)?;
        Ok(next.estimates)
    }

    /// Returns the covariances of (alpha, betas) after the last frame: n × (k + 1) × (k + 1).
    pub(super) fn covariances(&mut self) -> &[f64] {
        match &mut self.filter {
            Filter::Mixture(filter) => filter.write_covariances(&mut self.covariances),
            Filter::Dlm(filter) => filter.write_covariances(&mut self.covariances),
            Filter::Fixed(filter) => filter.write_covariances(&mut self.covariances),
        }
        let size = (self.factors + 1) * (self.factors + 1);
        self.covariances.resize(self.instruments * size, f64::NAN);
        &self.covariances
    }

    /// Returns the covariances of the next frame's (alpha, betas), of the same shape.
    pub(super) fn next_covariances(&mut self) -> Vec<f64> {
        let mut next = Estimates { factors: vec![0.0; self.factors], decides: true, ..Estimates::default() };
        self.filter.estimator().write(&mut next);
        next.pad(self.instruments);
        let size = self.factors + 1;
        let mut covariances = Vec::with_capacity(self.instruments * size * size);
        for i in 0..self.instruments {
            for a in 0..size {
                covariances.extend((0..size).map(|b| next.coefficient_cov_of(i, a, b)));
            }
        }
        covariances
    }

    /// Quality of the forecasts after the warm-up.
    pub(super) fn facts(&self) -> EstimatorFacts {
        self.filter.read().facts()
    }

    /// Returns the state as bytes.
    pub(super) fn save(&self) -> Result<Vec<u8>, StateError> {
        let Self { instruments, frames, frames_with_returns, has_forecast, .. } = self;
        let filter = Part::from(self.filter.read().save()?);
        save(NAME, &(filter, *instruments as u64, frames, frames_with_returns, has_forecast))
    }

    /// Restores a saved state.
    pub(super) fn load(&mut self, bytes: &[u8]) -> Result<(), StateError> {
        let (filter, instruments, frames, frames_with_returns, has_forecast): (Part, u64, u64, u64, bool) =
            restore(NAME, bytes)?;
        self.filter.estimator().load(&filter)?;
        self.instruments = instruments as usize;
        (self.frames, self.frames_with_returns) = (frames, frames_with_returns);
        (self.has_forecast, self.is_written) = (has_forecast, false);
        Ok(())
    }
}
