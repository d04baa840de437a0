//! `betaflow stress`: many scenarios over one reading of the data.

use std::time::Instant;

use anyhow::Result;
use betaflow_connectors::recorder::RunFolder;
use serde_json::{Map, Value, json};

use crate::args::StressArgs;
use crate::commands::say;
use crate::config::Config;
use crate::report;
use crate::scenarios::{self, Finished, Grid, Outcome, Plan, Study};
use crate::summary::data_json;

/// Runs every scenario of a grid file.
pub(crate) fn stress(args: &StressArgs) -> Result<()> {
    let started = Instant::now();
    let study = Study::resolve(&args.grid, &args.run)?;
    let out = scenarios::folder_of(&args.run, "stress");
    let folder = RunFolder::create(&out, args.run.force)?;
    let plan = Plan { out: &out, resume: args.resume, force: args.run.force, aside: folder.path() };
    let (finished, unfinished) = scenarios::run(&study, &plan)?;

    let note = look_ahead(&study.configs);
    scenarios::write_tables(folder.path(), &study, &finished, note.as_deref())?;
    let summary = summary(&study, &finished, note.as_deref(), started)?;
    folder.write("summary.json", &(serde_json::to_string_pretty(&summary)? + "\n"))?;
    folder.write("run.toml", &study.base.to_toml("replay")?)?;
    folder.write("grid.toml", &study.grid.text)?;
    if !args.no_report {
        folder.write("report.html", &report::html_of(folder.path(), &[])?)?;
    }
    folder.complete()?;
    unfinished.remove();
    say(&text(&study.grid, &finished.outcomes, started));
    for note in note.into_iter().chain(study.base.world_note(true)) {
        say(&format!("note: {note}\n"));
    }
    say(&format!("written to {}\n", out.display()));
    Ok(())
}

fn summary(study: &Study, finished: &Finished, note: Option<&str>, started: Instant) -> Result<Value> {
    let world = study.base.world_note(true);
    let mut warnings: Vec<&str> = note.into_iter().chain(world.as_deref()).collect();
    warnings.extend(finished.data.warnings.iter().map(String::as_str));
    if study.is_of_one_source()? {
        // Otherwise they are what one pass says of its own world.
        warnings.extend(finished.data.world.iter().map(String::as_str));
    }
    Ok(json!({
        "kind": "stress",
        "version": env!("CARGO_PKG_VERSION"),
        "data": data_json(&finished.data),
        "strategy": study.base.strategy_kind(),
        "scenarios": finished.outcomes.len(),
        "grid": levels(&study.grid)?,
        "base": base_values(&study.grid, &study.base)?,
        "look_ahead": note,
        "world": world,
        "warnings": warnings,
        "timing": {"seconds": started.elapsed().as_secs_f64(), "passes": finished.passes},
    }))
}

/// Why scenarios look ahead, and how many do, if any does.
fn look_ahead(configs: &[Config]) -> Option<String> {
    let mut notes = configs.iter().filter_map(|config| config.execution.look_ahead());
    let note = notes.next()?;
    Some(format!("{} of {} scenarios: {note}", 1 + notes.count(), configs.len()))
}

/// The lists of a product; null for a list of scenarios.
fn levels(grid: &Grid) -> Result<Value> {
    let Some(levels) = &grid.levels else { return Ok(Value::Null) };
    let mut object = Map::new();
    for (name, values) in grid.names.iter().zip(levels) {
        object.insert(name.clone(), serde_json::to_value(values)?);
    }
    Ok(object.into())
}

/// What the configuration says of the settings that vary.
fn base_values(grid: &Grid, base: &Config) -> Result<Value> {
    let all: toml::Table = base.to_toml("replay")?.parse()?;
    let mut object = Map::new();
    for name in &grid.names {
        let mut parts = name.split('.');
        let first = parts.next().and_then(|part| all.get(part));
        let value = parts.try_fold(first, |value, part| Some(value?.get(part))).flatten();
        object.insert(name.clone(), value.map_or(Ok(Value::Null), serde_json::to_value)?);
    }
    Ok(object.into())
}

fn text(grid: &Grid, outcomes: &[Outcome], started: Instant) -> String {
    let seconds = started.elapsed().as_secs_f64();
    let mut text = format!("{} scenarios in {seconds:.2} s\n", outcomes.len());
    let sharpe = |outcome: &&Outcome| outcome.figure("net_sharpe");
    let known = || outcomes.iter().filter(|outcome| sharpe(outcome).is_finite());
    let best = known().max_by(|a, b| sharpe(a).total_cmp(&sharpe(b)));
    let worst = known().min_by(|a, b| sharpe(a).total_cmp(&sharpe(b)));
    for (what, outcome) in [("best", best), ("worst", worst)] {
        let Some(outcome) = outcome else { continue };
        text += &format!(
            "{what} net sharpe {:.2} (annual return {:.2} %) with {}\n",
            sharpe(&outcome),
            100.0 * outcome.figure("net_annual_return"),
            grid.sets(outcome.row.number).join(", ")
        );
    }
    text += &format!("note: the best of {} is partly the luckiest\n", outcomes.len());
    text
}
