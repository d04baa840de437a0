//! Each input is put on record before it acts.

use betaflow_connectors::live::InputLog;
use betaflow_connectors::store::{Input, InputKind, WriterHandle};
use betaflow_engine::source::SourceError;
use serde_json::Value;
use tracing::{info, warn};

/// The record of a state folder.
pub(super) struct StateLog {
    writer: WriterHandle,
}

impl StateLog {
    pub(super) fn new(writer: WriterHandle) -> Self {
        Self { writer }
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
}

impl StateLog {
    /// What is no data is shown as an event as well.
    fn event(&self, seq: u64, time: i64, body: &str) -> Result<(), SourceError> {
        let said: Value = serde_json::from_str(body)?;
        let kind = match said["kind"].as_str().unwrap_or_default() {
            "gap" => "gap",
            "stale" => "stale",
            "connected" => "connected",
            "disconnected" => "disconnected",
            "history" => "history",
            "outage" => "outage",
            "missing" => "missing",
            "note" => "note",
            "conflated" => "conflated",
            "resume" => "resumed",
            _ => "refused",
        };
        let words = ["why", "text", "feed"].iter().find_map(|key| said[*key].as_str());
        let text = match (kind, words) {
            ("gap", _) => format!("messages {} to {} could not be got", said["from"], said["to"]),
            ("history", _) => format!("{} frames of {}", said["frames"], said["prices"]),
            ("resumed", _) => "trading that a loss stopped may go on".to_owned(),
            ("stale", _) => format!("nothing for {} s", said["seconds"]),
            (_, words) => words.unwrap_or_default().to_owned(),
        };
        match kind {
            "connected" | "history" | "resumed" | "note" => info!("{kind}: {text}"),
            _ => warn!("{kind}: {text}"),
        }
        Ok(self.writer.event(time, Some(seq), kind, text)?)
    }
}
