//! Hello message of the feed, needed before the first frame.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use betaflow_connectors::live::{EdgeEvent, Hello, shown};
use betaflow_connectors::store::StateFolder;

use tracing::{info, warn};

use super::alerts::Alerts;
use super::inputs::{Events, alert};
use super::link::Link;
use super::stop::Stop;

/// Interval between checks for a request to stop.
const LOOK: Duration = Duration::from_millis(100);
const KEY: &str = "feed";

/// Returns the recorded hello message, else that of the connected feed; `None` if the run is stopped before.
///
/// # Errors
/// The feed cannot be followed, or the state folder cannot be read.
pub(crate) fn hello(
    folder: &StateFolder,
    events: &mut dyn Events,
    (address, link, alerts): (&str, &Link, &Alerts),
    stop: &Stop,
) -> Result<Option<Hello>> {
    if let Some(text) = folder.value(KEY)? {
        return Ok(Some(serde_json::from_str(&text).context("hello message in the state folder")?));
    }
    while !stop.is_due() {
        let event = events.next(LOOK);
        if let Some(event) = &event {
            alert(alerts, link.follow(event));
        }
        match event {
            Some(EdgeEvent::Connected { hello, .. }) => {
                folder.settle(KEY, &serde_json::to_string(&hello)?)?;
                info!(kind = "connected", "connected to {}", shown(&hello.name));
                return Ok(Some(hello));
            }
            Some(EdgeEvent::Disconnected { why, retry_in, .. }) => {
                warn!(
                    kind = "disconnected",
                    "not connected to {address}: {}; next attempt in {:.1} s",
                    shown(&why),
                    retry_in.as_secs_f64()
                );
            }
            Some(EdgeEvent::Refused { text, .. }) => warn!(kind = "refused", "{}", shown(&text)),
            Some(EdgeEvent::Stale { silent, .. }) => {
                warn!(kind = "stale", "no message from {address} for {:.1} s", silent.as_secs_f64());
            }
            Some(EdgeEvent::Failed { text, .. }) => bail!("cannot follow the feed: {text}"),
            Some(_) | None => {}
        }
    }
    Ok(None)
}

/// True if a reconnected feed is the recorded one.
pub(crate) fn same(known: &Hello, now: &Hello) -> bool {
    (&known.name, &known.columns, &known.factors, known.has_rf, known.values)
        == (&now.name, &now.columns, &now.factors, now.has_rf, now.values)
}
