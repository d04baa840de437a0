//! Arguments of `paper`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use betaflow_engine::time::duration;
use clap::{Args, ValueEnum};

use crate::config::{InputArgs, SettingFlag};

pub(in crate::commands) const PAPER: &str = "\
Trade a live feed on paper, with state that survives being killed.

The stages are those of a replay: what was replayed is what trades, and over a
feed of the same data the digest is the same. The feed is that of
`betaflow serve`, or of anything that speaks its protocol (--url), or an
exchange (--venue, --symbols), whose trades become bars (feed.bar).

The state folder has state.db (SQLite): every input before it acts, and the
value, fills, orders, weights and betas of each frame, committed together.
Started again with the same settings it goes on where it was, however it
ended: nothing is lost, doubled or different. One process at a time works on
a state folder. Ctrl-C and SIGTERM end it after the frame at hand.
`betaflow state` says what is in it, `betaflow replay --session` runs it again.

An instrument of a factor without a bar updates no estimate and stops nothing
(data.factor_gap is always carry here).

A message that cannot become part of a frame is refused, counted and reported,
and is never on record: a price of 0 or below, a time that is not later than
the one before or is a day ahead of the clock, a symbol twice. With
data.on_bad_row=skip the bad row alone is left out.

Frames of --history come first, warm up, and are not traded on
(data.trade_from says otherwise). [limits] stop trading, and not the program.
alerts.webhook posts JSON to an address when trading stops or resumes, the feed
is lost or back, the disk is full, and the run ends.

Messages that are lost on the way are asked for again; what cannot be got is
reported as a gap, and trading goes on behind it. Where the disk is full
trading stops, and goes on when there is room; a run that is to stop then
ends within five seconds with an error, and goes on at its next start.

Examples, the first in two terminals:
  betaflow serve --speed 8640000
  betaflow paper --url ws://127.0.0.1:9000 --state runs/paper

  betaflow paper --venue binance --symbols BTCUSDT,ETHUSDT,SOLUSDT \\
    --set factors.mkt=BTCUSDT --set data.frames_per_day=1440 --state runs/b";

/// How a run speaks while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Sentences
    Text,
    /// A line of JSON each
    Json,
}

/// Arguments of `paper`.
#[derive(Debug, Args)]
pub(crate) struct PaperArgs {
    /// Where the feed is, such as ws://127.0.0.1:9000; of a venue its own address where it is not said
    #[arg(long, value_name = "URL", required_unless_present_any = ["venue", "config", "set"], default_value = "", hide_default_value = true)]
    pub url: String,
    /// The exchange to follow, such as binance: the setting feed.venue
    #[arg(long, value_name = "NAME")]
    pub venue: Option<String>,
    /// Its instruments, such as BTCUSDT,ETHUSDT: the setting feed.symbols
    #[arg(long, value_name = "SYMBOLS", value_delimiter = ',')]
    pub symbols: Vec<String>,
    /// Folder of the state; made where there is none
    #[arg(long, value_name = "DIR")]
    pub state: PathBuf,
    /// Parquet file or folder of prices before those of the feed: it warms up on them, and trades on what comes after
    #[arg(long, value_name = "PATH")]
    pub history: Option<PathBuf>,
    /// Parquet file of factor returns for the history, where the feed brings factors of its own
    #[arg(long, value_name = "PATH", requires = "history")]
    pub history_factors: Option<PathBuf>,
    /// Trade again after limits.drawdown_max stopped it; the loss counts anew from there
    #[arg(long)]
    pub resume_trading: bool,
    /// How it speaks while it goes on, on standard error
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = LogFormat::Text)]
    pub log: LogFormat,
    /// Certificates to trust, in PEM, in place of the public ones
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Stop after so long, such as 10m
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub run_for: Option<Duration>,
    /// Show it in a browser at this address
    #[arg(long, value_name = "ADDRESS")]
    pub dashboard: Option<SocketAddr>,
    /// File with the token that a browser has to give
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
