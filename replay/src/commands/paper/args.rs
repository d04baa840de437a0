//! Arguments of `paper`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use betaflow_engine::time::duration;
use clap::{Args, ValueEnum};

use crate::config::{InputArgs, SettingFlag};

pub(in crate::commands) const PAPER: &str = "\
Trade a live feed on paper, with a state folder that survives a crash.

The stages are those of `betaflow replay`: a feed of the same data gives the
same digest. The feed is `betaflow serve` or another server of its protocol
(--url), or a venue (--venue, --symbols), whose trades become bars (feed.bar).

The state folder has state.db (SQLite). Every input is recorded before it
acts; NAV, fills, orders, weights and betas of a frame are committed together.
Started again with the same settings, the run resumes where it ended, even
after a crash: nothing is lost, doubled or different. A state folder accepts
one process at a time. Ctrl-C and SIGTERM end the run after the current frame;
a second one ends the program at once, as a crash does.
`betaflow state` shows the folder, `betaflow replay --session` replays it.

A factor instrument without a bar does not update the estimates (data.factor_gap
is always carry here).

A message that cannot become part of a frame is refused, counted, reported and
not recorded: a price of 0 or below, a time that is not later than the one
before or is a day ahead of the clock, a symbol twice. With
data.on_bad_row=skip only the bad row is left out.

--forecasts DIR or --weights DIR names a folder in which your files arrive; a
file is used from the next bar on, and a changed one replaces its rows. Each is
recorded with its rows, so a session can be replayed without the folder. Write
a file under a name that starts with a dot and rename it. A file that is not
readable is reported after two seconds. estimator.betas and
estimator.factor_cov name such folders too.

Frames of --history come first; they warm up and are not traded on, unless
data.trade_from is set. [limits] stop trading, not the program. alerts.webhook
receives JSON when trading stops or resumes, the feed is lost or back, the disk
is full, and the run ends.

Lost messages are back-filled. A message that cannot be back-filled is reported
as a gap, and trading goes on after it. While the disk is full trading stops.
A run that is to stop during that time ends within five seconds with an error,
and resumes at its next start.

Examples, the first in two terminals:
  betaflow serve --speed 8640000
  betaflow paper --url ws://127.0.0.1:9000 --state runs/paper

  betaflow paper --venue binance --symbols BTCUSDT,ETHUSDT,SOLUSDT \\
    --set factors.mkt=BTCUSDT --set data.frames_per_day=1440 --state runs/b";

/// Format of the log of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Sentences for a terminal.
    Text,
    /// One line of JSON for each event.
    Json,
}

/// Arguments of `paper`.
#[derive(Debug, Args)]
pub(crate) struct PaperArgs {
    /// Address of the feed, such as ws://127.0.0.1:9000 [default: the address of the venue].
    #[arg(long, value_name = "URL", required_unless_present_any = ["venue", "config", "set"], default_value = "", hide_default_value = true)]
    pub url: String,
    /// Venue, such as binance; the setting feed.venue.
    #[arg(long, value_name = "NAME")]
    pub venue: Option<String>,
    /// Instruments of the venue, such as BTCUSDT,ETHUSDT; the setting feed.symbols.
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',')]
    pub symbols: Vec<String>,
    /// State folder; created if it does not exist.
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    /// File or folder of prices (Parquet or CSV) before those of the feed, for warm-up.
    #[arg(long, value_name = "PATH")]
    pub history: Option<PathBuf>,
    /// File of factor returns for the history, if the feed sends factors.
    #[arg(long, value_name = "PATH", requires = "history")]
    pub history_factors: Option<PathBuf>,
    /// Resume trading after limits.drawdown_max halted it; the drawdown restarts at 0.
    #[arg(long)]
    pub resume_trading: bool,
    /// Format of the log on standard error.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub log: LogFormat,
    /// PEM file of certificates to trust, in place of the public ones.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Stop after this time, such as 10m [default: never].
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub run_for: Option<Duration>,
    /// Serve the dashboard at this address, such as 127.0.0.1:8080.
    #[arg(long, value_name = "ADDRESS")]
    pub dashboard: Option<SocketAddr>,
    /// File with the token that browsers must send.
    #[arg(long, value_name = "FILE", requires = "dashboard")]
    pub token_file: Option<PathBuf>,
    #[command(flatten)]
    pub input: InputArgs,
}

impl PaperArgs {
    /// Flags that stand for settings.
    pub(crate) fn flags(&self) -> Vec<SettingFlag> {
        let venue = self.venue.as_ref().map(|venue| ("venue", format!("{venue:?}"), "--venue"));
        let symbols =
            (!self.symbols.is_empty()).then(|| ("symbols", format!("{:?}", self.symbols), "--symbols"));
        let flags = venue.into_iter().chain(symbols);
        flags.map(|(key, value, flag)| SettingFlag { table: "feed", key, value, flag }).collect()
    }
}
