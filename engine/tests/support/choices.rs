//! Objectives, and returns of settings to choose from.

use betaflow_engine::validation::Objective;

use super::Random;

pub const OBJECTIVES: [Objective; 5] = [
    Objective::Sharpe,
    Objective::Sortino,
    Objective::Calmar,
    Objective::Growth,
    Objective::WorstBlock { blocks: 3 },
];

/// Returns of noise, by setting and frame.
pub fn returns(seed: u64, settings: usize, frames: usize) -> Vec<Vec<f64>> {
    let mut random = Random(seed);
    (0..settings).map(|_| (0..frames).map(|_| 0.01 * random.shock()).collect()).collect()
}
