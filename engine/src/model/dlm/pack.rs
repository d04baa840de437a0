//! Covariances of eight histories of one model, one in each lane.

use serde::{Deserialize, Serialize};

use super::covariance::{Evolution, ScaledCovariance};
use crate::model::lanes::lane_block::{LANES, LaneBlock};

/// Eight histories side by side. A lane without a history has a matrix without meaning.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pack {
    pub(crate) covariance: ScaledCovariance,
    /// Scaled spread x'R*x of the current frame.
    pub(crate) spread: LaneBlock,
}

/// Steps of each history of a pack in a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Steps {
    /// True if the matrix moves to the frame.
    pub(super) moves: [bool; LANES],
    /// True if the forecast has no transition: the first return.
    pub(super) starts: [bool; LANES],
}

impl Pack {
    pub(super) const fn new(covariance: ScaledCovariance) -> Self {
        Self { covariance, spread: LaneBlock::ZERO }
    }

    /// Evolves the histories that move; stores R x and x'R x of the frame for all.
    pub(super) fn evolve(
        &mut self,
        evolution: &Evolution,
        x: &[f64],
        steps: Steps,
        scratch: &mut ScaledCovariance,
    ) {
        let Self { covariance, spread } = self;
        let Steps { moves, starts } = steps;
        let stays = |lane: &usize| !moves[*lane];
        if (0..LANES).any(|lane| stays(&lane)) {
            scratch.copy_from(covariance);
        }
        if !starts.iter().all(|starts| *starts) {
            covariance.evolve(evolution);
        }
        for lane in (0..LANES).filter(|lane| starts[*lane]) {
            covariance.copy_matrix_lane(lane, scratch, lane);
        }
        *spread = LaneBlock(covariance.forecast(x).map(|q| q - 1.0));
        for lane in (0..LANES).filter(stays) {
            covariance.copy_matrix_lane(lane, scratch, lane);
        }
    }

    /// Updates the observed histories, with the observation variance relative to the usual one.
    pub(super) fn update(&mut self, variance: f64, observed: [bool; LANES]) {
        // An infinite forecast variance leaves a matrix unchanged.
        let q = |lane: usize| if observed[lane] { variance + self.spread[lane] } else { f64::INFINITY };
        self.covariance.update(&LaneBlock::from_fn(q));
    }

    pub(super) fn copy_lane(&mut self, to: usize, other: &Self, from: usize) {
        self.covariance.copy_lane(to, &other.covariance, from);
        self.spread[to] = other.spread[from];
    }
}
