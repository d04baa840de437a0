//! Data that arrives when it likes.
//!
//! ```text
//! ParquetFeed ─▶ Server ─ws─▶ Edge ─bounded channel─▶ EdgeInputs ─▶ FeedSource ─▶ frames
//!                                                        InputLog ◀──┘ each input, before its frame
//! ```
//!
//! * `protocol` is betaflow's own: what a server and a client say.
//! * `server` serves a [`Feed`], such as a [`ParquetFeed`], to many clients.
//! * `venue` follows an exchange in its own words (`crate::ticks`) and makes bars of its trades; `raw_log` keeps what it said.
//! * `edge` is the client: it connects, orders, asks again for what is missing, and says what it could not get.
//! * `feed_source` makes frames of the messages, the same ones as a replay of the file would see.

mod bar_rules;
mod capture;
mod client;
mod clock;
mod edge;
mod error;
mod feed;
mod feed_factors;
mod feed_source;
mod history;
mod inputs;
mod latency;
mod nullable;
mod parquet_feed;
mod pinned;
mod protocol;
mod raw_log;
mod seam;
mod server;
mod supervision;
mod tls;
mod venue;

pub use capture::{Capture, Captured, Direction};
pub use client::{Control, EdgeCounts, EdgeEvent, Overflow};
pub use edge::{Edge, EdgeReceiver, EdgeSettings};
pub use error::LiveError;
pub use feed::{Feed, FeedReader};
pub use feed_source::{FeedSource, inputs_before};
pub use history::{History, WithHistory};
pub use inputs::{EdgeInputs, Input, InputLog, Inputs, NoLog};
pub use latency::{BUCKETS_NS, Latencies, StageLatency, monotonic_ns};
pub use parquet_feed::ParquetFeed;
pub use protocol::{
    Bars, ClientMessage, Hello, MESSAGE_MAX, NAME_MAX, PROTOCOL, ProtocolError, ServerMessage, Stated, shown,
};
pub use raw_log::{RawLogCounts, RawLogSettings};
pub use server::{Faults, Playback, Server, ServerCounts, ServerSettings, Speed, Talk};
pub use supervision::FeedLimits;
pub use tls::{ServerTls, Trust};
pub use venue::{Account, BarsFrom, SymbolsHeard, VenueCounts, VenueSettings};
