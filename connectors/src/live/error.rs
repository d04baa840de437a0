//! Errors of live feeds.

use std::io;

use betaflow_engine::assembly::AssemblyError;

use crate::did_you_mean::question;

/// Error of a feed, its server or its client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// Input that cannot become part of a frame.
    #[error("{feed}: {place}: found {found}, expected {expected}")]
    Input {
        /// Name of the feed.
        feed: String,
        /// Number and time of the message.
        place: String,
        /// Finding.
        found: String,
        /// Expectation and remedy.
        expected: String,
    },
    /// Feed whose bars or columns do not agree with the settings.
    #[error("{feed}: {place}: {error}")]
    Assembly {
        /// Name of the feed.
        feed: String,
        /// Number and time of the message.
        place: String,
        /// Finding, expectation and remedy.
        error: Box<AssemblyError>,
    },
    /// Feed that ended early.
    #[error("{feed}: {text}")]
    Ended {
        /// Name of the feed.
        feed: String,
        /// Reason.
        text: String,
    },
    /// Invalid address.
    #[error("{url}: found {found}; expected an address such as ws://127.0.0.1:9000 or wss://host:443/path")]
    Url {
        /// Address as given.
        url: String,
        /// Finding.
        found: String,
    },
    /// A port that cannot be opened.
    #[error("{address}: cannot listen: {source}; choose another port, or 0 for any free one")]
    Listen {
        /// Address and port.
        address: String,
        /// System error.
        source: io::Error,
    },
    /// Unusable certificates or keys.
    #[error("{path}: found {found}; expected {expected}")]
    Tls {
        /// Path of the file.
        path: String,
        /// Finding.
        found: String,
        /// Expectation.
        expected: &'static str,
    },
    /// Unknown venue.
    #[error(
        "unknown venue `{found}`{}; expected one of {known}",
        question(.nearest.as_deref())
    )]
    Venue {
        /// Name as given.
        found: String,
        /// Nearest known name.
        nearest: Option<String>,
        /// List of all known names.
        known: String,
    },
    /// Subscription that the venue does not offer.
    #[error(transparent)]
    Subscription(#[from] crate::ticks::SubscriptionError),
    /// Bars that cannot be built.
    #[error(transparent)]
    Bars(#[from] crate::ticks::BarsError),
    /// A folder that cannot be written.
    #[error("{path}: cannot write the raw log: {source}; choose another folder, or raw_log = false")]
    RawLog {
        /// Path of the folder.
        path: String,
        /// System error.
        source: io::Error,
    },
    /// A capture that cannot be read.
    #[error("{path}: cannot read the capture: {source}")]
    Capture {
        /// Path of the file.
        path: String,
        /// System error.
        source: io::Error,
    },
    /// Invalid line of a capture.
    #[error(
        "{path}: line {line}: found {found}; expected a message such as \
         {{\"recv_ns\":1723161253937085768,\"conn\":\"1\",\"dir\":\"in\",\"raw\":\"...\"}}"
    )]
    CaptureLine {
        /// Path of the file.
        path: String,
        /// Line number, from 1.
        line: u64,
        /// Finding.
        found: String,
    },
    /// A thread or its runtime that cannot be started.
    #[error("cannot start a thread or its timer: {0}; close programs or raise the limits (`ulimit -a`)")]
    Start(io::Error),
}

/// Finding and expectation of a refused message.
pub(super) type Refusal = (String, &'static str);
