//! What can be wrong with a live feed.

use std::io;

use crate::did_you_mean::question;

/// An error of a feed, its server or its client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// An input that cannot become part of a frame.
    #[error("{feed}: {place}: found {found}, expected {expected}")]
    Input {
        /// What the feed is called.
        feed: String,
        /// Which message of it, and when.
        place: String,
        /// What was found.
        found: String,
        /// What was expected, and what to do.
        expected: String,
    },
    /// The feed has ended otherwise than at its end.
    #[error("{feed}: {text}")]
    Ended {
        /// What the feed is called.
        feed: String,
        /// Why.
        text: String,
    },
    /// An address that nobody can connect to.
    #[error("{url}: found {found}; expected an address such as ws://127.0.0.1:9000 or wss://host:443/path")]
    Url {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        found: String,
    },
    /// A port that cannot be opened.
    #[error("{address}: cannot listen there: {source}; choose another port, or 0 for any that is free")]
    Listen {
        /// Where.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// Certificates or keys that cannot be used.
    #[error("{path}: found {found}; expected {expected}")]
    Tls {
        /// The file.
        path: String,
        /// What was found.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A venue that is not known.
    #[error(
        "`{found}` is no venue that is known{}; expected one of {known}",
        question(.nearest.as_deref())
    )]
    Venue {
        /// As it was given.
        found: String,
        /// The nearest name among them.
        nearest: Option<String>,
        /// All of them.
        known: String,
    },
    /// A venue that cannot be asked for that.
    #[error(transparent)]
    Subscription(#[from] crate::ticks::SubscriptionError),
    /// Bars that cannot be made.
    #[error(transparent)]
    Bars(#[from] crate::ticks::BarsError),
    /// A folder that cannot be written.
    #[error(
        "{path}: cannot write what the venue says there: {source}; choose another folder, or raw_log = false"
    )]
    RawLog {
        /// The folder.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A capture that cannot be read.
    #[error("{path}: cannot read the capture: {source}")]
    Capture {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A line of a capture that is no message.
    #[error(
        "{path}: line {line}: found {found}; expected a message such as \
         {{\"recv_ns\":1723161253937085768,\"conn\":\"1\",\"dir\":\"in\",\"raw\":\"...\"}}"
    )]
    CaptureLine {
        /// The file.
        path: String,
        /// Which, from 1.
        line: u64,
        /// What is wrong with it.
        found: String,
    },
    /// A thread or its runtime could not be started.
    #[error(
        "the system refuses a thread or its timer: {0}; close programs, or raise the limits (`ulimit -a`)"
    )]
    Start(io::Error),
}

/// Finding and expectation of a refused message.
pub(super) type Refusal = (String, &'static str);
