//! `betaflow merge`: the shards of a stress run or a tuning as one folder.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use betaflow_connectors::record::RunFolder;
use clap::Args;

use super::{stress, tune};
use crate::host::Host;
use crate::run::remove_when_interrupted;
use crate::study::{MergedStudy, Output};
use crate::summary::FolderKind;

pub(super) const MERGE: &str = "\
Merge the shards of a stress run or a tuning into the folder of one run.

`betaflow stress --shard I/N` and `betaflow tune --shard I/N` run part I of N
of the scenarios, each wherever there is a processor, and write a shard folder.
The merged folder equals that of a run without shards to the bit, except for
timing.seconds and timing.passes in summary.json, the sums over all shards.
Neither prices nor other data are read. The trials log gets one entry.

All shards must have the same grid, settings, data and version. A missing shard
is an error that names it. A shard that is given twice counts once.

Example for SLURM:
  #SBATCH --array=1-8
  betaflow stress --prices prices.parquet --factors factors.parquet \\
    --grid grid.toml --resume --out shards/$SLURM_ARRAY_TASK_ID \\
    --shard $SLURM_ARRAY_TASK_ID/8
and after the last task:
  betaflow merge shards --out runs/stress

In an indexed Job of Kubernetes (completionMode: Indexed, completions: 8):
  betaflow stress ... --shard $((JOB_COMPLETION_INDEX + 1))/8 \\
    --out shards/$JOB_COMPLETION_INDEX";

/// Arguments of `merge`.
#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// Shard folders, or folders of shard folders.
    #[arg(value_name = "DIR", required = true)]
    pub shards: Vec<PathBuf>,
    /// Run folder to write.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Replace an earlier run in that folder; other files stay.
    #[arg(long)]
    pub force: bool,
    /// Trials log of the data, or `none` [default: PRICES.trials.jsonl].
    #[arg(long, value_name = "FILE")]
    pub trials: Option<PathBuf>,
    /// Skip report.html, which has 5 MB.
    #[arg(long)]
    pub no_report: bool,
    /// Print summary.json, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
}

/// Merges shards into a run folder.
///
/// # Errors
/// A shard is missing, damaged or of another study, or the file system refuses a write.
pub(super) fn merge(args: &MergeArgs, host: &Host) -> Result<()> {
    let MergedStudy { kind, study, results, base, settings, shards, seconds } =
        MergedStudy::read(&args.shards, host)?;
    let folder = RunFolder::create(&args.out, args.force)?;
    remove_when_interrupted(host, folder.path())?;
    host.tell(&format!("{} scenarios of {shards} shards", results.outcomes.len()));
    let output = Output {
        out: &args.out,
        folder,
        trials: args.trials.as_deref(),
        // A repeated merge is the same run.
        resumed: true,
        no_report: args.no_report,
        json: args.json,
        elapsed: &|| Duration::from_secs_f64(seconds),
        unfinished: None,
    };
    match (kind, base) {
        (FolderKind::Stress, _) => stress::conclude(&study, &results, output, host),
        (FolderKind::Tune, Some(base)) => tune::conclude(study, results, (settings, base), output, host),
        _ => bail!("found shards of a command without shards, expected those of stress or tune"),
    }
}
