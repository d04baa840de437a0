//! Kline streams of Binance: one message per instrument and closed bar.
//!
//! <https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams>: combined streams,
//! `{"stream":"btcusdt@kline_1m","data":{...}}`.

use betaflow_engine::frame::Field;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::live::protocol::{Bars, NAME_MAX};
use crate::ticks::BINANCE_BARS;

const MS_NS: i64 = 1_000_000;
/// Longest bar served, in seconds.
const DAY: u64 = 86_400;
/// Maximum streams of a connection, as at Binance.
pub(super) const STREAMS_MAX: usize = 1_024;
/// Maximum bytes of a stream's name: a symbol and a channel.
const STREAM_NAME_MAX: usize = NAME_MAX + 16;

/// Subscribed streams of a client.
#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    /// Names of the streams; `None`: all.
    names: Option<Vec<String>>,
}

/// Request of a client on an open connection.
#[derive(Deserialize)]
struct Request {
    method: String,
    #[serde(default)]
    params: Vec<String>,
    #[serde(default)]
    id: serde_json::Value,
}

#[derive(Serialize)]
struct Kline<'a> {
    t: i64,
    #[serde(rename = "T")]
    end: i64,
    s: &'a str,
    i: &'static str,
    f: i64,
    #[serde(rename = "L")]
    last: i64,
    o: String,
    c: String,
    h: String,
    l: String,
    v: String,
    n: i64,
    x: bool,
    q: String,
    #[serde(rename = "V")]
    taker: &'static str,
    #[serde(rename = "Q")]
    taker_quote: &'static str,
    #[serde(rename = "B")]
    unused: &'static str,
}

impl Streams {
    /// Parses the address: `/stream?streams=a@kline_1m/b@kline_1m` or `/ws/a@kline_1m`. `/stream` and `/ws`
    /// without names give no streams until a request; any other address gives all.
    pub(super) fn of(path: &str) -> Self {
        let list = match path.split_once("streams=") {
            Some((_, list)) => list.split('&').next(),
            None => path.strip_prefix("/ws").or(path.strip_prefix("/stream")),
        };
        let names = |list: &str| {
            let names = list.split('/').filter(|name| !name.is_empty() && name.len() <= STREAM_NAME_MAX);
            names.take(STREAMS_MAX).map(str::to_lowercase).collect()
        };
        Self { names: list.map(names) }
    }

    /// Returns whether the client has no stream yet and must subscribe first.
    pub(super) fn wait(&self) -> bool {
        self.names.as_ref().is_some_and(Vec::is_empty)
    }

    /// Handles a request such as `SUBSCRIBE` and returns the answer; `None` if it is invalid, or for too many streams.
    pub(super) fn ask(&mut self, text: &str) -> Option<String> {
        let request: Request = serde_json::from_str(text).ok()?;
        let params = request.params.iter().map(|name| name.to_lowercase());
        let answer = match request.method.as_str() {
            "SUBSCRIBE" => {
                let names = self.names.get_or_insert_default();
                for name in params {
                    if names.contains(&name) {
                        continue;
                    }
                    if names.len() == STREAMS_MAX || name.len() > STREAM_NAME_MAX {
                        return None;
                    }
                    names.push(name);
                }
                serde_json::Value::Null
            }
            "UNSUBSCRIBE" => {
                let gone: Vec<String> = params.collect();
                self.names.get_or_insert_default().retain(|name| !gone.contains(name));
                serde_json::Value::Null
            }
            "LIST_SUBSCRIPTIONS" => json!(self.names),
            _ => return None,
        };
        Some(json!({ "result": answer, "id": request.id }).to_string())
    }

    fn wants(&self, stream: &str) -> bool {
        self.names.as_ref().is_none_or(|names| names.iter().any(|name| name == stream))
    }

    /// Returns the texts of the subscribed streams, of one timestamp.
    pub(super) fn wanted<'a>(&self, texts: &'a [Utf8Bytes]) -> impl Iterator<Item = &'a Utf8Bytes> {
        texts.iter().filter(|text| {
            let stream = text.strip_prefix(r#"{"stream":""#).and_then(|rest| rest.split('"').next());
            stream.is_some_and(|stream| self.wants(stream))
        })
    }
}

/// Returns the texts of one timestamp, one per instrument that traded.
pub(super) fn texts(bars: &Bars, bar_ns: i64) -> Vec<Utf8Bytes> {
    let length = bar_ns / MS_NS;
    let mut channels = BINANCE_BARS.iter().filter(|(seconds, _)| *seconds <= DAY);
    let fits = |seconds: u64| i64::try_from(seconds).is_ok_and(|seconds| seconds * 1_000 >= length);
    let channel = channels.find(|(seconds, _)| fits(*seconds)).map_or("kline_1d", |(_, channel)| *channel);
    let column = |field| bars.columns.iter().find(|(known, _)| *known == field).map(|(_, column)| column);
    let number = |field, i: usize| {
        column(field).map(|column| column[i]).filter(|value| value.is_finite() && *value >= 0.0)
    };
    let traded = (0..bars.symbols.len()).filter_map(|i| Some((i, number(Field::Close, i)?)));
    let text = |(i, close): (usize, f64)| {
        let (symbol, end) = (bars.symbols[i].as_str(), bars.timestamp / MS_NS);
        let price = |field| number(field, i).unwrap_or(close).to_string();
        let volume = number(Field::Volume, i).unwrap_or(0.0);
        let kline = Kline {
            t: end - length,
            end: end - 1,
            s: symbol,
            i: channel.trim_start_matches("kline_"),
            f: -1,
            last: -1,
            o: price(Field::Open),
            c: close.to_string(),
            h: price(Field::High),
            l: price(Field::Low),
            v: volume.to_string(),
            n: 0,
            x: true,
            q: (volume * close).to_string(),
            taker: "0",
            taker_quote: "0",
            unused: "0",
        };
        let stream = format!("{}@{channel}", symbol.to_lowercase());
        let data = Data { e: "kline", time: end, s: symbol, k: kline };
        Utf8Bytes::from(serde_json::to_string(&Combined { stream, data }).unwrap_or_default())
    };
    traded.map(text).collect()
}

#[derive(Serialize)]
struct Combined<'a> {
    stream: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    e: &'static str,
    #[serde(rename = "E")]
    time: i64,
    s: &'a str,
    k: Kline<'a>,
}
