//! Each input is put on record before it acts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use betaflow_connectors::live::{Edge, InputLog, shown};
use betaflow_connectors::store::{Input, InputKind, WriterHandle};
use betaflow_engine::source::SourceError;
use serde_json::Value;
use tracing::{info, warn};

/// The record of a state folder.
pub(crate) struct StateLog {
    writer: WriterHandle,
    edge: Arc<Edge>,
    sentences: LogLimits,
}

/// A kind of event has so many sentences a minute; the others are counted. All of them are in the state folder.
const SENTENCES: u32 = 5;

/// Kinds of events that are no fault.
const QUIET: [&str; 7] =
    ["connected", "history", "history_joined", "note", "resumed", "symbol_back", "symbols_heard"];

/// What has been said of each kind: since when, how often, and how much was left out.
#[derive(Default)]
struct LogLimits(BTreeMap<String, (Option<Instant>, u32, u64)>);

impl LogLimits {
    /// Whether there may be another sentence, and what it says of those that were left out.
    fn may(&mut self, kind: &str) -> Option<String> {
        if !self.0.contains_key(kind) {
            self.0.insert(kind.to_owned(), Default::default());
        }
        let (since, said, left_out) = self.0.get_mut(kind)?;
        if since.is_none_or(|since| since.elapsed() > Duration::from_secs(60)) {
            (*since, *said) = (Some(Instant::now()), 0);
        }
        if *said == SENTENCES {
            *left_out += 1;
            return None;
        }
        *said += 1;
        match std::mem::take(left_out) {
            0 => Some(String::new()),
            count => Some(format!(" (and {count} of the kind before it)")),
        }
    }
}

impl StateLog {
    pub(crate) fn new(writer: WriterHandle, edge: Arc<Edge>) -> Self {
        Self { writer, edge, sentences: LogLimits::default() }
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
        let text = format!("input {seq} on record is passed over: {}", shown(why));
        warn!(kind = "input_skipped", input = seq, "{text}");
        // A writer that has stopped ends the run with the next input.
        let _ = self.writer.event(crate::commands::paper::status::now(), Some(seq), "input_skipped", text);
    }
}

impl StateLog {
    /// What is no data is shown as an event as well.
    fn event(&mut self, seq: u64, time: i64, body: &str) -> Result<(), SourceError> {
        let said: Value = serde_json::from_str(body)?;
        let kind = match said["kind"].as_str().unwrap_or_default() {
            "resume" => "resumed",
            kind => kind,
        };
        let words = ["why", "text", "feed"].iter().find_map(|key| said[*key].as_str());
        let text = match (kind, words) {
            ("gap", _) => format!("messages {} to {} could not be got", said["from"], said["to"]),
            ("history", _) => format!("{} frames of {}", said["frames"], said["prices"]),
            ("resumed", _) => "trading that a loss stopped may go on".to_owned(),
            ("stale", _) => format!("nothing for {} s", said["seconds"]),
            (_, words) => words.unwrap_or_default().to_owned(),
        };
        let text = shown(&text);
        if let Some(more) = self.sentences.may(kind) {
            match QUIET.contains(&kind) {
                true => info!(kind, input = seq, time, "{kind}: {text}{more}"),
                false => warn!(kind, input = seq, time, "{kind}: {text}{more}"),
            }
        }
        Ok(self.writer.event(time, Some(seq), kind, text)?)
    }
}
