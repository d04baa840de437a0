//! Orders, fills, costs and the account.

mod actions;
mod benchmark;
mod book;
mod closing;
mod costs;
mod fills;
mod half_spreads;
mod market;
mod moves;
mod orders;
mod portfolio;
pub mod repricing;
mod settings;
mod spread;
mod stress;
mod trailing;
mod volumes;
mod working;

pub use actions::Action;
pub use benchmark::Benchmark;
pub use book::{Account, Book, ExecutionFacts};
pub use costs::{BPS, ChargedOn, Conditions, CostItem, Costs, Impact};
pub use fills::{Fill, Reason};
pub use market::Market;
pub use moves::Moves;
pub use orders::{Order, OrderRecord, OrderState, orders_towards};
pub use portfolio::{Portfolio, is_ruined};
pub use settings::{CashInterest, ExecutionSettings, FillAt, Need, SpreadModel, Unfilled, is_half_spread};
pub use spread::{AbdiRanaldo, CorwinSchultz};
pub use stress::{CostMultipliers, CostStress, MarketVolatility, StressedCosts};
pub use volumes::VolumeFacts;
