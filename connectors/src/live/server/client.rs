//! Connection to one client: its requests, and the messages sent to it.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::binance::{self, STREAMS_MAX, Streams};
use super::faults::Stream;
use super::reader::{Cursor, Encode, Item, Step};
use super::socket::{self, Bytes, CLIENT_MESSAGE_MAX, Socket};
use super::{ServerProtocol, ServerState, Speed, add};
use crate::DataError;
use crate::live::protocol::{Bars, ClientMessage, ServerMessage};

/// Interval after which an idle connection sends a heartbeat.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Maximum number of ready messages written before a flush.
const TOGETHER: usize = 64;
/// Maximum wait for a client to receive the closing message.
const FAREWELL: Duration = Duration::from_millis(500);

/// Maximum number of reads after the close; their data is discarded.
const DRAINED: usize = 256;

/// Reason for which a connection ends.
enum Leave {
    /// Client disconnected or stopped reading.
    Gone,
    /// Server stopped or feed ended.
    Stopped,
    /// Connection cut by an injected fault.
    Cut,
    /// Unrecognised client message.
    Invalid(String),
    /// Unreadable feed.
    Broken(DataError),
}

/// Next event of a connection.
enum Event {
    Stop,
    Cut,
    Stall,
    Message(Option<Result<Message, Error>>),
    Step(Result<Step, DataError>),
    Silence,
}

struct Client<'a> {
    shared: &'a ServerState,
    stop: watch::Receiver<bool>,
    sink: SplitSink<Socket, Message>,
    encode: Encode,
    streams: Streams,
    faults: Stream,
    cursor: Option<Cursor>,
    /// Next message, until its playback time.
    waiting: Option<Item>,
    /// Start of the playback clock, and the timestamp of the feed at that time.
    clock: Option<(Instant, i64)>,
    ended: bool,
    /// Number of the next message of the stream before the last subscription, or the highest so far.
    furthest: u64,
    /// Number of messages of the client.
    said: u64,
    sent_at: Instant,
    cut_at: Option<Instant>,
    stall: Option<(Instant, Duration)>,
}

/// Serves one client until it leaves.
pub(super) async fn serve(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    shared: &ServerState,
    number: u64,
) {
    let mut stop = shared.stop.clone();
    let opened = tokio::select! {
        opened = socket::open(stream, shared.settings.listen, acceptor) => opened,
        _ = stop.wait_for(|stop| *stop) => None,
    };
    let Some((socket, path)) = opened else { return };
    let (sink, mut heard) = socket.split();
    let mut faults = Stream::new(&shared.settings.faults, number);
    let (now, life, stall) = (Instant::now(), faults.lifetime(), faults.next_stall());
    let mut client = Client {
        shared,
        stop,
        sink,
        encode: encoder(shared.settings.protocol),
        streams: Streams::of(&path),
        faults,
        cursor: None,
        waiting: None,
        clock: None,
        ended: false,
        furthest: 0,
        said: 0,
        sent_at: now,
        cut_at: life.map(|life| now + life),
        stall: stall.map(|(after, length)| (now + after, length)),
    };
    let leave = client.run(&mut heard).await.err().unwrap_or(Leave::Stopped);
    client.count();
    if !client.leave(leave).await {
        return;
    }
    if let Ok(mut socket) = client.sink.reunite(heard) {
        drain(socket.get_mut()).await;
    }
}

/// Reads and discards data for a short time: closing a socket with unread bytes resets it, and the client may
/// lose the last message.
async fn drain(stream: &mut (dyn Bytes + 'static)) {
    let mut rest = [0; 4_096];
    let reading = async {
        for _ in 0..DRAINED {
            if !matches!(stream.read(&mut rest).await, Ok(1..)) {
                return;
            }
        }
    };
    let _ = timeout(FAREWELL, reading).await;
}

fn encoder(protocol: ServerProtocol) -> Encode {
    match protocol {
        ServerProtocol::Betaflow => Arc::new(|bars: &Bars| vec![bars.to_text().into()]),
        ServerProtocol::Binance { bar_ns } => Arc::new(move |bars: &Bars| binance::texts(bars, bar_ns)),
    }
}

/// Waits until a time; never returns for `None`.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

impl Client<'_> {
    async fn run(&mut self, heard: &mut SplitStream<Socket>) -> Result<(), Leave> {
        match self.shared.settings.protocol {
            ServerProtocol::Betaflow => {
                self.say(&ServerMessage::Hello(self.shared.feed.hello().clone())).await?
            }
            ServerProtocol::Binance { .. } if self.streams.wait() => {}
            ServerProtocol::Binance { .. } => self.subscribe(0),
        }
        let mut stop = self.stop.clone();
        loop {
            let (cut, stall) = (self.cut_at, self.stall.map(|(at, _)| at));
            let (silence, streams) = (self.sent_at + HEARTBEAT, self.cursor.is_some() && !self.ended);
            let event = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => Event::Stop,
                () = at(cut) => Event::Cut,
                () = at(stall) => Event::Stall,
                message = heard.next() => Event::Message(message),
                step = self.due(), if streams => Event::Step(step),
                () = sleep_until(silence) => Event::Silence,
            };
            match event {
                Event::Stop => return Err(Leave::Stopped),
                Event::Cut => return Err(Leave::Cut),
                Event::Stall => self.stall().await?,
                Event::Message(message) => self.hear(message).await?,
                Event::Step(step) => self.step(step.map_err(Leave::Broken)?).await?,
                Event::Silence => self.heartbeat().await?,
            }
        }
    }

    /// Returns the next message when it is due. Cancel-safe.
    async fn due(&mut self) -> Result<Step, DataError> {
        let Some(cursor) = &mut self.cursor else { return pending().await };
        if self.waiting.is_none() {
            match cursor.next().await? {
                Step::Item(item) => self.waiting = Some(item),
                end @ Step::End(_) => return Ok(end),
            }
        }
        if let (Some(item), Speed::Times(times)) = (&self.waiting, self.shared.settings.speed) {
            let (start, first) = *self.clock.get_or_insert_with(|| (Instant::now(), item.timestamp));
            let seconds = item.timestamp.saturating_sub(first) as f64 / 1e9 / times;
            if let Some(due) =
                Duration::try_from_secs_f64(seconds).ok().and_then(|after| start.checked_add(after))
            {
                sleep_until(due).await;
            }
        }
        match self.waiting.take() {
            Some(item) => Ok(Step::Item(item)),
            None => pending().await,
        }
    }

    async fn step(&mut self, step: Step) -> Result<(), Leave> {
        let mut out = Vec::new();
        let item = match step {
            Step::Item(item) => item,
            Step::End(frames) => {
                self.ended = true;
                self.faults.flush(&mut out);
                self.put(&out).await?;
                return match self.shared.settings.protocol {
                    ServerProtocol::Betaflow => self.say(&ServerMessage::End(frames)).await,
                    ServerProtocol::Binance { .. } => Err(Leave::Stopped),
                };
            }
        };
        self.faults.pass(item, &mut out);
        if self.shared.settings.speed == Speed::Max {
            while out.len() < TOGETHER
                && let Some(cursor) = &mut self.cursor
                && let Some(Ok(Step::Item(item))) = cursor.next().now_or_never()
            {
                self.faults.pass(item, &mut out);
            }
        }
        self.put(&out).await
    }

    /// Returns the number of the next message of the stream.
    fn head(&self) -> u64 {
        let waiting = self.waiting.as_ref().map(|item| item.seq);
        waiting.or(self.cursor.as_ref().map(Cursor::position)).unwrap_or(0)
    }

    async fn heartbeat(&mut self) -> Result<(), Leave> {
        let mut out = Vec::new();
        self.faults.flush(&mut out);
        self.put(&out).await?;
        self.sent_at = Instant::now();
        match self.shared.settings.protocol {
            ServerProtocol::Betaflow => self.say(&ServerMessage::Heartbeat(self.head())).await,
            ServerProtocol::Binance { .. } => Ok(()),
        }
    }

    /// Injects a stall, during which the server neither sends nor receives.
    async fn stall(&mut self) -> Result<(), Leave> {
        let Some((_, length)) = self.stall else { return Ok(()) };
        add(&self.shared.counters.stalls, 1);
        let (end, cut, mut stop) = (Instant::now() + length, self.cut_at, self.stop.clone());
        tokio::select! {
            () = sleep_until(end) => {}
            () = at(cut) => return Err(Leave::Cut),
            _ = stop.wait_for(|stop| *stop) => return Err(Leave::Stopped),
        }
        self.stall = self.faults.next_stall().map(|(after, length)| (end + after, length));
        Ok(())
    }

    async fn hear(&mut self, said: Option<Result<Message, Error>>) -> Result<(), Leave> {
        let text = match said {
            Some(Ok(Message::Text(text))) => text,
            // The library has queued the answer to a ping. It is written before the next message is read; otherwise
            // the answers to a client that does not read them would fill the memory.
            Some(Ok(Message::Ping(_))) => return self.write(Vec::new()).await,
            Some(Ok(Message::Pong(_))) => return Ok(()),
            Some(Ok(Message::Binary(bytes))) => {
                return Err(Leave::Invalid(format!("found {} bytes of binary, expected text", bytes.len())));
            }
            Some(Err(Error::Capacity(error))) => {
                return Err(Leave::Invalid(format!("{error}; expected at most {CLIENT_MESSAGE_MAX} bytes")));
            }
            _ => return Err(Leave::Gone),
        };
        let number = self.said;
        self.said += 1;
        if let ServerProtocol::Binance { .. } = self.shared.settings.protocol {
            let Some(answer) = self.streams.ask(&text) else {
                return Err(Leave::Invalid(format!(
                    "message {number}: expected SUBSCRIBE or UNSUBSCRIBE of at most {STREAMS_MAX} streams"
                )));
            };
            if self.cursor.is_none() && !self.streams.wait() {
                self.subscribe(0);
            }
            return self.write(vec![answer.into()]).await;
        }
        match ClientMessage::parse(&text, number) {
            Ok(ClientMessage::Subscribe { from }) => {
                self.subscribe(from);
                Ok(())
            }
            Ok(ClientMessage::Backfill { from, to }) => self.backfill(from, to).await,
            Err(error) => Err(Leave::Invalid(error.to_string())),
        }
    }

    fn subscribe(&mut self, from: u64) {
        self.furthest = self.furthest.max(self.head());
        match &mut self.cursor {
            Some(cursor) => cursor.seek(from),
            None => self.cursor = Some(Cursor::new(&self.shared.feed, &self.encode, from)),
        }
        self.faults.subscribe(from);
        (self.waiting, self.clock, self.ended) = (None, None, false);
    }

    /// Repeats messages that precede the next one of the stream; reports later ones as unavailable, unless
    /// they were sent before the last subscription, which sends them again.
    async fn backfill(&mut self, from: u64, to: u64) -> Result<(), Leave> {
        let end = if self.shared.settings.faults.no_backfill {
            from
        } else {
            self.head().min(to.saturating_add(1))
        };
        let (mut past, mut seq) = (None::<Cursor>, from);
        while seq < end {
            let kept = self.cursor.as_ref().and_then(|cursor| cursor.kept(seq));
            let item = match (kept, &mut past) {
                (Some(item), _) => item,
                (None, Some(past)) => match past.next().await.map_err(Leave::Broken)? {
                    Step::Item(item) => item,
                    Step::End(_) => break,
                },
                (None, None) => {
                    past = self.cursor.as_ref().map(|cursor| cursor.past(seq));
                    continue;
                }
            };
            seq = item.seq + 1;
            add(&self.shared.counters.backfilled, 1);
            self.put(&[item]).await?;
        }
        // After a new subscription, messages that were sent before it follow in the stream.
        let no_backfill = self.shared.settings.faults.no_backfill;
        let follows = !no_backfill && seq >= self.head() && seq < self.furthest;
        if follows {
            self.faults.keep(seq..to.saturating_add(1));
        } else if seq <= to {
            self.say(&ServerMessage::Unavailable(seq, to)).await?;
        }
        Ok(())
    }

    async fn say(&mut self, message: &ServerMessage) -> Result<(), Leave> {
        self.write(vec![message.to_text().into()]).await
    }

    async fn put(&mut self, items: &[Item]) -> Result<(), Leave> {
        let all = items.iter().flat_map(|item| match self.shared.settings.protocol {
            ServerProtocol::Betaflow => item.texts.to_vec(),
            ServerProtocol::Binance { .. } => self.streams.wanted(&item.texts).cloned().collect(),
        });
        let texts: Vec<Utf8Bytes> = all.collect();
        if texts.is_empty() {
            return Ok(());
        }
        add(&self.shared.counters.messages, texts.len() as u64);
        add(&self.shared.counters.bytes, texts.iter().map(|text| text.len() as u64).sum());
        self.write(texts).await
    }

    /// Writes texts; waits for a slow client up to `patience`.
    async fn write(&mut self, texts: Vec<Utf8Bytes>) -> Result<(), Leave> {
        let (cut, mut stop, patience) = (self.cut_at, self.stop.clone(), self.shared.settings.patience);
        let sink = &mut self.sink;
        let writing = async {
            for text in texts {
                sink.feed(Message::Text(text)).await?;
            }
            sink.flush().await
        };
        let written = tokio::select! {
            written = timeout(patience, writing) => written,
            () = at(cut) => return Err(Leave::Cut),
            _ = stop.wait_for(|stop| *stop) => return Err(Leave::Stopped),
        };
        self.sent_at = Instant::now();
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Leave::Gone),
        }
    }

    fn count(&self) {
        let (counters, done) = (&self.shared.counters, self.faults.done);
        add(&counters.dropped, done.dropped);
        add(&counters.duplicated, done.duplicated);
        add(&counters.reordered, done.reordered);
    }

    /// Sends the reason and closes the connection; returns whether the client received it.
    async fn leave(&mut self, leave: Leave) -> bool {
        let (text, code) = match leave {
            Leave::Gone => return false,
            Leave::Cut => {
                add(&self.shared.counters.cut, 1);
                return false;
            }
            Leave::Stopped => (None, CloseCode::Away),
            Leave::Invalid(text) => {
                add(&self.shared.counters.invalid, 1);
                (Some(text), CloseCode::Policy)
            }
            Leave::Broken(error) => {
                let text = error.to_string();
                (self.shared.complain)(&text);
                (Some(text), CloseCode::Error)
            }
        };
        let sink = &mut self.sink;
        let farewell = async {
            if let Some(text) = text {
                sink.send(Message::Text(ServerMessage::Error(text).to_text().into())).await?;
            }
            let frame = CloseFrame { code, reason: Utf8Bytes::from_static("") };
            sink.send(Message::Close(Some(frame))).await
        };
        matches!(timeout(FAREWELL, farewell).await, Ok(Ok(())))
    }
}
