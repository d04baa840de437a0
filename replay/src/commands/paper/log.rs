//! Log of inputs: each input is recorded before it is processed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use betaflow_connectors::live::{Edge, InputLog, shown};
use betaflow_connectors::store::{Input, InputKind, WriterHandle};
use betaflow_engine::source::SourceError;
use serde_json::Value;
use tracing::{info, warn};

/// Input log of a state folder.
pub(crate) struct StateLog {
    writer: WriterHandle,
    edge: Arc<Edge>,
    limits: LogLimits,
}

/// Maximum log lines of a kind per minute; further ones are counted. The state folder has all events.
const LINES_MAX: u32 = 5;

/// Kinds of events that are not faults, logged at level `info`.
const QUIET: [&str; 8] = [
    "connected",
    "history",
    "history_joined",
    "note",
    "resumed",
    "symbol_back",
    "symbols_heard",
    "user_file",
];

/// Per kind: start of the minute, lines logged in it, lines suppressed.
#[derive(Default)]
struct LogLimits(BTreeMap<String, (Option<Instant>, u32, u64)>);

impl LogLimits {
    /// Note about suppressed lines, possibly empty; `None` if no further line may be logged.
    fn may(&mut self, kind: &str) -> Option<String> {
        if !self.0.contains_key(kind) {
            self.0.insert(kind.to_owned(), Default::default());
        }
        let (since, logged, suppressed) = self.0.get_mut(kind)?;
        if since.is_none_or(|since| since.elapsed() > Duration::from_secs(60)) {
            (*since, *logged) = (Some(Instant::now()), 0);
        }
        if *logged == LINES_MAX {
            *suppressed += 1;
            return None;
        }
        *logged += 1;
        match std::mem::take(suppressed) {
            0 => Some(String::new()),
            count => Some(format!(" ({count} earlier events of this kind not logged)")),
        }
    }
}

impl StateLog {
    pub(crate) fn new(writer: WriterHandle, edge: Arc<Edge>) -> Self {
        Self { writer, edge, limits: LogLimits::default() }
    }
}

impl InputLog for StateLog {
    fn log(&mut self, seq: u64, kind: &str, timestamp: i64, body: &str) -> Result<(), SourceError> {
        let kind = if kind == "bars" { InputKind::Bars } else { InputKind::Control };
        if kind == InputKind::Control {
            self.event(seq, timestamp, body)?;
        }
        Ok(self.writer.log(vec![Input { seq, kind, timestamp, body: body.to_owned() }])?)
    }

    fn refused(&mut self) {
        self.edge.count_refused();
    }

    fn skipped(&mut self, seq: u64, why: &str) {
        let text = format!("recorded input {seq} skipped: {}", shown(why));
        warn!(kind = "input_skipped", input = seq, "{text}");
        // If the writer has stopped, the next input ends the run.
        let _ = self.writer.event(crate::commands::paper::status::now(), Some(seq), "input_skipped", text);
    }
}

impl StateLog {
    /// Records a control input also as an event, and logs it.
    fn event(&mut self, seq: u64, time: i64, body: &str) -> Result<(), SourceError> {
        let control: Value = serde_json::from_str(body)?;
        let kind = match control["kind"].as_str().unwrap_or_default() {
            "resume" => "resumed",
            kind => kind,
        };
        // Only the last part of a file has the sentence about it.
        if kind == "user_file" && control["text"] == "" {
            return Ok(());
        }
        let reason = ["why", "text", "feed"].iter().find_map(|key| control[*key].as_str());
        let text = match (kind, reason) {
            ("gap", _) => format!("messages {} to {} are lost", control["from"], control["to"]),
            ("history", _) => format!("{} frames of {}", control["frames"], control["prices"]),
            ("resumed", _) => "the user resumed trading after the drawdown limit".to_owned(),
            ("stale", _) => format!("no message for {} s", control["seconds"]),
            (_, reason) => reason.unwrap_or_default().to_owned(),
        };
        let text = shown(&text);
        if let Some(more) = self.limits.may(kind) {
            let line = match kind {
                "connected" => format!("connected to {text}{more}"),
                _ => format!("{kind}: {text}{more}"),
            };
            match QUIET.contains(&kind) {
                true => info!(kind, input = seq, time, "{line}"),
                false => warn!(kind, input = seq, time, "{line}"),
            }
        }
        Ok(self.writer.event(time, Some(seq), kind, text)?)
    }
}
