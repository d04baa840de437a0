//! Costs of a stressed scenario, charged on the trades of a run.

use super::settings::WorldSettings;
use crate::execution::ExecutionSettings;
use crate::execution::repricing::Charges;
use crate::settings::{Invalid, require};

/// Stress settings that may differ from those of the run whose trades are re-priced.
pub const REPRICING_SETTINGS: [&str; 7] = [
    "cost_multiplier",
    "commission_multiplier",
    "spread_multiplier",
    "impact_multiplier",
    "borrow_multiplier",
    "financing_multiplier",
    "haircut_multiplier",
];

/// Returns the costs of a scenario with the settings `own` and its stress, for the trades of a run with the
/// settings `run` and its own stress.
///
/// # Errors
/// The errors of [`Charges::new`]; also fails if the stress on costs varies by date, or differs by more than
/// multipliers.
pub fn charges(
    (run, run_world): (&ExecutionSettings, &WorldSettings),
    (own, world): (ExecutionSettings, &WorldSettings),
) -> Result<Charges, Invalid> {
    world.check()?;
    same_world(run_world, world)?;
    Charges::new((run, run_world.multipliers()), (own, world.multipliers()))
}

/// Checks that two stresses differ only by cost multipliers, which are the same on every date.
fn same_world(run: &WorldSettings, own: &WorldSettings) -> Result<(), Invalid> {
    let same = WorldSettings {
        cost_multiplier: run.cost_multiplier,
        commission_multiplier: run.commission_multiplier,
        spread_multiplier: run.spread_multiplier,
        impact_multiplier: run.impact_multiplier,
        borrow_multiplier: run.borrow_multiplier,
        financing_multiplier: run.financing_multiplier,
        haircut_multiplier: run.haircut_multiplier,
        ..own.clone()
    };
    let expected = "that of the run whose trades are re-priced, except for the multipliers of cost items";
    require(same == *run, "world", "another world", expected)?;
    let volatile = (run.volatile_cost_multiplier, run.spread_follows_volatility);
    require(
        !run.follows_volatility(),
        "volatile_cost_multiplier, spread_follows_volatility",
        format!("{} and {}", volatile.0, volatile.1),
        "1 and 0 to re-price trades: the multiplier of costs that follow volatility varies by date",
    )
}
