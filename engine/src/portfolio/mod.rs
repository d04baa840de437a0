//! From beliefs to target weights: factor moments, the factor risk model, Kelly and the limits.

mod linalg;
mod moments;
mod problem;
mod risk;
mod scale;
mod settings;
mod solver;

pub use moments::FactorMoments;
pub use problem::{Goal, Limits, Outcome, Sizer, Solution};
pub use risk::FactorRisk;
pub use settings::{CapMethod, SizingSettings};
pub use solver::{ExposureBounds, Multipliers, Problem, Reached, Solver};
