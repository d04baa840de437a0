//! A feed from some message on, read and written as text on a thread of its own.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::DataError;
use crate::live::feed::Feed;
use crate::live::protocol::Bars;

/// Messages that are ready before a client takes them.
const AHEAD: usize = 16;
/// Messages behind the newest one that are kept for a client that wants them again.
const KEPT: usize = 1_024;
/// Bytes of these at most, if there is more than one.
const KEPT_BYTES: usize = 4 << 20;

/// One timestamp as it is sent: one text, or in other protocols one for each instrument.
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

/// How bars are written.
pub(super) type Encode = Arc<dyn Fn(&Bars) -> Vec<Utf8Bytes> + Send + Sync>;

/// What is next.
pub(super) enum Step {
    Item(Item),
    /// There is no more after so many messages.
    End(u64),
}

/// A client's place in the feed. It holds a few messages ahead and a bounded window of those behind.
pub(super) struct Cursor {
    feed: Arc<dyn Feed>,
    encode: Encode,
    steps: Receiver<Result<Step, DataError>>,
    /// Number of messages in all, once the end has come.
    ended: Option<u64>,
    /// Number of the next message from `steps`.
    read: u64,
    /// Messages before that one.
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

    /// Number of the next message.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Goes to some message; the file is read again where it is not one of those at hand.
    pub(super) fn seek(&mut self, from: u64) {
        if (self.read - self.window.len() as u64..=self.read).contains(&from) {
            self.position = from;
        } else {
            *self = Self::new(&self.feed, &self.encode, from);
        }
    }

    /// A cursor of its own for messages of the past.
    pub(super) fn past(&self, from: u64) -> Self {
        Self::new(&self.feed, &self.encode, from)
    }

    /// A message of the window.
    pub(super) fn kept(&self, seq: u64) -> Option<Item> {
        let back = usize::try_from(self.read.checked_sub(seq)?).ok()?;
        self.window.get(self.window.len().checked_sub(back)?).cloned()
    }

    /// The next message, or the end. Nothing is lost when the future is dropped.
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
                    "the reader of the feed has stopped; see its log".to_owned(),
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

/// Reads on a thread that ends when nobody listens any more.
fn start(feed: &Arc<dyn Feed>, encode: &Encode, from: u64) -> Receiver<Result<Step, DataError>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let (feed, encode) = (Arc::clone(feed), Arc::clone(encode));
    tokio::task::spawn_blocking(move || {
        let last = read(&*feed, &encode, from, &sender).map(Step::End);
        // A client that has gone away needs no end.
        let _ = sender.blocking_send(last);
    });
    receiver
}

/// Sends messages from some number on, and returns how many there are in all.
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
