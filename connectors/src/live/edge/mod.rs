//! The client of a feed: it connects, orders by number, drops repeats, asks again for what is missing, and says what it
//! could not get.
//!
//! It runs on a thread of its own and hands events over a bounded channel. A full channel blocks it: it reads no more,
//! and the server waits. What it holds back is bounded by count and by bytes; it never skips a message by itself.

mod backoff;
mod connect;
mod counts;
mod order;
mod outlet;
mod run;
mod session;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use betaflow_engine::frame::TimestampNs;
use crossbeam_channel::Receiver;
use serde_json::json;
use tokio::sync::watch;

pub use counts::EdgeCounts;

use self::counts::Counters;
use self::outlet::Outlet;
use super::error::LiveError;
use super::inputs::Control;
use super::protocol::{Bars, Hello, MESSAGE_MAX};
use super::tls::Trust;

/// What an edge hands over.
pub type EdgeReceiver = Receiver<EdgeEvent>;

/// How a feed is followed.
#[derive(Clone, Debug)]
pub struct EdgeSettings {
    /// Where it is: `ws://` or `wss://`.
    pub url: String,
    /// Whose certificates are good, of `wss`.
    pub trust: Trust,
    /// Number of the first message.
    pub from: u64,
    /// Events that wait for whoever takes them.
    pub capacity: usize,
    /// Messages that came early and are held back, at most.
    pub held_max: usize,
    /// Bytes of these, at most.
    pub held_bytes_max: usize,
    /// How long a missing message may be merely late.
    pub late: Duration,
    /// How long a missing message is waited for after it was asked for.
    pub gap_after: Duration,
    /// How long the feed may say nothing; it is then left and connected again.
    pub stale_after: Duration,
    /// How long a connection may take.
    pub connect_within: Duration,
    /// The first wait before another connection; it doubles.
    pub retry_after: Duration,
    /// The longest wait before another connection.
    pub retry_max: Duration,
    /// Bytes of the largest message that is taken.
    pub message_max: usize,
    /// Where the jitter of these waits comes from.
    pub seed: u64,
}

impl EdgeSettings {
    /// The usual ones.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            trust: Trust::Public,
            from: 0,
            capacity: 64,
            held_max: 4_096,
            held_bytes_max: 64 << 20,
            late: Duration::from_millis(200),
            gap_after: Duration::from_secs(10),
            stale_after: Duration::from_secs(15),
            connect_within: Duration::from_secs(10),
            retry_after: Duration::from_millis(250),
            retry_max: Duration::from_secs(30),
            message_max: MESSAGE_MAX,
            seed: 0,
        }
    }
}

/// What happened at the edge; `at` is its clock.
#[derive(Clone, Debug)]
pub enum EdgeEvent {
    /// The next message, each once and in order.
    Bars {
        /// When it came.
        at: TimestampNs,
        /// What was read.
        bars: Bars,
        /// What was received.
        text: String,
    },
    /// Messages that could not be got, the last included: what follows goes on behind them.
    Gap {
        /// When they were given up.
        at: TimestampNs,
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// The feed has said nothing for too long.
    Stale {
        /// When that was noticed.
        at: TimestampNs,
        /// For how long.
        silent: Duration,
    },
    /// A connection is there.
    Connected {
        /// Since when.
        at: TimestampNs,
        /// What the feed says of itself.
        hello: Hello,
    },
    /// A connection is gone, or could not be made.
    Disconnected {
        /// Since when.
        at: TimestampNs,
        /// Why.
        why: String,
        /// How long it is until the next attempt.
        retry_in: Duration,
    },
    /// A message that is not as it should be. It is not handed on.
    Refused {
        /// When it came.
        at: TimestampNs,
        /// Which, what was found and what was expected.
        text: String,
    },
    /// The feed has ended, and all of it has been handed over or given up.
    End {
        /// When.
        at: TimestampNs,
        /// How many messages it had.
        frames: u64,
    },
    /// It cannot go on. Nothing follows.
    Failed {
        /// Since when.
        at: TimestampNs,
        /// Why.
        text: String,
    },
}

impl EdgeEvent {
    /// As an input that is no data; `None` of what is data, or ends it.
    #[must_use]
    pub fn control(&self) -> Option<Control> {
        let (kind, at, body) = match self {
            Self::Gap { at, from, to } => ("gap", at, json!({ "from": from, "to": to })),
            Self::Stale { at, silent } => ("stale", at, json!({ "seconds": silent.as_secs_f64() })),
            Self::Connected { at, hello } => ("connected", at, json!({ "feed": hello.name })),
            Self::Disconnected { at, why, .. } => ("disconnected", at, json!({ "why": why })),
            Self::Refused { at, text } => ("refused", at, json!({ "text": text })),
            Self::Bars { .. } | Self::End { .. } | Self::Failed { .. } => return None,
        };
        let mut body = body;
        body["kind"] = kind.into();
        Some(Control { kind, timestamp: at.0, body: body.to_string() })
    }
}

/// A client on a thread of its own. It ends when it is stopped or dropped.
pub struct Edge {
    events: EdgeReceiver,
    stop: watch::Sender<bool>,
    counters: Arc<Counters>,
    thread: Option<JoinHandle<()>>,
}

impl Edge {
    /// Begins to connect. A server that is not there is tried again and again.
    ///
    /// # Errors
    /// An address or certificates that cannot be used, or a system that refuses a thread.
    pub fn start(settings: EdgeSettings) -> Result<Self, LiveError> {
        let target = connect::Target::new(&settings)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LiveError::Start)?;
        let (sender, events) = crossbeam_channel::bounded(settings.capacity.max(1));
        let (stop, stopped) = watch::channel(false);
        let counters = Arc::<Counters>::default();
        let outlet = Outlet::new(sender, stopped, Arc::clone(&counters));
        let follow = move || {
            runtime.block_on(run::run(&settings, &target, outlet));
        };
        let thread = std::thread::Builder::new().name("betaflow-edge".to_owned()).spawn(follow);
        Ok(Self { events, stop, counters, thread: Some(thread.map_err(LiveError::Start)?) })
    }

    /// Where events come from.
    #[must_use]
    pub fn events(&self) -> EdgeReceiver {
        self.events.clone()
    }

    /// What has come so far; from any thread.
    #[must_use]
    pub fn counts(&self) -> EdgeCounts {
        self.counters.read()
    }

    /// Leaves the feed and waits until that is done. What waits in the channel stays there.
    pub fn stop(mut self) -> EdgeCounts {
        self.end();
        self.counts()
    }

    fn end(&mut self) {
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.end();
    }
}
