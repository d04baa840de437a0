//! Call of a command by another program in the same process.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use betaflow_connectors::parquet::MemoryTable;
use betaflow_engine::strategy::{Strategy, TargetKind};

use super::progress::CallProgress;

/// Command with its surroundings.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Arguments of the program, beginning with its name. `memory:NAME` in place of a path stands for a table.
    pub arguments: Vec<OsString>,
    /// Settings, which override a file of settings; flags override them.
    pub settings: Vec<CallSetting>,
    /// Tables in memory.
    pub tables: Vec<MemoryTable>,
    /// Content of a grid file, for the grid `memory:grid`.
    pub grid: Option<toml::Table>,
    /// Strategy of the caller.
    pub strategy: Option<Arc<dyn StrategyFactory>>,
    /// Progress of the command, and the request to end it.
    pub progress: Arc<CallProgress>,
}

/// Setting of a caller.
#[derive(Clone, Debug)]
pub struct CallSetting {
    /// Table of the setting.
    pub table: String,
    /// Key in the table; `None` for an empty table.
    pub value: Option<(String, toml::Value)>,
    /// Name of the setting where the caller wrote it, for messages.
    pub origin: String,
}

/// Texts of a command that has ended.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// Result as JSON: the content of `summary.json`.
    pub json: String,
    /// Result as the program would show it on a terminal, without colours.
    pub page: String,
    /// Folder or file with the result.
    pub folder: Option<PathBuf>,
    /// Notes on the way, one line each.
    pub notes: Vec<String>,
    /// True if the command ended with a result because the caller interrupted it.
    pub is_stopped: bool,
}

/// Makes the strategy of a caller, once for each run.
pub trait StrategyFactory: fmt::Debug + Send + Sync {
    /// Name of the strategy in settings and messages.
    fn name(&self) -> &str;

    /// Module and name of its class in Python, for `run.toml`.
    fn class(&self) -> &str;

    /// Its parameters by name: keys of `[strategy]`, which settings and grids override.
    fn parameters(&self) -> &toml::Table;

    /// Kind of its targets on a rebalance with targets.
    fn targets(&self) -> TargetKind;

    /// Makes the strategy with these values of its parameters.
    ///
    /// # Errors
    /// The caller cannot make it.
    fn make(
        &self,
        parameters: &toml::Table,
    ) -> Result<Box<dyn Strategy>, Box<dyn std::error::Error + Send + Sync>>;
}
