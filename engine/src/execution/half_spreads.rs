//! Half-spread of each instrument, by the model that the settings name.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::actions::Action;
use super::costs::BPS;
use super::settings::{ExecutionSettings, FillAt, SpreadModel};
use super::spread::{AbdiRanaldo, CorwinSchultz, Edge};
use crate::frame::Frame;

/// Half-spreads in bps of notional.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct HalfSpreads {
    model: SpreadModel,
    fill_at: FillAt,
    usual: f64,
    given: BTreeMap<String, f64>,
    bps: Vec<f64>,
    /// True once a quote or an estimate exists.
    known: Vec<bool>,
    crossed: u64,
    window: usize,
    floor: f64,
    /// One per instrument if spreads are estimated; else empty.
    estimators: Vec<Estimator>,
}

/// Spread estimator of one instrument.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Estimator {
    CorwinSchultz(CorwinSchultz),
    AbdiRanaldo(AbdiRanaldo),
    Edge(Edge),
}

impl HalfSpreads {
    /// Returns the half-spreads before the first frame.
    #[must_use]
    pub(super) fn new(settings: &ExecutionSettings) -> Self {
        Self {
            model: settings.spread_model,
            fill_at: settings.fill_at,
            usual: settings.half_spread_bps,
            given: settings.half_spreads.clone(),
            bps: Vec::new(),
            known: Vec::new(),
            crossed: 0,
            window: settings.spread_window as usize,
            floor: settings.spread_floor_bps,
            estimators: Vec::new(),
        }
    }

    /// Adds the instruments listed on the frame, and applies its quotes if fills follow them.
    pub(super) fn begin(&mut self, frame: &Frame, actions: &[Action]) {
        for name in frame.listed.iter().map(Arc::as_ref) {
            let given = self.given.get(name).filter(|_| self.model == SpreadModel::Constant);
            self.bps.push(given.copied().unwrap_or(self.usual));
        }
        for renamed in frame.renamed.iter().filter(|_| self.model == SpreadModel::Constant) {
            if let Some(given) = self.given.get(&*renamed.name) {
                self.bps[renamed.instrument as usize] = *given;
            }
        }
        // A source other than the connectors may emit frames without names.
        self.bps.resize(frame.instruments(), self.usual);
        self.known.resize(frame.instruments(), false);
        if self.fill_at != FillAt::Open {
            self.quote(frame);
        }
        // Prices before and after a split are in different units.
        for action in actions.iter().filter(|action| action.split != 1.0) {
            match self.estimators.get_mut(action.instrument as usize) {
                Some(Estimator::CorwinSchultz(estimator)) => estimator.interrupt(),
                Some(Estimator::AbdiRanaldo(estimator)) => estimator.interrupt(),
                Some(Estimator::Edge(estimator)) => estimator.interrupt(),
                None => {}
            }
        }
    }

    /// Applies the quotes or estimates that are known only at the end of the frame.
    pub(super) fn end(&mut self, frame: &Frame) {
        if self.fill_at == FillAt::Open {
            self.quote(frame);
        }
        self.estimate(frame);
    }

    fn estimate(&mut self, frame: &Frame) {
        let window = self.window;
        let fresh = match self.model {
            SpreadModel::CorwinSchultz => Estimator::CorwinSchultz(CorwinSchultz::new(window)),
            SpreadModel::AbdiRanaldo => Estimator::AbdiRanaldo(AbdiRanaldo::new(window)),
            SpreadModel::Edge => Estimator::Edge(Edge::new(window)),
            SpreadModel::Constant | SpreadModel::Quotes => return,
        };
        self.estimators.resize(frame.instruments(), fresh);
        for (i, (estimator, bps)) in self.estimators.iter_mut().zip(&mut self.bps).enumerate() {
            let (high, low, close) = (frame.high[i], frame.low[i], frame.close[i]);
            if close.is_nan() {
                continue;
            }
            let half = match estimator {
                Estimator::CorwinSchultz(estimator) => {
                    estimator.push(high, low, close);
                    estimator.half_spread()
                }
                Estimator::AbdiRanaldo(estimator) => {
                    estimator.push(high, low, close);
                    estimator.half_spread()
                }
                Estimator::Edge(estimator) => {
                    estimator.push(frame.open[i], high, low, close);
                    estimator.half_spread()
                }
            };
            // Before the window is full, the usual half-spread stays.
            *bps = half.map_or(*bps, |half| (half / BPS).max(self.floor));
            self.known[i] |= half.is_some();
        }
    }

    fn quote(&mut self, frame: &Frame) {
        if self.model != SpreadModel::Quotes {
            return;
        }
        for (i, (bid, ask)) in frame.bid.iter().zip(&frame.ask).enumerate() {
            let half = (ask - bid) / (ask + bid);
            // Without a quote the last half-spread stays; a crossed quote costs 0.
            if !half.is_nan() {
                self.bps[i] = half.max(0.0) / BPS;
                self.known[i] = true;
                self.crossed += u64::from(half < 0.0);
            }
        }
    }

    /// Returns true if half-spreads change from frame to frame.
    pub(super) fn vary(&self) -> bool {
        self.model != SpreadModel::Constant
    }

    /// Returns true while the instrument has no quote or estimate yet.
    pub(super) fn is_usual(&self, instrument: usize) -> bool {
        self.vary() && !self.known[instrument]
    }

    /// Count of bars whose quote was crossed.
    pub(super) fn crossed(&self) -> u64 {
        self.crossed
    }

    /// Half-spread of an instrument in bps of notional.
    #[must_use]
    pub(super) fn bps(&self, instrument: usize) -> f64 {
        self.bps[instrument]
    }
}
