//! Arguments that name data and settings, as typed.

use std::path::PathBuf;

use clap::Args;

/// Where data and settings come from.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct InputArgs {
    /// Parquet file, or folder of files, with prices
    #[arg(long, value_name = "PATH")]
    pub prices: Option<PathBuf>,
    /// Parquet file with factor returns, or `none` to run without factors
    #[arg(long, value_name = "PATH")]
    pub factors: Option<PathBuf>,
    /// Settings in a TOML file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting, over those of the file; may be given many times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// First date, such as 2015-01-31; earlier data is not seen at all
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
}
