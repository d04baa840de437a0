//! Studies: many runs that differ by their settings, in few passes over the data; used by `stress` and
//! `tune`.
//!
//! A grid file becomes a [`Study`] of configurations. Scenarios with the same source and estimator share a
//! pass; `budget.rs` bounds its memory and duration. The result of each pass is written to `.NAME.unfinished`
//! beside the run folder (`unfinished.rs`), from which a study can resume. With `trades = "fixed"`, one run
//! is repriced for each scenario.
//!
//! A shard (`shard/`) runs a part of the scenarios; all shards of a study merge into the folder of one run.
//!
//! The trials log (`trials_log.rs`) keeps the choices of every run with their ratios; `luck/` deflates the
//! best by all distinct choices. The period of a run is identified by its last return, not by a digest of the
//! files, because no output may depend on bars of the hold-out.

mod args;
mod budget;
mod candidates;
mod effects;
mod grid;
mod identity;
mod luck;
mod output;
mod pass;
mod progress;
mod range;
mod results;
mod ruined;
mod run;
mod shard;
mod shard_number;
mod sharing;
mod trials_log;
mod unfinished;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use betaflow_connectors::parquet::{Input, content_digest};
use betaflow_engine::execution::repricing::Charges;
use betaflow_engine::ledger::hex;
use sha2::{Digest as _, Sha256};

pub(crate) use args::StudyArgs;
pub(crate) use candidates::candidates_of;
pub(crate) use effects::without_effect;
pub(crate) use grid::{FIXED_TRADES, Grid};
pub(crate) use luck::Luck;
pub(crate) use output::Output;
pub(crate) use results::{Outcome, StudyResults, write_tables};
pub(crate) use ruined::RuinedScenarios;
pub(crate) use run::{Plan, run};
pub(crate) use shard::{MergedStudy, ShardRun, run_shard};
pub(crate) use trials_log::TrialsLog;

use crate::config::Config;
use crate::config::SettingFlag;
use crate::host::Host;
use crate::run::REPLAY;
use crate::run::RunArgs;
use crate::summary::{FolderKind, Head, HoldoutSummary, Rendered, Settings, StudyHead, StudyTiming};
use identity::Identity;
use shard_number::ShardNumber;
use unfinished::Key;

/// Tables whose settings change no result of a replay.
const WITHOUT_RESULTS: [&str; 5] = ["alerts", "feed", "pipeline", "record", "tune"];

/// Scenarios of a grid file, each with validated settings.
pub(crate) struct Study {
    /// Settings that vary.
    pub(crate) grid: Grid,
    /// Configuration whose settings vary.
    pub(crate) base: Config,
    /// Configuration of each scenario.
    pub(crate) configs: Vec<Config>,
    /// Costs of each scenario, if all have the trades of the base configuration.
    charges: Option<Vec<Charges>>,
    /// Identities of the scenarios, if a shard recorded them; otherwise they follow from the configurations.
    identities: Option<Vec<Identity>>,
}

impl Study {
    /// Reads a grid file and resolves the settings of every scenario. `flags` are command-line flags for
    /// settings.
    ///
    /// # Errors
    /// The file cannot be read, or a setting of a scenario is invalid.
    pub(crate) fn resolve(
        grid_file: &Path,
        args: &RunArgs,
        flags: &[SettingFlag],
        host: &Host,
    ) -> Result<Self> {
        let grid = Grid::read(grid_file, host)?;
        if let Some(name) = grid.names.iter().find(|name| name.starts_with("holdout.")) {
            bail!(
                "{}: `{name}`: found a varying setting, expected one hold-out for all scenarios: set it in the configuration, \
                 or with --set",
                grid_file.display()
            );
        }
        if let Some((name, table)) =
            grid.names.iter().find_map(|name| Some((name, table_without_results(name)?)))
        {
            bail!(
                "{}: `{name}`: found a varying setting of [{table}], expected one that can change the result of a replay: set it in \
                 the configuration, or with --set",
                grid_file.display()
            );
        }
        let request =
            || REPLAY.request(args, host).with_flags(flags.iter().cloned()).with_varying(&grid.names);
        let base = request().resolve()?;
        let config_of = |scenario: usize| {
            let settings = grid.names.iter().cloned().zip(grid.scenarios[scenario].iter().cloned());
            let settings = settings.filter_map(|(name, value)| Some((name, value?)));
            request()
                .with_scenario(grid_file, settings)
                .resolve()
                .with_context(|| format!("{}: scenario {scenario}", grid_file.display()))
        };
        let configs = (0..grid.scenarios.len()).map(config_of).collect::<Result<Vec<_>>>()?;
        let charges = grid.fixed.then(|| grid.charges(grid_file, &base, &configs)).transpose()?;
        Ok(Self { grid, base, configs, charges, identities: None })
    }

    /// True if all scenarios have the same frames.
    ///
    /// # Errors
    /// The settings cannot be written as TOML.
    pub(crate) fn is_of_one_source(&self) -> Result<bool> {
        let first = self.base.world_of_source()?;
        self.configs.iter().try_fold(true, |same, config| Ok(same && config.world_of_source()? == first))
    }

    /// Returns the values of the base configuration for the varying settings; null for an unset one.
    ///
    /// # Errors
    /// The configuration cannot be written as TOML.
    pub(crate) fn base_values(&self) -> Result<Settings> {
        self.grid.values_of(&self.base)
    }

    /// Returns the fields of `summary.json` that all studies have.
    ///
    /// # Errors
    /// A setting cannot be written as JSON.
    pub(crate) fn head(
        &self,
        kind: FolderKind,
        results: &StudyResults,
        (ruined, luck): (&RuinedScenarios, &Luck),
        warnings: &[Rendered],
        time: Duration,
    ) -> Result<StudyHead> {
        Ok(StudyHead {
            head: Head::new(&results.data, self.base.world_note(true), warnings),
            kind,
            strategy: self.base.strategy_kind().to_owned(),
            scenarios: results.outcomes.len() as u64,
            grid: self.grid.level_values()?,
            base: self.base_values()?,
            ruined: ruined.summary()?,
            luck: Some(luck.summary()),
            look_ahead: look_ahead(&self.configs),
            timing: StudyTiming { seconds: time.as_secs_f64(), passes: results.passes as u64 },
            holdout: self.base.holdout.from.as_deref().map(HoldoutSummary::kept),
        })
    }

    /// Returns the identities of all scenarios.
    ///
    /// # Errors
    /// A file that the settings name cannot be read.
    fn identities(&self) -> Result<Vec<Identity>> {
        match &self.identities {
            Some(identities) => Ok(identities.iter().take(self.configs.len()).cloned().collect()),
            None => self.configs.iter().map(Identity::of).collect(),
        }
    }

    /// Key of the study, which an unfinished study must match to be resumed. `shard`: shard that runs.
    ///
    /// # Errors
    /// The data cannot be read.
    fn key(&self, shard: Option<ShardNumber>) -> Result<Key> {
        let mut settings = Sha256::new();
        if self.charges.is_some() {
            settings.update("trades are fixed");
            settings.update(self.base.digest()?);
        }
        let mut inputs: Vec<(Input, Option<Input>)> = Vec::new();
        let mut paths = Vec::new();
        for (scenario, config) in self.configs.iter().enumerate() {
            settings.update(config.digest()?);
            settings.update(self.grid.sets(scenario).join("\n"));
            let from = (&config.data.prices, &config.data.factors);
            if !paths.contains(&from) {
                paths.push(from);
                inputs.push((config.prices(), config.factor_file()));
            }
        }
        let files = inputs.iter().flat_map(|(prices, factors)| [Some(prices), factors.as_ref()]).flatten();
        Ok(Key {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            scenarios: self.configs.len(),
            settings: hex(&settings.finalize().into()),
            data: hex(&content_digest(files)?),
            shard,
        })
    }
}

/// Returns the table of a dotted name if none of its settings can change the result of a replay.
fn table_without_results(name: &str) -> Option<&str> {
    let table = name.split('.').next()?;
    WITHOUT_RESULTS.contains(&table).then_some(table)
}

/// Note on look-ahead of the fills, with the number of scenarios that have it; `None` without look-ahead.
pub(crate) fn look_ahead(configs: &[Config]) -> Option<String> {
    let mut notes = configs.iter().filter_map(|config| config.look_ahead());
    let note = notes.next()?;
    Some(format!("{} of {} scenarios: {note}", 1 + notes.count(), configs.len()))
}

/// Run folder of a study: the requested one, or the next unused one that has no unfinished study either.
pub(crate) fn folder_of(args: &RunArgs, command: &str) -> PathBuf {
    args.out.clone().unwrap_or_else(|| {
        (1_u32..)
            .map(|number| Path::new("runs").join(format!("{command}-{number}")))
            .find(|path| !path.exists() && !unfinished::place(path).exists())
            .unwrap_or_default()
    })
}
