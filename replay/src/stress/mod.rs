//! `betaflow stress`: many scenarios over one reading of the data.

mod grid;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result};
use betaflow_connectors::recorder::{RunFolder, ScenariosTable};
use betaflow_engine::pipeline::{Placement, RunOptions, ScenarioOutcome, sweeping};
use betaflow_engine::source::DataFacts;
use serde_json::{Map, Value, json};

use self::grid::Grid;
use crate::args::{InputArgs, StressArgs};
use crate::commands::{REPLAY, next_free, remove_when_interrupted, say};
use crate::config::Config;
use crate::progress::{Counted, Line};
use crate::report;
use crate::summary::data_json;
use crate::world::{Opened, Readings};

/// Scenarios that go through the data together: what they keep is a few hundred kilobytes each.
const TOGETHER: usize = 512;

/// Runs every scenario of a grid file.
pub(crate) fn stress(args: &StressArgs) -> Result<()> {
    let started = Instant::now();
    let to = args.run.to.as_deref().map(|to| ("--to", to));
    let grid = Grid::read(&args.grid)?;
    let base = Config::resolve(&args.run.input, to, REPLAY.record)?;
    let config_of = |scenario: usize| {
        let mut input: InputArgs = args.run.input.clone();
        input.set.extend(grid.sets(scenario));
        Config::resolve(&input, to, REPLAY.record)
            .with_context(|| format!("{}: scenario {scenario}", args.grid.display()))
    };
    let configs = (0..grid.scenarios.len()).map(config_of).collect::<Result<Vec<_>>>()?;
    let passes = passes(&configs)?;
    let out = args.run.out.clone().unwrap_or_else(|| next_free(Path::new("runs"), "stress"));
    let folder = RunFolder::create(&out, args.run.force)?;
    remove_when_interrupted(folder.path())?;
    say(&format!("{} scenarios in {} pass(es) over the data\n", configs.len(), passes.len()));

    let mut outcomes = Vec::with_capacity(configs.len());
    let mut data = DataFacts::default();
    let mut readings = Readings::default();
    for pass in &passes {
        data = run(&configs, pass, &mut readings, &mut outcomes)?;
    }
    outcomes.sort_by_key(|outcome| outcome.number);
    let note = look_ahead(&configs);
    let world = base.world_note(true);
    let mut table = ScenariosTable::create(folder.path(), &grid.columns(), note.as_deref())?;
    for outcome in &outcomes {
        table.push(&grid.values(outcome.number), outcome)?;
    }
    table.close()?;
    let summary = json!({
        "kind": "stress",
        "version": env!("CARGO_PKG_VERSION"),
        "data": data_json(&data),
        "strategy": base.strategy_kind(),
        "scenarios": outcomes.len(),
        "grid": levels(&grid)?,
        "base": base_values(&grid, &base)?,
        "look_ahead": note,
        "world": world,
        "warnings": note.iter().chain(&world).chain(&data.warnings).collect::<Vec<_>>(),
        "timing": {"seconds": started.elapsed().as_secs_f64(), "passes": passes.len()},
    });
    folder.write("summary.json", &(serde_json::to_string_pretty(&summary)? + "\n"))?;
    folder.write("run.toml", &base.to_toml("replay")?)?;
    folder.write("grid.toml", &grid.text)?;
    if !args.no_report {
        folder.write("report.html", &report::html_of(folder.path(), &[])?)?;
    }
    folder.complete()?;
    say(&text(&grid, &outcomes, started));
    for note in note.iter().chain(&world) {
        say(&format!("note: {note}\n"));
    }
    say(&format!("written to {}\n", out.display()));
    Ok(())
}

/// Why scenarios look ahead, and how many do, if any does.
fn look_ahead(configs: &[Config]) -> Option<String> {
    let mut notes = configs.iter().filter_map(|config| config.execution.look_ahead());
    let note = notes.next()?;
    Some(format!("{} of {} scenarios: {note}", 1 + notes.count(), configs.len()))
}

/// Scenarios that share source and estimator, so many at a time.
fn passes(configs: &[Config]) -> Result<Vec<Vec<usize>>> {
    let mut groups = BTreeMap::<String, Vec<usize>>::new();
    for (scenario, config) in configs.iter().enumerate() {
        groups.entry(config.shared_by_scenarios()?).or_default().push(scenario);
    }
    let mut passes: Vec<Vec<usize>> = groups
        .into_values()
        .flat_map(|group| group.chunks(TOGETHER).map(<[usize]>::to_vec).collect::<Vec<_>>())
        .collect();
    passes.sort();
    Ok(passes)
}

/// One pass over the data.
fn run(
    configs: &[Config],
    pass: &[usize],
    readings: &mut Readings,
    outcomes: &mut Vec<ScenarioOutcome>,
) -> Result<DataFacts> {
    let first = &configs[pass[0]];
    let mut source_settings = first.source_settings(true)?;
    let mut scenarios = Vec::new();
    for scenario in pass {
        let config = &configs[*scenario];
        for (field, purpose) in config.source_settings(true)?.required {
            if source_settings.required.iter().all(|(known, _)| *known != field) {
                source_settings.required.push((field, purpose));
            }
        }
        scenarios.push((config.run_settings()?, config.strategy()?));
    }
    let Opened { source, progress } = readings.open(first, source_settings)?;
    let (source, frames) = Counted::new(source);
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(scenarios.len());
    let taken = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&taken);
    let take = Box::new(move |some: Vec<ScenarioOutcome>| {
        sink.lock().unwrap_or_else(PoisonError::into_inner).extend(some);
    });
    let settings = first.run_settings()?;
    let graph = sweeping(Box::new(source), &settings, scenarios, workers, take)?;
    let mut sizes = vec![2];
    sizes.resize(1 + workers, 1);
    sizes.push(1);
    let line = Line::start(progress, frames);
    let options = RunOptions { placement: Placement::Groups(sizes), capacity: 4, ..RunOptions::default() };
    let ended = graph.run(&options)?;
    drop(line);
    let taken = std::mem::take(&mut *taken.lock().unwrap_or_else(PoisonError::into_inner));
    outcomes
        .extend(taken.into_iter().map(|outcome| ScenarioOutcome { number: pass[outcome.number], ..outcome }));
    Ok(ended.facts.data)
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

fn text(grid: &Grid, outcomes: &[ScenarioOutcome], started: Instant) -> String {
    let seconds = started.elapsed().as_secs_f64();
    let mut text = format!("{} scenarios in {seconds:.2} s\n", outcomes.len());
    let known = || outcomes.iter().filter(|outcome| outcome.net.sharpe.is_finite());
    let best = known().max_by(|a, b| a.net.sharpe.total_cmp(&b.net.sharpe));
    let worst = known().min_by(|a, b| a.net.sharpe.total_cmp(&b.net.sharpe));
    for (what, outcome) in [("best", best), ("worst", worst)] {
        let Some(outcome) = outcome else { continue };
        text += &format!(
            "{what} net sharpe {:.2} (annual return {:.2} %) with {}\n",
            outcome.net.sharpe,
            100.0 * outcome.net.annual_return,
            grid.sets(outcome.number).join(", ")
        );
    }
    text += &format!("note: the best of {} is partly the luckiest\n", outcomes.len());
    text
}
