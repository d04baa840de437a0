//! The client of a feed: it connects, orders messages by number, drops repeats, requests missing messages
//! again, and reports those that it could not get.
//!
//! It runs on a thread of its own and passes events on over a bounded channel. The policy for a full channel
//! has a name ([`Overflow`]). By default the edge stops reading, and TCP backpressure holds the server.
//! `client/backpressure.rs` alone applies the policy, and `client/overflow.rs` merges bars. Blocked time counts
//! neither as silence nor as patience with a gap.
//!
//! `order.rs` alone decides which message is next, early or repeated. Early messages are bounded by count and
//! by bytes; without room they are subscribed to again. No message is skipped silently.
//!
//! An exchange is followed by the same edge, with `live/venue` in the place of `connection.rs` and `order.rs`.

mod connection;
mod order;
mod run;
mod state;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::Receiver;
use tokio::sync::watch;

use super::client::backpressure::EventSender;
use super::client::counts::{self, Counters, EdgeCounts};
use super::client::{EdgeEvent, Overflow, connect};
use super::error::LiveError;
use super::protocol::MESSAGE_MAX;
use super::tls::Trust;
use super::venue::{self, VenueCounts, VenueSettings};
use crate::parquet::Settings;

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
    /// What becomes of bars that find no room there.
    pub overflow: Overflow,
    /// Whether what is missing is asked for again; without it it is a gap once it is late.
    pub back_fill: bool,
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
    /// How the bars are read: messages that cannot become part of a frame are refused as malformed ones are, so that a
    /// correct one of the same number still counts. Without it only their form is checked.
    pub data: Option<Box<Settings>>,
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

/// A client on a thread of its own. It ends when it is stopped or dropped.
pub struct Edge {
    events: EdgeReceiver,
    stop: watch::Sender<bool>,
    counters: Arc<Counters>,
    venue: Option<Arc<Mutex<VenueCounts>>>,
    thread: Option<JoinHandle<()>>,
}

impl Edge {
    /// Begins to connect. A server that is not there is tried again and again.
    ///
    /// # Errors
    /// An address or certificates that cannot be used, or a system that refuses a thread.
    pub fn start(settings: EdgeSettings) -> Result<Self, LiveError> {
        let target = connect::Target::new(
            &settings.url,
            &settings.trust,
            settings.message_max,
            settings.connect_within,
        )?;
        let (capacity, overflow) = (settings.capacity, settings.overflow);
        Self::run(capacity, overflow, None, async move |sender| run::run(&settings, &target, sender).await)
    }

    /// Begins to follow an exchange. One that is not there is tried again and again.
    ///
    /// # Errors
    /// A venue that is not known or cannot be asked for that, an address or certificates that cannot be used, a folder that
    /// cannot be written, or a system that refuses a thread.
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
        let (sender, events) = crossbeam_channel::bounded(EventSender::capacity(capacity, overflow));
        let (stop, stopped) = watch::channel(false);
        let counters = Arc::<Counters>::default();
        let sender = EventSender::new(sender, stopped, Arc::clone(&counters), overflow);
        let follow = move || runtime.block_on(follow(sender));
        let thread = std::thread::Builder::new().name("betaflow-edge".to_owned()).spawn(follow);
        Ok(Self { events, stop, counters, venue, thread: Some(thread.map_err(LiveError::Start)?) })
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

    /// Counts a message that was refused after it was handed over.
    pub fn count_refused(&self) {
        counts::add(&self.counters.refused, 1);
    }

    /// What a venue has said so far by type, and what became of its trades and bars; `None` of our own feed.
    #[must_use]
    pub fn venue_counts(&self) -> Option<VenueCounts> {
        self.venue.as_ref().map(|counts| counts.lock().unwrap_or_else(PoisonError::into_inner).clone())
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
