//! Parts shared by the two clients of live data: `edge` for our own feed, `venue` for an exchange.

pub(super) mod backoff;
pub(super) mod backpressure;
pub(super) mod connect;
pub(super) mod counts;
mod event;
pub(super) mod overflow;

pub use connect::{Bytes, Connecting, Connector};
pub use counts::EdgeCounts;
pub use event::{Control, EdgeEvent};
pub use overflow::Overflow;
