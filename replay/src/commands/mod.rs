//! Commands: a file or folder each, with arguments, help and body.

mod call;
mod check;
mod completions;
mod dashboard;
mod diff;
mod estimate;
mod factors;
mod import;
mod luck;
mod man;
mod merge;
mod paper;
mod private_file;
mod replay;
mod report;
mod result_folder;
mod schema;
mod score;
mod serve;
mod signal;
mod size;
mod state;
mod stress;
mod tune;
mod version;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::config::settings_help;
use crate::host::Host;
use check::{CHECK, CheckArgs};
use completions::{COMPLETIONS, CompletionsArgs};
use dashboard::{DASHBOARD, DashboardArgs};
use diff::{DIFF, DiffArgs};
use estimate::{ESTIMATE, EstimateArgs};
use factors::{FACTORS, FactorsArgs};
use import::{IMPORT, ImportArgs};
use luck::{LUCK, LuckArgs};
use man::{MAN, ManArgs};
use merge::{MERGE, MergeArgs};
use paper::{PAPER, PaperArgs};
use replay::{REPLAY, ReplayArgs};
use report::{REPORT, ReportArgs};
use schema::{SCHEMA, SchemaArgs};
use score::{SCORE, ScoreArgs};
use serve::{SERVE, ServeArgs};
use signal::{SIGNAL, SignalArgs};
use size::{SIZE, SizeArgs};
use state::{STATE, StateArgs};
use stress::{STRESS, StressArgs};
use tune::{TUNE, TuneArgs};

pub use call::{CallError, CallErrorKind, call, part_settings, scenarios};
pub(crate) use state::advice;
use state::located;
pub(crate) use version::{asks_for_details, version_details};

/// Exit code of a command that succeeds.
const SUCCESS: u8 = 0;
/// Exit code of a command that fails.
const FAILURE: u8 = 1;

/// Streaming engine for factor models.
///
/// It reads prices and factor returns from Parquet or CSV files and estimates alpha and factor betas of every instrument with a
/// Kalman filter. It sizes positions by fractional Kelly under a turnover cap and fills the orders a bar later with costs.
/// Results are Parquet files for pandas, and a report.
#[derive(Debug, Parser)]
#[command(name = "betaflow", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// With --version: also print the compiler, and the kernels of this processor.
    #[arg(long, requires = "version")]
    pub verbose: bool,
    /// Command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Trade a strategy through historical data, with costs.
    #[command(long_about = REPLAY, after_long_help = settings_help())]
    Replay(ReplayArgs),
    /// Trade through the hold-out as well, and score it; the only command that reads the hold-out.
    #[command(long_about = SCORE, after_long_help = settings_help())]
    Score(ScoreArgs),
    /// Estimate alpha and factor betas through historical data, without trading.
    #[command(long_about = ESTIMATE, after_long_help = settings_help())]
    Estimate(EstimateArgs),
    /// Run many scenarios of caps, costs, delays and sizes over one reading of the data.
    #[command(long_about = STRESS, after_long_help = settings_help())]
    Stress(StressArgs),
    /// Merge the shards of a stress run or a tuning into the folder of one run.
    #[command(long_about = MERGE)]
    Merge(MergeArgs),
    /// Choose settings on training frames and test them on later ones: walk-forward, purged folds.
    #[command(long_about = TUNE, after_long_help = settings_help())]
    Tune(TuneArgs),
    /// Measure the predictive power of forecasts: information coefficients, quantiles, turnover.
    #[command(long_about = SIGNAL, after_long_help = settings_help())]
    Signal(SignalArgs),
    /// Show how factors have done lately, and how much of it may be luck.
    #[command(long_about = FACTORS, after_long_help = settings_help())]
    Factors(FactorsArgs),
    /// Test the best of many trials for luck: deflated Sharpe ratio, overfitting, correlations.
    #[command(long_about = LUCK)]
    Luck(LuckArgs),
    /// Show one rebalance in full: trades, cost of each limit, frontier.
    #[command(long_about = SIZE, after_long_help = settings_help())]
    Size(SizeArgs),
    /// Serve a file as a live feed to many clients, with optional faults.
    #[command(long_about = SERVE)]
    Serve(ServeArgs),
    /// Trade a live feed on paper, with a state folder that survives a crash.
    #[command(long_about = PAPER, after_long_help = settings_help())]
    Paper(PaperArgs),
    /// Show the contents of a state folder, also while a run writes to it.
    #[command(long_about = STATE)]
    State(StateArgs),
    /// Find the first event in which two runs differ, and attribute the gap between their final NAVs.
    #[command(long_about = DIFF)]
    Diff(DiffArgs),
    /// Write the report of a run folder again.
    #[command(long_about = REPORT)]
    Report(ReportArgs),
    /// Show how files were understood (CSV, Ken French, Parquet), and write them as one Parquet file.
    #[command(long_about = IMPORT)]
    Import(ImportArgs),
    /// Check the quality of price data: look-ahead, broken bars, splits, gaps.
    #[command(long_about = CHECK)]
    Check(CheckArgs),
    /// Show a state folder in a browser, also while a run writes to it.
    #[command(long_about = DASHBOARD)]
    Dashboard(DashboardArgs),
    /// Print the JSON schema of a configuration, or all settings as Markdown.
    #[command(long_about = SCHEMA)]
    Schema(SchemaArgs),
    /// Print the completions of all commands for a shell.
    #[command(long_about = COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Write the manual pages of all commands.
    #[command(long_about = MAN)]
    Man(ManArgs),
}

impl Command {
    /// Runs the command, and gives its result to the host. `diff` returns an exit code other than success without an error if the runs differ.
    ///
    /// # Errors
    /// The command fails.
    pub(crate) fn run(&self, host: &Host) -> Result<u8> {
        let result = self.run_unlocated(host);
        match self {
            Self::Paper(args) => result.map_err(|error| located(error, &args.state)),
            Self::State(args) => result.map_err(|error| located(error, &args.folder)),
            _ => result,
        }
    }

    fn run_unlocated(&self, host: &Host) -> Result<u8> {
        let done = |result: Result<()>| result.map(|()| SUCCESS);
        match self {
            Self::Replay(args) => done(replay::replay(args, host)),
            Self::Score(args) => done(score::score(args, host)),
            Self::Estimate(args) => done(estimate::estimate(args, host)),
            Self::Signal(args) => done(signal::signal(args, host)),
            Self::Factors(args) => done(factors::factors(args, host)),
            Self::Luck(args) => done(luck::luck(args, host)),
            Self::Size(args) => done(size::size(args, host)),
            Self::Stress(args) => done(stress::stress(args, host)),
            Self::Merge(args) => done(merge::merge(args, host)),
            Self::Tune(args) => done(tune::tune(args, host)),
            Self::Serve(args) => done(serve::serve(args)),
            Self::Paper(args) => done(paper::paper(args, host)),
            Self::State(args) => done(state::state(args, host)),
            Self::Diff(args) => diff::diff(args, host),
            Self::Report(args) => done(report::report(args, host)),
            Self::Import(args) => done(import::import(args, host)),
            Self::Check(args) => done(check::check(args, host)),
            Self::Dashboard(args) => done(dashboard::dashboard(args)),
            Self::Schema(args) => done(schema::schema(args)),
            Self::Completions(args) => {
                completions::completions(args);
                Ok(SUCCESS)
            }
            Self::Man(args) => done(man::man(args)),
        }
    }

    /// Exit code of an error. `diff` keeps 1 for runs that differ.
    pub(crate) fn failure(&self) -> u8 {
        match self {
            Self::Diff(_) => diff::FAILED,
            _ => FAILURE,
        }
    }
}
