//! One process of a simulation: `paper` from its start to its end or its crash, on the calling thread.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use betaflow_connectors::live::{Connecting, Edge, EdgeEvent, EdgeReceiver};
use betaflow_connectors::store::{Disk, StateFolder, Sync, SystemDisk, Writer, WriterSettings};
use betaflow_engine::ledger::hex;
use betaflow_engine::pipeline::{Placement, RunOptions};
use betaflow_engine::random::Random;
use clap::Parser as _;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Runtime;
use tokio::time::sleep;

use super::disk::SimulatedDisk;
use super::network::Network;
use super::scenario::{Process, Scenario};
use crate::commands::paper::alerts::Alerts;
use crate::commands::paper::feeds::{self, StartArguments};
use crate::commands::paper::inputs::Events;
use crate::commands::paper::link::Link;
use crate::commands::paper::session::{Position, Session, Surroundings, betas_every};
use crate::commands::paper::stop::Stop;
use crate::commands::paper::{PaperArgs, resolve};
use crate::commands::{Cli, Command};
use crate::host::{Call, CallProgress, Host};

/// Longest simulated time of a process.
const LONGEST: Duration = Duration::from_secs(4 * 3_600);
/// Steps in which time passes while the pipeline waits for an event.
const TICK: Duration = Duration::from_millis(10);
/// Capacity of an event channel that never fills.
const AMPLE: usize = 1 << 14;

/// Folder of the files of forecasts, beside a state folder.
pub(super) fn forecasts(folder: &Path) -> PathBuf {
    folder.with_file_name("forecasts")
}

/// Arguments of `paper` in a state folder.
pub(super) fn arguments(scenario: &Scenario, folder: &Path) -> PaperArgs {
    let mut typed = ["betaflow", "paper", "--url", "ws://simulated:1", "--state"].map(str::to_owned).to_vec();
    typed.push(folder.display().to_string());
    if !scenario.files.is_empty() {
        typed.extend(["--forecasts".to_owned(), forecasts(folder).display().to_string()]);
    }
    typed.extend(scenario.settings.iter().flat_map(|setting| ["--set".to_owned(), setting.clone()]));
    match Cli::try_parse_from(typed).expect("arguments").command {
        Command::Paper(args) => args,
        other => panic!("{other:?}"),
    }
}

/// How a process ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) crashed: bool,
    /// True if a step of the disk failed.
    pub(super) disk_failed: bool,
    /// True if the user stopped the process.
    pub(super) stopped: bool,
    pub(super) error: Option<String>,
}

/// Runs one process in `folder`; `trace` receives every event of the feed and every step of the disk.
pub(super) fn run(
    scenario: &Scenario,
    process: &Process,
    folder: &Path,
    network: &Arc<Network>,
    trace: &mut Sha256,
) -> Ended {
    let disk = Arc::new(SimulatedDisk::new(&process.disk));
    let progress = Arc::new(CallProgress::default());
    let host = Host::of(Call { progress: Arc::clone(&progress), ..Call::default() });
    let events = Arc::new(std::sync::Mutex::new(Vec::new()));
    let result = trade(scenario, process, folder, network, (&disk, &host, &progress), &events);
    for text in events.lock().expect("trace").drain(..) {
        trace.update(text);
    }
    trace.update(format!("{:?}", disk.steps()));
    let stopped = progress.is_interrupted();
    let error = result.err().map(|error| format!("{error:#}"));
    Ended { crashed: disk.crashed(), disk_failed: disk.failed(), stopped, error }
}

type Trace = Arc<std::sync::Mutex<Vec<String>>>;

fn trade(
    scenario: &Scenario,
    process: &Process,
    folder: &Path,
    network: &Arc<Network>,
    (disk, host, progress): (&Arc<SimulatedDisk>, &Host, &Arc<CallProgress>),
    trace: &Trace,
) -> Result<()> {
    let runtime =
        Arc::new(tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?);
    let args = arguments(scenario, folder);
    let config = resolve(&args, false, host)?;
    let disk: Arc<dyn Disk> = Arc::clone(disk) as Arc<dyn Disk>;
    let folder = StateFolder::open_on(folder, Sync::Off, disk)?;
    let position = Position::of(&folder)?;
    let mut sizes = Random::new(scenario.seed ^ position.next());
    let most = scenario.batch_max;
    let settings = WriterSettings {
        segment_inputs: scenario.segment_inputs,
        inline: Some(Box::new(move || 1 + sizes.below(most))),
        ..WriterSettings::new(betas_every(&config))
    };
    let writer = Writer::start_with(&folder, settings, Box::new(|_| {}))?;
    let handle = writer.handle();
    let stop = Stop::new(None, host)?;
    let start =
        StartArguments { from_ns: position.last_message_ns(), next: position.next(), ..Default::default() };
    let mut edge = feeds::own_feed(&config, StartArguments { url: Some(&args.url), ..start })?;
    edge.capacity = if scenario.conflate > 0 { scenario.conflate } else { AMPLE };
    (edge.held_max, edge.seed) = (scenario.held_max, scenario.seed);
    let (edge, follow) = Edge::detached(edge, network.connector())?;
    let edge = Arc::new(edge);
    runtime.spawn(follow);
    let events = SimulatedEvents {
        network: Arc::clone(network),
        runtime: Arc::clone(&runtime),
        receiver: edge.events(),
        busy: Random::new(scenario.seed ^ 0xb5),
        busy_ms: scenario.busy_ms,
        left: process.stop_after,
        progress: Arc::clone(progress),
        passed: Duration::ZERO,
        trace: Arc::clone(trace),
    };
    let surroundings = Surroundings {
        folder: &folder,
        writer: &handle,
        edge: &edge,
        events: Box::new(events),
        stop: &stop,
        link: &Link::default(),
        alerts: &Alerts::default(),
        began: &Cell::new(false),
        checkpoint_every: scenario.checkpoint_every,
    };
    let digest = finish(Session::start(&args, config, position, surroundings)?)?;
    handle.flush()?;
    on_disk(&folder, digest)
}

/// Checks that the last frame of a run that ended in order is on disk once the writer says so.
fn on_disk(folder: &StateFolder, digest: Option<String>) -> Result<()> {
    let committed = folder.start()?.committed.map(|(_, digest)| digest);
    assert!(
        digest.is_none() || committed == digest,
        "found the last committed digest {committed:?}, expected {digest:?}"
    );
    Ok(())
}

/// Replays recorded inputs in `folder`, which has no frames yet, without a feed.
pub(super) fn recompute(scenario: &Scenario, folder: &Path) -> Result<()> {
    let args = arguments(scenario, folder);
    let host = Host::of(Call::default());
    let config = resolve(&args, false, &host)?;
    let folder = StateFolder::open_on(folder, Sync::Off, Arc::new(SystemDisk))?;
    let position = Position::of(&folder)?;
    let settings = WriterSettings {
        segment_inputs: u64::MAX,
        inline: Some(Box::new(|| 1_000)),
        ..WriterSettings::new(betas_every(&config))
    };
    let writer = Writer::start_with(&folder, settings, Box::new(|_| {}))?;
    let handle = writer.handle();
    let start = StartArguments { url: Some(&args.url), ..Default::default() };
    let (edge, _) =
        Edge::detached(feeds::own_feed(&config, start)?, Arc::new(|| -> Connecting { unreachable!() }))?;
    let surroundings = Surroundings {
        folder: &folder,
        writer: &handle,
        edge: &Arc::new(edge),
        events: Box::new(NoFeed),
        stop: &Stop::new(None, &host)?,
        link: &Link::default(),
        alerts: &Alerts::default(),
        began: &Cell::new(false),
        checkpoint_every: 0,
    };
    finish(Session::start(&args, config, position, surroundings)?)?;
    Ok(handle.flush()?)
}

/// Runs the stages; returns the digest of the last frame, if any.
fn finish(session: Option<Session>) -> Result<Option<String>> {
    let Some(Session { graph, config, .. }) = session else { return Ok(None) };
    let options = RunOptions {
        placement: Placement::Groups(vec![5]),
        capacity: config.pipeline.capacity,
        ..RunOptions::default()
    };
    let digest = graph.run(&options)?.facts.digest;
    Ok(digest.iter().any(|byte| *byte != 0).then(|| hex(&digest)))
}

/// Feed that has ended.
struct NoFeed;

impl Events for NoFeed {
    fn next(&mut self, _: Duration) -> Option<EdgeEvent> {
        Some(EdgeEvent::End { at: betaflow_connectors::clock::now(), frames: 0 })
    }
}

/// Events of the client under test. A wait for an event drives client and server.
struct SimulatedEvents {
    network: Arc<Network>,
    runtime: Arc<Runtime>,
    receiver: EdgeReceiver,
    busy: Random,
    busy_ms: u64,
    /// Events until the user stops the process.
    left: Option<u64>,
    progress: Arc<CallProgress>,
    passed: Duration,
    trace: Trace,
}

impl SimulatedEvents {
    /// Lets time pass; client and server run.
    fn pass(&mut self, time: Duration) {
        self.runtime.block_on(async { sleep(time).await });
        self.network.pass(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX));
        self.passed += time;
        assert!(self.passed < LONGEST, "the process hangs: no end after {LONGEST:?}");
    }
}

impl Events for SimulatedEvents {
    fn next(&mut self, wait: Duration) -> Option<EdgeEvent> {
        if self.busy_ms > 0 && self.busy.below(8) == 0 {
            self.pass(Duration::from_millis(self.busy_ms));
        }
        let mut waited = Duration::ZERO;
        let event = loop {
            if let Ok(event) = self.receiver.try_recv() {
                break event;
            }
            if waited >= wait {
                return None;
            }
            self.pass(TICK);
            waited += TICK;
        };
        let text = match &event {
            EdgeEvent::Bars { bars, text, .. } => format!("bars {} {text}", bars.seq),
            EdgeEvent::End { frames, .. } => format!("end {frames}"),
            EdgeEvent::Failed { text, .. } => format!("failed {text}"),
            event => event.control().map(|control| control.body).unwrap_or_default(),
        };
        self.trace.lock().expect("trace").push(text);
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.progress.interrupt();
            }
        }
        Some(event)
    }
}
