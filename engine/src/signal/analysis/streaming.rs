//! Analysis of a signal, frame by frame.

use std::collections::VecDeque;

use super::average::Average;
use super::exposure::Exposures;
use super::figures::SignalFigures;
use super::horizon::{Forward, Horizon};
use super::pending::PendingSection;
use super::row::SignalRow;
use super::settings::{AnalysisSettings, MissingPrice};
use crate::time::TimestampNs;

/// One frame as the analysis reads it. Columns have length n in engine order, NaN where missing.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// Time of the frame.
    pub timestamp: TimestampNs,
    /// Number of the frame.
    pub seq: u64,
    /// Prices whose ratios are total returns.
    pub prices: &'a [f64],
    /// Cross-section that becomes known on the frame, if one does.
    pub signal: Option<&'a [f64]>,
    /// Residual returns of the frame, r_t − β_{t−1}'f_t; empty without factors.
    pub residuals: &'a [f64],
    /// Betas after the frame: factor j of instrument i at `j * n + i`; read if `signal` is present, and empty
    /// without factors.
    pub betas: &'a [f64],
}

/// Analysis of a signal: reads frames in time order, returns rows and figures.
#[derive(Debug)]
pub struct SignalAnalysis {
    settings: AnalysisSettings,
    frames: u64,
    /// Last price of each instrument, with [`MissingPrice::Carry`].
    carried: Vec<f64>,
    /// Sum of the residual returns of each instrument, 0 at its last missing one.
    residual_sums: Vec<f64>,
    /// Number of frames since the last missing residual return of each instrument.
    residual_frames: Vec<u64>,
    pending: VecDeque<PendingSection>,
    spare: Option<PendingSection>,
    horizons: Vec<Horizon>,
    exposures: Exposures,
    sections: Sections,
}

/// Counts over all cross-sections.
#[derive(Clone, Debug, Default)]
pub(super) struct Sections {
    /// Times of the cross-sections.
    pub(super) timestamps: Vec<TimestampNs>,
    pub(super) first_frame: u64,
    pub(super) last_frame: u64,
    pub(super) coverage: Average,
    pub(super) names: Average,
    /// Signals of instruments without a price on the frame.
    pub(super) without_price: u64,
}

impl SignalAnalysis {
    /// Analysis before the first frame.
    #[must_use]
    pub fn new(settings: AnalysisSettings) -> Self {
        let horizons = settings.horizons.bars().iter().map(|bars| Horizon::new(*bars)).collect();
        Self {
            settings,
            frames: 0,
            carried: Vec::new(),
            residual_sums: Vec::new(),
            residual_frames: Vec::new(),
            pending: VecDeque::new(),
            spare: None,
            horizons,
            exposures: Exposures::default(),
            sections: Sections::default(),
        }
    }

    /// Processes a frame. `write` receives the rows of each cross-section that is as old as the longest
    /// horizon: ascending in time, then in horizon.
    pub fn push(&mut self, observation: &Observation<'_>, mut write: impl FnMut(&SignalRow)) {
        self.advance_residuals(observation);
        let carried = std::mem::take(&mut self.carried);
        let carried = self.carry(carried, observation.prices);
        let prices = match self.settings.missing_price {
            MissingPrice::LeaveOut => observation.prices,
            MissingPrice::Carry => &carried,
        };
        self.evaluate(prices, !observation.residuals.is_empty());
        if let Some(signal) = observation.signal {
            self.open(observation, prices, signal);
        }
        self.carried = carried;
        let longest = self.settings.horizons.longest() as u64;
        while self.pending.front().is_some_and(|section| section.frame + longest <= self.frames) {
            self.close(&mut write);
        }
        self.frames += 1;
    }

    /// Ends the analysis: `write` receives the rows of the cross-sections whose longest horizon ends after
    /// the data.
    #[must_use]
    pub fn finish(mut self, mut write: impl FnMut(&SignalRow)) -> SignalFigures {
        while !self.pending.is_empty() {
            self.close(&mut write);
        }
        SignalFigures::of(&self.settings, &self.sections, &self.horizons, &self.exposures)
    }

    /// Writes the rows of the oldest pending cross-section.
    fn close(&mut self, write: &mut impl FnMut(&SignalRow)) {
        if let Some(section) = self.pending.pop_front() {
            section.rows.iter().for_each(write);
            self.spare = Some(section);
        }
    }

    /// Adds the residual returns of the frame to their sums.
    fn advance_residuals(&mut self, observation: &Observation<'_>) {
        let n = observation.prices.len();
        self.residual_sums.resize(n, 0.0);
        self.residual_frames.resize(n, 0);
        for i in 0..n {
            if let Some(residual) = observation.residuals.get(i).filter(|residual| residual.is_finite()) {
                self.residual_sums[i] += residual;
                self.residual_frames[i] += 1;
            } else {
                self.residual_sums[i] = 0.0;
                self.residual_frames[i] = 0;
            }
        }
    }

    /// Updates the last prices, if they count.
    fn carry(&self, mut carried: Vec<f64>, prices: &[f64]) -> Vec<f64> {
        if self.settings.missing_price == MissingPrice::Carry {
            carried.resize(prices.len(), f64::NAN);
            for (last, price) in carried.iter_mut().zip(prices).filter(|(_, price)| !price.is_nan()) {
                *last = *price;
            }
        }
        carried
    }

    /// Evaluates the cross-sections whose age is a horizon.
    fn evaluate(&mut self, prices: &[f64], with_residuals: bool) {
        let cost_rate = self.settings.cost_rate;
        let residuals = if with_residuals {
            (&self.residual_sums[..], &self.residual_frames[..])
        } else {
            (&[][..], &[][..])
        };
        let forward = Forward { prices, residual_sums: residuals.0, residual_frames: residuals.1 };
        for (index, horizon) in self.horizons.iter_mut().enumerate() {
            let Some(frame) = self.frames.checked_sub(horizon.bars() as u64) else { continue };
            let place = self.pending.binary_search_by_key(&frame, |section| section.frame);
            if let Some(section) = place.ok().and_then(|place| self.pending.get_mut(place)) {
                let mut row = section.rows[index];
                horizon.evaluate(section, &forward, cost_rate, &mut row);
                section.rows[index] = row;
            }
        }
    }

    /// Opens the cross-section of the frame.
    fn open(&mut self, observation: &Observation<'_>, prices: &[f64], signal: &[f64]) {
        let mut section = self.spare.take().unwrap_or_default();
        section.clear();
        section.frame = self.frames;
        for (i, value) in signal.iter().enumerate().filter(|(_, value)| value.is_finite()) {
            if prices[i].is_nan() {
                self.sections.without_price += 1;
                continue;
            }
            section.instruments.push(i as u32);
            section.signal.push(*value);
            section.prices.push(prices[i]);
            section.residuals.push(self.residual_sums[i]);
        }
        let coverage = (prices.iter().filter(|price| !price.is_nan()).count(), section.instruments.len());
        let rows = self.settings.horizons.bars().iter();
        section
            .rows
            .extend(rows.map(|bars| SignalRow::new(observation.timestamp, observation.seq, *bars, coverage)));
        self.exposures.push(
            &section.instruments,
            &section.signal,
            observation.betas,
            observation.prices.len(),
        );
        self.sections.add(observation.timestamp, self.frames, coverage);
        self.pending.push_back(section);
    }
}

impl Sections {
    fn add(&mut self, timestamp: TimestampNs, frame: u64, (instruments, signals): (usize, usize)) {
        if self.timestamps.is_empty() {
            self.first_frame = frame;
        }
        self.last_frame = frame;
        self.timestamps.push(timestamp);
        self.coverage.push(signals as f64 / instruments as f64);
        self.names.push(signals as f64);
    }

    /// Cross-sections per year; NaN for fewer than two.
    pub(super) fn per_year(&self, bars_per_year: f64) -> f64 {
        let frames = self.last_frame - self.first_frame;
        if frames == 0 {
            f64::NAN
        } else {
            (self.timestamps.len() - 1) as f64 / frames as f64 * bars_per_year
        }
    }
}
