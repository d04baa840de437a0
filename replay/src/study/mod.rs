//! Many runs that differ by their settings, over as few readings of the data as possible: the common part of
//! `betaflow stress` and `betaflow tune`.
//!
//! * A grid file becomes a [`Study`] of configurations. Scenarios with the same source and estimator
//!   (`Config::shared_by_scenarios`) share a pass over the data.
//! * `budget.rs` reads the data once to find the size of a pass: as many scenarios as memory and two minutes
//!   allow. Passes of few scenarios run side by side, one thread each.
//! * The result of a pass is a part in `.NAME.unfinished` beside the run folder, written aside and renamed
//!   (`unfinished.rs`). The tables are made of the parts alone, so an interrupted study gives the same bytes.
//!   It resumes only with the same version, settings and bytes of the data.
//! * With `trades = "fixed"` there is one run, and `Reprice` stages take its ledger
//!   (`engine/src/execution/repricing`). A scenario is then a row of rates and one number of state.
//! * `config/choices.rs` separates choices from the environment. `identity.rs` digests both halves. The trials
//!   log (`trials_log.rs`) keeps the choices of every run with their ratios.
//! * A run is deflated by all distinct choices, with the variance across those that were measured in its own
//!   environment over the same period. The last return marks the period, not a digest of files: nothing may
//!   depend on the bytes behind a hold-out.
//! * `luck/` compares the candidates on the last frames that all of them have. A log that cannot be written is
//!   reported and changes nothing else.

mod args;
mod budget;
mod candidates;
mod grid;
mod identity;
mod luck;
mod pass;
mod progress;
mod range;
mod results;
mod ruined;
mod run;
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
pub(crate) use grid::{FIXED_TRADES, Grid};
pub(crate) use luck::Luck;
pub(crate) use results::{Outcome, StudyResults, write_tables};
pub(crate) use ruined::RuinedScenarios;
pub(crate) use run::{Plan, run};
pub(crate) use trials_log::TrialsLog;

use crate::config::Config;
use crate::config::SettingFlag;
use crate::run::REPLAY;
use crate::run::RunArgs;
use crate::summary::{Head, HoldoutSummary, Rendered, Settings, StudyHead, StudyKind, StudyTiming};
use unfinished::Key;

/// The scenarios of a grid file, each with valid settings.
pub(crate) struct Study {
    /// Settings that vary.
    pub(crate) grid: Grid,
    /// The configuration whose settings vary.
    pub(crate) base: Config,
    /// Configuration of each scenario.
    pub(crate) configs: Vec<Config>,
    /// The costs of each scenario, where all have the trades of the base.
    charges: Option<Vec<Charges>>,
}

impl Study {
    /// Reads a grid file and resolves the settings of every scenario. `flags`: flags of the command that are settings.
    ///
    /// # Errors
    /// The file cannot be read, or a setting of a scenario is not valid.
    pub(crate) fn resolve(grid_file: &Path, args: &RunArgs, flags: &[SettingFlag]) -> Result<Self> {
        let grid = Grid::read(grid_file)?;
        if let Some(name) = grid.names.iter().find(|name| name.starts_with("holdout.")) {
            bail!(
                "{}: `{name}`: found a setting that varies, expected one hold-out for all scenarios: set it in the \
                 configuration, or with --set",
                grid_file.display()
            );
        }
        let base = REPLAY.request(args).with_flags(flags.iter().cloned()).resolve()?;
        let config_of = |scenario: usize| {
            let mut args = args.clone();
            args.input.set.extend(grid.sets(scenario));
            REPLAY
                .request(&args)
                .with_flags(flags.iter().cloned())
                .resolve()
                .with_context(|| format!("{}: scenario {scenario}", grid_file.display()))
        };
        let configs = (0..grid.scenarios.len()).map(config_of).collect::<Result<Vec<_>>>()?;
        let charges = grid.fixed.then(|| grid.charges(grid_file, &base, &configs)).transpose()?;
        Ok(Self { grid, base, configs, charges })
    }

    /// Returns whether the environments of all scenarios have the same frames.
    ///
    /// # Errors
    /// A world cannot be written as TOML.
    pub(crate) fn is_of_one_source(&self) -> Result<bool> {
        let first = self.base.world_of_source()?;
        self.configs.iter().try_fold(true, |same, config| Ok(same && config.world_of_source()? == first))
    }

    /// Returns the values of the configuration for the settings that vary; null where one is unset.
    ///
    /// # Errors
    /// It cannot be written as TOML.
    pub(crate) fn base_values(&self) -> Result<Settings> {
        self.grid.values_of(&self.base)
    }

    /// Returns the keys of `summary.json` that all studies have.
    ///
    /// # Errors
    /// A setting has no place in JSON.
    pub(crate) fn head(
        &self,
        kind: StudyKind,
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

    /// Identity of the study, by which an unfinished one is resumed.
    ///
    /// # Errors
    /// The data cannot be read.
    fn key(&self) -> Result<Key> {
        let mut settings = Sha256::new();
        if self.charges.is_some() {
            settings.update("trades are fixed");
            settings.update(self.base.digest()?);
        }
        let mut inputs: Vec<(Input, Option<Input>)> = Vec::new();
        let mut paths: Vec<(&Option<String>, &Option<String>)> = Vec::new();
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
        })
    }
}

/// Returns the look-ahead of the fills and the number of scenarios with one, if there is any.
pub(crate) fn look_ahead(configs: &[Config]) -> Option<String> {
    let mut notes = configs.iter().filter_map(|config| config.look_ahead());
    let note = notes.next()?;
    Some(format!("{} of {} scenarios: {note}", 1 + notes.count(), configs.len()))
}

/// The folder that a study writes: the one asked for, or the next free one, also of studies that wait to be taken up.
pub(crate) fn folder_of(args: &RunArgs, command: &str) -> PathBuf {
    args.out.clone().unwrap_or_else(|| {
        (1_u32..)
            .map(|number| Path::new("runs").join(format!("{command}-{number}")))
            .find(|path| !path.exists() && !unfinished::place(path).exists())
            .unwrap_or_default()
    })
}
