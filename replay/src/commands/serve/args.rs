//! Arguments of `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use betaflow_connectors::live::Speed;
use betaflow_engine::time::duration;
use clap::{Args, ValueEnum};

use crate::config::InputArgs;

pub(in crate::commands) const SERVE: &str = "\
Serve a file as a live feed to many clients, with optional faults.

Without --prices it serves the embedded tutorial data. Every client gets all
instruments and columns, from the message that it asks for. Each client has its
own pace: a slow one does not delay the others. With --speed 1 the bars come at
the intervals of their timestamps, counted from a client's first message; with
--speed 60 sixty times as fast; with --speed max as fast as the client reads.
The data has the same form as for `betaflow replay`; the client selects the
instruments to trade and makes the factors.

Messages are JSON texts over WebSocket:
  > {\"type\":\"subscribe\",\"from\":0}
  > {\"type\":\"backfill\",\"from\":12,\"to\":15}
  < {\"type\":\"hello\",\"protocol\":1,\"name\":\"prices.parquet\",
     \"columns\":[\"close\",\"open\"],\"factors\":[\"mkt\"],\"has_rf\":true,
     \"values\":\"prices\",\"frames\":null}
  < {\"type\":\"bars\",\"seq\":0,\"timestamp\":1360281600000000000,
     \"symbols\":[\"AAPL\",\"MSFT\"],\"columns\":{\"close\":[67.85,null],
     \"open\":[66.3,27.1]},\"factors\":[0.001],\"rf\":0.0}
  < {\"type\":\"heartbeat\",\"seq\":17}   once a second when idle: the next seq
  < {\"type\":\"unavailable\",\"from\":12,\"to\":15}   these will not come
  < {\"type\":\"end\",\"frames\":1258}
seq counts the bars from 0. With --protocol binance they are the closed bars of
Binance's kline streams instead: /stream?streams=aapl@kline_1d, or SUBSCRIBE.

With --capture FILE it sends the recorded messages of a venue to every client,
byte for byte and at the recorded intervals, whatever the client requests. This
tests an adapter without an account at the venue.

Faults are a function of --seed. The stream leaves out a dropped message; a
backfill returns it, except with --no-backfill.

Ctrl-C and SIGTERM end it.

Examples:
  betaflow serve
  betaflow serve --prices prices.parquet --factors ff5.parquet --speed 3600
  betaflow serve --drop 0.01 --duplicate 0.01 --reorder 0.01 \\
                 --disconnect-every 30s --stall 5s --seed 7
  betaflow serve --capture binance.jsonl --venue binance --speed 1";

/// Protocol of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Spoken {
    /// The protocol of betaflow.
    Betaflow,
    /// The kline streams of Binance: closed bars, without factors.
    Binance,
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub input: InputArgs,
    /// Last date, included [default: all data].
    #[arg(long, value_name = "DATE")]
    pub to: Option<String>,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9000")]
    pub listen: SocketAddr,
    /// Multiple of real time, such as 1 or 60; or max.
    #[arg(long, value_name = "N|max", default_value = "max", value_parser = speed)]
    pub speed: Speed,
    /// Protocol of the messages.
    #[arg(long, value_enum, default_value_t = Spoken::Betaflow)]
    pub protocol: Spoken,
    /// Serve a capture of a venue: JSON lines as `paper` records them.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prices", "factors", "config", "set", "from", "to", "protocol", "tls_cert", "drop", "duplicate", "reorder", "disconnect_every", "stall", "no_backfill", "seed"])]
    pub capture: Option<PathBuf>,
    /// Venue of the capture.
    #[arg(long, value_name = "NAME", requires = "capture")]
    pub venue: Option<String>,
    /// PEM file of the certificate, for wss://.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// PEM file of the private key.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Share of the messages that the stream leaves out, such as 0.01.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub drop: f64,
    /// Share of the messages that are sent twice.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub duplicate: f64,
    /// Share of the messages that are sent up to three places late.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    pub reorder: f64,
    /// Cut each connection after about this time, such as 30s [default: never].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub disconnect_every: Option<Duration>,
    /// Pause the stream for this time now and then, such as 5s [default: never].
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub stall: Option<Duration>,
    /// Refuse backfills: a dropped message stays a gap.
    #[arg(long)]
    pub no_backfill: bool,
    /// Seed of the faults.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

fn speed(text: &str) -> Result<Speed, String> {
    match text.parse::<f64>() {
        _ if text == "max" => Ok(Speed::Max),
        Ok(times) if (1e-6..=1e9).contains(&times) => Ok(Speed::Times(times)),
        _ => Err("expected a number from 1e-6 to 1e9, such as 1 or 60, or max".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok().filter(|share| (0.0..=0.9).contains(share));
    share.ok_or_else(|| "expected a share from 0 to 0.9, such as 0.01".to_owned())
}
