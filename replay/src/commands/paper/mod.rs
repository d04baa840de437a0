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
mod session;
#[cfg(test)]
mod simulation;
mod status;
mod stop;
mod unread;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, bail};
use betaflow_connectors::live::{Hello, monotonic_ns, shown};
use betaflow_connectors::parquet::Input as ParquetInput;
use betaflow_connectors::store::{StateFolder, Sync, Writer};
use betaflow_connectors::tutorial;
use betaflow_engine::assembly::FactorGap;
use betaflow_engine::pipeline::{Placement, RunOptions, Watcher};

use super::dashboard::status::LiveStatus;
use super::dashboard::{Dashboard, read_token};
use crate::config::{Config, OnGap, Request, error_text};
use crate::host::Host;
use crate::run::LIVE_RECORD;
use crate::summary::{PaperSummary, to_json};
use alerts::{Alerts, Kind};
pub(super) use args::{LogFormat, PAPER, PaperArgs};
use disk::Disk;
use link::Link;
use session::{Position, Session, Surroundings, betas_every};
use status::{Pulse, Sources};
use tracing::warn;

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
    unread::of_every_run(args, host)?;
    let config = resolve(args, false, host)?;
    refuse(&config)?;
    let alerts = Alerts::start(&config.alerts, &args.state)?;
    let disk = Disk::default();
    let (began, made) = (Cell::new(false), Cell::new(false));
    let is_new = !args.state.exists();
    let opened = || made.set(is_new);
    let ended = trade(args, config, (&alerts, &disk, &began), &opened, started);
    match &ended {
        Ok(how) => alerts.raise(Kind::RunEnded, None, (*how).to_owned()),
        // A refused start, for example with the state folder of another run, is not the failure of a run.
        Err(error) if began.get() => {
            alerts.raise(Kind::RunFailed, None, format!("the run failed: {}", error_text(error)))
        }
        Err(_) => {}
    }
    alerts.finish(disk.trouble().is_some());
    if made.get() && ended.is_err() && !began.get() {
        // The folder holds no run. If it cannot be removed, the next start uses it.
        let _ = std::fs::remove_dir_all(&args.state);
    }
    ended.map(drop)
}

/// Trades until the feed ends or the run is stopped; returns the reason. `opened` is called when the state folder is locked.
fn trade(
    args: &PaperArgs,
    config: Config,
    (alerts, disk, began): (&Alerts, &Disk, &Cell<bool>),
    opened: &dyn Fn(),
    started: Instant,
) -> Result<&'static str> {
    let host = &config.host().clone();
    let folder = StateFolder::open(&args.state, Sync::Full)?;
    opened();
    let position = Position::of(&folder)?;
    let (disk, link, live) = (disk.clone(), Link::default(), LiveStatus::default());
    let writer = Writer::start(&folder, betas_every(&config), disk.watch(alerts.clone()))?;
    let handle = writer.handle();

    let stop = stop::Stop::new(args.run_for, host)?;
    stop.give_up_with(&writer)?;
    let raw = folder.path().join("raw");
    let edge = Arc::new(feeds::start(
        &config,
        feeds::StartArguments {
            url: Some(&args.url),
            ca: args.ca.clone(),
            from_ns: position.last_message_ns(),
            next: position.next(),
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
    let surroundings = Surroundings {
        folder: &folder,
        writer: &handle,
        edge: &edge,
        events: Box::new(edge.events()),
        stop: &stop,
        link: &link,
        alerts,
        began,
        checkpoint_every: CHECKPOINT_EVERY,
    };
    let Some(session) = Session::start(args, config, position, surroundings)? else {
        host.announce("stopped before the feed connected; no trades");
        return Ok("the run was stopped before the feed connected");
    };
    let Session { graph, hello, config, run_status, latencies, .. } = session;
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

/// Request of the settings, without the data.
fn request<'a>(args: &'a PaperArgs, host: &Host) -> Request<'a> {
    // The feed may have its own factors.
    let request =
        Request::new(&args.input, LIVE_RECORD).with_host(host).without_factors().with_flags(args.flags());
    // Live, a frame in which a factor's instrument has no bar updates no estimate, and trading continues.
    request.over("paper's defaults".to_owned(), "[data]\nfactor_gap = \"carry\"\n".to_owned())
}

/// Resolves the settings, with those of the embedded data if `tutorial`.
fn resolve(args: &PaperArgs, tutorial: bool, host: &Host) -> Result<Config> {
    let mut request = request(args, host);
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
    config.refuse_changed_data("paper", "trades the bars of the feed as they come")
}

/// NAV without decimals.
fn value_text(nav: f64) -> String {
    if nav.is_finite() { format!("{nav:.0}") } else { "unknown (out of range)".to_owned() }
}
