//! Live data: betaflow's own feed, exchanges, and the frames assembled from both.
//!
//! ```text
//! ParquetFeed ─▶ Server ─ws─▶ Edge ─bounded channel─▶ EdgeInputs ─▶ FeedSource ─▶ frames
//!                                                        InputLog ◀──┘ each input, before its frame
//! ```
//!
//! * `protocol`: messages of betaflow's own protocol.
//! * `server` serves a [`Feed`], such as a [`ParquetFeed`], to many clients.
//! * `edge`: client of this server.
//! * `venue`: client of an exchange that builds bars from its trades (`crate::ticks`).
//! * `raw_log`: log of the messages of a venue.
//! * `client`: parts that both clients share.
//! * `feed_source` assembles frames from the messages.
//!
//! Conventions:
//!
//! * [`ParquetFeed`] reads a file neutrally: all instruments and columns, returns not cumulated, raw factor rows.
//!   The client applies universe and expressions, and compounds factors row by row (`feed_factors.rs`).
//!   Therefore the protocol has `factor_rows`, and a feed has frames before the first factor row.
//! * `FeedSource` uses the same `Assembler` as `ParquetSource`: a feed gives the frames of the file bit for bit.
//! * A recorded input is processed again at every restart.
//!   Messages are therefore checked before they are recorded (`bar_rules.rs`). The edge of our protocol
//!   checks them because a correct message of the same number can still arrive. `FeedSource` checks them
//!   because it has the universe and the preceding frame.
//! * A file of the user that arrives in a folder is an input too (`user_folder.rs`), with its rows. Its rows act on
//!   frames after it, so that a recorded session needs no folder.
//! * `Input::Unusable`, and recorded bars that violate a rule, are skipped and reported.
//! * `Latencies` measures the edge, the steps of `FeedSource`, and each message of `pipeline::Watch`.
//!   The engine reads no clock.
//! * tokio is used only in `server/`, `edge/`, `venue/` and `client/`, on one thread per server or client.

mod bar_rules;
mod capture;
mod client;
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
mod places;
mod protocol;
mod raw_log;
mod request_origin;
mod seam;
mod server;
mod supervision;
mod tls;
mod user_file;
mod user_files;
mod user_folder;
mod venue;

pub use bar_rules::feed_factor_names;
pub use capture::{Capture, Captured, Direction};
pub use client::{Bytes, Connecting, Connector, Control, EdgeCounts, EdgeEvent, Overflow};
pub use edge::{Edge, EdgeReceiver, EdgeSettings};
pub use error::LiveError;
pub use feed::{Feed, FeedReader};
pub use feed_source::{FeedSource, inputs_before};
pub use history::{History, WithHistory};
pub use inputs::{EdgeInputs, Input, InputLog, Inputs, NoLog};
pub use latency::{BUCKETS_NS, Latencies, StageLatency, monotonic_ns};
pub use parquet_feed::ParquetFeed;
pub use places::{Place, Places};
pub use protocol::{
    Bars, ClientMessage, FeedValues, Hello, MESSAGE_MAX, NAME_MAX, PROTOCOL, ProtocolError, ServerMessage,
    is_unprintable, shown,
};
pub use raw_log::{RawLogCounts, RawLogSettings};
pub use request_origin::{RequestHost, is_loopback};
pub use server::{Faults, Playback, Server, ServerCounts, ServerProtocol, ServerSettings, Speed};
pub use supervision::FeedLimits;
pub use tls::{ServerTls, Trust};
pub use user_file::UserFile;
pub use user_folder::UserFolder;
pub use venue::{Account, BarsFrom, SymbolsHeard, VenueCounts, VenueSettings};
