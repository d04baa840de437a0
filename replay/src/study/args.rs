//! Arguments of the commands that run many scenarios.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::shard_number::ShardNumber;
use crate::run::RunArgs;

/// Arguments of the commands that run many scenarios.
#[derive(Debug, Args)]
pub(crate) struct StudyArgs {
    /// TOML file of the settings that vary, and their values.
    #[arg(long, value_name = "FILE")]
    pub grid: PathBuf,
    #[command(flatten)]
    pub run: RunArgs,
    /// Resume an interrupted run for this folder.
    #[arg(long, requires = "out")]
    pub resume: bool,
    /// Run only part I of N, such as 3/8, and write a shard for `betaflow merge`.
    #[arg(long, value_name = "I/N", requires = "out", conflicts_with = "trials")]
    pub shard: Option<ShardNumber>,
    /// Threads that run scenarios; no number changes a result [default: one for each processor].
    #[arg(long, value_name = "NUMBER")]
    pub threads: Option<NonZeroUsize>,
    /// Trials log of the data, or `none` [default: PRICES.trials.jsonl].
    #[arg(long, value_name = "FILE")]
    pub trials: Option<PathBuf>,
    /// Skip report.html, which has 5 MB.
    #[arg(long)]
    pub no_report: bool,
}
