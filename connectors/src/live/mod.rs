//! Data that arrives when it likes.
//!
//! ```text
//! ParquetFeed ─▶ Server ─ws─▶ Edge ─bounded channel─▶ EdgeInputs ─▶ FeedSource ─▶ frames
//!                                                        InputLog ◀──┘ each input, before its frame
//! ```
//!
//! * `protocol` is betaflow's own: what a server and a client say.
//! * `server` serves a [`Feed`], such as a [`ParquetFeed`], to many clients.
//! * `edge` is the client: it connects, orders, asks again for what is missing, and says what it could not get.
//! * `feed_source` makes frames of the messages, the same ones as a replay of the file would see.

mod edge;
mod error;
mod feed_factors;
mod feed_source;
mod inputs;
mod nullable;
mod parquet_feed;
mod protocol;
mod random;
mod server;
mod tls;

pub use edge::{Edge, EdgeCounts, EdgeEvent, EdgeReceiver, EdgeSettings};
pub use error::LiveError;
pub use feed_source::FeedSource;
pub use inputs::{Control, EdgeInputs, Input, InputLog, Inputs, NoLog};
pub use parquet_feed::ParquetFeed;
pub use protocol::{Bars, ClientMessage, Hello, MESSAGE_MAX, PROTOCOL, ProtocolError, ServerMessage, Stated};
pub use server::{Faults, Feed, FeedReader, Server, ServerCounts, ServerSettings, Speed, Talk};
pub use tls::{ServerTls, Trust};
//! Live venues without a socket: text in, events out, bars closed by event time.
//!
//! * `event` is what a venue says, `venue` the trait of an adapter, `venues/` an adapter a file.
//! * `fields` and `time` read numbers and times exactly; what is wrong with them is a [`Refusal`].
//! * `sequence` sees what is missing and what came twice, `counts` adds up what came.
//! * `bars/` makes time bars of trades.
//!
//! Nothing here knows a socket, a thread or a clock: what a clock decides comes in by [`Bars::advance`]. Nothing
//! compares the exchange's time with the time of receipt, so a clock that is off does no harm.

mod bars;
mod counts;
mod event;
mod fields;
mod ids;
mod refusal;
mod sequence;
mod subscription;
mod time;
mod venue;
mod venues;

pub use bars::{Bar, BarCounts, BarSettings, Bars, BarsError, ClosedInterval, LatePolicy, Taken};
pub use counts::Counts;
pub use event::{Event, Gap, Level, Quote, Trade, VenueBar};
pub use refusal::Refusal;
pub use sequence::Sequences;
pub use subscription::{Channel, Connection, Credentials, KeepAlive, Subscription, SubscriptionError};
pub use venue::{Parsed, Venue};
pub use venues::{VENUES, venue};
