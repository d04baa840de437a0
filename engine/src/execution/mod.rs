//! Orders, fills, costs and the account.

mod benchmark;
mod book;
mod costs;
mod orders;
mod portfolio;
mod settings;

pub use benchmark::Benchmark;
pub use book::{Account, Book, ExecutionFacts, Fill, Reason};
pub use costs::{BPS, Costs, fill_costs};
pub use orders::{Order, orders_towards};
pub use portfolio::Portfolio;
pub use settings::{CashInterest, ExecutionSettings, FillAt, SpreadModel, Unfilled};
