//! Client of a feed: connects, orders messages by number, drops repeats, requests missing messages, and
//! reports gaps that it could not fill.
//!
//! It runs on a thread of its own and sends events over a bounded channel. [`Overflow`] names the policy for
//! a full channel. By default the edge stops reading, and TCP backpressure slows the server. Only
//! `client/backpressure.rs` applies the policy; `client/overflow.rs` merges bars. Time blocked on the channel
//! counts neither as silence nor as a gap.
//!
//! Only `order.rs` decides whether a message is next, early or repeated. The buffer of early messages is
//! bounded by count and by bytes; when it is full, the client subscribes again. No message is skipped
//! silently.
//!
//! The same edge follows an exchange, with `live/venue` in place of `connection.rs` and `order.rs`.

mod connection;
mod order;
mod run;
mod state;

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::Receiver;
use tokio::sync::watch;

use super::client::backpressure::EventSender;
use super::client::counts::{self, Counters, EdgeCounts};
use super::client::{Connector, EdgeEvent, Overflow, connect};
use super::error::LiveError;
use super::protocol::MESSAGE_MAX;
use super::tls::Trust;
use super::venue::{self, VenueCounts, VenueSettings};
use crate::parquet::Settings;

/// Receiver of an edge's events.
pub type EdgeReceiver = Receiver<EdgeEvent>;

/// Settings of a feed's client.
#[derive(Clone, Debug)]
pub struct EdgeSettings {
    /// Address: `ws://` or `wss://`.
    pub url: String,
    /// Accepted certificates of a `wss` server.
    pub trust: Trust,
    /// Number of the first message.
    pub from: u64,
    /// Capacity of the event channel.
    pub capacity: usize,
    /// Policy for bars when the channel is full.
    pub overflow: Overflow,
    /// Whether missing messages are requested again; otherwise a message missing for `late` is a gap.
    pub back_fill: bool,
    /// Maximum number of early messages held back.
    pub held_max: usize,
    /// Maximum bytes of early messages held back.
    pub held_bytes_max: usize,
    /// Wait for a missing message before it is requested.
    pub late: Duration,
    /// Wait for a missing message after the request, before it is given up. Three seconds of silence or more do not count.
    pub gap_after: Duration,
    /// Maximum silence of the feed before the client reconnects.
    pub stale_after: Duration,
    /// Timeout of a connection attempt.
    pub connect_within: Duration,
    /// First wait before a reconnect; it doubles with each attempt.
    pub retry_after: Duration,
    /// Maximum wait before a reconnect.
    pub retry_max: Duration,
    /// Maximum size of a message, in bytes.
    pub message_max: usize,
    /// Settings of the frames. Messages that are invalid in a frame are refused, so that a correct message of
    /// the same number is still accepted. `None`: only the form of a message is checked.
    pub data: Option<Box<Settings>>,
    /// Seed of the jitter of the waits.
    pub seed: u64,
}

impl EdgeSettings {
    /// Creates the default settings.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            trust: Trust::Public,
            from: 0,
            capacity: 64,
            overflow: Overflow::Block,
            back_fill: true,
            held_max: 4_096,
            held_bytes_max: 64 << 20,
            late: Duration::from_millis(200),
            gap_after: Duration::from_secs(10),
            stale_after: Duration::from_secs(15),
            connect_within: Duration::from_secs(10),
            retry_after: Duration::from_millis(250),
            retry_max: Duration::from_secs(30),
            message_max: MESSAGE_MAX,
            data: None,
            seed: 0,
        }
    }
}

/// Client on a thread of its own. It ends when it is stopped or dropped.
pub struct Edge {
    events: EdgeReceiver,
    stop: watch::Sender<bool>,
    counters: Arc<Counters>,
    venue: Option<Arc<Mutex<VenueCounts>>>,
    thread: Option<JoinHandle<()>>,
}

impl Edge {
    /// Starts a client of a feed. An unreachable server is retried indefinitely.
    ///
    /// # Errors
    /// The address or the certificates are invalid, or the system cannot start a thread.
    pub fn start(settings: EdgeSettings) -> Result<Self, LiveError> {
        connect::check_address(&settings.url)?;
        let target = connect::Target::new(
            &settings.url,
            &settings.trust,
            settings.message_max,
            settings.connect_within,
        )?;
        let (capacity, overflow) = (settings.capacity, settings.overflow);
        Self::run(capacity, overflow, None, async move |sender| run::run(&settings, &target, sender).await)
    }

    /// Creates a client of a feed without a thread: the caller runs the returned future, on a network of its own.
    /// The channel must have room for all events that one poll of the future may send.
    ///
    /// # Errors
    /// The address is invalid.
    pub fn detached(
        settings: EdgeSettings,
        connector: Connector,
    ) -> Result<(Self, impl Future<Output = ()>), LiveError> {
        let target = connect::Target::new(
            &settings.url,
            &settings.trust,
            settings.message_max,
            settings.connect_within,
        )?;
        let (edge, sender) = Self::channel(settings.capacity, settings.overflow, None);
        let target = target.through(connector);
        Ok((edge, async move { run::run(&settings, &target, sender).await }))
    }

    /// Starts a client of an exchange. An unreachable exchange is retried indefinitely.
    ///
    /// # Errors
    /// The venue is unknown or does not offer the subscription, the address or the certificates are invalid,
    /// the folder cannot be written, or the system cannot start a thread.
    pub fn follow(settings: VenueSettings) -> Result<Self, LiveError> {
        let (capacity, overflow) = (settings.capacity, settings.overflow);
        let counts = Arc::<Mutex<VenueCounts>>::default();
        let follower = venue::Follower::new(settings, Arc::clone(&counts))?;
        Self::run(capacity, overflow, Some(counts), async move |sender| follower.run(sender).await)
    }

    fn run<F>(
        capacity: usize,
        overflow: Overflow,
        venue: Option<Arc<Mutex<VenueCounts>>>,
        follow: F,
    ) -> Result<Self, LiveError>
    where
        F: AsyncFnOnce(EventSender) + Send + 'static,
    {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LiveError::Start)?;
        let (mut edge, sender) = Self::channel(capacity, overflow, venue);
        let follow = move || runtime.block_on(follow(sender));
        let thread = std::thread::Builder::new().name("betaflow-edge".to_owned()).spawn(follow);
        edge.thread = Some(thread.map_err(LiveError::Start)?);
        Ok(edge)
    }

    /// Creates the channel of an edge without a thread.
    fn channel(
        capacity: usize,
        overflow: Overflow,
        venue: Option<Arc<Mutex<VenueCounts>>>,
    ) -> (Self, EventSender) {
        let (sender, events) = crossbeam_channel::bounded(EventSender::capacity(capacity, overflow));
        let (stop, stopped) = watch::channel(false);
        let counters = Arc::<Counters>::default();
        let sender = EventSender::new(sender, stopped, Arc::clone(&counters), overflow);
        (Self { events, stop, counters, venue, thread: None }, sender)
    }

    /// Returns the receiver of the events.
    #[must_use]
    pub fn events(&self) -> EdgeReceiver {
        self.events.clone()
    }

    /// Returns the counts so far; callable from any thread.
    #[must_use]
    pub fn counts(&self) -> EdgeCounts {
        self.counters.read()
    }

    /// Counts a message that was refused after its delivery.
    pub fn count_refused(&self) {
        counts::add(&self.counters.refused, 1);
    }

    /// Returns the counts of a venue by message type, trades and bars; `None` for our own feed.
    #[must_use]
    pub fn venue_counts(&self) -> Option<VenueCounts> {
        self.venue.as_ref().map(|counts| counts.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Disconnects and waits for the thread. Events in the channel can still be received.
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
