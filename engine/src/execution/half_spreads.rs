//! The half-spread of each instrument, by the model that the settings name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::costs::BPS;
use super::settings::{ExecutionSettings, FillAt, SpreadModel};
use crate::frame::Frame;

/// What a fill pays from the mid price to the quote, in bps of its notional.
#[derive(Clone, Debug)]
pub(super) struct HalfSpreads {
    model: SpreadModel,
    fill_at: FillAt,
    usual: f64,
    given: BTreeMap<String, f64>,
    bps: Vec<f64>,
}

impl HalfSpreads {
    /// By the settings.
    #[must_use]
    pub(super) fn new(settings: &ExecutionSettings) -> Self {
        Self {
            model: settings.spread_model,
            fill_at: settings.fill_at,
            usual: settings.half_spread_bps,
            given: settings.half_spreads.clone(),
            bps: Vec::new(),
        }
    }

    /// Makes room for instruments that are listed with the frame, and takes its quotes where fills come after them.
    pub(super) fn begin(&mut self, frame: &Frame) {
        for name in frame.listed.iter().map(Arc::as_ref) {
            let given = self.given.get(name).filter(|_| self.model == SpreadModel::Constant);
            self.bps.push(given.copied().unwrap_or(self.usual));
        }
        // Frames that list nobody by name: an engine fed from elsewhere.
        self.bps.resize(frame.instruments(), self.usual);
        if self.fill_at != FillAt::Open {
            self.quote(frame);
        }
    }

    /// Takes what is only known once the frame is over.
    pub(super) fn end(&mut self, frame: &Frame) {
        if self.fill_at == FillAt::Open {
            self.quote(frame);
        }
    }

    fn quote(&mut self, frame: &Frame) {
        if self.model != SpreadModel::Quotes {
            return;
        }
        for (bps, (bid, ask)) in self.bps.iter_mut().zip(frame.bid.iter().zip(&frame.ask)) {
            let half = (ask - bid) / (ask + bid);
            // Without a quote the last one stands; a crossed one is none that costs.
            if !half.is_nan() {
                *bps = half.max(0.0) / BPS;
            }
        }
    }

    /// Whether they change from frame to frame.
    pub(super) fn vary(&self) -> bool {
        self.model != SpreadModel::Constant
    }

    /// Bps of notional.
    #[must_use]
    pub(super) fn bps(&self, instrument: usize) -> f64 {
        self.bps[instrument]
    }
}
