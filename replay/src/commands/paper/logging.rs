//! Log of a run on standard error, as text or JSON lines.

use tracing_subscriber::fmt::format::debug_fn;

use super::LogFormat;
use crate::terminal::LogLines;

/// Starts the log; a second call has no effect.
///
/// Each event has a sentence as its message and the same facts as fields. The text format prints only the
/// sentence.
pub(crate) fn start(format: LogFormat) {
    let lines = tracing_subscriber::fmt().with_writer(|| LogLines).with_target(false).with_ansi(false);
    let sentence = debug_fn(|out, field, value| match field.name() {
        "message" => write!(out, "{value:?}"),
        _ => Ok(()),
    });
    // An error means that a log was started before.
    let _ = match format {
        LogFormat::Text => lines.compact().fmt_fields(sentence).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}
