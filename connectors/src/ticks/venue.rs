//! What an adapter of a venue does.

use super::event::Event;
use super::refusal::Refusal;
use super::sequence::Sequences;
use super::subscription::{Connection, Subscription, SubscriptionError};

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A message of this type.
    Known(&'static str),
    /// A type that the adapter does not know, cut to 64 bytes. That is no error: venues add types.
    Unknown(String),
    /// A message that is malformed or says a price or quantity that cannot be.
    Refused(Refusal),
}

impl Parsed {
    pub(super) fn unknown(name: &str) -> Self {
        Self::Unknown(super::refusal::clip(name, 64))
    }
}

/// An adapter of a venue: how it is asked, and what its messages say.
pub trait Venue: Send {
    /// Its name in the configuration.
    fn name(&self) -> &'static str;

    /// Its public address, such as `wss://ws.kraken.com`.
    fn address(&self) -> &'static str;

    /// How to connect for a subscription.
    ///
    /// # Errors
    /// The venue cannot be asked for that.
    fn connection(&self, wanted: &Subscription<'_>) -> Result<Connection, SubscriptionError>;

    /// Reads a message; what it says is added to `out`. What it adds before it fails is taken back by `parse`.
    ///
    /// # Errors
    /// The message is malformed, or says a price or a quantity that cannot be.
    fn read<'m>(&mut self, message: &'m str, out: &mut Vec<Event<'m>>) -> Result<Parsed, Refusal>;

    /// The numbers of its messages.
    fn sequences(&self) -> &Sequences;

    /// The same, to be changed.
    fn sequences_mut(&mut self) -> &mut Sequences;

    /// The venue's name of an instrument, from the name as a user types it.
    fn symbol(&self, typed: &str) -> String;

    /// Whether the venue takes trades back after it has sent them.
    fn cancels(&self) -> bool {
        false
    }

    /// A new connection: numbers of a connection begin anew.
    fn reconnected(&mut self) {
        self.sequences_mut().reconnected();
    }

    /// Adds what a message says to `out`: all of it, or nothing where it is refused.
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
