//! What to ask a venue for, and how it wants to be asked.

/// What is wanted of a venue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// The instruments, by the venue's names.
    pub symbols: &'a [&'a str],
    /// What of each.
    pub channels: &'a [Channel],
    /// Who asks, for a venue that wants to know.
    pub credentials: Option<Credentials<'a>>,
}

/// A kind of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Every trade.
    Trades,
    /// The best bid and ask.
    Quotes,
    /// Bars that the venue makes, of a length in ms.
    Bars {
        /// Length of a bar, in ms.
        length_ms: u64,
    },
}

/// A key and its secret. `Debug` does not show them: a secret must not get into a log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// The key.
    pub key: &'a str,
    /// Its secret.
    pub secret: &'a str,
}

impl std::fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

/// How to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Path and query, to be put behind the address.
    pub path: String,
    /// Messages to send once connected, in this order.
    pub messages: Vec<String>,
    /// What the venue wants to be sent from time to time, beyond answers to its WebSocket pings.
    pub keep_alive: Option<KeepAlive>,
    /// After so many ms without a message the connection is dead.
    pub silence_ms_max: u64,
}

/// A message to send from time to time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// The message.
    pub message: String,
    /// How often, in ms.
    pub every_ms: u64,
}

/// Something that a venue cannot be asked for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// Nothing is asked for.
    #[error("{venue}: found no {what} to subscribe to, expected at least one; name them in [feed]")]
    Nothing {
        /// The venue.
        venue: &'static str,
        /// `symbols` or `channels`.
        what: &'static str,
    },
    /// The venue has no bars of that length.
    #[error(
        "{venue}: there are no bars of {length_ms} ms; it has {offered} (seconds); take one of them, or trades"
    )]
    BarLength {
        /// The venue.
        venue: &'static str,
        /// What was asked for, in ms.
        length_ms: u64,
        /// What there is, in seconds.
        offered: String,
    },
    /// A name that cannot be an instrument's.
    #[error("{venue}: symbol `{symbol}`: expected {expected}")]
    Symbol {
        /// The venue.
        venue: &'static str,
        /// The name.
        symbol: String,
        /// What names look like there.
        expected: &'static str,
    },
    /// The venue wants to know who asks.
    #[error("{venue}: found no key and secret, expected both; {venue} sends nothing without an account")]
    Credentials {
        /// The venue.
        venue: &'static str,
    },
}

impl Subscription<'_> {
    /// Refuses a subscription to nothing, and symbols that are empty or longer than 64 bytes.
    pub(super) fn check(&self, venue: &'static str) -> Result<(), SubscriptionError> {
        for (what, empty) in [("symbols", self.symbols.is_empty()), ("channels", self.channels.is_empty())] {
            if empty {
                return Err(SubscriptionError::Nothing { venue, what });
            }
        }
        self.check_symbols(venue, "a name of 1 to 64 bytes", |_| true)
    }

    /// Refuses symbols that do not look like the venue's.
    pub(super) fn check_symbols(
        &self,
        venue: &'static str,
        expected: &'static str,
        valid: impl Fn(&str) -> bool,
    ) -> Result<(), SubscriptionError> {
        match self.symbols.iter().find(|symbol| !(1..=64).contains(&symbol.len()) || !valid(symbol)) {
            Some(symbol) => Err(SubscriptionError::Symbol { venue, symbol: (*symbol).to_owned(), expected }),
            None => Ok(()),
        }
    }
}

/// The venue's name for bars of a length, of its names by their lengths in seconds.
pub(super) fn bar_name<T: Copy>(
    venue: &'static str,
    length_ms: u64,
    offered: &[(u64, T)],
) -> Result<T, SubscriptionError> {
    offered.iter().find(|(seconds, _)| seconds * 1000 == length_ms).map(|(_, name)| *name).ok_or_else(|| {
        let offered: Vec<_> = offered.iter().map(|(seconds, _)| seconds.to_string()).collect();
        SubscriptionError::BarLength { venue, length_ms, offered: offered.join(", ") }
    })
}
