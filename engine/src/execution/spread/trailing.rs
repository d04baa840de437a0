//! Mean over a window of the last estimates.

use serde::{Deserialize, Serialize};

/// The last `window` numbers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Trailing {
    values: Vec<f64>,
    window: usize,
    next: usize,
}

impl Trailing {
    pub(super) fn new(window: usize) -> Self {
        Self { values: Vec::new(), window: window.max(1), next: 0 }
    }

    pub(super) fn push(&mut self, value: f64) {
        if self.values.len() < self.window {
            self.values.push(value);
        } else {
            self.values[self.next] = value;
            self.next = (self.next + 1) % self.window;
        }
    }

    /// Mean once the window is full. Computed from all numbers each time, so rounding errors do not
    /// accumulate.
    pub(super) fn mean(&self) -> Option<f64> {
        let full = self.values.len() == self.window;
        full.then(|| self.values.iter().sum::<f64>() / self.window as f64)
    }
}
