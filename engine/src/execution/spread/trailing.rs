//! Window of the last estimates.

use serde::{Deserialize, Serialize};

/// The last `window` values.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Trailing<T = f64> {
    values: Vec<T>,
    window: usize,
    next: usize,
}

impl<T> Trailing<T> {
    pub(super) fn new(window: usize) -> Self {
        Self { values: Vec::new(), window: window.max(1), next: 0 }
    }

    pub(super) fn push(&mut self, value: T) {
        if self.values.len() < self.window {
            self.values.push(value);
        } else {
            self.values[self.next] = value;
            self.next = (self.next + 1) % self.window;
        }
    }

    /// The values once the window is full; not in the order of time.
    pub(super) fn all(&self) -> Option<&[T]> {
        (self.values.len() == self.window).then_some(&self.values)
    }
}

impl Trailing {
    /// Mean once the window is full. Computed from all numbers each time, so rounding errors do not
    /// accumulate.
    pub(super) fn mean(&self) -> Option<f64> {
        self.all().map(|values| values.iter().sum::<f64>() / self.window as f64)
    }
}
