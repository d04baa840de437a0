//! What a run says of itself once a second, and when the disk refuses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use betaflow_connectors::live::Edge;
use betaflow_connectors::store::WriterHandle;

use crate::dashboard::status::{FeedStatus, TradingStatus};

/// How often.
const PULSE: Duration = Duration::from_secs(1);

/// Nanoseconds since 1970.
pub(super) fn now() -> i64 {
    i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

/// Called from the thread that writes.
pub(super) fn trouble(why: Option<&str>) {
    match why {
        Some(why) => eprintln!("trading stops: the state cannot be written ({why}); it goes on when it can"),
        None => eprintln!("trading goes on: the state is written again"),
    }
}

/// The thread that says it.
pub(super) struct Pulse {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Pulse {
    /// `connected`: whether the feed is there.
    pub(super) fn start(
        edge: Arc<Edge>,
        connected: Arc<AtomicBool>,
        writer: WriterHandle,
        name: &str,
    ) -> Result<Self> {
        let (stop, stopped) = channel();
        let name = name.to_owned();
        let thread = std::thread::Builder::new().name("pulse".to_owned()).spawn(move || {
            let mut last = (0, None);
            loop {
                let there = connected.load(Ordering::Relaxed);
                say(&edge, &writer, (&name, there), &mut last, "trading");
                if stopped.recv_timeout(PULSE) != Err(RecvTimeoutError::Timeout) {
                    say(&edge, &writer, (&name, false), &mut last, "ended");
                    break;
                }
            }
        })?;
        Ok(Self { stop, thread })
    }

    pub(super) fn stop(self) {
        // A thread that has gone needs no word.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

/// The feed's name, and whether it is there. `last`: messages at the last look, and when there was one more than before.
fn say(
    edge: &Edge,
    writer: &WriterHandle,
    (name, connected): (&str, bool),
    last: &mut (u64, Option<i64>),
    state: &str,
) {
    let (counts, time) = (edge.counts(), now());
    if counts.messages != last.0 {
        *last = (counts.messages, Some(time));
    }
    let feed = FeedStatus {
        time,
        name: name.to_owned(),
        connected,
        last_message: last.1,
        messages: counts.messages,
        bytes: counts.bytes,
        gaps: counts.gaps,
        missing: counts.missing,
        back_filled: counts.filled,
        reconnects: counts.connections.saturating_sub(1),
        repeats: counts.repeats,
        reordered: counts.early,
        refused: counts.refused,
        ..FeedStatus::default()
    };
    let trading = TradingStatus { time, state: state.to_owned(), why: None };
    for (key, text) in [("feed", serde_json::to_string(&feed)), ("trading", serde_json::to_string(&trading))]
    {
        if let Ok(text) = text {
            writer.status(key, text);
        }
    }
}
