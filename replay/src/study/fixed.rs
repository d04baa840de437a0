//! `trades = "fixed"`: scenarios that are no runs of their own, but the trades of the configuration under other costs.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use betaflow_engine::execution::repricing::{COST_SETTINGS, Charges};
use betaflow_engine::world::{self, REPRICING_SETTINGS};

use super::grid::Grid;
use crate::config::Config;

/// Note in every output.
pub(crate) const NOTE: &str = "FIXED TRADES: the scenarios are the trades of the configuration, priced again under their \
                               own costs; they are no replays, and sizing did not know these costs";

/// The costs of each scenario, checked against the configuration whose trades they price.
///
/// # Errors
/// A setting varies that is no cost.
pub(crate) fn charges(file: &Path, grid: &Grid, base: &Config, configs: &[Config]) -> Result<Vec<Charges>> {
    let of_world = REPRICING_SETTINGS.iter().map(|key| format!("world.{key}"));
    let costs: Vec<String> =
        COST_SETTINGS.iter().map(|key| format!("execution.{key}")).chain(of_world).collect();
    for name in &grid.names {
        if !costs.contains(name) {
            bail!(
                "{}: found `{name}` with trades = \"fixed\", expected nothing but costs ({}): it decides which trades there \
                 are, and these are fixed; leave `trades` out to run each scenario",
                file.display(),
                costs.join(", ")
            );
        }
    }
    let run = base.run();
    let of = |(scenario, config): (usize, &Config)| {
        let own = config.run();
        let located = || format!("{}: scenario {scenario}, trades = \"fixed\"", file.display());
        world::charges((&run.execution, &run.world), (own.execution.clone(), &own.world))
            .with_context(located)
    };
    configs.iter().enumerate().map(of).collect()
}
