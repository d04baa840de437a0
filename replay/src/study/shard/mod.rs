//! Shards: parts of a study that run on their own, for instance on different machines, and merge into one folder.
//!
//! A shard folder holds the tables of its scenarios, and all that merging needs to know of settings and data, so that it
//! reads neither the data nor the user's files again. The division (`Sharing::shard`) depends on grid, settings and number
//! of shards alone.

mod merged;
mod record;

use std::time::Instant;

use anyhow::{Result, bail};
use betaflow_connectors::record::RunFolder;

use super::run::run_part;
use super::shard_number::ShardNumber;
use super::sharing::Sharing;
use super::{Plan, Study, StudyArgs, write_tables};
use crate::host::Host;
use crate::summary::{FolderKind, StudyTiming, to_json};
use crate::terminal::{Page, counted};

pub(crate) use merged::MergedStudy;
use record::{ShardSettings, ShardSummary};

/// Shard to run.
pub(crate) struct ShardRun<'a> {
    pub(crate) shard: ShardNumber,
    /// Command of the study.
    pub(crate) kind: FolderKind,
    /// Command for the first line of `run.toml`.
    pub(crate) command: &'static str,
    /// Scenario with the unchanged configuration, if the command adds one to the grid.
    pub(crate) base: Option<usize>,
    pub(crate) args: &'a StudyArgs,
    pub(crate) started: Instant,
}

/// Runs the scenarios of a shard and writes its folder. With more shards than scenarios, some shards are empty.
///
/// # Errors
/// The data is invalid, or the file system refuses a write.
pub(crate) fn run_shard(study: &Study, run: &ShardRun, host: &Host) -> Result<()> {
    let ShardRun { shard, kind, command, base, args, started } = *run;
    let Some(out) = &args.run.out else { bail!("--shard {shard}: expected --out DIR") };
    let sharing = Sharing::of(&study.configs)?;
    let key = study.key(Some(shard))?;
    let conclude = |summary: &ShardSummary| -> Result<()> {
        host.conclude(args.run.json, &to_json(summary)?, || page(summary), Some(out));
        Ok(())
    };
    if args.resume
        && let Some(complete) = ShardSummary::of_same(out, &key)?
    {
        host.tell(&format!("shard {shard} is complete"));
        return conclude(&complete);
    }
    let folder = RunFolder::create(out, args.run.force)?;
    let plan = Plan::of(args, out, folder.path());
    let (results, unfinished) =
        run_part(study, (&sharing, &sharing.shard(shard.number, shard.of)), &key, &plan)?;
    write_tables(folder.path(), study, &results, None)?;
    let numbers: Vec<usize> = results.outcomes.iter().map(|outcome| outcome.row.number).collect();
    let settings = ShardSettings::of(study, &numbers)?;
    let summary = ShardSummary {
        version: key.version.clone(),
        kind,
        study: key,
        configuration: ShardSettings::digest(study)?,
        scenarios: numbers,
        base_scenario: base,
        data: results.data,
        timing: StudyTiming { seconds: started.elapsed().as_secs_f64(), passes: results.passes as u64 },
    };
    folder.write(record::SETTINGS, &toml::to_string(&settings)?)?;
    folder.write(record::RUN, &study.base.to_toml(command)?)?;
    folder.write(record::GRID, &study.grid.text)?;
    folder.write(record::SHARD, &to_json(&summary)?)?;
    folder.complete()?;
    unfinished.remove();
    conclude(&summary)
}

fn page(summary: &ShardSummary) -> Page {
    let mut page = Page::default();
    let StudyTiming { seconds, passes } = summary.timing;
    let number = summary.study.shard.map_or_else(String::new, |shard| shard.to_string());
    page.section(format!("Shard {number}"));
    let count = counted(summary.scenarios.len() as u64, "scenario");
    page.field("Count", format!("{count} of {} in {seconds:.2} s", summary.study.scenarios));
    page.field("Passes", format!("{passes} over the data"));
    page.field("Next", "`betaflow merge DIR... --out DIR` with the folders of all shards");
    page
}
