//! State of one part of the instruments: those with the same groups.

use serde::{Deserialize, Serialize};

use super::forecast::{Mixed, ModelFrame};
use super::models::Models;
use crate::model::dlm::histories::{Histories, Rules};
use crate::model::lanes::Column;

/// Models and histories of the instruments of a part, and the last frame.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) histories: Histories,
    pub(super) models: Models,
    pub(super) design: Vec<f64>,
    pub(super) observed: Column,
    /// Forecasts of the last frame.
    pub(super) mixed: Mixed,
    /// Squared scale of their t.
    pub(super) scale: Column,
    /// Models in the last frame.
    pub(super) frames: Vec<ModelFrame>,
    /// Returns of the frame by slot; unused without groups.
    #[serde(skip)]
    pub(super) returns: Vec<f64>,
    /// True if any return is missing.
    #[serde(skip)]
    pub(super) missing: bool,
    /// Instruments that start in the frame.
    #[serde(skip)]
    pub(super) newcomers: Vec<u32>,
}

impl Part {
    /// Part of `count` models with k coefficients, without instruments.
    pub(super) fn new(rules: Rules, k: usize, count: usize) -> Self {
        Self {
            histories: Histories::new(rules, k),
            models: Models::new(k, count),
            design: vec![1.0; k],
            observed: Column::default(),
            mixed: Mixed::default(),
            scale: Column::default(),
            frames: vec![ModelFrame::NONE; count],
            returns: Vec::new(),
            missing: false,
            newcomers: Vec::new(),
        }
    }

    /// Number of instruments with a return in the frame.
    pub(super) fn trading(&self) -> usize {
        self.observed.0.iter().flat_map(|block| block.0).filter(|y| !y.is_nan()).count()
    }
}
