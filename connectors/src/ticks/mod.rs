//! Adapters of venues, without sockets: they parse text into events, and bars are built by event time.
//!
//! * `event`: events of a message. `venue`: trait of an adapter. `venues/`: one adapter per file.
//! * `fields` parses numbers and times exactly from their decimal text, quoted or not.
//!   An invalid one is a [`Refusal`].
//! * `sequence` finds missing and repeated numbers, `counts` counts messages by type.
//! * `bars/` builds time bars from trades.
//!
//! No file here uses a socket, a thread or a clock: elapsed time is an input of [`Bars::advance`]. Exchange
//! time is never compared with the time of receipt, so a wrong local clock has no effect.
//!
//! Conventions of the adapters:
//!
//! * [`Venue::parse`] appends all events of a message to the caller's buffer, or none.
//!   A message with an invalid value is refused and counted. Messages of unknown types are only counted.
//! * A side of the book with neither price nor quantity is empty.
//! * [`Sequences`] records every number, including those of refused messages and of non-trade reports.
//!   Late numbers fill holes. Numbers of trades continue after a reconnect; numbers per connection start
//!   again.
//! * Adapters emit repeated trades; [`Bars`] drops them.
//! * Events about the past (`Event::Past`: latest trades, bars so far) enter bars and do not move the clock.
//! * `Venue::symbol` converts a name typed by the user to the form of the venue.
//! * `sale_conditions` holds the rules of the consolidated tape: the prices of a bar that a trade sets ([`Sets`]).
//! * Only Alpaca cancels and corrects trades. Its open bars keep their trades, at most 262,144 in total.

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
    Bar, BarCounts, BarSettings, Bars, BarsError, ClockChange, ClosedInterval, EventOutcome, LatePolicy,
};
pub use counts::Counts;
pub use event::{Cancel, Correction, Event, Gap, Level, NoTrade, Quote, Sets, Trade, VenueBar};
pub use refusal::Refusal;
pub use sequence::{Hole, Sequences};
pub use subscription::{Channel, Connection, Credentials, KeepAlive, Subscription, SubscriptionError};
pub use venue::{Parsed, Venue};
pub(crate) use venues::BINANCE_BARS;
pub use venues::{VENUES, venue};
