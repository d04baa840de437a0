//! Files of a shard folder besides the tables.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use betaflow_engine::ledger::hex;
use betaflow_engine::source::DataFacts;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use toml::Table;

use crate::config::{Config, SettingsChange};
use crate::host::Host;
use crate::study::Study;
use crate::study::identity::Identity;
use crate::study::unfinished::Key;
use crate::summary::{FolderKind, StudyTiming};

/// Facts of the shard.
pub(super) const SHARD: &str = "shard.json";
/// Settings of its scenarios.
pub(super) const SETTINGS: &str = "settings.toml";
pub(super) const RUN: &str = "run.toml";
pub(super) const GRID: &str = "grid.toml";

/// `shard.json`: facts of a shard.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ShardSummary {
    /// Version of the program.
    pub(super) version: String,
    /// Command of the study.
    pub(super) kind: FolderKind,
    /// Key of the study, with the number of the shard.
    pub(super) study: Key,
    /// Digest of the configuration whose settings vary, with its folds and objective.
    pub(super) configuration: String,
    /// Scenarios of the shard, in ascending order.
    pub(super) scenarios: Vec<usize>,
    /// Scenario with the unchanged configuration, which `tune` compares with.
    pub(super) base_scenario: Option<usize>,
    /// Counts of the input of the first scenario.
    pub(super) data: DataFacts,
    pub(super) timing: StudyTiming,
}

/// First key of `shard.json`, which every version has.
#[derive(Deserialize)]
struct Versioned {
    version: String,
}

impl ShardSummary {
    /// Reads `shard.json` of a folder.
    ///
    /// # Errors
    /// The file cannot be read, or another version wrote it.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(SHARD);
        let text =
            fs::read_to_string(&path).with_context(|| format!("{}: cannot read the file", path.display()))?;
        let written = || format!("{}: not a file that betaflow wrote", path.display());
        let version = serde_json::from_str::<Versioned>(&text).with_context(written)?.version;
        let own = env!("CARGO_PKG_VERSION");
        if version != own {
            bail!(
                "{}: found a shard of betaflow {version}, expected {own}, because results differ between versions; run the \
                 shard again with this version, or merge with betaflow {version}",
                folder.display()
            );
        }
        serde_json::from_str(&text).with_context(written)
    }

    /// Reads `shard.json` of a folder if it is there and has the key; `None` otherwise.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn of_same(folder: &Path, key: &Key) -> Result<Option<Self>> {
        if !folder.join(SHARD).exists() {
            return Ok(None);
        }
        let summary = Self::read(folder)?;
        Ok(Some(summary).filter(|summary| summary.study == *key))
    }
}

/// `settings.toml`: validated settings of the scenarios of a shard. They do not follow from `run.toml` and `grid.toml`
/// alone, because defaults may depend on settings that vary.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ShardSettings {
    // Before the table: an empty list is a value, and TOML has values before tables.
    pub(super) scenario: Vec<ScenarioSettings>,
    /// Settings of the configuration whose settings vary.
    pub(super) base: Table,
}

/// Settings of one scenario.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ScenarioSettings {
    pub(super) number: usize,
    /// Digest of the choices.
    pub(super) choice: String,
    /// Digest of the environment.
    pub(super) environment: String,
    /// Differences to the settings of the configuration.
    #[serde(flatten)]
    pub(super) change: SettingsChange,
}

impl ShardSettings {
    /// Collects the settings of scenarios.
    ///
    /// # Errors
    /// A file that the settings name cannot be read, or a setting cannot be written as TOML.
    pub(super) fn of(study: &Study, numbers: &[usize]) -> Result<Self> {
        let base = study.base.table()?;
        let scenario = |number: &usize| -> Result<ScenarioSettings> {
            let config = &study.configs[*number];
            let Identity { choice, world } = Identity::of(config)?;
            let change = SettingsChange::between(&base, &config.table()?)?;
            Ok(ScenarioSettings { number: *number, choice, environment: world, change })
        };
        let scenario = numbers.iter().map(scenario).collect::<Result<_>>()?;
        Ok(Self { scenario, base })
    }

    /// Digest of the configuration whose settings vary, with its folds and objective.
    ///
    /// # Errors
    /// A file that the settings name cannot be read, or a setting cannot be written as TOML.
    pub(super) fn digest(study: &Study) -> Result<String> {
        let mut digest = Sha256::new();
        digest.update(study.base.digest()?);
        digest.update(toml::to_string(&study.base.tune)?);
        Ok(hex(&digest.finalize().into()))
    }

    /// Reads `settings.toml` of a folder.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(SETTINGS);
        let text =
            fs::read_to_string(&path).with_context(|| format!("{}: cannot read the file", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{}: not a file that betaflow wrote", path.display()))
    }
}

impl ScenarioSettings {
    /// Configuration and identity of the scenario. `base`: settings of the configuration.
    ///
    /// # Errors
    /// The settings are not those of a configuration.
    pub(super) fn into_config(self, base: &Table, host: &Host) -> Result<(Config, Identity)> {
        let config = Config::recorded(self.change.applied_to(base), host)?;
        Ok((config, Identity { choice: self.choice, world: self.environment }))
    }
}
