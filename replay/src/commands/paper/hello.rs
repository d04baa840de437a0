//! What the feed is, which has to be known before there is a frame.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use betaflow_connectors::live::{Edge, EdgeEvent, Hello, shown};
use betaflow_connectors::store::StateFolder;

use tracing::{info, warn};

use super::alerts::Alerts;
use super::inputs::alert;
use super::link::Link;
use super::stop::Stop;

/// How often it is looked whether to stop.
const LOOK: Duration = Duration::from_millis(100);
const KEY: &str = "feed";

/// What the feed on record says of itself, or else the one that answers; `None` where the run is stopped before.
///
/// # Errors
/// The feed cannot be followed, or the record not be read.
pub(crate) fn hello(
    folder: &StateFolder,
    edge: &Edge,
    (address, link, alerts): (&str, &Link, &Alerts),
    stop: &Stop,
) -> Result<Option<Hello>> {
    if let Some(text) = folder.value(KEY)? {
        return Ok(Some(serde_json::from_str(&text).context("what the state folder says of its feed")?));
    }
    let events = edge.events();
    while !stop.is_due() {
        let event = events.recv_timeout(LOOK);
        if let Ok(event) = &event {
            alert(alerts, link.follow(event));
        }
        match event {
            Ok(EdgeEvent::Connected { hello, .. }) => {
                folder.settle(KEY, &serde_json::to_string(&hello)?)?;
                info!(kind = "connected", "connected to {}", shown(&hello.name));
                return Ok(Some(hello));
            }
            Ok(EdgeEvent::Disconnected { why, retry_in, .. }) => {
                warn!(
                    kind = "disconnected",
                    "not connected to {address}: {}; next attempt in {:.1} s",
                    shown(&why),
                    retry_in.as_secs_f64()
                );
            }
            Ok(EdgeEvent::Refused { text, .. }) => warn!(kind = "refused", "{}", shown(&text)),
            Ok(EdgeEvent::Stale { silent, .. }) => {
                warn!(kind = "stale", "{address} said nothing for {:.1} s", silent.as_secs_f64());
            }
            Ok(EdgeEvent::Failed { text, .. }) => bail!("the feed cannot be followed: {text}"),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(None)
}

/// Whether a feed that is connected again is the one on record.
pub(crate) fn same(known: &Hello, now: &Hello) -> bool {
    (&known.name, &known.columns, &known.factors, known.has_rf, known.values)
        == (&now.name, &now.columns, &now.factors, now.has_rf, now.values)
}
