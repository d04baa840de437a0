//! Orders, fills, costs and the account.
//!
//! # Orders and fills
//!
//! Orders in flight count as held. An order without a price on its fill frame is cancelled; with `unfilled =
//! "carry"` it works until the next rebalance.
//!
//! `Market` begins a frame before its fills and ends it after them. The costs of a fill do not depend on its
//! own bar, except that a fill at the close pays the quoted spread at that close. σ and V of impact come from
//! the UTC dates before the fill's.
//!
//! `Portfolio::tradable`: an instrument has a price. With impact or a participation cap it also has trailing
//! volume above 0, and with impact a volatility.
//!
//! No order fills on a bar with volume 0 (`volumes.rs`).
//!
//! With `lot`, every position is a whole number of lots. The fraction that a split leaves is paid out as a
//! fill of its own (`Book::keep_lots`).
//!
//! # Costs
//!
//! A commission minimum applies to an order and is due with its first fill.
//!
//! Sizing approximates impact by the 3/2-power law that equals the charged impact at 1 % of a day's volume.
//!
//! Interest accrues on signed cash, by default at the frame's `rf` (`cash_interest`). Negative cash pays it,
//! plus `financing_bps_per_year`.
//!
//! # Account
//!
//! Splits and dividends come first on a frame, for the positions of the preceding close. Open orders are
//! split as well. With an adjusted price besides the traded one, splits and dividends are derived from the two
//! (`actions.rs`).
//!
//! A delisting closes a position at the last price less the haircut. That is a price move: it enters
//! `Moves::held`, the residual of the attribution, and gross and net returns alike.
//!
//! An account with NAV at or below 0 at a close is ruined (`closing.rs`). Positions close at the last prices
//! without costs, orders expire, and the ledger ends. Later frames have no ledger entry, for the strategy and
//! the benchmark. Figures of a ruined series are −100 % or NaN. Scenarios that re-price a ruined run are
//! ruined with it.
//!
//! With `borrow_file`, fees on shorts, and the shares that can be borrowed, are those of the file (`borrow.rs`).
//!
//! The benchmark (`benchmark/`) by default holds equal weights of all instruments that trade, rebalanced every 21
//! days. Benchmarks with weights have the strategy's delay and costs, no cap and no box. An instrument, a factor or
//! a file of returns is an index: it has no costs, and it is held from the close of the first rebalance on.
//!
//! An account with holdings (`holdings.rs`) opens on the first frame that rebalances, at that frame's last prices.
//! Before it, the holdings have no ledger, earn nothing, and are not split or delisted.

mod actions;
mod benchmark;
mod book;
mod borrow;
mod borrow_terms;
mod carrying;
mod closing;
mod costs;
mod filling;
mod fills;
mod half_spreads;
mod holdings;
mod market;
mod marking;
mod moves;
mod orders;
mod portfolio;
mod recalls;
pub mod repricing;
mod settings;
mod spread;
mod stress;
mod trailing;
mod volumes;
mod working;

pub use actions::Action;
pub use benchmark::{Benchmark, BenchmarkFacts, BenchmarkRule, ReturnRows, WeightRows};
pub use book::{Account, Book, ExecutionFacts};
pub use borrow::BorrowCharge;
pub use borrow_terms::{BorrowTerms, available_units};
pub use costs::{BPS, ChargedOn, Conditions, CostItem, Costs, Impact};
pub use fills::{Fill, Reason};
pub use holdings::{Holdings, Opening, OpeningError};
pub use market::Market;
pub use moves::Moves;
pub use orders::{Order, OrderRecord, OrderState, orders_towards};
pub use portfolio::{Portfolio, is_ruined};
pub use settings::{CashInterest, ExecutionSettings, FillAt, Need, SpreadModel, Unfilled, is_half_spread};
pub use spread::{AbdiRanaldo, CorwinSchultz, Edge};
pub use stress::{CostMultipliers, CostStress, MarketVolatility, StressedCosts};
pub use volumes::VolumeFacts;
