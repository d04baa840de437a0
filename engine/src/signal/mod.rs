//! Signals of the user: forecasts, target weights and a vendor's risk model, as of the time they are known.

pub mod analysis;
mod coefficient;
mod leak;
mod queue;
mod ranks;

pub use coefficient::{InformationCoefficient, PRIOR_OBSERVATIONS, standardise};
pub use leak::{Leak, LeakCheck, LeakFacts};
pub use queue::{Clash, Queue};
pub use ranks::rank_correlation;
