//! `betaflow stress`: many scenarios over one reading of the data.

mod args;
mod text;

use std::time::{Duration, Instant};

use anyhow::Result;
use betaflow_connectors::record::RunFolder;
use betaflow_engine::sweep::Candidates;

use crate::config::slips;
use crate::host::Host;
use crate::report;
use crate::study;
use crate::study::{
    Luck, Output, Plan, RuinedScenarios, ShardRun, Study, StudyResults, TrialsLog, candidates_of,
};
use crate::summary::{
    Code, FolderKind, Rendered, StressSummary, Trades, data_warnings, paths, survivorship_warning, to_json,
};
pub(super) use args::{STRESS, StressArgs};
use text::Finished;

/// Command in the first line of `run.toml`.
const COMMAND: &str = "replay";

/// Runs every scenario of a grid file.
pub(crate) fn stress(args: &StressArgs, host: &Host) -> Result<()> {
    let started = Instant::now();
    let study = Study::resolve(&args.study.grid, &args.study.run, &[], host)?;
    if let Some(shard) = args.study.shard {
        let (kind, command, args) = (FolderKind::Stress, COMMAND, &args.study);
        return study::run_shard(&study, &ShardRun { shard, kind, command, base: None, args, started }, host);
    }
    let out = study::folder_of(&args.study.run, "stress");
    let folder = RunFolder::create(&out, args.study.run.force)?;
    let plan = Plan::of(&args.study, &out, folder.path());
    let (results, unfinished) = study::run(&study, &plan)?;
    let unfinished = Some(unfinished);
    conclude(
        &study,
        &results,
        Output { elapsed: &|| started.elapsed(), ..Output::of(&args.study, &out, folder, unfinished) },
        host,
    )
}

/// Writes the folder of a stress run whose scenarios have ended.
///
/// # Errors
/// A file that the settings name cannot be read, or the file system refuses a write.
pub(super) fn conclude(study: &Study, results: &StudyResults, output: Output<'_>, host: &Host) -> Result<()> {
    let Output { out, folder, .. } = &output;
    let notes = notes(study);
    let note = (!notes.is_empty()).then(|| {
        let texts: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
        texts.join("; ")
    });
    study::write_tables(folder.path(), study, results, note.as_deref())?;
    let ruined = RuinedScenarios::of(study, &results.outcomes);
    let candidates = candidates_of(study)?;
    let candidates = candidates.without(results.outcomes.iter().map(|outcome| outcome.row.ruined));
    let log = TrialsLog::of(&study.base, output.trials)?;
    let luck = Luck::of((study, results), &candidates, &log, "stress", output.resumed)?;
    let warnings = warnings(study, results, (&notes, &ruined), &luck)?;
    let time = (output.elapsed)();
    let summary = summary(study, (results, &candidates), &luck, (&warnings, &ruined), time)?;
    let text = to_json(&summary)?;
    folder.write("summary.json", &text)?;
    folder.write("run.toml", &study.base.to_toml(COMMAND)?)?;
    folder.write("grid.toml", &study.grid.text)?;
    if !output.no_report {
        folder.write("report.html", &report::html_of(folder.path(), &[])?)?;
    }
    let (out, json) = (*out, output.json);
    output.complete()?;
    let (candidates, luck, ruined, warnings) = (&candidates, &luck, &ruined, &warnings[..]);
    let page = || Finished { study, results, candidates, luck, ruined, warnings, time }.page(out);
    host.conclude(json, &text, page, Some(out));
    Ok(())
}

/// Returns all warnings of the study.
fn warnings(
    study: &Study,
    results: &StudyResults,
    (notes, ruined): (&[Rendered], &RuinedScenarios),
    luck: &Luck,
) -> Result<Vec<Rendered>> {
    let mut warnings: Vec<Rendered> = ruined.warning().iter().chain(notes).cloned().collect();
    warnings.extend(data_warnings(&results.data));
    warnings.extend(survivorship_warning(&study.base));
    if study.is_of_one_source()? {
        // Otherwise these changes describe only one pass.
        warnings.extend(results.data.world.iter().map(Rendered::from));
    }
    warnings.extend(study::without_effect(study, &results.outcomes)?);
    warnings.extend(luck.warnings());
    Ok(warnings)
}

fn summary(
    study: &Study,
    (results, candidates): (&StudyResults, &Candidates),
    luck: &Luck,
    (warnings, ruined): (&[Rendered], &RuinedScenarios),
    time: Duration,
) -> Result<StressSummary> {
    let paths = path_groups(study, candidates);
    let figure = |name: &str, row: usize| results.outcomes[row].figure(name);
    let is_ruined = |row: usize| results.outcomes[row].row.ruined;
    Ok(StressSummary {
        study: study.head(FolderKind::Stress, results, (ruined, luck), warnings, time)?,
        trades: if study.grid.fixed { Trades::Fixed } else { Trades::Own },
        paths: paths.iter().map(|rows| paths::summary(rows, figure, is_ruined)).collect(),
    })
}

/// Returns the groups of scenarios that differ by the path alone.
fn path_groups(study: &Study, candidates: &Candidates) -> Vec<Vec<usize>> {
    paths::groups(study.grid.names.iter().map(String::as_str), &candidates.sweep)
}

/// Returns the warnings about the settings of the study.
fn notes(study: &Study) -> Vec<Rendered> {
    let named = |code, text: Option<String>| text.map(|text| Rendered::new(code, text));
    let fixed = study.grid.fixed.then(|| study::FIXED_TRADES.to_owned());
    named(Code::FixedTrades, fixed)
        .into_iter()
        .chain(named(Code::LookAhead, study::look_ahead(&study.configs)))
        .chain(named(Code::World, study.base.world_note(true)))
        .chain(slips(&study.configs).into_iter().map(Rendered::from))
        .collect()
}
