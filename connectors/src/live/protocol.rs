//! Betaflow's own protocol, version 1: WebSocket text messages, one JSON object each.
//!
//! ```text
//! client ─▶ {"type":"subscribe","from":0}             sends all messages from this number on
//!           {"type":"backfill","from":12,"to":15}     repeats these, both included, as ordinary bars
//! server ─▶ {"type":"hello","protocol":1,"name":"prices.parquet","columns":["close","open"],
//!            "factors":["mkt","smb"],"has_rf":true,"values":"prices","frames":null,"recorded":false}
//!           {"type":"bars","seq":0,"timestamp":1360281600000000000,"symbols":["AAPL","MSFT"],
//!            "columns":{"close":[67.85,null],"open":[66.3,27.1]},"factors":[0.001,-0.002],"rf":0.0}
//!           {"type":"heartbeat","seq":17}             once per second when idle; number of the next message
//!           {"type":"unavailable","from":12,"to":15}  the server cannot send these, now or later
//!           {"type":"error","text":"..."}             reason; the connection then ends
//!           {"type":"end","frames":1258}              end of the feed after this number of messages
//! ```
//!
//! `bars` holds the bars of all instruments at one timestamp. `seq` numbers these messages from 0 without a
//! gap, so that a client can detect gaps, repeats and reordering. Instruments without a value are omitted.
//! `factors` are simple returns, compounded since the preceding message; they are null or absent if the
//! message has no factor row. If several rows were compounded, `factor_rows` lists them, `rf` last, for a
//! client that compounds over other intervals. Numbers are the shortest decimals that read back as the same
//! bits.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use betaflow_engine::frame::Field;
use serde::{Deserialize, Serialize};

use super::nullable;

/// Version of the protocol.
pub const PROTOCOL: u32 = 1;
/// Maximum size of a message, in bytes.
pub const MESSAGE_MAX: usize = 16 << 20;
/// Maximum length of a symbol and of the name of a feed, a column or a factor, in bytes.
pub const NAME_MAX: usize = 255;
/// Maximum number of a message; the record of inputs holds signed numbers.
const SEQ_MAX: u64 = i64::MAX as u64;
/// Maximum number of columns, and of factors, of a feed.
const COLUMNS_MAX: usize = 1_000;
/// Maximum length of a message in an error, in bytes.
const SHOWN: usize = 120;

/// Kind of the numbers of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedValues {
    /// Prices.
    Prices,
    /// Simple returns, in the column `close`.
    Returns,
}

/// Description of a feed, sent once per connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Version of the protocol.
    pub protocol: u32,
    /// Name of the feed.
    pub name: String,
    /// Columns that bars can have.
    pub columns: Vec<String>,
    /// Names of the factors.
    pub factors: Vec<String>,
    /// Whether the factors have a risk-free return.
    pub has_rf: bool,
    /// Kind of the numbers.
    pub values: FeedValues,
    /// Total number of messages, if known.
    pub frames: Option<u64>,
    /// Whether the feed plays back a file, whose times may lie in the future.
    #[serde(default)]
    pub recorded: bool,
}

/// Bars of one timestamp.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bars {
    /// Number of the message.
    pub seq: u64,
    /// Close of the bars, ns since 1970 UTC.
    pub timestamp: i64,
    /// Symbols of the instruments with a value.
    pub symbols: Vec<String>,
    /// Columns with one number per symbol; NaN is null.
    #[serde(with = "nullable::columns")]
    pub columns: Vec<(Field, Vec<f64>)>,
    /// Simple returns of the factors since the preceding message.
    #[serde(default, with = "nullable::list", skip_serializing_if = "Option::is_none")]
    pub factors: Option<Vec<f64>>,
    /// Risk-free return since the preceding message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rf: Option<f64>,
    /// Rows from which `factors` and `rf` were compounded, if there were several.
    #[serde(default, with = "nullable::rows", skip_serializing_if = "Vec::is_empty")]
    pub factor_rows: Vec<Vec<f64>>,
}

/// Message of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum ClientMessage {
    /// Request for all messages from a number on.
    Subscribe {
        /// First number.
        from: u64,
    },
    /// Request to repeat messages.
    Backfill {
        /// First number.
        from: u64,
        /// Last number.
        to: u64,
    },
}

/// Message of a server.
#[derive(Clone, Debug)]
pub enum ServerMessage {
    /// Description of the feed.
    Hello(Hello),
    /// Hello of a feed with this other version of the protocol.
    OtherProtocol(u64),
    /// Bars of one timestamp.
    Bars(Bars),
    /// Heartbeat, with the number of the next message.
    Heartbeat(u64),
    /// Range of messages that the server cannot send, both bounds included.
    Unavailable(u64, u64),
    /// Reason for which the server ends the connection.
    Error(String),
    /// End of the feed, with its number of messages.
    End(u64),
    /// Message of a type unknown to this version.
    Unknown(String),
}

/// Message that violates the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError {
    /// Number of the message on its connection, from 0.
    pub message: u64,
    /// Finding.
    pub found: String,
    /// Expectation.
    pub expected: &'static str,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message {}: found {}, expected {}", self.message, self.found, self.expected)
    }
}

impl std::error::Error for ProtocolError {}

/// Messages other than bars, as serialised.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum OtherMessage {
    Hello(Hello),
    Heartbeat { seq: u64 },
    Unavailable { from: u64, to: u64 },
    Error { text: String },
    End { frames: u64 },
}

#[derive(Serialize)]
struct TaggedBars<'a> {
    r#type: &'static str,
    #[serde(flatten)]
    bars: &'a Bars,
}

/// Hello of another version; only its version number is used.
#[derive(Serialize, Deserialize)]
struct OtherHello<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
    protocol: u64,
}

#[derive(Serialize, Deserialize)]
struct Type<'a> {
    #[serde(borrow)]
    r#type: Cow<'a, str>,
}

impl Bars {
    /// Serialises the message.
    #[must_use]
    pub fn to_text(&self) -> String {
        text(&TaggedBars { r#type: "bars", bars: self })
    }

    fn check(self) -> Result<Self, (String, &'static str)> {
        let symbols = self.symbols.len();
        if self.seq > SEQ_MAX {
            return Err((format!("bars {}", self.seq), "numbers of messages from 0 to 9223372036854775807"));
        }
        if let Some((field, numbers)) = self.columns.iter().find(|(_, numbers)| numbers.len() != symbols) {
            let found = format!(
                "bars {} with {} numbers in column `{}` for {symbols} symbols",
                self.seq,
                numbers.len(),
                field.names()[0]
            );
            return Err((found, "a number or null for each symbol"));
        }
        if let Some(symbol) = self.symbols.iter().find(|symbol| !is_name(symbol)) {
            let found =
                format!("bars {} with the symbol {} of {} bytes", self.seq, excerpt(symbol), symbol.len());
            return Err((found, "symbols of 1 to 255 bytes"));
        }
        match self.twice() {
            Some(symbol) => Err((
                format!("bars {} with duplicate symbol {}", self.seq, excerpt(symbol)),
                "each symbol once",
            )),
            None => Ok(self),
        }
    }

    /// Returns a symbol that occurs more than once.
    fn twice(&self) -> Option<&str> {
        // Most servers send symbols in order; comparing neighbours is then enough.
        if self.symbols.is_sorted_by(|a, b| a < b) {
            return None;
        }
        let mut seen = BTreeSet::new();
        self.symbols.iter().map(String::as_str).find(|symbol| !seen.insert(*symbol))
    }
}

impl Hello {
    /// Returns name, columns and factors as text.
    #[must_use]
    pub fn described(&self) -> String {
        let numbers = match self.values {
            FeedValues::Prices => "prices",
            FeedValues::Returns => "returns",
        };
        let mut text = format!("{} ({numbers}: {}", shown(&self.name), shown(&self.columns.join(", ")));
        if !self.factors.is_empty() {
            text += &format!("; factors {}", shown(&self.factors.join(", ")));
        }
        if self.has_rf {
            text += "; rf";
        }
        text + ")"
    }

    fn check(self) -> Result<Self, (String, &'static str)> {
        for (list, what) in [(&self.columns, "columns"), (&self.factors, "factors")] {
            if list.len() > COLUMNS_MAX {
                let expected = "at most 1000 columns and 1000 factors";
                return Err((format!("a feed with {} {what}", list.len()), expected));
            }
        }
        let names = [&self.name].into_iter().chain(&self.columns).chain(&self.factors);
        if let Some(name) = names.into_iter().find(|name| !is_name(name)) {
            let found = format!("the name {} of {} bytes", excerpt(name), name.len());
            return Err((found, "names of a feed, its columns and its factors of 1 to 255 bytes"));
        }
        if !self.columns.iter().any(|name| name == "close") {
            let found = format!("a feed with the columns {}", excerpt(&self.columns.join(", ")));
            return Err((found, "the column `close`, which holds prices or returns"));
        }
        for list in [&self.columns, &self.factors] {
            let mut seen = BTreeSet::new();
            if let Some(name) = list.iter().find(|name| !seen.insert(*name)) {
                return Err((
                    format!("duplicate name {}", excerpt(name)),
                    "each column and each factor once",
                ));
            }
        }
        Ok(self)
    }
}

fn is_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len())
}

impl ServerMessage {
    /// Parses the message with this number on its connection.
    ///
    /// # Errors
    /// The message violates the protocol.
    pub fn parse(text: &str, number: u64) -> Result<Self, ProtocolError> {
        const EXPECTED: &str = "a message of betaflow's protocol, version 1";
        let refused = |found: String, expected| ProtocolError { message: number, found, expected };
        let unread = |error: serde_json::Error| refused(unread_text(text, &error), EXPECTED);
        // Fast path: nearly all messages are bars, and these are parsed only once.
        let Type { r#type } = match text.starts_with(r#"{"type":"bars","#) {
            true => Type { r#type: Cow::Borrowed("bars") },
            false => serde_json::from_str(text).map_err(unread)?,
        };
        if r#type == "bars" {
            let bars: Bars = serde_json::from_str(text).map_err(unread)?;
            return bars.check().map(Self::Bars).map_err(|(found, expected)| refused(found, expected));
        }
        if r#type == "hello" {
            // Another version may have other members.
            let OtherHello { protocol, .. } = serde_json::from_str(text).map_err(unread)?;
            if protocol != u64::from(PROTOCOL) {
                return Ok(Self::OtherProtocol(protocol));
            }
        }
        if !["hello", "heartbeat", "unavailable", "error", "end"].contains(&&*r#type) {
            return Ok(Self::Unknown(excerpt(&r#type)));
        }
        Ok(match serde_json::from_str(text).map_err(unread)? {
            OtherMessage::Hello(hello) => {
                Self::Hello(hello.check().map_err(|(found, expected)| refused(found, expected))?)
            }
            OtherMessage::Heartbeat { seq } => Self::Heartbeat(seq),
            OtherMessage::Unavailable { from, to } => Self::Unavailable(from, to),
            OtherMessage::Error { text } => Self::Error(shown(&text)),
            OtherMessage::End { frames } => Self::End(frames),
        })
    }

    /// Serialises the message.
    #[must_use]
    pub fn to_text(&self) -> String {
        text(&match self {
            Self::Bars(bars) => return bars.to_text(),
            Self::Hello(hello) => OtherMessage::Hello(hello.clone()),
            Self::OtherProtocol(version) => {
                return text(&OtherHello { r#type: Cow::Borrowed("hello"), protocol: *version });
            }
            Self::Heartbeat(seq) => OtherMessage::Heartbeat { seq: *seq },
            Self::Unavailable(from, to) => OtherMessage::Unavailable { from: *from, to: *to },
            Self::Error(text) => OtherMessage::Error { text: text.clone() },
            Self::End(frames) => OtherMessage::End { frames: *frames },
            Self::Unknown(kind) => return text(&Type { r#type: Cow::Borrowed(kind) }),
        })
    }
}

impl ClientMessage {
    /// Parses the message with this number on its connection.
    ///
    /// # Errors
    /// The message violates the protocol.
    pub fn parse(text: &str, number: u64) -> Result<Self, ProtocolError> {
        const EXPECTED: &str = r#"{"type":"subscribe","from":0} or {"type":"backfill","from":12,"to":15}"#;
        let refused = |found| ProtocolError { message: number, found, expected: EXPECTED };
        match serde_json::from_str(text) {
            Ok(Self::Backfill { from, to }) if from > to => {
                Err(refused(format!("a backfill from {from} to {to}")))
            }
            Ok(message) => Ok(message),
            Err(error) => Err(refused(unread_text(text, &error))),
        }
    }

    /// Serialises the message.
    #[must_use]
    pub fn to_text(&self) -> String {
        text(self)
    }
}

/// Beginning of a message and the error of its parser, which repeats names and values of the message.
fn unread_text(text: &str, error: &serde_json::Error) -> String {
    format!("{}: {}", excerpt(text), shown(&error.to_string()))
}

/// Serialises a message; serialising the types of this module cannot fail.
fn text<T: Serialize>(message: &T) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

/// Returns an external text on one line, with control characters escaped, cut to 1,000 characters. A feed
/// must not move the cursor of a terminal or write lines of its own.
#[must_use]
pub fn shown(text: &str) -> String {
    const MOST: usize = 1_000;
    let mut out = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == MOST {
            out.push_str("...");
            break;
        }
        match is_unprintable(c) {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

/// Returns whether a character moves the cursor, changes the text direction of a terminal, or has no width: a name could
/// then look like another one.
#[must_use]
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns the beginning of a text, in quotes.
pub(super) fn excerpt(text: &str) -> String {
    let end = (0..=SHOWN.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let more = if end < text.len() { "..." } else { "" };
    format!("{:?}{more}", &text[..end])
}
