//! Reader of a feed from a given message on, which parses and encodes on a separate thread.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::DataError;
use crate::live::feed::Feed;
use crate::live::protocol::Bars;

/// Number of messages encoded ahead of a client.
const AHEAD: usize = 16;
/// Number of past messages kept for repeated requests.
const KEPT: usize = 1_024;
/// Maximum bytes of the kept messages; a single message may be larger.
const KEPT_BYTES: usize = 4 << 20;

/// Encoded bars of one timestamp: one text, or one per instrument in other protocols.
#[derive(Clone)]
pub(super) struct Item {
    pub(super) seq: u64,
    pub(super) timestamp: i64,
    pub(super) texts: Arc<[Utf8Bytes]>,
}

impl Item {
    fn bytes(&self) -> usize {
        self.texts.iter().map(|text| text.len()).sum()
    }
}

/// Encoder of bars.
pub(super) type Encode = Arc<dyn Fn(&Bars) -> Vec<Utf8Bytes> + Send + Sync>;

/// Next step of a feed.
pub(super) enum Step {
    Item(Item),
    /// End of the feed, with its number of messages.
    End(u64),
}

/// Position of a client in the feed, with a few messages ahead and a bounded window of past ones.
pub(super) struct Cursor {
    feed: Arc<dyn Feed>,
    encode: Encode,
    steps: Receiver<Result<Step, DataError>>,
    /// Total number of messages, once the end is reached.
    ended: Option<u64>,
    /// Number of the next message from `steps`.
    read: u64,
    /// Past messages before `read`.
    window: VecDeque<Item>,
    window_bytes: usize,
    /// Number of the next message for the client.
    position: u64,
}

impl Cursor {
    pub(super) fn new(feed: &Arc<dyn Feed>, encode: &Encode, from: u64) -> Self {
        Self {
            feed: Arc::clone(feed),
            encode: Arc::clone(encode),
            steps: start(feed, encode, from),
            ended: None,
            read: from,
            window: VecDeque::new(),
            window_bytes: 0,
            position: from,
        }
    }

    /// Returns the number of the next message.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Moves to message `from`; reopens the feed if the message is not in memory.
    pub(super) fn seek(&mut self, from: u64) {
        if (self.read - self.window.len() as u64..=self.read).contains(&from) {
            self.position = from;
        } else {
            *self = Self::new(&self.feed, &self.encode, from);
        }
    }

    /// Creates a separate cursor for past messages.
    pub(super) fn past(&self, from: u64) -> Self {
        Self::new(&self.feed, &self.encode, from)
    }

    /// Returns a message of the window.
    pub(super) fn kept(&self, seq: u64) -> Option<Item> {
        let back = usize::try_from(self.read.checked_sub(seq)?).ok()?;
        self.window.get(self.window.len().checked_sub(back)?).cloned()
    }

    /// Returns the next message or the end. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Step, DataError> {
        if self.position < self.read
            && let Some(item) = self.kept(self.position)
        {
            self.position += 1;
            return Ok(Step::Item(item));
        }
        if let Some(frames) = self.ended {
            return Ok(Step::End(frames));
        }
        let item = match self.steps.recv().await {
            Some(Ok(Step::Item(item))) => item,
            Some(Ok(Step::End(frames))) => {
                self.ended = Some(frames);
                return Ok(Step::End(frames));
            }
            Some(Err(error)) => return Err(error),
            None => {
                return Err(DataError::Settings(
                    "the reader thread of the feed has stopped; see the log of the server".to_owned(),
                ));
            }
        };
        self.read = item.seq + 1;
        self.position = self.read;
        self.window_bytes += item.bytes();
        self.window.push_back(item.clone());
        while self.window.len() > KEPT || (self.window.len() > 1 && self.window_bytes > KEPT_BYTES) {
            self.window_bytes -= self.window.pop_front().map_or(0, |item| item.bytes());
        }
        Ok(Step::Item(item))
    }
}

/// Starts a reader thread, which ends when the receiver is dropped.
fn start(feed: &Arc<dyn Feed>, encode: &Encode, from: u64) -> Receiver<Result<Step, DataError>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let (feed, encode) = (Arc::clone(feed), Arc::clone(encode));
    tokio::task::spawn_blocking(move || {
        let last = read(&*feed, &encode, from, &sender).map(Step::End);
        // A disconnected client needs no end message.
        let _ = sender.blocking_send(last);
    });
    receiver
}

/// Sends messages from number `from` on, and returns the total number of messages.
fn read(
    feed: &dyn Feed,
    encode: &Encode,
    from: u64,
    sender: &Sender<Result<Step, DataError>>,
) -> Result<u64, DataError> {
    let mut reader = feed.open()?;
    for seq in 0..from {
        if sender.is_closed() || !reader.skip()? {
            return Ok(seq);
        }
    }
    let mut next = from;
    while let Some(bars) = reader.read()? {
        let texts = encode(&bars).into();
        next = bars.seq + 1;
        let item = Item { seq: bars.seq, timestamp: bars.timestamp, texts };
        if sender.blocking_send(Ok(Step::Item(item))).is_err() {
            break;
        }
    }
    Ok(next)
}
