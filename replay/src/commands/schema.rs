//! `betaflow schema`.

use anyhow::Result;
use clap::{Args, ValueEnum};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use crate::config;
use crate::summary::{
    FactorsCommandSummary, RunSummary, SignalSummary, StressSummary, TrialsSummary, TuneSummary,
};
use crate::terminal::say;

pub(super) const SCHEMA: &str = "\
Print the JSON schema of a configuration file.

The schema (draft 2020-12) has every key with its type, default, range and
description. An editor that reads JSON schemas completes and checks the file.

Examples:
  betaflow schema > betaflow.schema.json
  betaflow schema --markdown > settings.md
  betaflow schema --summary run > summary.schema.json";

/// Kind of a `summary.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SummaryKind {
    /// Summary of replay, score or estimate.
    Run,
    /// Summary of stress.
    Stress,
    /// Summary of tune.
    Tune,
    /// Summary of signal.
    Signal,
    /// Summary of luck.
    Luck,
    /// Summary of factors.
    Factors,
}

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// Print the schema of summary.json instead.
    #[arg(long, value_enum, value_name = "KIND")]
    pub summary: Option<SummaryKind>,
    /// Print all settings as Markdown instead.
    #[arg(long, conflicts_with = "summary")]
    pub markdown: bool,
}

/// Prints a schema, or the reference of all settings.
///
/// # Errors
/// The schema cannot be written as JSON.
pub(super) fn schema(args: &SchemaArgs) -> Result<()> {
    if args.markdown {
        say(&config::markdown());
        return Ok(());
    }
    let schema = match args.summary {
        None => config::schema(),
        Some(SummaryKind::Run) => schema_of::<RunSummary>(),
        Some(SummaryKind::Stress) => schema_of::<StressSummary>(),
        Some(SummaryKind::Tune) => schema_of::<TuneSummary>(),
        Some(SummaryKind::Signal) => schema_of::<SignalSummary>(),
        Some(SummaryKind::Factors) => schema_of::<FactorsCommandSummary>(),
        Some(SummaryKind::Luck) => schema_of::<TrialsSummary>(),
    };
    say(&(serde_json::to_string_pretty(&schema)? + "\n"));
    Ok(())
}

fn schema_of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}
