//! Events of an edge.

use std::time::{Duration, Instant};

use betaflow_engine::time::Iso;
use betaflow_engine::time::TimestampNs;
use serde_json::json;

use crate::live::protocol::{Bars, Hello};

/// Event without market data, such as a gap or a stale feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Kind, such as `gap` or `stale`.
    pub kind: &'static str,
    /// Time, ns since 1970 UTC.
    pub timestamp: i64,
    /// JSON object with details.
    pub body: String,
}

/// Event of an edge; `at` is a time of the local clock.
#[derive(Clone, Debug)]
pub enum EdgeEvent {
    /// Next bars message; each is delivered once and in order.
    Bars {
        /// Time of receipt.
        at: TimestampNs,
        /// Parsed message.
        bars: Bars,
        /// Received text; for bars built by the client, the text of an equivalent message.
        text: String,
        /// Time at which the triggering text was read from the socket, by the monotonic clock.
        received: Instant,
    },
    /// Notice that the following bars are merged from several messages, because the channel was full.
    Conflated {
        /// Time of delivery.
        at: TimestampNs,
        /// Number of merged messages.
        frames: u64,
        /// Close of the first merged message, ns since 1970 UTC.
        from_ns: i64,
        /// Close of the last merged message, ns since 1970 UTC.
        to_ns: i64,
    },
    /// Intervals affected by a lost connection, or requested from a time before the connection. Their trades
    /// and bars may be incomplete; received ones are delivered.
    Outage {
        /// Time of detection.
        at: TimestampNs,
        /// Start of the first interval, ns since 1970 UTC.
        from_ns: i64,
        /// End of the last interval, ns since 1970 UTC.
        to_ns: i64,
    },
    /// Gap in a venue's own numbering. A late message still counts while its bar is open.
    Missing {
        /// Time of detection.
        at: TimestampNs,
        /// Type of the numbered messages.
        stream: &'static str,
        /// Instrument; empty if numbers are per connection.
        symbol: String,
        /// Count of missing numbers.
        missed: u64,
    },
    /// Fault of a venue, such as silent symbols or late trades. Later faults of its kind are only counted.
    Fault {
        /// Time of detection.
        at: TimestampNs,
        /// Stable name of its kind.
        kind: &'static str,
        /// Text for the user, one sentence.
        text: String,
        /// JSON object with numbers and names.
        details: serde_json::Value,
    },
    /// Notice for the user that changes no bar.
    Note {
        /// Start of the condition.
        at: TimestampNs,
        /// Text of the notice.
        text: String,
    },
    /// Messages given up, both bounds included; the feed continues after them.
    Gap {
        /// Time of giving up.
        at: TimestampNs,
        /// First number.
        from: u64,
        /// Last number.
        to: u64,
    },
    /// The feed has been silent for too long.
    Stale {
        /// Time of detection.
        at: TimestampNs,
        /// Length of the silence.
        silent: Duration,
    },
    /// Connection established.
    Connected {
        /// Time of the hello.
        at: TimestampNs,
        /// Feed description.
        hello: Hello,
    },
    /// Connection lost, or attempt failed.
    Disconnected {
        /// Time of the loss.
        at: TimestampNs,
        /// Reason.
        why: String,
        /// Wait until the next attempt.
        retry_in: Duration,
    },
    /// Dropped invalid message, or an error message of the venue.
    Refused {
        /// Time of receipt.
        at: TimestampNs,
        /// Message number, finding and expectation; or the text of the venue.
        text: String,
    },
    /// End of the feed: all of its messages have been delivered or given up.
    End {
        /// Time of the end.
        at: TimestampNs,
        /// Number of messages of the feed.
        frames: u64,
    },
    /// Fatal failure; no event follows.
    Failed {
        /// Time of the failure.
        at: TimestampNs,
        /// Reason.
        text: String,
    },
}

impl EdgeEvent {
    /// Returns the control for the record; `None` for bars and for events that end the feed.
    #[must_use]
    pub fn control(&self) -> Option<Control> {
        let (kind, at, body) = match self {
            Self::Gap { at, from, to } => ("gap", at, json!({ "from": from, "to": to })),
            Self::Conflated { at, frames, from_ns, to_ns } => {
                let text = format!(
                    "{frames} messages from {} to {} were merged",
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
                let text = format!("{missed} sequence numbers of `{stream}`{of} are missing");
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
