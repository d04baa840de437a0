//! Interface of a venue's adapter.

use super::event::Event;
use super::refusal::Refusal;
use super::sequence::Sequences;
use super::subscription::{Connection, Subscription, SubscriptionError};

/// Outcome of parsing a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// Message of this type.
    Known(&'static str),
    /// Message of an unknown type, cut to 64 bytes. Not an error, because venues add types.
    Unknown(String),
    /// Message that is malformed or has an invalid price or quantity.
    Refused(Refusal),
}

impl Parsed {
    pub(super) fn unknown(name: &str) -> Self {
        Self::Unknown(super::refusal::clip(name, 64))
    }
}

/// Adapter of a venue: its subscriptions and its messages.
pub trait Venue: Send {
    /// Returns the venue's name in the configuration.
    fn name(&self) -> &'static str;

    /// Returns the public address, such as `wss://ws.kraken.com`.
    fn address(&self) -> &'static str;

    /// Returns the connection for a subscription.
    ///
    /// # Errors
    /// The venue does not offer the subscription.
    fn connection(&self, wanted: &Subscription<'_>) -> Result<Connection, SubscriptionError>;

    /// Parses a message and appends its events to `out`. After an error, [`Venue::parse`] removes them.
    ///
    /// # Errors
    /// The message is malformed or has an invalid price or quantity.
    fn read<'m>(&mut self, message: &'m str, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal>;

    /// Returns the numbers of the venue's messages.
    fn sequences(&self) -> &Sequences;

    /// Returns the numbers of the venue's messages, mutable.
    fn sequences_mut(&mut self) -> &mut Sequences;

    /// Converts an instrument's name as typed to the venue's form.
    fn symbol(&self, typed: &str) -> String;

    /// Returns whether the venue cancels trades after sending them.
    fn cancels(&self) -> bool {
        false
    }

    /// Resets the numbering that restarts with a connection.
    fn reconnected(&mut self) {
        self.sequences_mut().reconnected();
    }

    /// Appends the events of a message to `out`: all of them, or none if it is refused.
    fn parse<'m>(&mut self, message: &'m str, out: &mut Vec<Event<'m>>) -> Parsed {
        let before = out.len();
        self.read(message, out).unwrap_or_else(|refusal| {
            out.truncate(before);
            Parsed::Refused(refusal)
        })
    }
}

/// Implements [`Venue::sequences`] and [`Venue::sequences_mut`] for an adapter with a field `sequences`.
macro_rules! impl_sequences {
    () => {
        fn sequences(&self) -> &Sequences {
            &self.sequences
        }

        fn sequences_mut(&mut self) -> &mut Sequences {
            &mut self.sequences
        }
    };
}
pub(super) use impl_sequences;
