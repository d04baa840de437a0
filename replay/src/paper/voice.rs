//! What a run says while it goes on: sentences for people, or JSON for programs.

use std::io::stderr;

use crate::args::LogFormat;

/// To standard error from now on; a second call changes nothing.
pub(super) fn start(format: LogFormat) {
    let lines = tracing_subscriber::fmt().with_writer(stderr).with_target(false).with_ansi(false);
    // Whoever has set one already hears all of it.
    let _ = match format {
        LogFormat::Text => lines.compact().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}
