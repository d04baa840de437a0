//! The commands: a file or folder each, with its arguments, its help and its body.

mod check;
mod dashboard;
mod diff;
mod estimate;
mod paper;
mod replay;
mod report;
mod score;
mod serve;
mod size;
mod state;
mod stress;
mod tune;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::config::SETTINGS;
use check::{CHECK, CheckArgs};
use dashboard::{DASHBOARD, DashboardArgs};
use diff::{DIFF, DiffArgs};
use estimate::{ESTIMATE, EstimateArgs};
use paper::{PAPER, PaperArgs};
use replay::{REPLAY, ReplayArgs};
use report::{REPORT, ReportArgs};
use score::{SCORE, ScoreArgs};
use serve::{SERVE, ServeArgs};
use size::{SIZE, SizeArgs};
use state::{STATE, StateArgs};
use stress::{STRESS, StressArgs};
use tune::{TUNE, TuneArgs};

pub(crate) use state::advice;

/// A streaming engine for people who trade factor models.
///
/// It reads prices and factor returns from Parquet files, follows alpha and factor betas of every
/// instrument with a Kalman filter, sizes positions at a quarter of Kelly under a turnover cap, fills the
/// orders a bar later with costs, and writes what happened to Parquet files that pandas reads.
#[derive(Debug, Parser)]
#[command(name = "betaflow", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// Command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Trade a strategy through historical data and see what it earns after costs
    #[command(long_about = REPLAY, after_long_help = SETTINGS)]
    Replay(ReplayArgs),
    /// Trade through the hold-out as well, and score it: the one command that reads it
    #[command(long_about = SCORE, after_long_help = SETTINGS)]
    Score(ScoreArgs),
    /// Follow alpha and factor betas through historical data, without trading
    #[command(long_about = ESTIMATE, after_long_help = SETTINGS)]
    Estimate(EstimateArgs),
    /// See how far returns survive other caps, costs, delays and sizes: many runs over one reading of the data
    #[command(long_about = STRESS, after_long_help = SETTINGS)]
    Stress(StressArgs),
    /// Choose settings by what was known, judge them by what came after: walk-forward, purged folds
    #[command(long_about = TUNE, after_long_help = SETTINGS)]
    Tune(TuneArgs),
    /// Show one rebalance in full: its trades, what each limit costs, and the frontier
    #[command(long_about = SIZE, after_long_help = SETTINGS)]
    Size(SizeArgs),
    /// Serve a file as a live feed to many clients, with faults on request
    #[command(long_about = SERVE)]
    Serve(ServeArgs),
    /// Trade a live feed on paper, with state that survives being killed
    #[command(long_about = PAPER, after_long_help = SETTINGS)]
    Paper(PaperArgs),
    /// Say what a state folder holds, also while a run writes to it
    #[command(long_about = STATE)]
    State(StateArgs),
    /// Name the first event in which two runs differ, and split the gap between their final values
    #[command(long_about = DIFF)]
    Diff(DiffArgs),
    /// Make the report of a run folder again
    #[command(long_about = REPORT)]
    Report(ReportArgs),
    /// Say whether price data is fit for research: look-ahead, broken bars, splits, gaps
    #[command(long_about = CHECK)]
    Check(CheckArgs),
    /// Show a state folder in a browser, also while a run writes to it
    #[command(long_about = DASHBOARD)]
    Dashboard(DashboardArgs),
}

impl Command {
    /// Runs the command. An exit code other than success without an error is an answer, as of `diff`.
    ///
    /// # Errors
    /// Those of the command.
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let done = |result: Result<()>| result.map(|()| ExitCode::SUCCESS);
        match self {
            Self::Replay(args) => done(replay::replay(args)),
            Self::Score(args) => done(score::score(args)),
            Self::Estimate(args) => done(estimate::estimate(args)),
            Self::Size(args) => done(size::size(args)),
            Self::Stress(args) => done(stress::stress(args)),
            Self::Tune(args) => done(tune::tune(args)),
            Self::Serve(args) => done(serve::serve(args)),
            Self::Paper(args) => done(paper::paper(args)),
            Self::State(args) => done(state::state(args)),
            Self::Diff(args) => diff::diff(args),
            Self::Report(args) => done(report::report(args)),
            Self::Check(args) => done(check::check(args)),
            Self::Dashboard(args) => done(dashboard::dashboard(args)),
        }
    }

    /// Exit code of an error. `diff` keeps 1 for runs that differ.
    pub(crate) fn failure(&self) -> ExitCode {
        match self {
            Self::Diff(_) => ExitCode::from(diff::FAILED),
            _ => ExitCode::FAILURE,
        }
    }
}
