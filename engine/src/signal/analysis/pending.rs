//! A cross-section whose forward returns are not complete.

use super::row::SignalRow;

/// A cross-section of signals with the prices of its frame.
#[derive(Clone, Debug, Default)]
pub(super) struct PendingSection {
    /// Number of frames before its frame.
    pub(super) frame: u64,
    /// Instruments with a signal and a price, ascending.
    pub(super) instruments: Vec<u32>,
    /// Signals of the instruments.
    pub(super) signal: Vec<f64>,
    /// Prices on the frame.
    pub(super) prices: Vec<f64>,
    /// Sums of the residual returns up to the frame.
    pub(super) residuals: Vec<f64>,
    /// A row for each horizon.
    pub(super) rows: Vec<SignalRow>,
}

impl PendingSection {
    /// Empties all columns and keeps their memory.
    pub(super) fn clear(&mut self) {
        self.instruments.clear();
        self.signal.clear();
        self.prices.clear();
        self.residuals.clear();
        self.rows.clear();
    }
}
