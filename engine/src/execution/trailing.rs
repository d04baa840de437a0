//! Daily volume and volatility over the preceding days.

use serde::{Deserialize, Serialize};

use super::actions::Action;
use crate::frame::Frame;

/// Daily volumes and returns of one instrument; NaN for a day without one.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct History {
    /// Volumes of the last days with a price, oldest overwritten first.
    volumes: Vec<f64>,
    returns: Vec<f64>,
    days: usize,
    /// Volume and close of the current date; NaN before the first.
    volume: f64,
    close: f64,
    /// Close of the preceding date, split-adjusted to the current one, and dividends since.
    reference: f64,
    paid: f64,
}

/// Mean daily volume and sample deviation of daily total returns, over the last `window` dates on which
/// the instrument had a price. The current date is excluded, so no fill looks ahead. A date without a volume
/// (null) is left out of the mean; one with volume 0 is not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TrailingDays {
    window: usize,
    date: Option<i64>,
    histories: Vec<History>,
    /// Last mean above 0.
    volume: Vec<f64>,
    /// True if the mean of the last dates is above 0.
    has_volume: Vec<bool>,
    volatility: Vec<f64>,
}

impl TrailingDays {
    /// Returns the state before the first frame. `window`: number of days.
    #[must_use]
    pub(super) fn new(window: u32) -> Self {
        let (histories, volume, has_volume, volatility) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { window: window as usize, date: None, histories, volume, has_volume, volatility }
    }

    /// Begins the next frame: a date that has ended joins the preceding days, and splits change the units.
    pub(super) fn begin(&mut self, frame: &Frame, actions: &[Action]) {
        let empty = History {
            volumes: Vec::new(),
            returns: Vec::new(),
            days: 0,
            volume: f64::NAN,
            close: f64::NAN,
            reference: f64::NAN,
            paid: 0.0,
        };
        let n = frame.instruments();
        self.histories.resize(n, empty);
        self.volume.resize(n, f64::NAN);
        self.has_volume.resize(n, false);
        self.volatility.resize(n, f64::NAN);
        let date = frame.date();
        if self.date.replace(date).is_some_and(|last| last != date) {
            for (i, history) in self.histories.iter_mut().enumerate() {
                if history.end_day(self.window) {
                    let volume = mean(&history.volumes);
                    self.has_volume[i] = volume > 0.0;
                    if self.has_volume[i] {
                        self.volume[i] = volume;
                    }
                    self.volatility[i] = deviation(&history.returns);
                }
            }
        }
        for action in actions {
            let i = action.instrument as usize;
            self.histories[i].act(*action);
            self.volume[i] *= action.split;
        }
    }

    /// Ends the frame: its bars become part of the current date.
    pub(super) fn end(&mut self, frame: &Frame) {
        for (i, history) in self.histories.iter_mut().enumerate() {
            if !frame.close[i].is_nan() {
                history.close = frame.close[i];
                if let Some(volume) = frame.volume.get(i).filter(|volume| **volume >= 0.0) {
                    history.volume = volume + if history.volume.is_nan() { 0.0 } else { history.volume };
                }
            }
        }
    }

    /// Units a day, above 0; NaN before the end of the first day with a volume above 0. If the last dates
    /// have no volume, the last mean above 0 stays, so that an order of an earlier rebalance pays impact.
    #[must_use]
    pub(super) fn volume(&self, instrument: usize) -> f64 {
        self.volume[instrument]
    }

    /// Returns true if the last dates have a volume above 0.
    #[must_use]
    pub(super) fn has_volume(&self, instrument: usize) -> bool {
        self.has_volume[instrument]
    }

    /// Deviation of daily returns; NaN for fewer than two.
    #[must_use]
    pub(super) fn volatility(&self, instrument: usize) -> f64 {
        self.volatility[instrument]
    }
}

impl History {
    /// Ends the day. Returns false if it had no price.
    fn end_day(&mut self, window: usize) -> bool {
        if self.close.is_nan() {
            return false;
        }
        let day_return = (self.close + self.paid) / self.reference - 1.0;
        // The first day has a volume and no return.
        let at = self.days % window;
        if self.volumes.len() < window {
            self.volumes.push(self.volume);
            self.returns.push(day_return);
        } else {
            self.volumes[at] = self.volume;
            self.returns[at] = day_return;
        }
        self.days += 1;
        (self.reference, self.paid) = (self.close, 0.0);
        (self.close, self.volume) = (f64::NAN, f64::NAN);
        true
    }

    fn act(&mut self, action: Action) {
        let Action { split, dividend, .. } = action;
        self.volumes.iter_mut().for_each(|volume| *volume *= split);
        self.volume *= split;
        self.close /= split;
        self.reference /= split;
        self.paid = self.paid / split + dividend;
    }
}

/// Mean of the values that are not NaN; NaN for none.
fn mean(values: &[f64]) -> f64 {
    let known = || values.iter().filter(|value| !value.is_nan());
    known().sum::<f64>() / known().count() as f64
}

/// Sample deviation of the values that are not NaN; NaN for fewer than two.
fn deviation(values: &[f64]) -> f64 {
    let known = || values.iter().filter(|value| !value.is_nan());
    let count = known().count() as f64;
    let mean = known().sum::<f64>() / count;
    let squares: f64 = known().map(|value| (value - mean) * (value - mean)).sum();
    if count < 2.0 { f64::NAN } else { (squares / (count - 1.0)).sqrt() }
}
