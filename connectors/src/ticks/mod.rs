//! Live venues without a socket: text in, events out, bars closed by event time.
//!
//! * `event` is what a venue says, `venue` the trait of an adapter, `venues/` an adapter a file.
//! * `fields` reads numbers and times exactly; an invalid one is a [`Refusal`].
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
mod venue;
mod venues;

pub use bars::{
    Bar, BarCounts, BarSettings, Bars, BarsError, ClockChange, ClosedInterval, LatePolicy, Taken,
};
pub use counts::Counts;
pub use event::{Cancel, Correction, Event, Gap, Level, NoTrade, Quote, Sets, Trade, VenueBar};
pub use refusal::Refusal;
pub use sequence::{Hole, Sequences};
pub use subscription::{Channel, Connection, Credentials, KeepAlive, Subscription, SubscriptionError};
pub use venue::{Parsed, Venue};
pub(crate) use venues::BINANCE_BARS;
pub use venues::{VENUES, venue};
