//! betaflow's own protocol, version 1: WebSocket text messages, one JSON object each.
//!
//! ```text
//! client ─▶ {"type":"subscribe","from":0}             the number of the first message wanted; all that follow
//!           {"type":"backfill","from":12,"to":15}     both included; they come again as ordinary bars
//! server ─▶ {"type":"hello","protocol":1,"name":"prices.parquet","columns":["close","open"],
//!            "factors":["mkt","smb"],"has_rf":true,"values":"prices","frames":null}
//!           {"type":"bars","seq":0,"timestamp":1360281600000000000,"symbols":["AAPL","MSFT"],
//!            "columns":{"close":[67.85,null],"open":[66.3,27.1]},"factors":[0.001,-0.002],"rf":0.0}
//!           {"type":"heartbeat","seq":17}             once a second when idle: the number of the next message
//!           {"type":"unavailable","from":12,"to":15}  the server cannot send these, now or later
//!           {"type":"error","text":"..."}             what ends the connection
//!           {"type":"end","frames":1258}              no more will come
//! ```
//!
//! `bars` are those of all instruments at one timestamp. `seq` numbers these messages from 0 without a gap: gaps,
//! repeats and reordering are seen by it. An instrument with nothing is left out. `factors` are simple returns,
//! compounded since the message before; they are null or absent where there is none. Where several rows were
//! compounded, `factor_rows` has each of them, `rf` last, for a client that compounds over other intervals.
//! Numbers are the shortest decimals that read back as the same bits.

use std::borrow::Cow;
use std::fmt;

use betaflow_engine::assembly::Field;
use serde::{Deserialize, Serialize};

use super::nullable;

/// Version of the protocol.
pub const PROTOCOL: u32 = 1;
/// Bytes of the largest message.
pub const MESSAGE_MAX: usize = 16 << 20;
/// Bytes of a message that an error shows.
const SHOWN: usize = 120;

/// What the numbers of a feed are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stated {
    /// Prices.
    Prices,
    /// Simple returns, in the column `close`.
    Returns,
}

/// What a feed is, said once a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Version of the protocol.
    pub protocol: u32,
    /// What the feed is called.
    pub name: String,
    /// Columns that bars may have.
    pub columns: Vec<String>,
    /// Names of the factors.
    pub factors: Vec<String>,
    /// Whether the factors have a risk-free return.
    pub has_rf: bool,
    /// What the numbers are.
    pub values: Stated,
    /// Number of messages in all, where it is known.
    pub frames: Option<u64>,
}

/// The bars of one timestamp.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bars {
    /// Number of the message.
    pub seq: u64,
    /// When the bars closed, in nanoseconds since 1970 UTC.
    pub timestamp: i64,
    /// The instruments that have something.
    pub symbols: Vec<String>,
    /// A number for each of them, NaN for null.
    #[serde(with = "nullable::columns")]
    pub columns: Vec<(Field, Vec<f64>)>,
    /// Simple returns of the factors since the message before.
    #[serde(default, with = "nullable::list", skip_serializing_if = "Option::is_none")]
    pub factors: Option<Vec<f64>>,
    /// Risk-free return since the message before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rf: Option<f64>,
    /// The rows that `factors` and `rf` were compounded of, where they were several.
    #[serde(default, with = "nullable::rows", skip_serializing_if = "Vec::is_empty")]
    pub factor_rows: Vec<Vec<f64>>,
}

/// What a client says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum ClientMessage {
    /// All messages from a number on.
    Subscribe {
        /// Number of the first.
        from: u64,
    },
    /// Some messages once more.
    Backfill {
        /// Number of the first.
        from: u64,
        /// Number of the last.
        to: u64,
    },
}

/// What a server says.
#[derive(Clone, Debug)]
pub enum ServerMessage {
    /// What the feed is.
    Hello(Hello),
    /// The bars of one timestamp.
    Bars(Bars),
    /// All is well: the number of the next message.
    Heartbeat(u64),
    /// The server has not got these messages, the last included.
    Unavailable(u64, u64),
    /// What ends the connection.
    Error(String),
    /// No more will come after so many messages.
    End(u64),
    /// A type that this version does not know.
    Unknown(String),
}

/// A message that is not as the protocol has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError {
    /// Number of the message on its connection, from 0.
    pub message: u64,
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: &'static str,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {}: found {}, expected {}", self.message, self.found, self.expected)
    }
}

impl std::error::Error for ProtocolError {}

/// The messages other than bars, as they are written.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Small {
    Hello(Hello),
    Heartbeat { seq: u64 },
    Unavailable { from: u64, to: u64 },
    Error { text: String },
    End { frames: u64 },
}

#[derive(Serialize)]
struct Tagged<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    bars: &'a Bars,
}

#[derive(Serialize, Deserialize)]
struct Type<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
}

impl Bars {
    /// As text of the protocol.
    #[must_use]
    pub fn to_text(&self) -> String {
        text(&Tagged { r#type: "bars", bars: self })
    }

    fn check(self) -> Result<Self, String> {
        let symbols = self.symbols.len();
        match self.columns.iter().find(|(_, numbers)| numbers.len() != symbols) {
            Some((field, numbers)) => Err(format!(
                "bars {} with {} numbers in the column `{}` for {symbols} symbols",
                self.seq,
                numbers.len(),
                field.names()[0]
            )),
            None => Ok(self),
        }
    }
}

impl ServerMessage {
    /// Reads the message with this number on its connection.
    ///
    /// # Errors
    /// It is not as the protocol has it.
    pub fn parse(text: &str, number: u64) -> Result<Self, ProtocolError> {
        const EXPECTED: &str = "a message of betaflow's protocol, version 1";
        let refused = |found: String, expected| ProtocolError { message: number, found, expected };
        let unread = |error: serde_json::Error| refused(format!("{}: {error}", excerpt(text)), EXPECTED);
        // Nearly all messages: they are read once.
        let Type { r#type } = match text.starts_with(r#"{"type":"bars","#) {
            true => Type { r#type: Cow::Borrowed("bars") },
            false => serde_json::from_str(text).map_err(unread)?,
        };
        if r#type == "bars" {
            let bars: Bars = serde_json::from_str(text).map_err(unread)?;
            let bars = bars.check().map_err(|found| refused(found, "a number or null for each symbol"))?;
            return Ok(Self::Bars(bars));
        }
        if !["hello", "heartbeat", "unavailable", "error", "end"].contains(&&*r#type) {
            return Ok(Self::Unknown(excerpt(&r#type)));
        }
        Ok(match serde_json::from_str(text).map_err(unread)? {
            Small::Hello(hello) if hello.protocol != PROTOCOL => {
                return Err(refused(format!("protocol {}", hello.protocol), "protocol 1"));
            }
            Small::Hello(hello) => Self::Hello(hello),
            Small::Heartbeat { seq } => Self::Heartbeat(seq),
            Small::Unavailable { from, to } => Self::Unavailable(from, to),
            Small::Error { text } => Self::Error(text),
            Small::End { frames } => Self::End(frames),
        })
    }

    /// As text of the protocol.
    #[must_use]
    pub fn to_text(&self) -> String {
        text(&match self {
            Self::Bars(bars) => return bars.to_text(),
            Self::Hello(hello) => Small::Hello(hello.clone()),
            Self::Heartbeat(seq) => Small::Heartbeat { seq: *seq },
            Self::Unavailable(from, to) => Small::Unavailable { from: *from, to: *to },
            Self::Error(text) => Small::Error { text: text.clone() },
            Self::End(frames) => Small::End { frames: *frames },
            Self::Unknown(kind) => return text(&Type { r#type: Cow::Borrowed(kind) }),
        })
    }
}

impl ClientMessage {
    /// Reads the message with this number on its connection.
    ///
    /// # Errors
    /// It is not as the protocol has it.
    pub fn parse(text: &str, number: u64) -> Result<Self, ProtocolError> {
        const EXPECTED: &str = r#"{"type":"subscribe","from":0} or {"type":"backfill","from":12,"to":15}"#;
        let refused = |found| ProtocolError { message: number, found, expected: EXPECTED };
        match serde_json::from_str(text) {
            Ok(Self::Backfill { from, to }) if from > to => {
                Err(refused(format!("a backfill from {from} to {to}")))
            }
            Ok(message) => Ok(message),
            Err(error) => Err(refused(format!("{}: {error}", excerpt(text)))),
        }
    }

    /// As text of the protocol.
    #[must_use]
    pub fn to_text(&self) -> String {
        text(self)
    }
}

/// Text of what has no map with keys that are no text, and nothing else that could fail.
fn text<T: Serialize>(message: &T) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

/// The beginning of a text, in quotes.
pub(super) fn excerpt(text: &str) -> String {
    let end = (0..=SHOWN.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let more = if end < text.len() { "..." } else { "" };
    format!("{:?}{more}", &text[..end])
}
