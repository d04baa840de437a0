//! `betaflow serve --capture FILE`: plays recorded messages of a venue unchanged.

use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::sync_channel;

use anyhow::{Context as _, Result, bail};
use betaflow_connectors::hint;
use betaflow_connectors::live::{Playback, Speed};
use betaflow_connectors::ticks::VENUES;

use super::ServeArgs;
use crate::terminal::tell_error;

/// Plays until interrupted.
pub(crate) fn play(args: &ServeArgs, capture: &Path) -> Result<()> {
    if let Some(name) = args.venue.as_deref().filter(|name| !VENUES.contains(name)) {
        bail!("--venue: unknown venue `{name}`{}; expected one of {}", hint(name, VENUES), VENUES.join(", "));
    }
    let (stop, stopped) = sync_channel(1);
    ctrlc::set_handler(move || _ = stop.try_send(()))?;
    let played = Playback::start(capture, args.listen, args.speed, tell_error)?;
    let speed = match args.speed {
        Speed::Max => "as fast as the client reads".to_owned(),
        Speed::Times(times) => format!("at {times} times the recorded speed"),
    };
    let venue = args.venue.as_deref().map(|venue| format!(" of {venue}")).unwrap_or_default();
    let address = played.address();
    crate::terminal::say(&format!("playing {}{venue} {speed} on ws://{address}\n", capture.display()));
    std::io::stdout().flush().context("standard output")?;
    // The handler keeps the sender until the program ends.
    let _ = stopped.recv();
    Ok(())
}
