//! Start of a paper run: restart point, recorded inputs, recorders and stages.
//!
//! The program and the simulation share it. Sockets, signals, terminal, dashboard and alerts are outside.

use std::cell::Cell;
use std::sync::Arc;

use anyhow::Result;
use betaflow_connectors::live::{
    Edge, FeedSource, Hello, Latencies, WithHistory, feed_factor_names, inputs_before, shown,
};
use betaflow_connectors::store::{Start, StateFolder, StateRecorder, WriterHandle};
use betaflow_engine::ledger::Recorder;
use betaflow_engine::pipeline::{Graph, resuming, trading};
use betaflow_engine::range::OnOutOfRange;
use betaflow_engine::source::Source as _;
use tracing::warn;

use super::alerts::Alerts;
use super::hello::hello;
use super::inputs::{Events, PaperInputs};
use super::link::Link;
use super::log::StateLog;
use super::restart::{self, RestartPoint};
use super::run_status::{self, SharedRunStatus, StatusRecorder};
use super::stop::Stop;
use super::{PaperArgs, address, refuse_without_factors, resolve, status, tutorial_name, unread};
use crate::config::Config;

/// Approximate number of recorded betas per day, enough to draw them.
const BETAS_A_DAY: u64 = 26;

/// Interval between frames with recorded betas.
pub(super) fn betas_every(config: &Config) -> u64 {
    u64::from(config.data.frames_per_day).div_ceil(BETAS_A_DAY)
}

/// Position of the record at the start of a run, read before the feed is followed.
pub(super) struct Position {
    start: Start,
    /// Number and time of the last recorded message.
    last: Option<(u64, i64)>,
}

impl Position {
    pub(super) fn of(folder: &StateFolder) -> Result<Self> {
        folder.check_frames()?;
        Ok(Self { start: folder.start()?, last: folder.last_message()? })
    }

    /// Number of the next message of the feed.
    pub(super) fn next(&self) -> u64 {
        self.last.map_or(0, |(seq, _)| seq + 1)
    }

    /// Close time of the last recorded bars, nanoseconds since 1970 UTC.
    pub(super) fn last_message_ns(&self) -> Option<i64> {
        self.last.map(|(_, timestamp)| timestamp)
    }
}

/// Surroundings of a session.
pub(super) struct Surroundings<'a> {
    pub(super) folder: &'a StateFolder,
    pub(super) writer: &'a WriterHandle,
    pub(super) edge: &'a Arc<Edge>,
    pub(super) events: Box<dyn Events>,
    pub(super) stop: &'a Stop,
    pub(super) link: &'a Link,
    pub(super) alerts: &'a Alerts,
    /// Set once the folder belongs to this run.
    pub(super) began: &'a Cell<bool>,
    /// Frames between two checkpoints.
    pub(super) checkpoint_every: u64,
}

/// Run that is ready to start.
pub(super) struct Session {
    pub(super) graph: Graph,
    pub(super) hello: Hello,
    pub(super) config: Config,
    pub(super) run_status: SharedRunStatus,
    pub(super) latencies: Arc<Latencies>,
}

impl Session {
    /// Waits for the hello of the feed and prepares the stages; `None` if the run is stopped before.
    ///
    /// # Errors
    /// The state folder belongs to another run or cannot be written, or the feed is not usable.
    pub(super) fn start(
        args: &PaperArgs,
        config: Config,
        position: Position,
        surroundings: Surroundings<'_>,
    ) -> Result<Option<Self>> {
        let Surroundings { folder, writer, edge, mut events, stop, link, alerts, began, checkpoint_every } =
            surroundings;
        let start = position.start;
        let host = &config.host().clone();
        let betas_every = betas_every(&config);
        let who = (address(args, &config), link, alerts);
        let Some(hello) = hello(folder, &mut *events, who, stop)? else { return Ok(None) };
        alerts.name(&hello.name);
        let config = if hello.name == tutorial_name() { resolve(args, true, host)? } else { config };
        refuse_without_factors(&config, &hello, args)?;
        let (history, config) = restart::history(folder, args, config)?;
        if start.next_input == 0 {
            unread::without_files(args, host, &config, history.as_ref())?;
        }
        restart::settle(folder, &config)?;
        began.set(true);
        let on_record = start.next_input;
        let point = RestartPoint::of(folder, start.checkpoints, &start.foreign);
        if on_record > 0 {
            if let Err(fault) = folder.check_segments() {
                warn!(kind = "session_incomplete", "{fault}");
            }
            let text = restart::sentence(start.committed.map(|(seq, _)| seq), on_record, &point, folder)?;
            host.announce(&text);
            writer.event(status::now(), None, "restarted", text)?;
        }
        let last_change = restart::last_change(folder)?;
        if let Some(last) = last_change.as_ref().filter(|last| last.halted) {
            let (since, reason) = last.since();
            host.announce(&format!("trading is halted since {since}, frame {}: {reason}", last.seq));
        }
        let is_halted = last_change.as_ref().is_some_and(|last| last.halted);
        if args.resume_trading && !is_halted {
            host.announce("trading was not halted; --resume-trading has no effect");
        }
        let resumes = args.resume_trading && is_halted;
        let fresh = restart::fresh(folder, history.as_ref(), resumes, status::now())?;
        let from_files = config.source().clone();
        let folders = config.folders(&feed_factor_names(&hello, &from_files)?)?;
        let record = point.input..on_record;
        let inputs = PaperInputs::new(folder, record, fresh, &hello, events, (link.clone(), stop.clone()))?
            .watching(folders)
            .alerting(alerts.clone());
        let inputs = WithHistory::new(inputs, from_files.clone());
        let latencies = Arc::new(Latencies::default());
        let source = FeedSource::open(
            &hello,
            Box::new(inputs),
            Box::new(StateLog::new(writer.clone(), Arc::clone(edge))),
            from_files.clone(),
        )?
        .logged(on_record)
        .limited(config.limits.feed())
        .checkpoints(checkpoint_every)
        .timed(Arc::clone(&latencies));
        let sections = config.sections(source.factor_names(), &from_files)?;
        let source = point.source(source.with_files(sections))?;
        let first = point.first_frame();
        let columns = config.factor_columns(source.factor_names());
        let recorder = StateRecorder::new(folder, writer.clone(), &columns, betas_every, first)?
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
                writer.clone(),
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
        let path = folder.path().display();
        host.announce(&format!("paper trading {}; state folder {path}", shown(&hello.name)));
        if on_record == 0 && history.is_none() {
            let bars = u64::from(config.estimator.warmup) * u64::from(config.data.frames_per_day);
            host.announce(&format!(
                "warm-up: the first orders follow after {bars} bars with returns (estimator.warmup)"
            ));
        }
        Ok(Some(Self { graph, hello, config, run_status, latencies }))
    }
}
