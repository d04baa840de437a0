//! `betaflow serve`: plays files as a live feed.

mod args;
mod playback;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use anyhow::{Context as _, Result};
use betaflow_connectors::live::{
    Faults, Feed as _, ParquetFeed, Server, ServerProtocol, ServerSettings, ServerTls, shown,
};
use betaflow_engine::ledger::{Frames, RecordSettings};
use betaflow_engine::time::duration_ns;

use crate::commands::private_file::warn_if_public;
use crate::config::{Config, Request};
use crate::terminal::tell_error;
pub(super) use args::{SERVE, ServeArgs, Spoken};

const DAY: i64 = betaflow_engine::time::DAY_NS;
const MINUTE: i64 = DAY / 1_440;

/// Serves until interrupted.
pub(crate) fn serve(args: &ServeArgs) -> Result<()> {
    if let Some(capture) = &args.capture {
        return playback::play(args, capture);
    }
    // A feed may have no factors: its clients can make them from instruments.
    let nothing = RecordSettings { betas: Frames::None, weights: Frames::None, expected_returns: None };
    let config = Request::new(&args.input, nothing)
        .without_trading()
        .without_factors()
        .until("--to", args.to.as_deref())
        .resolve()?;
    config.refuse_changed_data("serve", "sends the bars of the data as they are")?;
    let feed = ParquetFeed::open(config.prices(), config.factor_file(), config.source())?;
    let what = describe(&feed, args);
    let (stop, stopped) = sync_channel(1);
    ctrlc::set_handler(move || _ = stop.try_send(()))?;
    let server = Server::start(Arc::new(feed), settings(args, &config), tell_error)?;
    let scheme = if args.tls_cert.is_some() { "wss" } else { "ws" };
    crate::terminal::say(&format!("serving {what} on {scheme}://{}\n", server.address()));
    std::io::stdout().flush().context("standard output")?;
    // The handler keeps the sender until the program ends.
    let _ = stopped.recv();
    let counts = server.counts();
    server.stop();
    eprintln!(
        "ended after {} connections and {} messages ({:.1} MB)",
        counts.connections,
        counts.messages,
        counts.bytes as f64 / 1e6
    );
    Ok(())
}

fn settings(args: &ServeArgs, config: &Config) -> ServerSettings {
    let mut settings = ServerSettings::new(args.listen);
    settings.speed = args.speed;
    settings.protocol = match args.protocol {
        Spoken::Betaflow => ServerProtocol::Betaflow,
        Spoken::Binance => ServerProtocol::Binance { bar_ns: bar_ns(config) },
    };
    settings.faults = Faults {
        drop: args.drop,
        duplicate: args.duplicate,
        reorder: args.reorder,
        disconnect_every: args.disconnect_every,
        stall: args.stall,
        no_backfill: args.no_backfill,
        seed: args.seed,
    };
    if let Some(key) = &args.tls_key {
        warn_if_public(key, "the private key");
    }
    let files = args.tls_cert.clone().zip(args.tls_key.clone());
    settings.tls = files.map(|(certificates, key)| ServerTls { certificates, key });
    settings
}

/// Length of a bar in nanoseconds, which only some protocols send: as configured, else one day or one
/// minute.
fn bar_ns(config: &Config) -> i64 {
    let usual = if config.data.frames_per_day == 1 { DAY } else { MINUTE };
    config.data.bar.as_deref().and_then(|bar| duration_ns(bar).ok()).unwrap_or(usual)
}

fn describe(feed: &ParquetFeed, args: &ServeArgs) -> String {
    let hello = feed.hello();
    let mut text = format!("{} ({}", shown(&hello.name), shown(&hello.columns.join(", ")));
    if !hello.factors.is_empty() && args.protocol == Spoken::Betaflow {
        text += &format!("; factors {}", hello.factors.join(", "));
    }
    match args.speed {
        betaflow_connectors::live::Speed::Max => text += ") as fast as the client reads",
        betaflow_connectors::live::Speed::Times(times) => {
            text += &format!(") at {times} times the recorded speed")
        }
    }
    text
}
