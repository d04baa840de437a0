//! A run: from validated settings and data to a run folder.
//!
//! [`Prepared::new`] opens the folder and joins the stages, [`Prepared::execute`] runs them, and
//! [`Finished::conclude`] writes summary and report and completes the folder. `replay`, `estimate` and
//! `score` add their own steps in between.

mod args;
pub(crate) mod data;
pub(crate) mod factor_history;
mod folder_size;
pub(crate) mod json_lines;
pub(crate) mod progress;
pub(crate) mod session;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use betaflow_connectors::parquet::GivenError;
use betaflow_connectors::record::{ParquetRecorder, RunFolder, read_equity};
use betaflow_connectors::{DataError, Progress};
use betaflow_engine::ledger::{Frames, RecordSettings, Recorder, RunFacts};
use betaflow_engine::metrics::{
    ComparisonBuilder, DistributionBuilder, ReturnsAfterBuildUp, RiskAccuracyBuilder,
};
use betaflow_engine::pipeline::{
    Clock, Graph, Placement, RunOptions, RunReport, estimating, no_clock, trading,
};
use betaflow_engine::range::OnOutOfRange;
use betaflow_engine::source::{QueueFacts, Source as _};
use serde::Serialize;

use crate::config::{Config, Request};
use crate::host::Host;
use crate::report;
use crate::summary::{
    HoldoutSummary, OfflineSummary, RESAMPLES, RunSummary, SEED, Section, Summary, Trading, to_json,
};
use crate::terminal::Page;
use factor_history::{FactorHistory, FactorSource};
use progress::{Counted, Line};

pub(crate) use args::{ReportArgs, RunArgs};
pub(crate) use data::{Opened, open};

/// Differences between the commands that write a run folder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    name: &'static str,
    trades: bool,
    pub(crate) record: RecordSettings,
    /// True if `smoothed.parquet` is added.
    smooths: bool,
    /// True if `rolling.parquet` is added.
    compares: bool,
}

pub(crate) const REPLAY: Kind = Kind {
    name: "replay",
    trades: true,
    record: RecordSettings { betas: Frames::Monthly, weights: Frames::Rebalances, expected_returns: None },
    smooths: false,
    compares: false,
};
/// Record of a live run ([`RecordSettings::live`]).
pub(crate) const LIVE_RECORD: RecordSettings = RecordSettings { betas: Frames::Rebalances, ..REPLAY.record };
/// Replay that includes the hold-out.
pub(crate) const SCORE: Kind = Kind { name: "score", ..REPLAY };
pub(crate) const ESTIMATE: Kind = Kind {
    name: "estimate",
    trades: false,
    record: RecordSettings { betas: Frames::All, weights: Frames::None, expected_returns: None },
    smooths: false,
    compares: false,
};

/// Analysis of a signal, with a replay that trades it.
pub(crate) const SIGNAL: Kind = Kind {
    name: "signal",
    trades: true,
    record: RecordSettings { betas: Frames::None, weights: Frames::None, expected_returns: None },
    smooths: false,
    compares: false,
};
/// Analysis of a signal without a replay.
pub(crate) const SIGNAL_ALONE: Kind = Kind { trades: false, ..SIGNAL };

impl Kind {
    /// Adds the tables of offline estimation.
    pub(crate) const fn with_tables(self, smooths: bool, compares: bool) -> Self {
        Self { smooths, compares, ..self }
    }

    /// Creates the request for the settings of a command of this kind.
    pub(crate) fn request<'a>(&self, args: &'a RunArgs, host: &Host) -> Request<'a> {
        let request =
            Request::new(&args.input, self.record).with_host(host).until("--to", args.to.as_deref());
        if self.trades { request } else { request.without_trading() }
    }
}

/// Returns the settings of a command that writes a run folder.
///
/// # Errors
/// The settings are invalid.
pub(crate) fn resolve(args: &RunArgs, kind: &Kind, host: &Host) -> Result<Config> {
    kind.request(args, host).resolve()
}

/// Run with an open folder and joined stages, before any data is read.
pub(crate) struct Prepared<'a> {
    config: &'a Config,
    kind: &'a Kind,
    timing: bool,
    json: bool,
    started: Instant,
    out: PathBuf,
    folder: RunFolder,
    graph: Graph,
    progress: Arc<Progress>,
    frames: Arc<AtomicU64>,
    factors: Arc<Mutex<FactorHistory>>,
}

impl<'a> Prepared<'a> {
    /// Creates the run folder, its tables and the stages. `also` is a further recorder of the ledger.
    ///
    /// # Errors
    /// The folder already exists, or the settings do not fit the data.
    pub(crate) fn new(
        config: &'a Config,
        args: &RunArgs,
        kind: &'a Kind,
        data: Opened,
        also: Option<Box<dyn Recorder>>,
    ) -> Result<Self> {
        let started = Instant::now();
        let out = args.out.clone().unwrap_or_else(|| next_free(Path::new("runs"), kind.name));
        let Opened { source, progress, size } = data;
        let folder = RunFolder::create(&out, args.force)?;
        remove_when_interrupted(config.host(), folder.path())?;
        let notes = config.notes(kind.trades).join("; ");
        let large = |size| folder_size::announcement(config, kind, source.factor_names(), &size);
        if let Some(line) = size.and_then(large) {
            config.host().tell(&line);
        }
        let (names, note) =
            (&config.factor_columns(source.factor_names()), Some(&*notes).filter(|notes| !notes.is_empty()));
        let mut recorder =
            ParquetRecorder::create(folder.path(), names, config.run().record, kind.trades, note)?;
        if config.execution.borrow_file.is_some() {
            recorder = recorder.with_borrow_fees(folder.path(), note)?;
        }
        let folder = folder.with_syncing(recorder.sync_later());
        let (source, frames) = Counted::new(source);
        let (source, factors) = FactorSource::new(source, config);
        let source = Box::new(source);
        let recorders: Vec<Box<dyn Recorder>> = also.into_iter().chain([Box::new(recorder) as _]).collect();
        let mut settings = config.run().clone();
        if config.data.session.is_some() {
            // The recorded run halts in this case, so its replay does too.
            settings.on_out_of_range = OnOutOfRange::Halt;
        }
        let graph = if kind.trades {
            trading(source, config.strategy()?, &settings, recorders)?
        } else {
            estimating(source, &settings, recorders)?
        };
        Ok(Self {
            config,
            kind,
            timing: args.timing,
            json: args.json,
            started,
            out,
            folder,
            graph,
            progress,
            frames,
            factors,
        })
    }

    /// Folder of the tables, until the run is complete.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs the stages over all data.
    ///
    /// # Errors
    /// The data is invalid, or the file system refuses a write.
    pub(crate) fn execute(self) -> Result<Finished<'a>> {
        let Self { config, kind, timing, json, started, out, folder, graph, progress, frames, factors } =
            self;
        let line = Line::start(config.host(), progress, frames);
        let ended = graph.run(&options(config, kind, timing)).map_err(|error| config.located(error))?;
        drop(line);
        if ended.facts.data.instruments == 0 {
            bail!(
                "no instrument is left to estimate or trade; expected at least one in the prices besides those in \
                 [factors]: see [universe] in run.toml and `betaflow {} --help`",
                kind.name
            );
        }
        refuse_foreign(&ended.facts)?;
        let trading = match kind.trades {
            // In a thread, which takes the memory of the finished ones: the peak does not rise for the figures.
            true => Some(in_a_thread(|| measure(folder.path(), &ended.facts, config))?),
            false => None,
        };
        Ok(Finished { config, kind, timing, json, started, out, folder, ended, trading, factors })
    }
}

/// Run with complete tables, before its folder is complete.
pub(crate) struct Finished<'a> {
    config: &'a Config,
    kind: &'a Kind,
    timing: bool,
    json: bool,
    started: Instant,
    out: PathBuf,
    folder: RunFolder,
    ended: RunReport,
    trading: Option<Trading>,
    factors: Arc<Mutex<FactorHistory>>,
}

/// Parts of summary and report that belong to one command.
#[derive(Default)]
pub(crate) struct Reported<'a> {
    /// Result of the hold-out.
    pub(crate) score: Option<Section<HoldoutSummary>>,
    /// Results of offline estimation.
    pub(crate) findings: Section<OfflineSummary>,
    /// Instruments with a chart in the report; `None` without a report.
    pub(crate) plot: Option<&'a [String]>,
}

impl Finished<'_> {
    /// Returns the facts that the stages counted.
    pub(crate) fn facts(&self) -> &RunFacts {
        &self.ended.facts
    }

    /// Returns the folder with the tables; [`Self::conclude`] renames it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the summary of another command, its settings and its report, completes the folder and prints the summary.
    /// `command`: name and flags of the command. `extend` adds its keys to those of the run.
    ///
    /// # Errors
    /// The file system refuses a write.
    pub(crate) fn conclude_as<T: Serialize>(
        self,
        command: &str,
        with_report: bool,
        extend: impl FnOnce(RunSummary) -> T,
        page: impl FnOnce(&T, &Summary<'_>, &Path) -> Page,
    ) -> Result<()> {
        let Self { config, json, started, out, folder, ended, trading, timing, .. } = self;
        let summary = Summary {
            config,
            facts: &ended.facts,
            trading,
            score: None,
            findings: &Section::default(),
            factors: None,
            timing: if timing { &ended.timing } else { &[] },
            seconds: started.elapsed().as_secs_f64(),
        };
        let extended = extend(summary.run());
        let text = to_json(&extended)?;
        folder.write("summary.json", &text)?;
        folder.write("run.toml", &config.to_toml(command)?)?;
        if with_report {
            folder.write(report::FILE, &report::html_of(folder.path(), &[])?)?;
        }
        folder.complete()?;
        config.host().conclude(json, &text, || page(&extended, &summary, &out), Some(&out));
        Ok(())
    }

    /// Writes summary, settings and report, completes the folder and prints the summary.
    ///
    /// # Errors
    /// The file system refuses a write.
    pub(crate) fn conclude(self, reported: Reported<'_>) -> Result<()> {
        let Self { config, kind, timing, json, started, out, folder, ended, trading, factors } = self;
        let Reported { score, findings, plot } = reported;
        let factors = factors.lock().unwrap_or_else(PoisonError::into_inner);
        let summary = Summary {
            config,
            facts: &ended.facts,
            trading,
            score,
            findings: &findings,
            factors: if kind.trades { factors.summary(RESAMPLES, SEED) } else { None },
            timing: if timing { &ended.timing } else { &[] },
            seconds: started.elapsed().as_secs_f64(),
        };
        let text = to_json(&summary.run())?;
        folder.write("summary.json", &text)?;
        folder.write("run.toml", &config.to_toml(kind.name)?)?;
        if let Some(plot) = plot {
            folder.write(report::FILE, &report::Run::read(folder.path())?.html(plot)?)?;
        }
        folder.complete()?;
        config.host().conclude(json, &text, || summary.page(&out), Some(&out));
        Ok(())
    }
}

/// Refuses a file of the user whose rows were in force and name no instrument of the prices.
fn refuse_foreign(facts: &RunFacts) -> Result<(), DataError> {
    let foreign =
        |rows: &QueueFacts| rows.sections > 0 && rows.instruments > 0 && rows.unmatched == rows.instruments;
    match facts.data.given.iter().find(|file| foreign(&file.rows)) {
        Some(file) => Err(DataError::Given(GivenError::NoInstrument {
            file: file.file.clone(),
            what: file.content.clone(),
            found: file.rows.unmatched_first.join(", "),
        })),
        None => Ok(()),
    }
}

/// Attempts to remove the folder of an interrupted run, and the time between them.
const REMOVALS_MAX: u32 = 100;
const REMOVAL_WAIT: Duration = Duration::from_millis(10);

/// Installs a handler of Ctrl-C and SIGTERM that removes the partial run folder.
pub(crate) fn remove_when_interrupted(host: &Host, partial: &Path) -> Result<()> {
    let partial = partial.to_owned();
    host.when_interrupted(move || {
        // Writers may add files in between, which then keep their folder from being removed.
        for _ in 0..REMOVALS_MAX {
            let _ = std::fs::remove_dir_all(&partial);
            if !partial.exists() {
                break;
            }
            std::thread::sleep(REMOVAL_WAIT);
        }
        eprintln!("interrupted: the partial run folder was removed");
    })
}

/// Runs some work in a thread of its own.
fn in_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let ended = std::thread::scope(|scope| scope.spawn(work).join());
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Computes the metrics from the written equity table, so that memory does not grow with the number of
/// frames.
fn measure(folder: &Path, facts: &RunFacts, config: &Config) -> Result<Trading> {
    let frames_per_year = config.run().calendar.frames_per_year();
    let mut comparing = ComparisonBuilder::new(usize::try_from(facts.performance.frames)?);
    let mut risk = RiskAccuracyBuilder::default();
    read_equity(folder, config.zone(), |point| {
        comparing.push(point);
        risk.push(point, frames_per_year);
    })?;
    let comparison = comparing.comparison(frames_per_year);
    let mut binning = DistributionBuilder::new(&comparison, frames_per_year);
    let mut after =
        ReturnsAfterBuildUp::new(facts.performance.build_up, usize::try_from(facts.performance.frames)?);
    read_equity(folder, config.zone(), |point| {
        binning.push(point);
        after.iter_mut().for_each(|after| after.push(point));
    })?;
    let after = after.map(|after| after.figures(frames_per_year));
    let accuracy = risk.accuracy(frames_per_year);
    Trading::new(config, facts, comparison, binning.distribution(), after, &accuracy).with_groups(folder)
}

/// Returns the options of the pipeline of a command.
pub(crate) fn options(config: &Config, kind: &Kind, timed: bool) -> RunOptions {
    // Groups refer to the five stages of a trading run; an estimating run has only three.
    let placement = match &config.pipeline.placement {
        Placement::Groups(_) if !kind.trades => Placement::Auto,
        placement => placement.clone(),
    };
    RunOptions {
        placement,
        capacity: config.pipeline.capacity,
        processors: std::thread::available_parallelism().map_or(1, usize::from),
        clock: if timed { monotonic } else { no_clock as Clock },
        watch: None,
    }
}

/// Nanoseconds since the first call.
fn monotonic() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Path `runs/replay-N` with the smallest unused number.
pub(crate) fn next_free(parent: &Path, name: &str) -> PathBuf {
    (1_u32..)
        .map(|number| parent.join(format!("{name}-{number}")))
        .find(|path| !path.exists())
        .unwrap_or_default()
}
