//! Arguments for data and settings.

use std::path::PathBuf;

use clap::Args;

/// Data and settings of a command, as typed.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct InputArgs {
    /// File or folder of files with prices: Parquet or CSV [default: embedded tutorial data].
    #[arg(long, value_name = "PATH")]
    pub prices: Option<PathBuf>,
    /// File with factor returns (Parquet, CSV or Ken French), or `none`; repeatable, joined by time.
    #[arg(long, value_name = "PATH")]
    pub factors: Vec<PathBuf>,
    /// File of your forecasts or scores, for the strategy `forecasts`.
    #[arg(long, value_name = "PATH", conflicts_with = "weights")]
    pub forecasts: Option<PathBuf>,
    /// File of your target weights, for the strategy `weights`.
    #[arg(long, value_name = "PATH")]
    pub weights: Option<PathBuf>,
    /// TOML file of settings, such as the run.toml of a run folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting, which takes precedence over the file; repeatable.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// First date, such as 2015-01-31; earlier data is not read [default: all data].
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
}
