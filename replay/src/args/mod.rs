//! What the user typed.

mod check;
mod dashboard;
mod diff;
mod estimate;
mod paper;
mod score;
mod serve;
mod settings;
mod size;
mod state;
mod study;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use check::CHECK;
pub(crate) use check::CheckArgs;
use dashboard::DASHBOARD;
pub(crate) use dashboard::DashboardArgs;
use diff::DIFF;
pub(crate) use diff::DiffArgs;
use estimate::ESTIMATE;
pub(crate) use estimate::{EstimateArgs, OfflineArgs, Rival};
use paper::PAPER;
pub(crate) use paper::{LogFormat, PaperArgs};
use score::SCORE;
pub(crate) use score::{Profile, ScoreArgs};
use serve::SERVE;
pub(crate) use serve::{ServeArgs, Spoken};
use settings::SETTINGS;
use size::SIZE;
pub(crate) use size::SizeArgs;
use state::STATE;
pub(crate) use state::StateArgs;
use study::{STRESS, TUNE};
pub(crate) use study::{StressArgs, TuneArgs};

/// A streaming engine for people who trade factor models.
///
/// It reads prices and factor returns from Parquet files, follows alpha and factor betas of every
/// instrument with a Kalman filter, sizes positions at a quarter of Kelly under a turnover cap, fills the
/// orders a bar later with costs, and writes what happened to Parquet files that pandas reads.
#[derive(Debug, Parser)]
#[command(name = "betaflow", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
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
    Report(ReportOfArgs),
    /// Say whether price data is fit for research: look-ahead, broken bars, splits, gaps
    #[command(long_about = CHECK)]
    Check(CheckArgs),
    /// Show a state folder in a browser, also while a run writes to it
    #[command(long_about = DASHBOARD)]
    Dashboard(DashboardArgs),
}

// Lines of at most 78 columns: a narrow terminal must not break a table or a command.
const REPLAY: &str = "\
Trade a strategy through historical data and see what it earns after costs.

Without --prices it runs on embedded tutorial data: 20 large US stocks, the
S&P 500 and five factor ETFs, daily, 2014 to 2022.

The run folder holds:
  summary.json     metrics after costs, before costs and of the benchmark,
                   costs, turnover, the digest
  equity.parquet   a row a bar: value, cash, exposure, turnover, each cost
  fills.parquet    a row a fill: price, price at the decision, costs
  orders.parquet   a row an order: what was filled of it, how it ended
  attribution.parquet    a row a bar: betas of the book, and the change of
                   value by alpha, factors, residual and costs
  contributions.parquet  the same by instrument, over the whole run
  weights.parquet  target and held weight of each instrument
  betas.parquet    alpha, betas, the forecast of each return and its error
  instruments.parquet  how well the forecasts of each instrument have held
  report.html      all of it on one page, which opens without a network
  run.toml         all settings; --config run.toml runs them again

In Python:
  equity = pd.read_parquet(\"runs/replay-1/equity.parquet\")
  equity.set_index(\"timestamp\").nav.plot()

The same data and settings give the same digest on every machine. No output
depends on data that comes after it: orders fill one bar after the one that
they are decided on.

With --session DIR the data is what a `betaflow paper` run has received, from
its state folder, with the settings in it; the run may go on meanwhile. The
digest is compared with the one on record, frame by frame, unless --set changes
what decides results. Where they differ the exit code is 1.
  betaflow replay --session runs/paper --out runs/again";

const REPORT: &str = "\
Make the report of a run folder again.

It reads the folder alone: summary.json, run.toml and the tables that are
there, and writes report.html into it. A section whose table or figures are
missing says so, so the folder of an older run has a report as well.

Example:
  betaflow report runs/replay-1";

/// Where data and settings come from.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct InputArgs {
    /// Parquet file, or folder of files, with prices
    #[arg(long, value_name = "PATH")]
    pub prices: Option<PathBuf>,
    /// Parquet file with factor returns, or `none` to run without factors
    #[arg(long, value_name = "PATH")]
    pub factors: Option<PathBuf>,
    /// Settings in a TOML file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting, over those of the file; may be given many times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// First date, such as 2015-01-31; earlier data is not seen at all
    #[arg(long, value_name = "DATE")]
    pub from: Option<String>,
    /// Whether prices of one's own come with factors.
    #[arg(skip = true)]
    pub needs_factors: bool,
    /// Flags of one command alone that stand for settings.
    #[arg(skip)]
    pub own: Vec<OwnFlag>,
    /// Settings in TOML that are in no file, under those of `--set`: what errors call them, and the text.
    #[arg(skip)]
    pub base: Option<(String, String)>,
    /// Whether the record of a session may be the data.
    #[arg(skip)]
    pub takes_session: bool,
}

/// A flag that stands for a setting.
#[derive(Clone, Debug)]
pub(crate) struct OwnFlag {
    pub table: &'static str,
    pub key: &'static str,
    /// As typed.
    pub value: String,
    /// With its dashes.
    pub flag: &'static str,
}

/// Arguments of the commands that write a run folder.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// Last date, included
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// Folder to write; without it the next free runs/NAME-1, runs/NAME-2, ...
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace what is in that folder
    #[arg(long, requires = "out")]
    pub force: bool,
    /// Show where the time went, stage by stage
    #[arg(long)]
    pub timing: bool,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub run: RunArgs,
    /// State folder of a `paper` run: replay what it has received, with its settings
    #[arg(long, value_name = "DIR", conflicts_with_all = ["prices", "factors", "config", "from", "to"])]
    pub session: Option<PathBuf>,
    /// Write no report.html (it takes 5 MB)
    #[arg(long)]
    pub no_report: bool,
}

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportOfArgs {
    /// The folder of a run
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Instruments to draw, of an estimate, such as AAPL,MSFT; without it a few are chosen
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',')]
    pub plot: Vec<String>,
}

/// Arguments of commands that write a report.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Instruments to draw in the report, such as AAPL,MSFT; without it a few are chosen
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',')]
    pub plot: Vec<String>,
    /// Write no report.html (it takes 5 MB)
    #[arg(long, conflicts_with = "plot")]
    pub no_report: bool,
}
