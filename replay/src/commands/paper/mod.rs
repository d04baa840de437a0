//! `betaflow paper`: the stages of a replay on a live feed, with state that survives a kill.
//!
//! ```text
//! our protocol ─▶ Edge::start  ┐                      ┌▶ inputs ┐
//!                              ├─bounded─▶ FeedSource ┤         ├▶ one writer ─▶ state.db ─▶ session/*.parquet
//! a venue ─────▶ Edge::follow  ┘  channel             └▶ stages ┘
//! ```
//!
//! Every message and every clock event (closed bar, stale feed, merged bars, gap) is a numbered input;
//! frames, orders and digest are functions of the inputs. The writer records an input before its frame is
//! processed (`log.rs`), and a commit holds whole frames. If a commit fails (disk full), the writer retries,
//! and no input is processed until one succeeds.
//!
//! A start restores the last readable checkpoint, replays the recorded inputs after it and compares their
//! digests, then continues with the feed (`restart.rs`, `inputs.rs`). `--history` is a control input that
//! names files and their SHA-256; frames of history do not trade.
//!
//! Files of forecasts, weights or a risk model are inputs with all their rows (`inputs.rs` watches their folders).
//!
//! `Frame::supervision` (unreliable feed) and `LossWatch` (NAV) halt trading: a halted frame sends no orders
//! and cancels carried ones.

mod alerts;
mod args;
mod disk;
mod feeds;
pub(in crate::commands) mod halts;
mod hello;
mod inputs;
mod link;
mod log;
mod logging;
mod page;
mod restart;
mod run_status;
mod status;
mod stop;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use betaflow_connectors::live::{
    FeedSource, Hello, Latencies, WithHistory, feed_factor_names, inputs_before, monotonic_ns, shown,
};
use betaflow_connectors::parquet::Input as ParquetInput;
use betaflow_connectors::store::{StateFolder, StateRecorder, Sync, Writer};
use betaflow_connectors::tutorial;
use betaflow_engine::assembly::FactorGap;
use betaflow_engine::ledger::Recorder;
use betaflow_engine::pipeline::{Placement, RunOptions, Watcher, resuming, trading};
use betaflow_engine::range::OnOutOfRange;
use betaflow_engine::source::Source as _;

use super::dashboard::status::LiveStatus;
use super::dashboard::{Dashboard, read_token};
use crate::config::{Config, OnGap, Request, error_text};
use crate::host::Host;
use crate::run::LIVE_RECORD;
use crate::summary::{PaperSummary, to_json};
use alerts::{Alerts, Kind};
pub(super) use args::{LogFormat, PAPER, PaperArgs};
use disk::Disk;
use inputs::PaperInputs;
use link::Link;
use log::StateLog;
use run_status::{SharedRunStatus, StatusRecorder};
use status::{Pulse, Sources};
use tracing::warn;

/// Approximate number of recorded betas per day, enough to draw them.
const BETAS_A_DAY: u64 = 26;
/// Frames between two checkpoints: the maximum that a restart computes again.
const CHECKPOINT_EVERY: u64 = 256;

/// Trades a feed on paper until the feed ends or the run is stopped.
///
/// # Errors
/// The settings, the state folder or the feed are invalid.
pub(crate) fn paper(args: &PaperArgs, host: &Host) -> Result<()> {
    let started = Instant::now();
    logging::start(args.log);
    // Report invalid settings before connecting.
    let config = resolve(args, false, host)?;
    refuse(&config)?;
    let alerts = Alerts::start(&config.alerts, &args.state)?;
    let disk = Disk::default();
    let began = Cell::new(false);
    let ended = trade(args, config, (&alerts, &disk, &began), started);
    match &ended {
        Ok(how) => alerts.raise(Kind::RunEnded, None, (*how).to_owned()),
        // A refused start, for example with the state folder of another run, is not the failure of a run.
        Err(error) if began.get() => {
            alerts.raise(Kind::RunFailed, None, format!("the run failed: {}", error_text(error)))
        }
        Err(_) => {}
    }
    alerts.finish(disk.trouble().is_some());
    ended.map(drop)
}

/// Trades until the feed ends or the run is stopped; returns the reason.
fn trade(
    args: &PaperArgs,
    config: Config,
    (alerts, disk, began): (&Alerts, &Disk, &Cell<bool>),
    started: Instant,
) -> Result<&'static str> {
    let host = &config.host().clone();
    let folder = StateFolder::open(&args.state, Sync::Full)?;
    let start = folder.start()?;
    let betas_every = u64::from(config.data.frames_per_day).div_ceil(BETAS_A_DAY);
    let (disk, link, live) = (disk.clone(), Link::default(), LiveStatus::default());
    let writer = Writer::start(&folder, betas_every, disk.watch(alerts.clone()))?;
    let handle = writer.handle();

    let last = folder.last_message()?;
    let stop = stop::Stop::new(args.run_for, host)?;
    stop.give_up_with(&writer)?;
    let raw = folder.path().join("raw");
    let edge = Arc::new(feeds::start(
        &config,
        feeds::StartArguments {
            url: Some(&args.url),
            ca: args.ca.clone(),
            from_ns: last.map(|(_, timestamp)| timestamp),
            next: last.map_or(0, |(seq, _)| seq + 1),
            raw_log: Some(&raw),
        },
    )?);
    let dashboard = match args.dashboard {
        Some(address) => {
            let token = args.token_file.as_deref().map(read_token).transpose()?;
            let running = Dashboard::start(address, token, folder.database().to_owned(), Some(live.clone()))?;
            host.announce(&format!("dashboard at http://{}/", running.address()));
            Some(running)
        }
        None => None,
    };
    let Some(hello) = hello::hello(&folder, &edge, (address(args, &config), &link, alerts), &stop)? else {
        host.announce("stopped before the feed connected; no trades");
        return Ok("the run was stopped before the feed connected");
    };
    alerts.name(&hello.name);
    let config = if hello.name == tutorial_name() { resolve(args, true, host)? } else { config };
    refuse_without_factors(&config, &hello, args)?;
    let (history, config) = restart::history(&folder, args, config)?;
    restart::settle(&folder, &config)?;
    began.set(true);
    let on_record = start.next_input;
    let point = restart::RestartPoint::of(&folder, start.checkpoints, &start.foreign);
    if on_record > 0 {
        let text = restart::sentence(start.committed.map(|(seq, _)| seq), on_record, &point, &folder)?;
        host.announce(&text);
        handle.event(status::now(), None, "restarted", text)?;
    }
    let last_change = restart::last_change(&folder)?;
    if let Some(last) = last_change.as_ref().filter(|last| last.halted) {
        let (since, reason) = last.since();
        host.announce(&format!("trading is halted since {since}, frame {}: {reason}", last.seq));
    }
    let is_halted = last_change.as_ref().is_some_and(|last| last.halted);
    if args.resume_trading && !is_halted {
        host.announce("trading was not halted; --resume-trading has no effect");
    }
    let resumes = args.resume_trading && is_halted;
    let fresh = restart::fresh(&folder, history.as_ref(), resumes, status::now())?;
    let from_files = config.source().clone();
    let folders = config.folders(&feed_factor_names(&hello, &from_files)?)?;
    let inputs =
        PaperInputs::new(&folder, point.input..on_record, fresh, &hello, &edge, link.clone(), stop.clone())?
            .watching(folders)
            .alerting(alerts.clone());
    let inputs = WithHistory::new(inputs, from_files.clone());
    let latencies = Arc::new(Latencies::default());
    let source = FeedSource::open(
        &hello,
        Box::new(inputs),
        Box::new(StateLog::new(handle.clone(), Arc::clone(&edge))),
        from_files.clone(),
    )?
    .logged(on_record)
    .limited(config.limits.feed())
    .checkpoints(CHECKPOINT_EVERY)
    .timed(Arc::clone(&latencies));
    let sections = config.sections(source.factor_names(), &from_files)?;
    let source = point.source(source.with_files(sections))?;
    let first = point.first_frame();
    let columns = config.factor_columns(source.factor_names());
    let recorder = StateRecorder::new(&folder, handle.clone(), &columns, betas_every, first)?
        .checkpoint_input(|source| Ok(inputs_before(source)?));
    let mut run = config.run().clone();
    run.record = run.record.live();
    // One frame per message, so that a frame never waits for the next one.
    run.frames_per_message = Some(1);
    // One bad price halts trading and does not end a live run.
    run.on_out_of_range = OnOutOfRange::Halt;
    let ruined = folder.ruined()?;
    if let Some(ruined) = ruined {
        host.announce(&run_status::ruin(ruined));
    }
    let run_status = SharedRunStatus::of(ruined);
    let recorders: Vec<Box<dyn Recorder>> = vec![
        Box::new(recorder),
        Box::new(StatusRecorder::new(
            run_status.clone(),
            handle.clone(),
            alerts.clone(),
            config.limits.losses(),
            last_change,
        )),
    ];
    let (source, strategy) = (Box::new(source), config.strategy()?);
    let graph = match &point.checkpoint {
        Some(checkpoint) => resuming(source, strategy, &run, recorders, checkpoint)?,
        None => trading(source, strategy, &run, recorders)?,
    };

    host.announce(&format!("paper trading {}; state folder {}", shown(&hello.name), folder.path().display()));
    if on_record == 0 && history.is_none() {
        let bars = u64::from(config.estimator.warmup) * u64::from(config.data.frames_per_day);
        host.announce(&format!(
            "warm-up: the first orders follow after {bars} bars with returns (estimator.warmup)"
        ));
    }
    if config.feed.is_venue() && config.feed.raw_log {
        let most = config.feed.raw_log_max_gb;
        host.announce(&format!(
            "raw log of {}: {}, at most {most} GB (feed.raw_log_max_gb)",
            config.feed.venue,
            raw.display()
        ));
    }
    let capacity = config.pipeline.capacity;
    let pulse = Pulse::start(Sources {
        name: shown(&hello.name),
        edge: Arc::clone(&edge),
        link,
        disk,
        run_status,
        latencies: Arc::clone(&latencies),
        capacity,
        writer: handle.clone(),
        live,
    })?;
    let placement = match &config.pipeline.placement {
        Placement::Auto => Placement::Groups(vec![1, 4]),
        other => other.clone(),
    };
    let watch = Some(Watcher(latencies.clone()));
    let options = RunOptions { placement, capacity, processors: 2, clock: monotonic_ns, watch };
    let ended = graph.run(&options);
    let explain = |error| stop.explain(error, &handle);
    let ended = ended.map_err(|error| explain(error.into()));
    pulse.stop(ended.as_ref().err().map(error_text));
    let facts = ended?.facts;
    handle.flush().map_err(|error| explain(error.into()))?;
    if let Some(dashboard) = dashboard {
        dashboard.stop();
    }
    let at_end = (folder.ruined()?, folder.path());
    if host.is_interrupted() {
        host.stopped();
    }
    let summary = to_json(&PaperSummary::new(&facts, at_end.0.is_some()))?;
    let page = || page::page(&facts, &edge, &latencies, at_end, started);
    host.conclude(false, &summary, page, Some(folder.path()));
    Ok(if stop.is_due() { "the run was asked to stop" } else { "the feed ended" })
}

/// Resolves the settings, with those of the embedded data if `tutorial`.
fn resolve(args: &PaperArgs, tutorial: bool, host: &Host) -> Result<Config> {
    // The feed may have its own factors.
    let mut request =
        Request::new(&args.input, LIVE_RECORD).with_host(host).without_factors().with_flags(args.flags());
    // Live, a frame in which a factor's instrument has no bar updates no estimate, and trading continues.
    request = request.over("paper's defaults".to_owned(), "[data]\nfactor_gap = \"carry\"\n".to_owned());
    if !tutorial {
        request = request.with_feed(if args.url.is_empty() { "feed" } else { &args.url });
    }
    let config = request.resolve()?;
    if config.data.factor_gap() == FactorGap::Error && !tutorial {
        warn!(
            key = "data.factor_gap",
            "found data.factor_gap = \"error\", using \"carry\": a live feed cannot fill a gap later, so a frame \
             without factors updates no estimate"
        );
    }
    config.live().changed(|config| {
        config.data.prices = None;
        config.data.factor_gap = OnGap::Carry;
    })
}

/// Name of the embedded data.
fn tutorial_name() -> String {
    match tutorial::prices() {
        ParquetInput::Bytes { name, .. } => name,
        ParquetInput::Path(path) => path.display().to_string(),
        ParquetInput::Prepared(file) => file.name().to_owned(),
        ParquetInput::Memory(table) => table.name().to_owned(),
        ParquetInput::Several(_) => "several files".to_owned(),
    }
}

/// Address or venue of the feed, as displayed.
fn address<'a>(args: &'a PaperArgs, config: &'a Config) -> &'a str {
    let typed = (!args.url.is_empty()).then_some(args.url.as_str());
    typed.or(config.feed.url.as_deref()).unwrap_or(&config.feed.venue)
}

/// Refuses a run without factors, and a history without the factors of the feed.
fn refuse_without_factors(config: &Config, hello: &Hello, args: &PaperArgs) -> Result<()> {
    let expressions = !config.source().factors.is_empty();
    if !expressions && hello.factors.is_empty() && !config.data.has_no_factors() {
        bail!(
            "{}: found no factors, expected a table [factors] that builds them from instruments (--set \
             'factors.mkt=\"SPY\"'), a feed that has them, or --factors none to run without",
            shown(&hello.name)
        );
    }
    if let Some(history) = args.history.as_ref().filter(|_| !expressions && !hello.factors.is_empty())
        && args.history_factors.is_none()
    {
        bail!(
            "{}: found a history without factors, expected --history-factors FILE with the feed's factors {}",
            history.display(),
            hello.factors.join(", ")
        );
    }
    Ok(())
}

/// Refuses settings that need files, and instruments that are not requested from the venue.
fn refuse(config: &Config) -> Result<()> {
    if config.feed.is_venue() {
        let settings = config.source();
        config.feed.refuse_unasked(&settings.factors, &settings.universe, settings.benchmark.as_ref())?;
    }
    if config.world.needs_memory() {
        bail!(
            "found {}, expected no scenario of the data: a live feed has no later bars to resample",
            config.world_note(true).unwrap_or_default()
        );
    }
    Ok(())
}

/// NAV without decimals.
fn value_text(nav: f64) -> String {
    if nav.is_finite() { format!("{nav:.0}") } else { "unknown (out of range)".to_owned() }
}
