//! `betaflow stress`: many scenarios over one reading of the data.

mod args;

use std::time::Instant;

use anyhow::Result;
use betaflow_connectors::recorder::RunFolder;
use serde_json::{Value, json};

use crate::config::slips;
use crate::report;
use crate::study;
use crate::study::{Candidates, Finished, Ledger, Luck, Plan, Ruined, Study, paths};
use crate::summary::{Code, Rendered, add_warnings, data_json};
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
    let (finished, unfinished) = study::run(&study, &plan)?;

    let notes = notes(&study);
    let note = (!notes.is_empty()).then(|| {
        let texts: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
        texts.join("; ")
    });
    study::write_tables(folder.path(), &study, &finished, note.as_deref())?;
    let ruined = Ruined::of(&study, &finished.outcomes);
    let candidates = Candidates::of_study(&study)?;
    let candidates = candidates.without(finished.outcomes.iter().map(|outcome| outcome.row.ruined));
    let ledger = Ledger::of(&study.base, args.study.trials.as_deref())?;
    let luck = Luck::of((&study, &finished), &candidates, &ledger, "stress", args.study.resume)?;
    let summary = summary(&study, (&finished, &candidates), &luck, (&notes, &ruined), started)?;
    folder.write("summary.json", &(serde_json::to_string_pretty(&summary)? + "\n"))?;
    folder.write("run.toml", &study.base.to_toml("replay")?)?;
    folder.write("grid.toml", &study.grid.text)?;
    if !args.study.no_report {
        folder.write("report.html", &report::html_of(folder.path(), &[])?)?;
    }
    folder.complete()?;
    unfinished.remove();
    say(&ruined.text());
    say(&text(&study, &finished, &candidates, &luck, started));
    for note in notes.iter().cloned().chain(finished.data.warnings.iter().map(Rendered::from)) {
        say(&format!("note: {note}\n"));
    }
    say(&format!("written to {}\n", out.display()));
    Ok(())
}

fn summary(
    study: &Study,
    (finished, candidates): (&Finished, &Candidates),
    luck: &Luck,
    (notes, ruined): (&[Rendered], &Ruined),
    started: Instant,
) -> Result<Value> {
    let mut warnings: Vec<Rendered> = ruined.warning().iter().chain(notes).cloned().collect();
    warnings.extend(finished.data.warnings.iter().map(Rendered::from));
    if study.is_of_one_source()? {
        // Otherwise they are what one pass says of its own world.
        warnings.extend(finished.data.world.iter().map(Rendered::from));
    }
    let mut summary = json!({
        "kind": "stress",
        "version": env!("CARGO_PKG_VERSION"),
        "data": data_json(&finished.data),
        "strategy": study.base.strategy_kind(),
        "scenarios": finished.outcomes.len(),
        "trades": if study.grid.fixed { "fixed" } else { "own" },
        "grid": study::levels(&study.grid)?,
        "base": study.base_values()?,
        "ruined": ruined.json()?,
        "luck": luck.json(),
        "look_ahead": study::look_ahead(&study.configs),
        "world": study.base.world_note(true),
        "timing": {"seconds": started.elapsed().as_secs_f64(), "passes": finished.passes},
    });
    add_warnings(&warnings, &mut summary);
    let paths = path_groups(study, candidates);
    if !paths.is_empty() {
        let figure = |name: &str, row: usize| finished.outcomes[row].figure(name);
        let ruined = |row: usize| finished.outcomes[row].row.ruined;
        summary["paths"] = paths.iter().map(|rows| paths::json(rows, figure, ruined)).collect();
    }
    if let Some(from) = &study.base.holdout.from {
        summary["holdout"] = json!({"from": from, "opened": false});
    }
    Ok(summary)
}

/// Scenarios that differ by the path alone.
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

/// What is shown at the end: the best of the choices in the world of the configuration with what it is worth, and the
/// worst of all.
fn text(
    study: &Study,
    finished: &Finished,
    candidates: &Candidates,
    luck: &Luck,
    started: Instant,
) -> String {
    let seconds = started.elapsed().as_secs_f64();
    let mut text = format!("{} scenarios in {seconds:.2} s\n", finished.outcomes.len());
    if let Some(from) = &study.base.holdout.from {
        text +=
            &format!("hold-out in force: nothing from {from} on was read; only `betaflow score` reads it\n");
    }
    let objective: Vec<f64> = finished.outcomes.iter().map(|outcome| outcome.figure("net_sharpe")).collect();
    let survived = |row: &usize| !finished.outcomes[*row].row.ruined;
    let defined = (0..objective.len()).filter(survived).filter(|row| !objective[*row].is_nan());
    let ruined = finished.outcomes.iter().any(|outcome| outcome.row.ruined);
    let worst = defined.min_by(|a, b| objective[*a].total_cmp(&objective[*b]));
    let line = |what: &str, row: usize| {
        let outcome = &finished.outcomes[row];
        format!(
            "{what} net sharpe {:.2} (annual return {:.2} %) with {}\n",
            objective[row],
            100.0 * outcome.figure("net_annual_return"),
            study.grid.sets(outcome.row.number).join(", ")
        )
    };
    if let Some(best) = candidates.best(&objective) {
        let among = match (candidates.held.is_empty(), candidates.count()) {
            (true, _) => String::new(),
            (false, 1) => format!(" in {} (nothing but the world varies),", candidates.world_name()),
            (false, count) => format!(" of {count} in {},", candidates.world_name()),
        };
        text += &line(&format!("best{among}"), best);
        text += &luck.text();
    }
    text += &worst.map_or_else(String::new, |row| {
        line(if ruined { "worst of those that survive," } else { "worst of all," }, row)
    });
    if let [rows] = &path_groups(study, candidates)[..] {
        let ruined = |row: usize| finished.outcomes[row].row.ruined;
        text += &paths::text(rows, |name, row| finished.outcomes[row].figure(name), ruined);
    }
    text
}
