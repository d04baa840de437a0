//! Subscriptions, and the connections for them.

/// Subscription to a venue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// Instruments, by the venue's names.
    pub symbols: &'a [&'a str],
    /// Channels of each instrument.
    pub channels: &'a [Channel],
    /// Credentials, for a venue that requires them.
    pub credentials: Option<Credentials<'a>>,
}

/// Kind of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Every trade.
    Trades,
    /// The best bid and ask.
    Quotes,
    /// Bars built by the venue.
    Bars {
        /// Length of a bar, in ms.
        length_ms: u64,
    },
}

/// API key and secret. `Debug` hides them: secrets must not appear in a log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// API key.
    pub key: &'a str,
    /// API secret.
    pub secret: &'a str,
}

impl std::fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}

/// Connection to a venue for a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Path and query, appended to the address.
    pub path: String,
    /// Messages to send after connecting, in this order.
    pub messages: Vec<String>,
    /// Periodic message that the venue requires besides WebSocket pongs.
    pub keep_alive: Option<KeepAlive>,
    /// Silence after which the connection counts as dead, in ms.
    pub silence_ms_max: u64,
}

/// Periodic message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Text of the message.
    pub message: String,
    /// Interval, in ms.
    pub every_ms: u64,
}

/// Subscription that a venue does not offer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// Subscription without symbols or channels.
    #[error("{venue}: found no {what} to subscribe to, expected at least one; name them in [feed]")]
    Nothing {
        /// Name of the venue.
        venue: &'static str,
        /// `symbols` or `channels`.
        what: &'static str,
    },
    /// Bar length that the venue does not offer.
    #[error("{venue}: found bars of {length_ms} ms, expected {offered}; choose another length, or trades")]
    BarLength {
        /// Name of the venue.
        venue: &'static str,
        /// Requested length, in ms.
        length_ms: u64,
        /// Lengths that the venue offers, as text.
        offered: String,
    },
    /// Invalid name of an instrument.
    #[error("{venue}: symbol `{symbol}`: expected {expected}")]
    Symbol {
        /// Name of the venue.
        venue: &'static str,
        /// Name as given.
        symbol: String,
        /// Form of the venue's names.
        expected: &'static str,
    },
    /// Missing credentials.
    #[error("{venue}: found no key and secret, expected both; {venue} requires an account")]
    Credentials {
        /// Name of the venue.
        venue: &'static str,
    },
}

impl Subscription<'_> {
    /// Refuses empty subscriptions, and symbols that are empty or longer than 64 bytes.
    pub(super) fn check(&self, venue: &'static str) -> Result<(), SubscriptionError> {
        for (what, empty) in [("symbols", self.symbols.is_empty()), ("channels", self.channels.is_empty())] {
            if empty {
                return Err(SubscriptionError::Nothing { venue, what });
            }
        }
        self.check_symbols(venue, "a name of 1 to 64 bytes", |_| true)
    }

    /// Refuses symbols that do not have the venue's form.
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

/// Returns the venue's name for bars of a length, from its names by length in seconds.
pub(super) fn bar_name<T: Copy>(
    venue: &'static str,
    length_ms: u64,
    offered: &[(u64, T)],
) -> Result<T, SubscriptionError> {
    offered.iter().find(|(seconds, _)| seconds * 1000 == length_ms).map(|(_, name)| *name).ok_or_else(|| {
        let offered: Vec<_> = offered.iter().map(|(seconds, _)| seconds.to_string()).collect();
        let offered = match offered.is_empty() {
            true => "trades, because the venue has no bars".to_owned(),
            false => format!("a length of {} s", offered.join(", ")),
        };
        SubscriptionError::BarLength { venue, length_ms, offered }
    })
}

#[cfg(test)]
mod tests {
    use super::Credentials;

    #[test]
    fn credentials_are_shown_without_key_and_secret() {
        let shown = format!("{:?}", Some(Credentials { key: "key-1", secret: "secret-1" }));
        assert_eq!(shown, "Some(Credentials)");
    }
}
