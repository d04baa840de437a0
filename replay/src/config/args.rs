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
    /// Whether prices of one's own come with factors.
    #[arg(skip = true)]
    pub needs_factors: bool,
    /// Flags of one command alone that stand for settings.
    #[arg(skip)]
    pub own: Vec<OwnFlag>,
    /// Settings in TOML that are in no file, under those of `--set`: what errors call them, and the text.
    #[arg(skip)]
    pub base: Option<(String, String)>,
    /// Whether the record of a session may be the data.
    #[arg(skip)]
    pub takes_session: bool,
}

/// A flag that stands for a setting.
#[derive(Clone, Debug)]
pub(crate) struct OwnFlag {
    pub table: &'static str,
    pub key: &'static str,
    /// As typed.
    pub value: String,
    /// With its dashes.
    pub flag: &'static str,
}
