//! `betaflow stress`: many scenarios over one reading of the data.

mod args;

use std::time::Instant;

use anyhow::Result;
use betaflow_connectors::record::RunFolder;
use betaflow_engine::sweep::Candidates;

use crate::config::slips;
use crate::report;
use crate::study;
use crate::study::{Luck, Plan, RuinedScenarios, Study, StudyResults, TrialsLog, candidates_of};
use crate::summary::{
    Code, Rendered, StressSummary, StudyKind, Trades, environment_name, grouped, kept_holdout, paths, to_json,
};
use crate::terminal::say;
pub(super) use args::{STRESS, StressArgs};

/// Runs every scenario of a grid file.
pub(crate) fn stress(args: &StressArgs) -> Result<()> {
    let started = Instant::now();
    let study = Study::resolve(&args.study.grid, &args.study.run, &[])?;
    let out = study::folder_of(&args.study.run, "stress");
    let folder = RunFolder::create(&out, args.study.run.force)?;
    let plan =
        Plan { out: &out, resume: args.study.resume, force: args.study.run.force, aside: folder.path() };
    let (results, unfinished) = study::run(&study, &plan)?;

    let notes = notes(&study);
    let note = (!notes.is_empty()).then(|| {
        let texts: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
        texts.join("; ")
    });
    study::write_tables(folder.path(), &study, &results, note.as_deref())?;
    let ruined = RuinedScenarios::of(&study, &results.outcomes);
    let candidates = candidates_of(&study)?;
    let candidates = candidates.without(results.outcomes.iter().map(|outcome| outcome.row.ruined));
    let log = TrialsLog::of(&study.base, args.study.trials.as_deref())?;
    let luck = Luck::of((&study, &results), &candidates, &log, "stress", args.study.resume)?;
    let summary = summary(&study, (&results, &candidates), &luck, (&notes, &ruined), started)?;
    folder.write("summary.json", &to_json(&summary)?)?;
    folder.write("run.toml", &study.base.to_toml("replay")?)?;
    folder.write("grid.toml", &study.grid.text)?;
    if !args.study.no_report {
        folder.write("report.html", &report::html_of(folder.path(), &[])?)?;
    }
    folder.complete()?;
    unfinished.remove();
    say(&ruined.text());
    say(&text(&study, &results, &candidates, &luck, started));
    for note in notes.iter().cloned().chain(results.data.warnings.iter().map(Rendered::from)) {
        say(&format!("note: {note}\n"));
    }
    say(&format!("written to {}\n", out.display()));
    Ok(())
}

fn summary(
    study: &Study,
    (results, candidates): (&StudyResults, &Candidates),
    luck: &Luck,
    (notes, ruined): (&[Rendered], &RuinedScenarios),
    started: Instant,
) -> Result<StressSummary> {
    let mut warnings: Vec<Rendered> = ruined.warning().iter().chain(notes).cloned().collect();
    warnings.extend(results.data.warnings.iter().map(Rendered::from));
    if study.is_of_one_source()? {
        // Otherwise they are what one pass says of its own world.
        warnings.extend(results.data.world.iter().map(Rendered::from));
    }
    let paths = path_groups(study, candidates);
    let figure = |name: &str, row: usize| results.outcomes[row].figure(name);
    let is_ruined = |row: usize| results.outcomes[row].row.ruined;
    Ok(StressSummary {
        study: study.head(StudyKind::Stress, results, (ruined, luck), &warnings, started.elapsed())?,
        trades: if study.grid.fixed { Trades::Fixed } else { Trades::Own },
        paths: paths.iter().map(|rows| paths::summary(rows, figure, is_ruined)).collect(),
    })
}

/// Returns the groups of scenarios that differ by the path alone.
fn path_groups(study: &Study, candidates: &Candidates) -> Vec<Vec<usize>> {
    paths::groups(study.grid.names.iter().map(String::as_str), &candidates.sweep)
}

/// Warnings about the study as a whole.
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

/// Returns the text for the terminal: the best choice in the environment of the configuration with its luck, and the
/// worst scenario.
fn text(
    study: &Study,
    results: &StudyResults,
    candidates: &Candidates,
    luck: &Luck,
    started: Instant,
) -> String {
    let seconds = started.elapsed().as_secs_f64();
    let mut text = format!("{} scenarios in {seconds:.2} s\n", grouped(results.outcomes.len() as f64));
    if let Some(from) = &study.base.holdout.from {
        text += &format!("{}\n", kept_holdout(from));
    }
    let objective: Vec<f64> = results.outcomes.iter().map(|outcome| outcome.figure("net_sharpe")).collect();
    let is_ruined = |row: usize| results.outcomes[row].row.ruined;
    let defined = (0..objective.len()).filter(|row| !is_ruined(*row) && !objective[*row].is_nan());
    let worst = defined.min_by(|a, b| objective[*a].total_cmp(&objective[*b]));
    let line = |name: &str, row: usize| {
        let outcome = &results.outcomes[row];
        format!(
            "{name}  net Sharpe {:.2}  annual return {:.2} %  {}\n",
            objective[row],
            100.0 * outcome.figure("net_annual_return"),
            study.grid.sets(outcome.row.number).join(", ")
        )
    };
    if let Some(best) = candidates.best(&objective) {
        let among = match (candidates.environment_axes.is_empty(), candidates.count()) {
            (true, _) => String::new(),
            (false, 1) => format!(" in {} (no choice varies)", environment_name(candidates)),
            (false, count) => format!(" of {count} in {}", environment_name(candidates)),
        };
        text += &line(&format!("best{among}"), best);
        text += &luck.text();
    }
    let survivors = if (0..objective.len()).any(is_ruined) { "worst survivor" } else { "worst of all" };
    text += &worst.map_or_else(String::new, |row| line(survivors, row));
    if let [rows] = &path_groups(study, candidates)[..] {
        text += &paths::text(rows, |name, row| results.outcomes[row].figure(name), is_ruined);
    }
    text
}
