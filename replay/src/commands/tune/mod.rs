//! `betaflow tune`: settings chosen in-sample, judged out of sample.
//!
//! ```text
//! grid file ─▶ scenarios ─▶ aligned ─▶ choose ─▶ summary, tables, text, best.toml
//! ```
//!
//! Each setting runs once, causally, through all the data. Filter and book continue through embargoes, unscored. Folds only
//! select the returns that are scored.
//!
//! Returns are aligned at the latest first rebalance (`aligned.rs`). The configuration itself runs beside the settings, for
//! comparison. Only choices may vary.
//!
//! The causal run also passes through tested blocks. If training follows a block, the memory of the filter is compared with
//! the embargo (`memory.rs`). No trade and no cost accounts for the change of settings between folds.

mod aligned;
mod args;
mod choose;
mod memory;
mod summary;
mod tables;
mod text;

use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use betaflow_connectors::record::RunFolder;
use betaflow_engine::validation::{AlignedReturns, TuningResult};

use crate::config::{is_choice, slips};
use crate::host::Host;
use crate::report;
use crate::study;
use crate::study::{
    Grid, Luck, Output, Plan, RuinedScenarios, ShardRun, Study, StudyResults, TrialsLog, candidates_of,
};
use crate::summary::{Code, FolderKind, IN_SAMPLE, Rendered, data_warnings, survivorship_warning, to_json};
pub(super) use args::{TUNE, TuneArgs};

/// Command in the first line of `run.toml`.
const COMMAND: &str = "tune --grid grid.toml";

/// Result of a tuning.
struct Tuning {
    study: Study,
    results: StudyResults,
    aligned: AlignedReturns,
    tuned: TuningResult,
    luck: Luck,
    ruined: RuinedScenarios,
    /// Index of the unchanged configuration in the study.
    base: usize,
    look_ahead: Option<String>,
    warnings: Vec<Rendered>,
}

/// Chooses among the settings of a grid file.
pub(crate) fn tune(args: &TuneArgs, host: &Host) -> Result<()> {
    let started = Instant::now();
    let mut study = Study::resolve(&args.study.grid, &args.study.run, &args.flags(), host)?;
    reject_environments(&study.grid)?;
    let settings = study.configs.len();
    let base = add_base(&mut study)?;
    if let Some(shard) = args.study.shard {
        let (kind, command, args) = (FolderKind::Tune, COMMAND, &args.study);
        return study::run_shard(
            &study,
            &ShardRun { shard, kind, command, base: Some(base), args, started },
            host,
        );
    }
    let out = study::folder_of(&args.study.run, "tune");
    let folder = RunFolder::create(&out, args.study.run.force)?;
    let plan = Plan::of(&args.study, &out, folder.path());
    let (results, unfinished) = study::run(&study, &plan)?;
    let unfinished = Some(unfinished);
    let output =
        Output { elapsed: &|| started.elapsed(), ..Output::of(&args.study, &out, folder, unfinished) };
    conclude(study, results, (settings, base), output, host)
}

/// Chooses among the first `settings` settings of a study whose scenarios have ended, and writes the folder. `base`:
/// index of the unchanged configuration.
///
/// # Errors
/// There are too few frames for the folds, or the file system refuses a write.
pub(super) fn conclude(
    study: Study,
    results: StudyResults,
    (settings, base): (usize, usize),
    output: Output<'_>,
    host: &Host,
) -> Result<()> {
    let Output { out, folder, .. } = &output;
    let log = TrialsLog::of(&study.base, output.trials)?;
    let tuning = Tuning::of(study, results, settings, base, (&log, output.resumed));
    let tuning = match output.unfinished {
        None => tuning?,
        Some(_) => tuning.with_context(|| {
            format!(
                "no setting is chosen; the runs are kept: with --out {} --resume, other folds, embargo or objective take no \
                 time",
                out.display()
            )
        })?,
    };
    let look_ahead = tuning.look_ahead.as_deref();
    study::write_tables(folder.path(), &tuning.study, &tuning.results, look_ahead)?;
    tables::write(folder.path(), &tuning)?;
    let text = to_json(&tuning.summary((output.elapsed)())?)?;
    folder.write("summary.json", &text)?;
    folder.write("run.toml", &tuning.study.base.to_toml(COMMAND)?)?;
    folder.write("grid.toml", &tuning.study.grid.text)?;
    folder.write("best.toml", &tuning.best_toml()?)?;
    if !output.no_report {
        folder.write("report.html", &report::html_of(folder.path(), &[])?)?;
    }
    let (out, json) = (*out, output.json);
    output.complete()?;
    host.conclude(json, &text, || tuning.page(out), Some(out));
    Ok(())
}

impl Tuning {
    /// Chooses among the first `settings` configurations of the study. `base`: index of the unchanged configuration;
    /// `resumed`: true if the log may already contain the run.
    fn of(
        mut study: Study,
        mut results: StudyResults,
        settings: usize,
        base: usize,
        (log, resumed): (&TrialsLog, bool),
    ) -> Result<Self> {
        let ruined = RuinedScenarios::of(&study, &results.outcomes);
        let aligned = aligned::align(&results.outcomes, settings)?;
        // The unchanged configuration does not compete: it is neither in the tables nor a trial.
        results.outcomes.truncate(settings);
        study.grid.scenarios.truncate(settings);
        study.configs.truncate(settings);
        let tuned = choose::choose(&aligned, base, &study.base, &study.configs)?;
        if tuned.in_sample.best.score.is_nan() {
            bail!(
                "tune: found no score of any of the {} settings, expected at least one with returns that vary: use a strategy that \
                 trades (strategy.kind), or more data",
                aligned.survivors.len()
            );
        }
        let candidates = candidates_of(&study)?;
        let candidates = candidates.without(results.outcomes.iter().map(|outcome| outcome.row.ruined));
        let luck = Luck::of((&study, &results), &candidates, log, "tune", resumed)?;
        let look_ahead = study::look_ahead(&study.configs);
        let world = study.base.world_note(true);
        let memory = memory::warning(&study.base, &study.configs);
        let without_effect = study::without_effect(&study, &results.outcomes)?;
        let named = |code, texts: &[String]| -> Vec<Rendered> {
            texts.iter().map(|text| Rendered::new(code, text)).collect()
        };
        let warnings = [
            ruined.warning().into_iter().collect(),
            named(Code::LookAhead, look_ahead.as_slice()),
            named(Code::World, world.as_slice()),
            named(Code::EmbargoShorterThanMemory, memory.as_slice()),
            named(Code::AlignedFrames, &aligned::notes(&aligned)),
            named(Code::FewResamples, choose::note(&tuned, &aligned).as_slice()),
            data_warnings(&results.data),
            survivorship_warning(&study.base).into_iter().collect(),
            results.data.world.iter().map(Rendered::from).collect(),
            slips(&study.configs).into_iter().map(Rendered::from).collect(),
            without_effect.into_iter().collect(),
            luck.warnings(),
        ]
        .concat();
        Ok(Self { study, results, aligned, tuned, luck, ruined, base, look_ahead, warnings })
    }

    /// Returns the recommended settings as a configuration.
    fn best_toml(&self) -> Result<String> {
        let chosen = self.tuned.in_sample.chosen.setting;
        let body = self.study.configs[chosen].to_toml("replay")?;
        let sets = self.study.grid.sets(chosen).join(", ");
        Ok(format!("# Recommended by betaflow tune ({IN_SAMPLE}): {sets}\n{body}"))
    }
}

/// Rejects a grid that varies the environment: settings are compared in that of the configuration.
fn reject_environments(grid: &Grid) -> Result<()> {
    match grid.names.iter().find(|name| !is_choice(name)) {
        Some(name) => bail!(
            "tune: found `{name}` in the grid, expected choices alone (sizing, strategy, estimator, universe, factors, \
             execution.fill_at, .participation_cap, .unfilled). Costs and environment are not tuned. Set them with --set, or \
             vary them with `betaflow stress`"
        ),
        None => Ok(()),
    }
}

/// Returns the index of the unchanged configuration, and adds it to the study if no scenario equals it.
fn add_base(study: &mut Study) -> Result<usize> {
    let digest = study.base.digest()?;
    for (at, config) in study.configs.iter().enumerate() {
        if config.digest()? == digest {
            return Ok(at);
        }
    }
    study.grid.scenarios.push(vec![None; study.grid.names.len()]);
    study.configs.push(study.base.clone());
    Ok(study.configs.len() - 1)
}
