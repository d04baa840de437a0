//! `betaflow replay`, `betaflow estimate` and what `betaflow score` has in common with them, from valid settings to a run
//! folder; and `betaflow report`.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Instant;

use anyhow::{Result, bail};
use betaflow_connectors::recorder::{ParquetRecorder, RunFolder, read_equity, replace_file};
use betaflow_engine::ledger::{Frames, RecordSettings, Recorder, RunFacts};
use betaflow_engine::metrics::{Binning, Comparing};
use betaflow_engine::pipeline::{Clock, Placement, RunOptions, estimating, no_clock, trading};
use betaflow_engine::range::OnOutOfRange;
use betaflow_engine::source::Source as _;

use crate::args::{EstimateArgs, ReplayArgs, ReportOfArgs, RunArgs};
use crate::config::Config;
use crate::offline;
use crate::progress::{Counted, Line};
use crate::report;
use crate::score::Scoring;
use crate::session::{self, Compared};
use crate::summary::{Summary, Trading};
use crate::terminal::printable;
use crate::world::{Opened, Readings};

/// What differs between the commands.
pub(crate) struct Kind {
    name: &'static str,
    trades: bool,
    pub(crate) record: RecordSettings,
}

pub(crate) const REPLAY: Kind = Kind {
    name: "replay",
    trades: true,
    record: RecordSettings { betas: Frames::Rebalances, weights: Frames::Rebalances },
};
/// As a replay, through the hold-out as well.
pub(crate) const SCORE: Kind = Kind { name: "score", ..REPLAY };
const ESTIMATE: Kind = Kind {
    name: "estimate",
    trades: false,
    record: RecordSettings { betas: Frames::All, weights: Frames::None },
};

const REPORT: &str = "report.html";

/// Trades a strategy through historical data.
pub(crate) fn replay(args: &ReplayArgs) -> Result<()> {
    let mut run = args.run.clone();
    run.input.takes_session = true;
    if let Some(folder) = &args.session {
        session::with_its_settings(folder, &mut run.input)?;
    }
    let config = resolve(&run, &REPLAY)?;
    let compared = config.data.session.as_deref().map(|folder| Compared::with(Path::new(folder), &config));
    let compared = compared.transpose()?;
    let recorder = compared.as_ref().and_then(Compared::recorder).transpose()?;
    carry_out(&config, &run, &REPLAY, None, (!args.no_report).then_some(&[]), Extra::of(recorder))?;
    compared.map_or(Ok(()), |compared| compared.conclude())
}

/// Follows alpha and betas through historical data.
pub(crate) fn estimate(args: &EstimateArgs) -> Result<()> {
    let plot = (!args.report.no_report).then_some(&args.report.plot[..]);
    run(&args.run, &ESTIMATE, Some(args), plot)
}

/// Makes the report of a run folder again.
pub(crate) fn report(args: &ReportOfArgs) -> Result<()> {
    let html = report::html_of(&args.folder, &args.plot)?;
    let path = replace_file(&args.folder, REPORT, &html)?;
    say(&format!("written to {}\n", path.display()));
    Ok(())
}

/// The data that the settings name, from its beginning, in the world that they describe.
///
/// # Errors
/// It is not there or not as expected, or it cannot be made into that world.
pub(crate) fn open(config: &Config, trades: bool) -> Result<Opened> {
    Readings::default().open(config, config.source_settings(trades)?)
}

fn run(args: &RunArgs, kind: &Kind, estimate: Option<&EstimateArgs>, plot: Option<&[String]>) -> Result<()> {
    carry_out(&resolve(args, kind)?, args, kind, estimate, plot, Extra::default())
}

/// The settings of a command that writes a run folder.
///
/// # Errors
/// They are not valid.
pub(crate) fn resolve(args: &RunArgs, kind: &Kind) -> Result<Config> {
    Config::resolve(&args.input, args.to.as_deref().map(|to| ("--to", to)), kind.record)
}

/// What a run has besides its run folder.
#[derive(Default)]
pub(crate) struct Extra<'a> {
    /// Where the hold-out is to be opened.
    pub(crate) scoring: Option<&'a Scoring>,
    /// Whoever else is to see the ledger.
    pub(crate) recorder: Option<Box<dyn Recorder>>,
}

impl Extra<'_> {
    fn of(recorder: Option<Box<dyn Recorder>>) -> Self {
        Self { scoring: None, recorder }
    }
}

/// Runs, and writes the run folder. `plot`: what the report draws; `None` where there is to be none.
///
/// # Errors
/// Data that is not as expected, or a file system that refuses.
pub(crate) fn carry_out(
    config: &Config,
    args: &RunArgs,
    kind: &Kind,
    estimate: Option<&EstimateArgs>,
    plot: Option<&[String]>,
    extra: Extra<'_>,
) -> Result<()> {
    let Extra { scoring, recorder: also } = extra;
    let started = Instant::now();
    let out = args.out.clone().unwrap_or_else(|| next_free(Path::new("runs"), kind.name));
    let Opened { source, progress } = match scoring {
        Some(scoring) => scoring.source(config)?,
        None => open(config, kind.trades)?,
    };
    let folder = RunFolder::create(&out, args.force)?;
    remove_when_interrupted(folder.path())?;
    let notes = config.notes(kind.trades).join("; ");
    let (names, note) = (source.factor_names(), Some(&*notes).filter(|notes| !notes.is_empty()));
    let recorder = ParquetRecorder::create(folder.path(), names, config.record, kind.trades, note)?;

    let (source, frames) = Counted::new(source);
    let source = Box::new(source);
    let recorders: Vec<Box<dyn Recorder>> = also.into_iter().chain([Box::new(recorder) as _]).collect();
    let mut settings = config.run_settings()?;
    if config.data.session.is_some() {
        // As the run did whose inputs these are.
        settings.on_out_of_range = OnOutOfRange::Halt;
    }
    let graph = if kind.trades {
        trading(source, config.strategy()?, &settings, recorders)?
    } else {
        estimating(source, &settings, recorders)?
    };
    // The last moment before anything flows: what stops a run earlier has opened nothing.
    let opened = scoring
        .map(|scoring| Ok::<_, anyhow::Error>((scoring, scoring.record_opening(config)?)))
        .transpose()?;
    let entry = opened.as_ref().map(|(scoring, opened)| (*scoring, opened.entry().clone()));
    let computed = || -> Result<_> {
        let line = Line::start(progress, frames);
        let ended = graph.run(&options(config, kind, args.timing)).map_err(|error| config.located(error))?;
        drop(line);
        if ended.facts.data.instruments == 0 {
            bail!(
                "no instrument is left to estimate or trade; expected at least one in the prices besides those that \
                 [factors] uses: see [universe] in run.toml and `betaflow {} --help`",
                kind.name
            );
        }
        let trading = kind.trades.then(|| measure(folder.path(), &ended.facts, config)).transpose()?;
        let finish = |(scoring, opened): (&Scoring, _)| {
            scoring.finish(opened, folder.path(), &ended.facts.digest, config)
        };
        let scored = opened.map(finish).transpose()?;
        Ok((ended, trading, scored))
    };
    let (ended, trading, scored) = computed().map_err(|error| match entry {
        // What went wrong with the run says more than what goes wrong with its line in the log.
        Some((scoring, entry)) => match scoring.record_failure(&entry, &error) {
            Ok(()) => error,
            Err(log) => error.context(format!("{log:#}")),
        },
        None => error,
    })?;
    let hindsight = |args: &EstimateArgs| offline::run(&args.offline, config, &ended.facts, folder.path());
    let findings = estimate.map(hindsight).transpose()?.unwrap_or_default();
    let summary = Summary {
        config,
        facts: &ended.facts,
        trading,
        score: scored,
        findings: &findings,
        timing: if args.timing { &ended.timing } else { &[] },
        seconds: started.elapsed().as_secs_f64(),
    };
    folder.write("summary.json", &(serde_json::to_string_pretty(&summary.json())? + "\n"))?;
    folder.write("run.toml", &config.to_toml(kind.name)?)?;
    if let Some(plot) = plot {
        folder.write(REPORT, &report::Run::read(folder.path())?.html(plot)?)?;
    }
    folder.complete()?;
    say(&summary.text());
    if args.timing {
        say(&format!("\n{}\n", summary.timing_table()));
    }
    say(&format!("written to {}\n", out.display()));
    Ok(())
}

/// Ctrl-C and SIGTERM end the program without leaving half a run.
pub(crate) fn remove_when_interrupted(partial: &Path) -> Result<()> {
    let partial = partial.to_owned();
    ctrlc::set_handler(move || {
        // The writers may still be at it: what they add between is for the next run of this name to remove.
        let _ = std::fs::remove_dir_all(&partial);
        eprintln!("interrupted: nothing is left of this run");
        std::process::exit(130);
    })?;
    Ok(())
}

/// The metrics, from the equity as it was written: so memory does not grow with the length of the run.
fn measure(folder: &Path, facts: &RunFacts, config: &Config) -> Result<Trading> {
    let frames_per_year = config.data.calendar().frames_per_year();
    let mut comparing = Comparing::new(usize::try_from(facts.performance.frames)?);
    read_equity(folder, |point| comparing.push(point))?;
    let comparison = comparing.comparison(frames_per_year);
    let mut binning = Binning::new(&comparison, frames_per_year);
    read_equity(folder, |point| binning.push(point))?;
    Ok(Trading::new(config, facts, comparison, binning.distribution()))
}

/// Standard output; a reader that went away early is no error.
pub(crate) fn say(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().write_all(printable(text).as_bytes());
}

fn options(config: &Config, kind: &Kind, timed: bool) -> RunOptions {
    // Groups are of the five stages that trade; the three that estimate are too few to divide by them.
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

/// `runs/replay-1`, or the first number that is free.
pub(crate) fn next_free(parent: &Path, name: &str) -> PathBuf {
    (1_u32..)
        .map(|number| parent.join(format!("{name}-{number}")))
        .find(|path| !path.exists())
        .unwrap_or_default()
}
