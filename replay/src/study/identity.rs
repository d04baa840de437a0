//! Identity of a scenario: digests of its choices and of its environment.

use anyhow::Result;
use betaflow_engine::ledger::hex;
use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

use crate::config::{Config, is_choice};

/// Hex digits of a stored digest: the probability of a collision among a million choices is 3e-8.
const DIGITS: usize = 16;
/// Tables that are neither choice nor environment: recording, execution of the program, tuning, hold-out.
const NEITHER: [&str; 4] = ["record", "pipeline", "tune", "holdout"];

/// Digests of the two halves of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Digest of the choices.
    pub(crate) choice: String,
    /// Digest of the environment.
    pub(crate) world: String,
}

impl Identity {
    /// Computes both digests.
    ///
    /// # Errors
    /// A file that the settings name cannot be read.
    pub(crate) fn of(config: &Config) -> Result<Self> {
        let settings = Table::try_from(config.of_results())?;
        let (mut choice, mut world) = (Sha256::new(), Sha256::new());
        // The benchmark changes trades only if sizing measures risk against it.
        let counts = |table: &str| match table {
            "benchmark" => config.sizing.active,
            _ => !NEITHER.contains(&table),
        };
        for (table, values) in settings.iter().filter(|(table, _)| counts(table)) {
            each(table, values, &mut |name, value| {
                let half = if is_choice(name) { &mut choice } else { &mut world };
                half.update(format!("{name} = {value}\n"));
            });
        }
        let short = |digest: Sha256| hex(&digest.finalize().into())[..DIGITS].to_owned();
        Ok(Self { choice: short(choice), world: short(world) })
    }
}

/// Calls `take` with the dotted name and value of each setting.
fn each(name: &str, value: &Value, take: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Table(table) => {
            table.iter().for_each(|(key, value)| each(&format!("{name}.{key}"), value, take));
        }
        value => take(name, value),
    }
}
