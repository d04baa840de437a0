//! What an edge hands over.

use std::time::{Duration, Instant};

use betaflow_engine::time::Iso;
use betaflow_engine::time::TimestampNs;
use serde_json::json;

use crate::live::protocol::{Bars, Hello};

/// Event that is no data, such as a feed that went stale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Name of its kind, such as `gap` or `stale`.
    pub kind: &'static str,
    /// Time, ns since 1970 UTC.
    pub timestamp: i64,
    /// JSON object with its details.
    pub body: String,
}

/// Event of an edge; `at` is the clock of its machine.
#[derive(Clone, Debug)]
pub enum EdgeEvent {
    /// The next message, each once and in order.
    Bars {
        /// When it came.
        at: TimestampNs,
        /// What was read.
        bars: Bars,
        /// What was received; of bars that are made here, what would have been.
        text: String,
        /// When the text that led to it was read from the socket, by the monotonic clock.
        received: Instant,
    },
    /// The bars that follow are merged of several messages, because there was no room for each.
    Conflated {
        /// When they were handed over.
        at: TimestampNs,
        /// How many messages they are.
        frames: u64,
        /// When the first of them closed, ns since 1970 UTC.
        from_ns: i64,
        /// When the last of them closed, ns since 1970 UTC.
        to_ns: i64,
    },
    /// A venue was not heard for a time, or bars are asked for from before the connection: trades of these intervals may be
    /// missing, and bars as well. What is known of them is handed over.
    Outage {
        /// When that was known.
        at: TimestampNs,
        /// Start of the first interval, ns since 1970 UTC.
        from_ns: i64,
        /// End of the last interval, ns since 1970 UTC.
        to_ns: i64,
    },
    /// A venue's own numbers have a gap. What comes late still counts, where its bar is open.
    Missing {
        /// When it was seen.
        at: TimestampNs,
        /// The type of the messages that are numbered.
        stream: &'static str,
        /// The instrument; empty where the connection as a whole is numbered.
        symbol: String,
        /// How many numbers are missing.
        missed: u64,
    },
    /// A fault of a venue that is counted from here on: symbols that are not heard, trades that come too late, and others.
    Fault {
        /// When it was seen.
        at: TimestampNs,
        /// A stable name of its kind.
        kind: &'static str,
        /// Sentence for people.
        text: String,
        /// Numbers and names of it, a JSON object.
        details: serde_json::Value,
    },
    /// Something that changes no bar and that a user should know.
    Note {
        /// Since when.
        at: TimestampNs,
        /// What.
        text: String,
    },
    /// Messages that could not be got, the last included: what follows goes on behind them.
    Gap {
        /// When they were given up.
        at: TimestampNs,
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// The feed has said nothing for too long.
    Stale {
        /// When that was noticed.
        at: TimestampNs,
        /// For how long.
        silent: Duration,
    },
    /// A connection is there.
    Connected {
        /// Since when.
        at: TimestampNs,
        /// What the feed says of itself.
        hello: Hello,
    },
    /// A connection is gone, or could not be made.
    Disconnected {
        /// Since when.
        at: TimestampNs,
        /// Why.
        why: String,
        /// How long it is until the next attempt.
        retry_in: Duration,
    },
    /// A message that is not as it should be, or the refusal of a venue in its words. It is not handed on.
    Refused {
        /// When it came.
        at: TimestampNs,
        /// Which, what was found and what was expected.
        text: String,
    },
    /// The feed has ended, and all of it has been handed over or given up.
    End {
        /// When.
        at: TimestampNs,
        /// How many messages it had.
        frames: u64,
    },
    /// It cannot go on. Nothing follows.
    Failed {
        /// Since when.
        at: TimestampNs,
        /// Why.
        text: String,
    },
}

impl EdgeEvent {
    /// As an input that is no data; `None` of what is data, or ends it.
    #[must_use]
    pub fn control(&self) -> Option<Control> {
        let (kind, at, body) = match self {
            Self::Gap { at, from, to } => ("gap", at, json!({ "from": from, "to": to })),
            Self::Conflated { at, frames, from_ns, to_ns } => {
                let text = format!(
                    "{frames} messages were merged, of {} to {}",
                    Iso(TimestampNs(*from_ns)),
                    Iso(TimestampNs(*to_ns))
                );
                let body = json!({ "frames": frames, "from_ns": from_ns, "to_ns": to_ns, "text": text });
                ("conflated", at, body)
            }
            Self::Outage { at, from_ns, to_ns } => {
                let text = format!(
                    "trades from {} to {} may be missing",
                    Iso(TimestampNs(*from_ns)),
                    Iso(TimestampNs(*to_ns))
                );
                ("outage", at, json!({ "from_ns": from_ns, "to_ns": to_ns, "text": text }))
            }
            Self::Missing { at, stream, symbol, missed } => {
                let of = if symbol.is_empty() { String::new() } else { format!(" of {symbol}") };
                let text = format!("{missed} numbers of `{stream}`{of} are missing");
                let body = json!({ "stream": stream, "symbol": symbol, "missed": missed, "text": text });
                ("missing", at, body)
            }
            Self::Fault { at, kind, text, details } => {
                let mut body = details.clone();
                body["text"] = text.as_str().into();
                (*kind, at, body)
            }
            Self::Note { at, text } => ("note", at, json!({ "text": text })),
            Self::Stale { at, silent } => ("stale", at, json!({ "seconds": silent.as_secs_f64() })),
            Self::Connected { at, hello } => ("connected", at, json!({ "feed": hello.name })),
            Self::Disconnected { at, why, .. } => ("disconnected", at, json!({ "why": why })),
            Self::Refused { at, text } => ("refused", at, json!({ "text": text })),
            Self::Bars { .. } | Self::End { .. } | Self::Failed { .. } => return None,
        };
        let mut body = body;
        body["kind"] = kind.into();
        Some(Control { kind, timestamp: at.0, body: body.to_string() })
    }
}
